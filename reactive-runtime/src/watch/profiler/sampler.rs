/// Measures some of many, and counts all.
///
/// What comes often is measured seldom, so that reading the clock takes about a thousandth of the time. The strides vary: what
/// comes each so many times would else be met always, or never.
#[derive(Debug)]
pub(super) struct Sampler {
    // One counter for both: how many there were, and when the next is measured.
    left: u32,
    stride: u32,
    strides: Strides,
    counted: u64,
    total: u64,
    /// When the last one was measured, and the time from one to the next: of the last few that were measured.
    last: u64,
    spacing: u64,
    random: u32,
}

/// The shortest and the longest stride.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strides(pub(super) u32, pub(super) u32);

/// Once in so many nanoseconds one is measured.
const WORTH: u64 = 200_000;

impl Sampler {
    /// The first one is measured.
    pub(super) fn new(strides: Strides) -> Self {
        Self { left: 1, stride: 1, strides, counted: 0, total: 0, last: 0, spacing: 0, random: 0x2545_f491 }
    }

    /// Counts one; `true`: this one is measured.
    #[inline(always)]
    pub(super) fn tick(&mut self) -> bool {
        self.left -= 1;
        self.left == 0
    }

    /// What was measured, in nanoseconds, and when: it stands for all since the one before.
    #[cold]
    pub(super) fn measured(&mut self, nanos: u64, now: u64) {
        self.counted += u64::from(self.stride);
        self.total += nanos * u64::from(self.stride);
        let spacing = now.saturating_sub(self.last) / u64::from(self.stride);
        // Soon longer, as there is time then to measure, and slowly shorter.
        self.spacing = self.spacing - self.spacing / 8 + spacing / 8;
        self.last = now;
        // Not much longer than the last stride: what comes often now may be rare next.
        let Strides(least, most) = self.strides;
        let most = most.min(least.max(2 * self.stride));
        let stride = (WORTH / self.spacing.max(1)).clamp(u64::from(least), u64::from(most)) as u32;
        // Xorshift (Marsaglia 2003), to between three and five quarters.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        self.stride = stride - stride / 4 + self.random % (stride / 2 + 1);
        self.left = self.stride;
    }

    /// For how many the one stands that is measured.
    pub(super) fn stride(&self) -> u64 {
        u64::from(self.stride)
    }

    /// How many there were.
    #[inline]
    pub(super) fn count(&self) -> u64 {
        self.counted + u64::from(self.stride - self.left)
    }

    /// What all of them took, in nanoseconds.
    pub(super) fn total(&self) -> u64 {
        match self.counted {
            0 => 0,
            counted if counted == self.count() => self.total,
            counted => (u128::from(self.total) * u128::from(self.count()) / u128::from(counted)) as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ticks so many times, each of so many nanoseconds.
    fn sampled(strides: Strides, times: impl IntoIterator<Item = u64>) -> (Sampler, u64) {
        let (mut sampler, mut reads, mut now) = (Sampler::new(strides), 0, 0);
        for nanos in times {
            now += nanos;
            if sampler.tick() {
                sampler.measured(nanos, now);
                reads += 1;
            }
        }
        (sampler, reads)
    }

    #[test]
    fn counts_all_and_measures_some() {
        for count in [0, 1, 2, 15, 16, 17, 1000, 100_000] {
            let (sampler, reads) = sampled(Strides(16, 1024), std::iter::repeat_n(100, count));
            assert_eq!(sampler.count(), count as u64);
            assert_eq!(sampler.total(), 100 * count as u64);
            assert!(reads <= 2 + count as u64 / 70, "{reads} of {count}");
        }
    }

    #[test]
    fn measures_what_takes_long_as_often_as_it_may() {
        let (_, reads) = sampled(Strides(16, 1024), std::iter::repeat_n(1_000_000, 16_000));
        assert!((900..1100).contains(&reads), "{reads}");
        let (_, reads) = sampled(Strides(1, 64), std::iter::repeat_n(1_000_000, 1000));
        assert_eq!(reads, 1000);
    }

    #[test]
    fn is_not_misled_by_what_comes_each_so_many_times() {
        // As below a batch of 16: the last of each does all of the work.
        let times = (0..64_000).map(|at| if at % 16 == 15 { 160_000 } else { 0 });
        let (sampler, _) = sampled(Strides(16, 1024), times);
        let per_item = sampler.total() as f64 / 64_000.0;
        assert!((5_000.0..20_000.0).contains(&per_item), "{per_item}");
    }
}
