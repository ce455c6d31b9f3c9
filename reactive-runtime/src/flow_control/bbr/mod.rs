//! BBR: bottleneck bandwidth and round-trip time.

mod aggregation;
mod bounds;
mod control;
mod drain;
mod model;
mod probe_bw;
mod probe_rtt;
mod round;
mod startup;

#[cfg(test)]
mod tests;

use std::time::Duration;

use super::{Algorithm, Completion, Decision, FlowControlConfig, Outcome, Signals};
use aggregation::Aggregation;
use model::Model;
use probe_bw::Cycle;
use probe_rtt::{MinRtt, RttProbe};
use round::{LossRound, Round, Sample};
use startup::FullPipe;

/// Finds the rate at which items come out at most, and the latency without a queue; admits at that rate, and keeps twice
/// the product of the two in flight.
///
/// It follows draft-ietf-ccwg-bbr-06 (BBRv3), with items for bytes and completions for acknowledgements; comments name its
/// pseudocode. Three things are different, as a stage is no network:
///
/// - Where the wait in the queue is measured, the latency without it is a mean, and is not probed for. The minimum, which
///   the draft takes, is near 0 where service is random or parallel, and the stage would starve.
/// - A queue in which every item of a round waits longer than [`target_delay`](FlowControlConfig::target_delay) counts as
///   a loss does, and ends a probe. And outside of probes no more is in flight beyond the product than can be served in
///   that time: at a latency of half a second, twice the product would be half a second of queue.
/// - The best rate is forgotten after [`measurement_window`](FlowControlConfig::measurement_window) intervals too, not
///   only after so many rounds: those stand still while there is nothing to do.
///
/// # When it fails
///
/// It learns of more capacity at its next probe, which is after 2 to 3 s, or as many round trips as items are served at
/// once; and of less after two. Senders that share a service come only near to equal shares. Where only latency can be seen,
/// and some calls are over much sooner than the others, the least latency is theirs, and too little is kept in flight. Take
/// [`Adaptive`](super::Adaptive) where the stage can be measured: it wastes less, waits less, and needs no probe.
#[derive(Clone, Debug)]
pub struct Bbr {
    config: FlowControlConfig,
    state: BbrState,
    model: Model,
    round: Round,
    loss_round: LossRound,
    full_pipe: FullPipe,
    cycle: Cycle,
    min_rtt: MinRtt,
    rtt_probe: RttProbe,
    aggregation: Aggregation,
    pacing_gain: f64,
    cap_gain: f64,
    rate: f64,
    cap: f64,
    drain_until_round: u64,
    congestion_events: u64,
    /// How many completions were told, one by one; `None` if none ever was.
    told: Option<u64>,
    /// Whether one of them, in this interval, was a sample; else the interval is.
    sampled: bool,
}

/// What a [`Bbr`] is at.
///
/// ```text
///            ┌──────────┐      ┌───────┐      ┌──────────────────────────────────────┐
///  begin ──► │ Startup  │ ───► │ Drain │ ───► │ ProbeBw: Down ─► Cruise              │
///            └──────────┘      └───────┘      │           ▲  └─────┐ │ after 2 to 3 s│
///                 ▲                           │           │        ▼ ▼              │
///                 │                           │           Up ◄── Refill             │
///                 │                           └──────────────────────────────────────┘
///                 │   ┌──────────┐                 ▲     │ after 5 s, where the wait
///                 └───┤ ProbeRtt ├─────────────────┘ ◄───┘ is not measured
///                     └──────────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BbrState {
    /// Doubles its rate each round, until that brings no more.
    Startup,
    /// Lets the queue run empty that this has made.
    Drain,
    /// Slower than items come out, so that the queue of the last probe runs empty and others get room.
    ProbeBwDown,
    /// As fast as items come out.
    ProbeBwCruise,
    /// For one round as fast as items come out at most, so that the stage is full when the probe begins.
    ProbeBwRefill,
    /// Faster than items come out, to see whether more can.
    ProbeBwUp,
    /// Half of what is usually in flight, to see the latency without a queue.
    ProbeRtt,
}

impl BbrState {
    fn is_probe_bw(self) -> bool {
        matches!(self, Self::ProbeBwDown | Self::ProbeBwCruise | Self::ProbeBwRefill | Self::ProbeBwUp)
    }

    /// BBRIsProbingBW.
    fn is_accelerating(self) -> bool {
        matches!(self, Self::Startup | Self::ProbeBwRefill | Self::ProbeBwUp)
    }
}

// Section 2 of the draft.
const PACING_MARGIN: f64 = 0.01;
const DEFAULT_CAP_GAIN: f64 = 2.0;
const LOSS_THRESHOLD: f64 = 0.02;
const BETA: f64 = 0.7;
const HEADROOM: f64 = 0.15;
const MIN_CAP: f64 = 4.0;
const INITIAL_CAP: f64 = 10.0;

impl Bbr {
    /// With the defaults of [`FlowControlConfig`].
    pub fn new() -> Self {
        Self::with_config(&FlowControlConfig::default())
    }

