//! ProbeRtt: half of what is usually in flight, to see the latency without a queue.

use super::bounds::Bounds;
use super::round::Sample;
use super::{Bbr, BbrState, MIN_CAP};
use crate::flow_control::FlowControlConfig;

/// ProbeRTTInterval, in seconds.
const INTERVAL: f64 = 5.0;
/// ProbeRTTDuration, in seconds.
const DURATION: f64 = 0.2;
const CAP_GAIN: f64 = 0.5;
/// Where the wait is measured: what one sample counts for in the mean.
const MEAN_GAIN: f64 = 0.02;

/// The latency without a queue, in seconds.
#[derive(Clone, Debug)]
pub(super) struct MinRtt {
    /// The mean of what is not wait, where that is known.
    served: Option<f64>,
    /// BBR.min_rtt, else.
    min: f64,
    min_at: f64,
    /// BBR.probe_rtt_min_delay: the least since the last probe.
    probe_min: f64,
    probe_min_at: f64,
    expired: bool,
    memory: f64,
}

impl MinRtt {
    pub(super) fn new(config: &FlowControlConfig) -> Self {
        Self {
            served: None,
            min: f64::INFINITY,
            min_at: 0.0,
            probe_min: f64::INFINITY,
            probe_min_at: 0.0,
            expired: false,
            // The draft's MinRTTFilterLen is 10 s, which is what the default comes to; never less than two probes.
            memory: config.memory().max(2.0 * INTERVAL),
        }
    }

    /// `None` before the first sample.
    pub(super) fn get(&self) -> Option<f64> {
        self.served.or_else(|| self.min.is_finite().then_some(self.min))
    }

    /// BBRUpdateMinRTT.
    #[inline]
    pub(super) fn update(&mut self, sample: &Sample) {
        if let Some(wait) = sample.wait {
            let served = sample.rtt - wait;
            let mean = self.served.unwrap_or(served);
            self.served = Some(mean + MEAN_GAIN * (served - mean));
            self.expired = false;
            return;
        }
        self.served = None;
        self.expired = sample.now > self.probe_min_at + INTERVAL;
        if sample.rtt < self.probe_min || self.expired {
            self.probe_min = sample.rtt;
            self.probe_min_at = sample.now;
        }
        if self.probe_min < self.min || sample.now > self.min_at + self.memory {
            self.min = self.probe_min;
            self.min_at = self.probe_min_at;
        }
    }
}

/// A probe under way.
#[derive(Clone, Debug, Default)]
pub(super) struct RttProbe {
    prior_cap: f64,
    /// When it may end; `None` until little enough is in flight.
    done_at: Option<f64>,
    round_done: bool,
}

impl Bbr {
    /// BBRCheckProbeRTT.
    #[inline]
    pub(super) fn check_probe_rtt(&mut self, sample: &Sample) {
        // After a silence there is no queue, which is what a probe is for.
        if self.state != BbrState::ProbeRtt && self.min_rtt.expired && !sample.after_idle {
            // BBREnterProbeRTT
            self.state = BbrState::ProbeRtt;
            self.pacing_gain = 1.0;
            self.cap_gain = CAP_GAIN;
            self.rtt_probe = RttProbe { prior_cap: self.cap, done_at: None, round_done: false };
            self.cycle.stop_probing();
            self.round.restart(sample);
        }
        if self.state == BbrState::ProbeRtt {
            self.handle_probe_rtt(sample);
        }
    }

    /// BBRHandleProbeRTT.
    #[cold]
    fn handle_probe_rtt(&mut self, sample: &Sample) {
        let Some(done_at) = self.rtt_probe.done_at else {
            if sample.in_flight <= self.probe_rtt_cap() {
                self.rtt_probe.done_at = Some(sample.now + DURATION);
                self.rtt_probe.round_done = false;
                self.round.restart(sample);
            }
            return;
        };
        self.rtt_probe.round_done |= self.round.starts;
        if self.rtt_probe.round_done && sample.now > done_at {
            self.min_rtt.probe_min_at = sample.now;
            self.cap = self.cap.at_least(self.rtt_probe.prior_cap);
            self.exit_probe_rtt(sample);
        }
    }

    /// BBRExitProbeRTT.
    fn exit_probe_rtt(&mut self, sample: &Sample) {
        self.model.reset_short_term();
        if self.full_pipe.was_reached {
            self.start_probe_bw_down(sample);
            self.start_probe_bw_cruise();
        } else {
            self.enter_startup();
        }
    }

    /// BBRProbeRTTCwnd.
    pub(super) fn probe_rtt_cap(&self) -> f64 {
        self.bdp(CAP_GAIN).at_least(MIN_CAP)
    }
}
