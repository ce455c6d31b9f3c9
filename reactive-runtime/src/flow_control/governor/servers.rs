//! The time at work, where it can be seen.

use std::num::NonZeroUsize;
use std::time::Duration;

/// Counts who is at work, and for how long.
#[derive(Clone, Debug, Default)]
pub(super) struct Servers {
    /// How many can be; `None` where nobody knows.
    count: Option<NonZeroUsize>,
    at_work: usize,
    now: Duration,
    /// All their time at work in the interval, in seconds.
    worked: f64,
}

impl Servers {
    pub(super) fn new(count: NonZeroUsize, now: Duration) -> Self {
        Self { count: Some(count), now, ..Self::default() }
    }

    pub(super) fn advance(&mut self, now: Duration) {
        if self.at_work > 0 {
            self.worked += self.at_work as f64 * (now - self.now).as_secs_f64();
        }
        self.now = now;
    }

    #[inline]
    pub(super) fn begin(&mut self) {
        self.at_work += 1;
    }

    #[inline]
    pub(super) fn end(&mut self) {
        self.at_work -= 1;
    }

    /// How many of those in flight wait.
    pub(super) fn waiting(&self, in_flight: usize) -> usize {
        self.count.map_or(0, |_| in_flight.saturating_sub(self.at_work))
    }

    /// Which part of an interval of this length they were at work.
    pub(super) fn take_busy(&mut self, interval: Duration) -> Option<f64> {
        let worked = std::mem::take(&mut self.worked);
        let time = self.count?.get() as f64 * interval.as_secs_f64();
        Some((worked / time.max(1e-9)).min(1.0))
    }
}
