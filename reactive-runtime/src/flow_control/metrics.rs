//! How flow control does.

use std::num::NonZeroUsize;

use super::prediction::Prediction;
use super::{Algorithm, Decision, FlowControlConfig};

/// How a [`FlowController`](super::FlowController) does, or a [`FlowControl`](super::FlowControl) in a stage.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct FlowMetrics {
    /// The rate that was decided last, in items per second.
    pub current_rate: f64,
    /// How many items may be in the stage at once; `None` for no limit.
    pub max_in_flight: Option<NonZeroUsize>,
    /// How often it took less because of congestion.
    pub congestion_events: u64,
    /// Throughput over the best throughput of the measurement window, 0 to 1.
    pub bandwidth_utilization: f64,
    /// Throughput over the rate that was allowed, both as means over the measurement window, 0 to 1.
    pub efficiency: f64,
    /// Whether a forecast or a model had a say in the last decision.
    pub prediction_active: bool,
    /// Items per second that are expected to come in, `prediction_horizon` intervals from now; `None` while forecasts
    /// have not been better than none, and where `enable_prediction` is not set.
    pub predicted_demand: Option<f64>,
}

/// Gathers them, an interval at a time.
#[derive(Clone, Debug)]
pub(super) struct Gauge {
    /// How much of a mean is new.
    gain: f64,
    throughput: f64,
    mean_throughput: f64,
    /// Of the rates that were allowed; `None` before the first interval.
    mean_rate: Option<f64>,
    best_throughput: f64,
    demand: Option<Prediction>,
}

impl Gauge {
    pub(super) fn new(config: &FlowControlConfig) -> Self {
        let demand = || Prediction::new(config.prediction_horizon).level_gain(0.3);
        Self {
            gain: 2.0 / (config.measurement_window as f64 + 1.0),
            throughput: 0.0,
            mean_throughput: 0.0,
            mean_rate: None,
            best_throughput: 0.0,
            demand: config.enable_prediction.then(demand),
        }
    }

    /// Items per second that came in and went out, and that were allowed, in the interval that ends.
    pub(super) fn observe(&mut self, demand: f64, throughput: f64, allowed: f64) {
        if let Some(prediction) = &mut self.demand {
            prediction.observe(demand);
        }
        self.throughput = throughput;
        let mean_rate = match self.mean_rate {
            Some(mean) => mean,
            None => {
                self.mean_throughput = throughput;
                allowed
            }
        };
        self.mean_throughput += self.gain * (throughput - self.mean_throughput);
        self.mean_rate = Some(mean_rate + self.gain * (allowed - mean_rate));
        // It fades within the window, so that a stage which became slower is soon seen to be used again.
        self.best_throughput = (self.best_throughput * (1.0 - self.gain)).max(throughput);
    }

    pub(super) fn metrics(&self, decision: Decision, algorithm: &impl Algorithm) -> FlowMetrics {
        let part = |part: f64, of: f64| if of > 0.0 { (part / of).min(1.0) } else { 0.0 };
        let demand = self.demand.as_ref().filter(|demand| demand.is_active());
        FlowMetrics {
            current_rate: decision.rate,
            max_in_flight: decision.max_in_flight,
            congestion_events: algorithm.congestion_events(),
            bandwidth_utilization: part(self.throughput, self.best_throughput),
            efficiency: part(self.mean_throughput, self.mean_rate.unwrap_or(0.0)),
            prediction_active: algorithm.prediction_active(),
            predicted_demand: demand.map(Prediction::forecast),
        }
    }
}
