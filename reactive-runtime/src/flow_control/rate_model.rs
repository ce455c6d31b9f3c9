//! A learned model of your own, and the guard rails around it.

#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;

use super::baseline::Baseline;
use super::prediction::Prediction;
use super::{Adaptive, Algorithm, Completion, Decision, FlowControlConfig, Signals};

/// How many numbers a [`RateModel`] is told.
pub const FEATURES: usize = 10;

/// What a [`RateModel`] is told at the end of an interval. All are finite.
///
/// | index | feature |
/// |---|---|
/// | 0 | part of the queue's capacity that is filled, 0 to 1; 0 where it has no bound |
/// | 1 | seconds that items waited for the stage |
/// | 2 | items per second the stage can do, as [`Algorithm::capacity_estimate`] says; 0 where unknown |
/// | 3 | part of the interval in which the stage was at work, 0 to 1; 1 where unknown |
/// | 4 | 1 if the source had fewer items than were allowed, else 0 |
/// | 5 | items per second that came in |
/// | 6 | by how much that grows from one interval to the next, smoothed |
/// | 7 | items per second that were dropped |
/// | 8 | mean seconds from admission to completion |
/// | 9 | mean seconds of that without the wait |
pub type Features = [f64; FEATURES];

/// A model that says which rate is best: whatever learns, or any formula of your own.
///
/// A [`Guarded`] asks it and keeps it in bounds, so that it may be wrong, but cannot do harm.
pub trait RateModel {
    /// The best rate for the next interval, in items per second; `None` if it cannot say.
    fn predict(&mut self, features: &Features) -> Option<f64>;

    /// What came of the interval that began with these features: how many items per second were completed.
    fn observe(&mut self, features: &Features, throughput: f64) {
        let _ = (features, throughput);
    }
}

/// Lets a [`RateModel`] choose the rate, within bounds that an [`Algorithm`] of proof sets.
///
/// - It is asked only after 20 intervals in which items were completed.
/// - A rate that is no number, infinite, or not above 0, is ignored: the default decides, until the next interval.
/// - The rate stays between [`min_rate`](FlowControlConfig::min_rate) and [`max_rate`](FlowControlConfig::max_rate), and
///   at most doubles or halves from one interval to the next.
/// - In flight are never more than four times as many items as the default would have, and no more than that where the
///   wait of items is not measured.
///
/// So the worst model wastes throughput, and never memory. The pattern is Orca's (Abbasloo et al., "Classic meets
/// modern", SIGCOMM 2020, section 3): a classic algorithm holds the ground, and the learned one may scale it.
///
/// # When it fails
///
/// Controllers that learn from the very stage they control do worse than [`Adaptive`] when it changes: exploring a rate
/// *is* overload. Take a model that was trained before, or one that knows what no algorithm can (the time of day, what is
/// in the items).
///
/// # Examples
///
/// A small model that is learned as it runs, to show how it is done. It is no better than the default.
///
/// ```
/// use reactive_runtime::flow_control::{Features, FlowControlConfig, FlowController, RateModel};
/// use std::time::Duration;
///
/// /// Learns how much throughput follows from demand and capacity: normalized least mean squares.
/// #[derive(Default)]
/// struct Linear {
///     weights: [f64; 2],
/// }
///
/// impl Linear {
///     fn throughput(&self, [capacity, demand]: [f64; 2]) -> f64 {
///         self.weights[0] * capacity + self.weights[1] * demand
///     }
/// }
///
/// fn inputs(features: &Features) -> [f64; 2] {
///     [features[2], features[5]]
/// }
///
/// impl RateModel for Linear {
///     fn predict(&mut self, features: &Features) -> Option<f64> {
///         // A little more than is expected to get through, so that a stage that became faster is found out.
///         Some(1.05 * self.throughput(inputs(features)))
///     }
///
///     fn observe(&mut self, features: &Features, throughput: f64) {
///         let [capacity, demand] = inputs(features);
///         let error = throughput - self.throughput([capacity, demand]);
///         let step = 0.5 * error / (capacity * capacity + demand * demand + 1.0);
///         self.weights[0] += step * capacity;
///         self.weights[1] += step * demand;
///     }
/// }
///
/// let mut flow = FlowController::with_model(FlowControlConfig::default(), Linear::default())?;
/// // A stage that does 400 items a second, and whatever has to wait.
/// let (mut rate, mut queue) = (100.0, 0.0);
/// for _ in 0..400 {
///     let throughput = f64::min(rate + queue / 0.1, 400.0);
///     queue += (rate - throughput) * 0.1;
///     rate = flow.control_flow(queue as usize, Duration::from_millis(10), throughput);
/// }
/// assert!(flow.algorithm().model_decides());
/// assert!((350.0..450.0).contains(&rate), "{rate}");
/// # Ok::<(), reactive_runtime::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Guarded<M, A = Adaptive> {
    config: FlowControlConfig,
    model: M,
    default: A,
    baseline: Baseline,
    demand: Prediction,
    observations: u32,
    features: Option<Features>,
    rate: f64,
    decides: bool,
}

