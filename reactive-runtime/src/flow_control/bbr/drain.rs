//! Drain: lets the queue run empty that startup has made.

use super::round::Sample;
use super::{Bbr, BbrState, DEFAULT_CAP_GAIN};

const PACING_GAIN: f64 = 0.5;
/// If it takes longer than so many rounds, the estimate of what is served at once was too low.
const MOST_ROUNDS: u64 = 3;

impl Bbr {
    /// BBREnterDrain.
    #[cold]
    pub(super) fn enter_drain(&mut self, sample: &Sample) {
        self.state = BbrState::Drain;
        self.pacing_gain = PACING_GAIN;
        self.cap_gain = DEFAULT_CAP_GAIN;
        self.drain_until_round = self.round.count + MOST_ROUNDS;
        self.round.restart(sample);
    }

    /// BBRCheckDrainDone.
    #[inline]
    pub(super) fn check_drain_done(&mut self, sample: &Sample) {
        let empty = || sample.in_flight <= self.inflight(1.0);
        if self.state == BbrState::Drain && (self.round.count > self.drain_until_round || empty()) {
            self.start_probe_bw_down(sample);
        }
    }
}
