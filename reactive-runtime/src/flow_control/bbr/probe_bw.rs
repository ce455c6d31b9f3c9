//! ProbeBw: most of the time as fast as items come out, at times slower and faster.

use super::bounds::Bounds;
use super::round::Sample;
use super::{BETA, Bbr, BbrState, DEFAULT_CAP_GAIN, INITIAL_CAP, MIN_CAP};

const DOWN_PACING_GAIN: f64 = 0.90;
const UP_PACING_GAIN: f64 = 1.25;
const UP_CAP_GAIN: f64 = 2.25;
/// After so many rounds it probes at the latest, as Reno would: section 5.3.3.5.
const RENO_ROUNDS: f64 = 63.0;

/// Where in the cycle of probes it is.
#[derive(Clone, Debug)]
pub(super) struct Cycle {
    phase: Phase,
    began_at: f64,
    /// Seconds from there to the next probe.
    wait: f64,
    began_at_round: u64,
    /// BBR.bw_probe_samples: losses now come from the probe.
    pub(super) is_sampling: bool,
    up_from_round: u64,
    up_rounds: u32,
    up_completed: f64,
    /// Completions for one item more in flight.
    up_count: f64,
    random: u64,
}

/// BBR.ack_phase: which admissions the completions now come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Init,
    Refilling,
    ProbeStarting,
    ProbeFeedback,
    ProbeStopping,
}

impl Default for Cycle {
    fn default() -> Self {
        Self {
            phase: Phase::Init,
            began_at: 0.0,
            wait: 0.0,
            began_at_round: 0,
            is_sampling: false,
            up_from_round: 0,
            up_rounds: 0,
            up_completed: 0.0,
            up_count: f64::INFINITY,
            random: 0x9E37_79B9_7F4A_7C15,
        }
    }
}

impl Cycle {
    pub(super) fn seed(&mut self, seed: u64) {
        self.random ^= seed.wrapping_mul(0xD134_2543_DE82_EF95);
    }

    pub(super) fn stop_probing(&mut self) {
        self.phase = Phase::ProbeStopping;
    }

