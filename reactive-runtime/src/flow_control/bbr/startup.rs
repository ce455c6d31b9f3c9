//! Startup: doubles the rate each round, until that brings no more.

use super::round::Sample;
use super::{Bbr, BbrState, DEFAULT_CAP_GAIN, LOSS_THRESHOLD};

// 4 ln 2: the least gain that lets the rate double each round.
pub(super) const PACING_GAIN: f64 = 2.77;
/// A rate that grows less than by this factor has come to its end ..
const GROWTH: f64 = 1.25;
/// .. if that is so in so many rounds.
const ROUNDS: u32 = 3;
/// BBRStartupFullLossCnt.
const MANY_LOSSES: u64 = 6;

/// Whether a faster rate still brings more: section 5.3.1.2.
#[derive(Clone, Debug, Default)]
pub(super) struct FullPipe {
    bw: f64,
    rounds: u32,
    /// BBR.full_bw_now: the probe in hand has seen it.
    pub(super) is_now: bool,
    /// BBR.full_bw_reached: it has been seen once.
    pub(super) was_reached: bool,
}

impl FullPipe {
    /// BBRResetFullBW: a new probe begins at this rate.
    pub(super) fn reset(&mut self, bw: f64) {
        self.bw = bw;
        self.rounds = 0;
        self.is_now = false;
    }
}

impl Bbr {
    /// BBREnterStartup.
    #[cold]
    pub(super) fn enter_startup(&mut self) {
        self.state = BbrState::Startup;
        self.pacing_gain = PACING_GAIN;
        self.cap_gain = DEFAULT_CAP_GAIN;
    }

    /// BBRCheckFullBWReached.
    #[inline]
    pub(super) fn check_full_pipe(&mut self, sample: &Sample) {
        let pipe = &mut self.full_pipe;
        if pipe.is_now || !self.round.starts || sample.app_limited {
            return;
        }
        if sample.delivery_rate >= pipe.bw * GROWTH {
            pipe.reset(sample.delivery_rate);
            return;
        }
        pipe.rounds += 1;
        pipe.is_now = pipe.rounds >= ROUNDS;
        pipe.was_reached |= pipe.is_now;
    }

    /// BBRCheckStartupDone, with BBRCheckStartupHighLoss in [`Self::leave_startup_by_loss`].
    #[inline]
    pub(super) fn check_startup_done(&mut self, sample: &Sample) {
        if self.state == BbrState::Startup && self.full_pipe.was_reached {
            self.enter_drain(sample);
        }
    }

    /// BBRCheckStartupHighLoss: a round had many losses, so the pipe is full, whatever the rates say.
    #[cold]
    pub(super) fn leave_startup_by_loss(&mut self, sample: &Sample) {
        let lost = self.loss_round.lost;
        let many = lost >= MANY_LOSSES && lost as f64 > LOSS_THRESHOLD * (sample.tx_in_flight + lost as f64);
        if self.state == BbrState::Startup && many {
            self.full_pipe.was_reached = true;
            self.model.inflight_longterm =
                self.bdp(1.0).max(self.loss_round.inflight_latest).max(super::MIN_CAP);
            self.enter_drain(sample);
        }
    }
}