/// It is asked only after so many observations.
const LEAST_OBSERVATIONS: u32 = 20;
/// By what factor the rate may change from one interval to the next.
const MOST_CHANGE: f64 = 2.0;
/// How many times more may be in flight than the default allows.
const MOST_IN_FLIGHT: f64 = 4.0;

impl<M: RateModel> Guarded<M> {
    /// `model`, in the bounds of [`Adaptive`].
    ///
    /// # Panics
    ///
    /// If [`FlowControlConfig::validate`] refuses `config`.
    #[track_caller]
    pub fn new(config: &FlowControlConfig, model: M) -> Self {
        Self::with_default(config, model, Adaptive::with_config(config))
    }
}

impl<M: RateModel, A: Algorithm> Guarded<M, A> {
    /// `model`, in the bounds of `default`.
    ///
    /// # Panics
    ///
    /// If [`FlowControlConfig::validate`] refuses `config`.
    #[track_caller]
    pub fn with_default(config: &FlowControlConfig, model: M, default: A) -> Self {
        config.assert_valid();
        Self {
            model,
            default,
            baseline: Baseline::new(config.memory()),
            demand: Prediction::new(config.prediction_horizon).level_gain(0.3),
            observations: 0,
            features: None,
            rate: config.initial_rate,
            decides: false,
            config: config.clone(),
        }
    }

    /// Whether the last decision was the model's, and not the default's.
    pub fn model_decides(&self) -> bool {
        self.decides
    }

    fn features(&self, signals: &Signals) -> Features {
        let seconds = signals.interval.as_secs_f64().max(1e-9);
        let features = [
            signals.queue_len as f64 / signals.queue_capacity as f64,
            self.baseline.queue_delay(signals).unwrap_or(0.0),
            self.default.capacity_estimate().unwrap_or(0.0),
            signals.busy_part().unwrap_or(1.0),
            f64::from(u8::from(signals.app_limited)),
            signals.admitted as f64 / seconds,
            self.demand.trend(),
            signals.dropped as f64 / seconds,
            signals.sojourn.map_or(0.0, |time| time.as_secs_f64()),
            self.baseline.latency().unwrap_or(0.0),
        ];
        features.map(|feature| if feature.is_finite() { feature } else { 0.0 })
    }

    /// The model's rate, if it has one that makes sense.
    fn modelled(&mut self, features: &Features) -> Option<f64> {
        if self.observations < LEAST_OBSERVATIONS {
            return None;
        }
        self.model.predict(features).filter(|rate| rate.is_finite() && *rate > 0.0)
    }
}

impl<M: RateModel, A: Algorithm> Algorithm for Guarded<M, A> {
    fn on_complete(&mut self, completion: &Completion) -> Option<Decision> {
        let default = self.default.on_complete(completion);
        // Between intervals the model's rate stands.
        default.filter(|_| !self.decides)
    }

    fn on_interval(&mut self, signals: &Signals) -> Decision {
        let default = self.default.on_interval(signals);
        self.baseline.observe(signals);
        self.demand.observe(signals.admitted as f64 / signals.interval.as_secs_f64().max(1e-9));
        if let Some(features) = self.features
            && signals.completed > 0
        {
            self.observations = self.observations.saturating_add(1);
            self.model.observe(&features, signals.throughput());
        }
        let features = self.features(signals);
        self.features = Some(features);
        let modelled = self.modelled(&features);
        self.decides = modelled.is_some();
        let Some(rate) = modelled else {
            self.rate = default.rate;
            return default;
        };
        let bounded = rate.clamp(self.rate / MOST_CHANGE, self.rate * MOST_CHANGE);
        self.rate = self.config.clamp(bounded);
        Decision {
            rate: self.rate,
            max_in_flight: default.max_in_flight.map(|cap| scaled(cap, self.rate / default.rate, signals)),
        }
    }

    fn congestion_events(&self) -> u64 {
        self.default.congestion_events()
    }

    fn config(&self) -> Option<&FlowControlConfig> {
        Some(&self.config)
    }

    fn prediction_active(&self) -> bool {
        self.decides || self.default.prediction_active()
    }

    fn capacity_estimate(&self) -> Option<f64> {
        self.default.capacity_estimate()
    }
}

/// As many more in flight as the rate is higher, within bounds.
fn scaled(cap: NonZeroUsize, factor: f64, signals: &Signals) -> NonZeroUsize {
    // Where the wait is inferred from latency, a queue of the model's making would be taken for latency, and allow for
    // more.
    let most = if signals.queue_wait.is_some() { MOST_IN_FLIGHT } else { 1.0 };
    let scaled = cap.get() as f64 * factor.clamp(1.0, most);
    NonZeroUsize::new(scaled as usize).unwrap_or(cap)
}