    /// Evenly spread over [0, 1): SplitMix64.
    fn next_random(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.random;
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((x ^ (x >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

impl Bbr {
    /// BBRStartProbeBW_DOWN.
    #[cold]
    pub(super) fn start_probe_bw_down(&mut self, sample: &Sample) {
        self.loss_round.reset();
        self.cycle.up_count = f64::INFINITY;
        // BBRPickProbeWait: 2 to 3 s, so that senders do not probe in step.
        self.cycle.wait = 2.0 + self.cycle.next_random();
        self.cycle.began_at_round = self.round.count - u64::from(self.cycle.next_random() < 0.5);
        self.cycle.began_at = sample.now;
        self.cycle.phase = Phase::ProbeStopping;
        self.round.restart(sample);
        self.enter(BbrState::ProbeBwDown, DOWN_PACING_GAIN, DEFAULT_CAP_GAIN);
    }

    /// BBRStartProbeBW_CRUISE.
    pub(super) fn start_probe_bw_cruise(&mut self) {
        self.enter(BbrState::ProbeBwCruise, 1.0, DEFAULT_CAP_GAIN);
    }

    /// BBRStartProbeBW_REFILL.
    #[cold]
    fn start_probe_bw_refill(&mut self, sample: &Sample) {
        self.model.reset_short_term();
        self.cycle.up_rounds = 0;
        self.cycle.up_completed = 0.0;
        self.cycle.phase = Phase::Refilling;
        self.round.restart(sample);
        self.enter(BbrState::ProbeBwRefill, 1.0, DEFAULT_CAP_GAIN);
    }

    /// BBRStartProbeBW_UP.
    #[cold]
    fn start_probe_bw_up(&mut self, sample: &Sample) {
        self.cycle.is_sampling = true;
        self.cycle.up_from_round = self.round.count;
        self.cycle.phase = Phase::ProbeStarting;
        self.round.restart(sample);
        self.full_pipe.reset(sample.delivery_rate);
        self.enter(BbrState::ProbeBwUp, UP_PACING_GAIN, UP_CAP_GAIN);
        self.raise_inflight_longterm_slope();
    }

    fn enter(&mut self, state: BbrState, pacing_gain: f64, cap_gain: f64) {
        self.state = state;
        self.pacing_gain = pacing_gain;
        self.cap_gain = cap_gain;
    }

    /// BBRUpdateProbeBWCyclePhase.
    #[inline]
    pub(super) fn update_probe_bw(&mut self, sample: &Sample) {
        if !self.full_pipe.was_reached {
            return;
        }
        self.adapt_long_term_model(sample);
        let state = self.state;
        match state {
            BbrState::ProbeBwDown if self.is_time_to_probe(sample) => self.start_probe_bw_refill(sample),
            BbrState::ProbeBwDown if self.is_time_to_cruise(sample) => self.start_probe_bw_cruise(),
            BbrState::ProbeBwCruise if self.is_time_to_probe(sample) => self.start_probe_bw_refill(sample),
            BbrState::ProbeBwRefill if self.round.starts => self.start_probe_bw_up(sample),
            BbrState::ProbeBwUp if self.is_time_to_go_down(sample) => self.start_probe_bw_down(sample),
            _ => {}
        }
    }

    /// BBRIsTimeToProbeBW.
    fn is_time_to_probe(&self, sample: &Sample) -> bool {
        if sample.now > self.cycle.began_at + self.cycle.wait {
            return true;
        }
        // A new round is the only time at which their number can have become enough.
        let rounds = self.round.count - self.cycle.began_at_round;
        self.round.starts && rounds as f64 >= self.bdp(1.0).at_most(self.cap).at_most(RENO_ROUNDS)
    }

    /// BBRIsTimeToCruise.
    fn is_time_to_cruise(&self, sample: &Sample) -> bool {
        let served = self.min_rtt.get().map_or(INITIAL_CAP, |rtt| self.model.max_bw() * rtt);
        sample.in_flight <= self.model.inflight_with_headroom()
            && sample.in_flight <= served.at_least(MIN_CAP)
    }

    /// BBRIsTimeToGoDown, or the queue is too long already.
    fn is_time_to_go_down(&mut self, sample: &Sample) -> bool {
        if self.round.count > self.cycle.up_from_round
            && self.wait(sample) > self.config.target_delay.as_secs_f64()
        {
            return true;
        }
        if sample.cap_limited && self.cap >= self.model.inflight_longterm {
            self.full_pipe.reset(sample.delivery_rate);
            return false;
        }
        self.full_pipe.is_now
    }

    /// BBRAdaptLongTermModel.
    fn adapt_long_term_model(&mut self, sample: &Sample) {
        if self.round.starts {
            match self.cycle.phase {
                Phase::ProbeStarting => self.cycle.phase = Phase::ProbeFeedback,
                Phase::ProbeStopping => {
                    self.cycle.is_sampling = false;
                    self.cycle.phase = Phase::Init;
                    if self.state.is_probe_bw() && !sample.app_limited {
                        self.model.advance_max_bw(sample.now);
                    }
                }
                Phase::Init | Phase::Refilling | Phase::ProbeFeedback => {}
            }
        }
        if !sample.is_inflight_too_high() && self.model.inflight_longterm.is_finite() {
            self.model.inflight_longterm = self.model.inflight_longterm.at_least(sample.tx_in_flight);
            if self.state == BbrState::ProbeBwUp {
                self.probe_inflight_longterm_upward(sample);
            }
        }
    }

    /// BBRHandleInflightTooHigh.
    #[cold]
    pub(super) fn handle_inflight_too_high(&mut self, sample: &Sample) {
        self.cycle.is_sampling = false;
        if !sample.app_limited {
            let target = self.bdp(1.0).at_most(self.cap);
            self.model.inflight_longterm = sample.tx_in_flight.at_least(BETA * target);
        }
        if self.state == BbrState::ProbeBwUp {
            self.start_probe_bw_down(sample);
        }
    }

    /// BBRRaiseInflightLongtermSlope: by 1, 2, 4, .. items a round.
    fn raise_inflight_longterm_slope(&mut self) {
        let growth = f64::from(1u32 << self.cycle.up_rounds);
        self.cycle.up_rounds = (self.cycle.up_rounds + 1).min(30);
        self.cycle.up_count = (self.cap / growth).at_least(1.0);
    }

    /// BBRProbeInflightLongtermUpward.
    #[cold]
    fn probe_inflight_longterm_upward(&mut self, sample: &Sample) {
        if !sample.cap_limited || self.cap < self.model.inflight_longterm {
            return;
        }
        self.cycle.up_completed += sample.newly_completed;
        if self.cycle.up_completed >= self.cycle.up_count {
            let more = (self.cycle.up_completed / self.cycle.up_count).floor();
            self.cycle.up_completed -= more * self.cycle.up_count;
            self.model.inflight_longterm += more;
        }
        if self.round.starts {
            self.raise_inflight_longterm_slope();
        }
    }
}
