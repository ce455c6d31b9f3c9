//! Completions that come in bursts.

use super::bounds::Bounds;
use super::round::Sample;

/// How many more completions than expected came at once: BBR.extra_acked, section 5.5.9.
///
/// A stage that completes whole batches would stand still between them if it were not allowed so many more.
#[derive(Clone, Debug, Default)]
pub(super) struct Aggregation {
    began_at: f64,
    completed: f64,
    /// The most of this window of rounds, and of the one before.
    most: [f64; 2],
    window_began: u64,
}

/// BBRExtraAckedFilterLen, in rounds; two windows of half of it.
const WINDOW: u64 = 5;

impl Aggregation {
    pub(super) fn extra(&self) -> f64 {
        self.most[0].at_least(self.most[1])
    }

    /// BBRUpdateACKAggregation.
    #[inline]
    pub(super) fn update(&mut self, sample: &Sample, bw: f64, cap: f64, round: u64) {
        let mut expected = bw * (sample.now - self.began_at);
        if self.completed <= expected {
            self.completed = 0.0;
            self.began_at = sample.now;
            expected = 0.0;
        }
        self.completed += sample.newly_completed;
        let extra = (self.completed - expected).at_most(cap);
        if round >= self.window_began + WINDOW {
            self.window_began = round;
            self.most = [self.most[1], 0.0];
        }
        self.most[1] = self.most[1].at_least(extra);
    }
}
