//! What follows from what is known: how fast items may come, and how many may be in flight.

use super::bounds::Bounds;
use super::round::Sample;
use super::{Bbr, BbrState, INITIAL_CAP, MIN_CAP, PACING_MARGIN};

impl Bbr {
    /// BBRBDPMultiple: so many items are served at once, times `gain`.
    pub(super) fn bdp(&self, gain: f64) -> f64 {
        // Before the first latency is known the initial cap has to do.
        self.min_rtt.get().map_or(INITIAL_CAP, |rtt| gain * self.model.bw() * rtt)
    }

    /// BBRInflight: what to keep in flight, at a multiple of what is served at once.
    pub(super) fn inflight(&self, gain: f64) -> f64 {
        let more = if self.state == BbrState::ProbeBwUp { 2.0 } else { 0.0 };
        self.bdp(gain).at_least(MIN_CAP) + more
    }

    /// BBRSetPacingRate.
    #[inline]
    pub(super) fn set_rate(&mut self) {
        let rate = self.pacing_gain * self.model.bw() * (1.0 - PACING_MARGIN);
        let rate = rate.at_least(self.config.min_rate).at_most(self.config.max_rate);
        // Until the pipe has been full once, a lower estimate only means that it was not.
        if self.full_pipe.was_reached || rate > self.rate {
            self.rate = rate;
        }
    }

    /// BBRSetCwnd.
    #[inline]
    pub(super) fn set_cap(&mut self, sample: &Sample) {
        // BBRUpdateMaxInflight
        let mut most = self.inflight(self.cap_gain) + self.aggregation.extra();
        // A probe has to be free to see more; it ends when the queue has become too long.
        if !self.state.is_accelerating() {
            most = most.at_most(self.most_by_delay());
        }
        let grown = self.cap + sample.newly_completed;
        self.cap = if self.full_pipe.was_reached {
            grown.at_most(most)
        } else if self.cap < most || sample.completed_total < 10 {
            grown
        } else {
            self.cap
        };
        // BBRBoundCwndForProbeRTT and BBRBoundCwndForModel
        if self.state == BbrState::ProbeRtt {
            self.cap = self.cap.at_most(self.probe_rtt_cap());
        }
        self.cap = self.cap.at_most(self.most_by_model()).at_least(MIN_CAP);
    }

    /// Not in the draft: what is served, and as many as the target delay serves.
    fn most_by_delay(&self) -> f64 {
        let target = self.config.target_delay.as_secs_f64();
        (self.bdp(1.0) + self.model.bw() * target).at_least(MIN_CAP)
    }

    #[inline]
    fn most_by_model(&self) -> f64 {
        let long_term = match self.state {
            BbrState::ProbeRtt | BbrState::ProbeBwCruise => self.model.inflight_with_headroom(),
            state if state.is_probe_bw() => self.model.inflight_longterm,
            _ => f64::INFINITY,
        };
        long_term.at_most(self.model.inflight_shortterm)
    }
}
