use std::time::Duration;

/// How fast a consumer is while it is busy: the mean over the last items.
///
/// Time in which it waits for items does not count; so the rate is right under any load.
#[derive(Clone, Debug)]
pub struct ServiceRate {
    window: usize,
    // Nanoseconds for each of the last items; `next` is the place of the eldest once all are taken.
    took: Vec<u64>,
    next: usize,
    sum: u128,
}

impl ServiceRate {
    /// The mean over the last `window` items.
    ///
    /// # Panics
    ///
    /// If `window` is 0.
    #[track_caller]
    pub fn over(window: usize) -> Self {
        assert!(window > 0, "a mean over 0 items has no meaning: the window is at least 1");
        Self { window, took: Vec::new(), next: 0, sum: 0 }
    }

    /// An item took so long.
    pub fn served(&mut self, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        if self.took.len() < self.window {
            self.took.push(took);
        } else {
            self.sum -= u128::from(std::mem::replace(&mut self.took[self.next], took));
            self.next = (self.next + 1) % self.window;
        }
        self.sum += u128::from(took);
    }

    /// How many items it takes in this time; `None` as long as nothing was measured, or took no time.
    pub fn items_in(&self, time: Duration) -> Option<f64> {
        (self.sum > 0).then(|| time.as_nanos() as f64 * self.took.len() as f64 / self.sum as f64)
    }

    /// How long so many items take; `None` as long as nothing was measured.
    pub fn time_of(&self, items: usize) -> Option<Duration> {
        let each = (!self.took.is_empty()).then(|| self.sum as f64 / self.took.len() as f64)?;
        Some(Duration::from_nanos((each * items as f64) as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::ms;

    #[test]
    fn forgets_what_is_out_of_its_window() {
        let mut rate = ServiceRate::over(2);
        assert_eq!((rate.items_in(ms(100)), rate.time_of(1)), (None, None));
        rate.served(ms(10));
        assert_eq!(rate.items_in(ms(100)), Some(10.0));
        rate.served(ms(30));
        assert_eq!(rate.items_in(ms(100)), Some(5.0));
        rate.served(ms(30));
        assert_eq!(rate.time_of(2), Some(ms(60)));
        rate.served(ms(0));
        rate.served(ms(0));
        assert_eq!((rate.items_in(ms(100)), rate.time_of(7)), (None, Some(ms(0))));
    }

    #[test]
    fn keeps_its_sum_for_the_longest_times() {
        let mut rate = ServiceRate::over(2);
        for _ in 0..5 {
            rate.served(Duration::MAX);
        }
        rate.served(ms(1));
        assert!(rate.items_in(ms(1)).is_some_and(|items| items <= 1.0));
    }
}
