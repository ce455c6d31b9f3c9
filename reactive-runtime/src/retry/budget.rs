/// How many tries more there are to begin with, so that a few calls can fail before many have gone well.
const RESERVE: f64 = 10.0;

/// Tries more, as a share of the calls: each call brings a part of one, and each try takes one.
#[derive(Debug)]
pub(crate) struct Budget {
    share: Option<f64>,
    left: f64,
}

impl Budget {
    /// Without a `share` there is no limit.
    pub(super) fn new(share: Option<f64>) -> Self {
        Self { share, left: RESERVE }
    }

    /// A call begins.
    pub(crate) fn deposit(&mut self) {
        if let Some(share) = self.share {
            // What a long calm has saved is no licence for a storm: a hundred calls' worth at most.
            self.left = (self.left + share).min(RESERVE + 100.0 * share);
        }
    }

    /// Takes one try; `false` if there is none.
    pub(crate) fn withdraw(&mut self) -> bool {
        if self.share.is_none() {
            return true;
        }
        let some = self.left >= 1.0;
        self.left -= f64::from(u8::from(some));
        some
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(share: f64, calls: usize) -> usize {
        let mut budget = Budget::new(Some(share));
        (0..calls)
            .filter(|_| {
                budget.deposit();
                budget.withdraw()
            })
            .count()
    }

    #[test]
    fn grants_a_share_of_the_calls_and_a_reserve() {
        assert_eq!(granted(0.25, 10_000), 10 + 2500);
        assert_eq!(granted(0.0, 10_000), 10);
    }

    #[test]
    fn saves_for_a_hundred_calls_and_no_more() {
        let mut budget = Budget::new(Some(0.5));
        (0..10_000).for_each(|_| budget.deposit());
        assert_eq!((0..1000).filter(|_| budget.withdraw()).count(), 10 + 50);
    }

    #[test]
    fn grants_everything_without_a_share() {
        let mut budget = Budget::new(None);
        assert!((0..1000).all(|_| budget.withdraw()));
    }
}
