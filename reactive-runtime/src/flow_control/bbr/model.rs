//! What is known of the stage: how fast it is, and how much may be in flight.

use super::bounds::Bounds;
use super::round::{LossRound, Sample};
use super::{BETA, HEADROOM, MIN_CAP};
use crate::flow_control::FlowControlConfig;

#[derive(Clone, Debug)]
pub(super) struct Model {
    max_bw: MaxBw,
    bw_shortterm: f64,
    pub(super) inflight_shortterm: f64,
    pub(super) inflight_longterm: f64,
}

impl Model {
    pub(super) fn new(config: &FlowControlConfig) -> Self {
        Self {
            max_bw: MaxBw { memory: config.memory(), ..MaxBw::default() },
            bw_shortterm: f64::INFINITY,
            inflight_shortterm: f64::INFINITY,
            inflight_longterm: f64::INFINITY,
        }
    }

    /// BBR.bw: the rate to work with.
    #[inline]
    pub(super) fn bw(&self) -> f64 {
        self.max_bw().at_most(self.bw_shortterm)
    }

    #[inline]
    pub(super) fn max_bw(&self) -> f64 {
        self.max_bw.last.at_least(self.max_bw.current)
    }

    /// BBRUpdateMaxBw: a sample of a source that had nothing to give may raise the estimate, and no more.
    #[inline]
    pub(super) fn update_max_bw(&mut self, sample: &Sample) {
        if sample.delivery_rate > 0.0 && (!sample.app_limited || sample.delivery_rate >= self.max_bw()) {
            self.max_bw.observe(sample);
        }
    }

    /// BBRAdvanceMaxBwFilter: the cycle before the last is forgotten.
    pub(super) fn advance_max_bw(&mut self, now: f64) {
        self.max_bw.advance(now);
    }

    /// BBRInitLowerBounds and BBRLossLowerBounds.
    #[cold]
    pub(super) fn lower_bounds(&mut self, latest: &LossRound, cap: f64) {
        let bw = self.bw_shortterm.at_most(self.max_bw());
        let inflight = self.inflight_shortterm.at_most(cap);
        self.bw_shortterm = latest.bw_latest.at_least(BETA * bw);
        self.inflight_shortterm = latest.inflight_latest.at_least(BETA * inflight);
    }

    /// BBRResetShortTermModel.
    pub(super) fn reset_short_term(&mut self) {
        self.bw_shortterm = f64::INFINITY;
        self.inflight_shortterm = f64::INFINITY;
    }

    /// BBRInflightWithHeadroom.
    pub(super) fn inflight_with_headroom(&self) -> f64 {
        let headroom = (HEADROOM * self.inflight_longterm).at_least(1.0);
        if self.inflight_longterm.is_finite() {
            (self.inflight_longterm - headroom).at_least(MIN_CAP)
        } else {
            f64::INFINITY
        }
    }
}

/// The best delivery rate of this cycle of probes, and of the one before: section 5.5.5.
#[derive(Clone, Debug, Default)]
struct MaxBw {
    last: f64,
    current: f64,
    advanced_at: f64,
    memory: f64,
}

impl MaxBw {
    #[inline]
    fn observe(&mut self, sample: &Sample) {
        // Cycles stand still while there is nothing to do, and what was measured then grows old all the same.
        if !sample.app_limited && sample.now - self.advanced_at > self.memory {
            self.advance(sample.now);
        }
        self.current = self.current.at_least(sample.delivery_rate);
    }

    fn advance(&mut self, now: f64) {
        self.advanced_at = now;
        // Without any sample since, the old one is the best there is.
        if self.current > 0.0 {
            self.last = self.current;
            self.current = 0.0;
        }
    }
}
