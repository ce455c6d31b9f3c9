use std::time::Duration;

use hdrhistogram::Histogram;

/// How long operations took: of each of the first [`ALL`], and of one of [`EVERY`] after that.
#[derive(Debug)]
pub(super) struct Latencies {
    histogram: Histogram<u64>,
    max: Duration,
    sum: Duration,
}

/// So many at first are all measured, so that the figures of a short run are whole.
const ALL: u32 = 1024;
const EVERY: u32 = 16;

impl Latencies {
    pub(super) fn new() -> Self {
        let hour = 3_600_000_000_000;
        let histogram = Histogram::new_with_bounds(1, hour, 2).expect("the bounds are in order");
        Self { histogram, max: Duration::ZERO, sum: Duration::ZERO }
    }

    pub(super) fn record(&mut self, latency: Duration) {
        self.histogram.saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
        self.max = self.max.max(latency);
        self.sum += latency;
    }

    /// At most the next value that the histogram can tell apart, 1 % above.
    pub(super) fn quantile(&self, quantile: f64) -> Duration {
        Duration::from_nanos(self.histogram.value_at_quantile(quantile)).min(self.max)
    }

    pub(super) fn max(&self) -> Duration {
        self.max
    }

    pub(super) fn mean(&self) -> Duration {
        let count = u32::try_from(self.histogram.len()).unwrap_or(u32::MAX);
        self.sum.checked_div(count).unwrap_or_default()
    }
}

/// Which operations are measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sampling {
    enabled: bool,
    seen: u32,
}

impl Sampling {
    pub(super) fn new(enabled: bool) -> Self {
        Self { enabled, seen: 0 }
    }

    /// Whether this one is.
    #[inline(always)]
    pub(super) fn is_due(&mut self) -> bool {
        if !self.enabled {
            return false;
        }
        self.seen = self.seen.wrapping_add(1);
        self.seen <= ALL || self.seen.is_multiple_of(EVERY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{h, ms, us};

    #[test]
    fn tells_quantiles_within_a_hundredth() {
        let mut latencies = Latencies::new();
        assert_eq!((latencies.mean(), latencies.quantile(0.99), latencies.max()), Default::default());
        for latency in 1..=1000 {
            latencies.record(ms(latency));
        }
        for (quantile, expected) in [(0.5, ms(500)), (0.99, ms(990)), (1.0, ms(1000))] {
            let told = latencies.quantile(quantile);
            assert!(told >= expected && told <= expected + expected / 100, "{quantile}: {told:?}");
        }
        assert_eq!((latencies.mean(), latencies.max()), (us(500_500), ms(1000)));
        latencies.record(h(5));
        assert_eq!(latencies.max(), h(5));
    }

    #[test]
    fn measures_the_first_ones_and_some_of_the_rest() {
        let mut sampling = Sampling::new(true);
        let measured = (0..1024 + 1600).filter(|_| sampling.is_due()).count();
        assert_eq!(measured, 1024 + 100);
        assert!(!Sampling::new(false).is_due());
    }
}
