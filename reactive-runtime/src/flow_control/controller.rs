//! Flow control from three numbers.

#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;
use std::time::Duration;

use super::metrics::Gauge;
use super::{Algorithm, Decision, FlowControlConfig, FlowMetrics, Guarded, RateModel, Selected, Signals};
use crate::config::ConfigError;

/// Tells the rate that suits a stage, from how long its queue is, how long an item takes and how many get through.
///
/// It is for code that does its own work and its own waiting. Each call of [`control_flow`](Self::control_flow) is one
/// [`control_interval`](FlowControlConfig::control_interval) later than the last, whatever the clock says.
///
/// # Examples
///
/// ```
/// use reactive_runtime::flow_control::{FlowControlConfig, FlowController};
/// use std::time::Duration;
///
/// let mut flow = FlowController::new(FlowControlConfig::default())?;
/// // The stage can do 300 items a second, and takes 10 ms for each.
/// let (mut rate, mut queue) = (100.0, 0.0);
/// for _ in 0..100 {
///     let throughput = f64::min(rate + queue / 0.1, 300.0);
///     queue = f64::max(queue + (rate - throughput) * 0.1, 0.0);
///     rate = flow.control_flow(queue as usize, Duration::from_millis(10), throughput);
/// }
/// assert!((285.0..330.0).contains(&rate), "{rate}");
/// assert!(flow.metrics().efficiency > 0.9);
/// # Ok::<(), reactive_runtime::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct FlowController<A = Selected> {
    config: FlowControlConfig,
    algorithm: A,
    queue_capacity: usize,
    intervals: u32,
    decision: Decision,
    /// Items that came in, and went out, since the start; with the fractions that a rate makes.
    admitted: f64,
    completed: f64,
    queue_len: usize,
    gauge: Gauge,
}

impl FlowController {
    /// With the algorithm that `config` names.
    ///
    /// # Errors
    ///
    /// If a field of `config` has no meaning; all of them are named.
    pub fn new(config: FlowControlConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        let algorithm = config.algorithm();
        Self::with_algorithm(config, algorithm)
    }
}

impl<M: RateModel> FlowController<Guarded<M>> {
    /// With a model of yours, in the bounds that [`Guarded`] sets.
    ///
    /// # Errors
    ///
    /// As [`FlowController::new`].
    pub fn with_model(config: FlowControlConfig, model: M) -> Result<Self, ConfigError> {
        config.validate()?;
        let algorithm = Guarded::new(&config, model);
        Self::with_algorithm(config, algorithm)
    }
}

impl<A: Algorithm> FlowController<A> {
    /// With an algorithm of yours.
    ///
    /// # Errors
    ///
    /// As [`FlowController::new`].
    pub fn with_algorithm(config: FlowControlConfig, algorithm: A) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self {
            algorithm,
            queue_capacity: 1000,
            intervals: 0,
            decision: Decision { rate: config.initial_rate, max_in_flight: None },
            admitted: 0.0,
            completed: 0.0,
            queue_len: 0,
            gauge: Gauge::new(&config),
            config,
        })
    }

    /// How many items the queue holds, by default 1000: what `congestion_threshold` is a part of.
    ///
    /// # Panics
    ///
    /// If `items` is 0.
    #[track_caller]
    pub fn queue_capacity(mut self, items: usize) -> Self {
        assert!(items > 0, "a queue for 0 items has no meaning");
        self.queue_capacity = items;
        self
    }

    /// Takes how many items wait, how long the work on one takes, and how many items a second were done, over the control
    /// interval that ends now. Gives the rate for the next, in items per second.
    ///
    /// While items wait that is no faster than what brings those in flight to the cap of the [`decision`](Self::decision) in
    /// three intervals: a queue drains, and meanwhile half as many items go on to come as get through.
    pub fn control_flow(&mut self, queue_len: usize, processing_latency: Duration, throughput: f64) -> f64 {
        let throughput = if throughput.is_finite() { throughput.clamp(0.0, MOST) } else { 0.0 };
        let queue_len = queue_len.min(MOST as usize);
        let signals = self.signals(queue_len, processing_latency, throughput);
        let demand = signals.admitted as f64 / self.config.control_interval.as_secs_f64();
        self.gauge.observe(demand, throughput, self.decision.rate);
        let decision = self.algorithm.on_interval(&signals);
        self.decision = Decision { rate: self.paced(decision, &signals, throughput), ..decision };
        self.decision.rate
    }

    /// The rate of `decision`, so that its cap holds too: whoever is told a rate only cannot keep a cap, and most algorithms
    /// rely on it.
    fn paced(&self, decision: Decision, signals: &Signals, throughput: f64) -> f64 {
        let cap = decision.max_in_flight.map_or(usize::MAX, NonZeroUsize::get);
        let most = if signals.queue_len > 0 || signals.in_flight > cap {
            let room = cap as f64 - signals.in_flight as f64;
            let spread = 3.0 * signals.interval.as_secs_f64();
            (throughput + room / spread).max(throughput / 2.0)
        } else {
            // How many more would get through is not known yet, so step by step.
            2.0 * self.decision.rate.max(throughput)
        };
        self.config.clamp(decision.rate.min(most))
    }

    /// The last decision: the rate, and how many items may be in flight.
    pub fn decision(&self) -> Decision {
        self.decision
    }

    /// How it does.
    pub fn metrics(&self) -> FlowMetrics {
        self.gauge.metrics(self.decision, &self.algorithm)
    }

    /// The algorithm within.
    pub fn algorithm(&self) -> &A {
        &self.algorithm
    }

    #[cfg(feature = "time")]
    pub(super) fn into_parts(self) -> (A, FlowControlConfig) {
        (self.algorithm, self.config)
    }

    fn signals(&mut self, queue_len: usize, latency: Duration, throughput: f64) -> Signals {
        let interval = self.config.control_interval;
        let done = throughput * interval.as_secs_f64();
        let grown = queue_len as f64 - self.queue_len as f64;
        let (admitted, completed) = (self.admitted, self.completed);
        self.admitted += (done + grown).max(0.0);
        self.completed += done;
        self.intervals = self.intervals.saturating_add(1);
        self.queue_len = queue_len;
        let completed_now = self.completed as u64 - completed as u64;
        // Little's law, twice: those in work, and the time of those that wait.
        let in_flight = queue_len.saturating_add((throughput * latency.as_secs_f64()).ceil() as usize);
        let wait = (throughput > 0.0).then(|| seconds(queue_len as f64 / throughput));
        let wait = wait.filter(|_| completed_now > 0);
        Signals {
            now: interval.saturating_mul(self.intervals),
            interval,
            queue_len,
            queue_capacity: self.queue_capacity,
            in_flight,
            admitted: self.admitted as u64 - admitted as u64,
            completed: completed_now,
            dropped: 0,
            admitted_total: (self.completed as u64).saturating_add(in_flight as u64),
            left_total: self.completed as u64,
            busy: None,
            queue_wait: wait,
            sojourn: wait.map(|wait| latency.saturating_add(wait)),
            app_limited: queue_len == 0 && throughput < APP_LIMITED * self.decision.rate,
        }
    }
}

/// With an empty queue and less than this part of the rate, it is the source that has no more.
const APP_LIMITED: f64 = 0.9;

/// More items than a queue holds, or a stage does in a second. A number above it is a mistake, and must not drown all others in
/// the sums.
const MOST: f64 = 1e12;

/// As a duration, within what durations can be.
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}