    /// As `config` says.
    ///
    /// # Panics
    ///
    /// If [`FlowControlConfig::validate`] refuses it.
    #[track_caller]
    pub fn with_config(config: &FlowControlConfig) -> Self {
        config.assert_valid();
        Self {
            state: BbrState::Startup,
            model: Model::new(config),
            round: Round::default(),
            loss_round: LossRound::default(),
            full_pipe: FullPipe::default(),
            cycle: Cycle::default(),
            min_rtt: MinRtt::new(config),
            rtt_probe: RttProbe::default(),
            aggregation: Aggregation::default(),
            pacing_gain: startup::PACING_GAIN,
            cap_gain: DEFAULT_CAP_GAIN,
            rate: config.initial_rate,
            cap: INITIAL_CAP,
            drain_until_round: 0,
            congestion_events: 0,
            told: None,
            sampled: false,
            config: config.clone(),
        }
    }

    /// How long what is in flight beyond the bandwidth-delay product may take to serve.
    ///
    /// # Panics
    ///
    /// If it is zero, or more than a day.
    #[track_caller]
    pub fn target_delay(self, delay: Duration) -> Self {
        Self::with_config(&FlowControlConfig { target_delay: delay, ..self.config })
    }

    /// Varies when it probes: senders that share a service ought not to do so at the same time.
    pub fn seed(mut self, seed: u64) -> Self {
        self.cycle.seed(seed);
        self
    }

    /// What it is at.
    pub fn state(&self) -> BbrState {
        self.state
    }

    /// The rate, in items per second, at which items come out at most, as far as is known: BBR.max_bw.
    pub fn max_bandwidth(&self) -> f64 {
        self.model.max_bw()
    }

    /// BBRUpdateOnACK.
    #[inline]
    fn update(&mut self, sample: &Sample) {
        // BBRUpdateModelAndState
        self.round.update(sample);
        self.loss_round.update(sample, self.wait(sample));
        self.model.update_max_bw(sample);
        self.adapt_to_congestion();
        self.aggregation.update(sample, self.model.bw(), self.cap, self.round.count);
        self.check_full_pipe(sample);
        self.check_startup_done(sample);
        self.check_drain_done(sample);
        self.update_probe_bw(sample);
        self.min_rtt.update(sample);
        self.check_probe_rtt(sample);
        self.loss_round.advance(sample);
        // BBRUpdateControlParameters
        self.set_rate();
        self.set_cap(sample);
    }

    /// BBRUpdateCongestionSignals and BBRAdaptLowerBoundsFromCongestion: once a round.
    #[inline]
    fn adapt_to_congestion(&mut self) {
        if !self.loss_round.is_over() {
            return;
        }
        // Not in the draft: a queue that stands is a sign as good as a loss, and here it can be seen.
        if self.loss_round.take_congestion(self.config.target_delay.as_secs_f64()) {
            self.congestion_events += 1;
            if !self.state.is_accelerating() {
                self.model.lower_bounds(&self.loss_round, self.cap);
            }
        }
    }

    /// BBRHandleLostPacket.
    fn on_drop(&mut self, sample: &Sample) {
        self.loss_round.note_loss(sample);
        self.leave_startup_by_loss(sample);
        if self.cycle.is_sampling && sample.is_inflight_too_high() {
            self.handle_inflight_too_high(sample);
        }
    }

    /// The seconds that the item waited: measured, or what it took longer than the quickest.
    #[inline]
    fn wait(&self, sample: &Sample) -> f64 {
        sample.wait.unwrap_or_else(|| sample.rtt - self.min_rtt.get().unwrap_or(sample.rtt))
    }

    fn decision(&self) -> Decision {
        Decision::whole(self.rate, self.cap)
    }
}

impl Default for Bbr {
    fn default() -> Self {
        Self::new()
    }
}

impl Algorithm for Bbr {
    #[inline]
    fn on_complete(&mut self, completion: &Completion) -> Option<Decision> {
        self.told = Some(completion.completed_total);
        let sample = Sample::of_completion(completion, self.cap);
        match completion.outcome {
            Outcome::Dropped => self.on_drop(&sample),
            Outcome::Completed if sample.rtt > 0.0 => {
                self.sampled = true;
                self.update(&sample);
            }
            // No time has passed, as with an answer from a cache. It tells neither a rate nor a latency.
            Outcome::Completed => return None,
        }
        Some(self.decision())
    }

    fn on_interval(&mut self, signals: &Signals) -> Decision {
        if !std::mem::take(&mut self.sampled) && signals.completed > 0 {
            let mut sample = Sample::of_interval(signals, self.cap);
            match self.told {
                Some(completed) => sample.at_once(completed, self.min_rtt.get()),
                None if signals.dropped > 0 => self.on_drop(&sample),
                None => {}
            }
            self.update(&sample);
        }
        self.decision()
    }

    fn congestion_events(&self) -> u64 {
        self.congestion_events
    }

    fn config(&self) -> Option<&FlowControlConfig> {
        Some(&self.config)
    }

    fn capacity_estimate(&self) -> Option<f64> {
        (self.model.max_bw() > 0.0).then(|| self.model.max_bw())
    }
}
