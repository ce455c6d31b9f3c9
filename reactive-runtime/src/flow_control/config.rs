//! The configuration of a [`FlowController`](super::FlowController).

use std::time::Duration;

use super::CongestionAlgorithm;
use crate::config::{Checks, ConfigError};

/// How a [`FlowController`](super::FlowController) works.
///
/// Rates are items per second. An interval is a [`control_interval`](Self::control_interval).
///
/// With the feature `serde` it is read from formats that name their fields, as TOML and JSON do; what is left out has its
/// default, and a name that it does not know is an error that says which one was meant. Durations are text (`"50ms"`) or
/// seconds (`0.05`).
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct FlowControlConfig {
    /// The rate to begin with.
    pub initial_rate: f64,
    /// No rate is above this.
    pub max_rate: f64,
    /// No rate is below this.
    pub min_rate: f64,
    /// Which algorithm decides.
    pub congestion_algorithm: CongestionAlgorithm,
    /// Which part of the queue may fill before that alone is congestion, 0 to 1.
    ///
    /// It is the last resort. 0.8 of a queue of 1000 is 1.6 s of waiting at 500 items a second; what keeps waits short is
    /// [`target_delay`](Self::target_delay).
    pub congestion_threshold: f64,
    /// What [`Aimd`](super::Aimd) multiplies its rate with at congestion. The others keep what their papers say.
    pub recovery_factor: f64,
    /// What [`Aimd`](super::Aimd) and [`Cubic`](super::Cubic) multiply their rate with each interval until the first
    /// congestion.
    pub increase_factor: f64,
    /// What [`Aimd`](super::Aimd) adds to its rate each interval after that; `None` is
    /// `(increase_factor - 1) * initial_rate`.
    pub additive_step: Option<f64>,
    /// For how many intervals a measured extreme (best throughput, least latency) is believed.
    pub measurement_window: usize,
    /// Whether [`Adaptive`](super::Adaptive) may act on a forecast, while that has been better than none.
    pub enable_prediction: bool,
    /// How many intervals ahead it looks.
    pub prediction_horizon: usize,
    /// How long items may wait for the stage before that is congestion.
    #[cfg_attr(feature = "serde", serde(with = "crate::config::duration"))]
    pub target_delay: Duration,
    /// Which part of the time [`Adaptive`](super::Adaptive) lets the stage starve, 0 to 1: less is more throughput and
    /// longer waits.
    pub target_idle: f64,
    /// How often the decision is made anew.
    #[cfg_attr(feature = "serde", serde(with = "crate::config::duration"))]
    pub control_interval: Duration,
}

impl Default for FlowControlConfig {
    fn default() -> Self {
        Self {
            initial_rate: 100.0,
            max_rate: 1000.0,
            min_rate: 1.0,
            congestion_algorithm: CongestionAlgorithm::Adaptive,
            congestion_threshold: 0.8,
            recovery_factor: 0.5,
            increase_factor: 1.1,
            additive_step: None,
            measurement_window: 100,
            enable_prediction: true,
            prediction_horizon: 10,
            target_delay: Duration::from_millis(50),
            target_idle: 0.02,
            control_interval: Duration::from_millis(100),
        }
    }
}

crate::config::fields::setters! {
    FlowControlConfig:
    initial_rate: f64,
    max_rate: f64,
    min_rate: f64,
    congestion_algorithm: CongestionAlgorithm,
    congestion_threshold: f64,
    recovery_factor: f64,
    increase_factor: f64,
    additive_step: Option<f64>,
    measurement_window: usize,
    enable_prediction: bool,
    prediction_horizon: usize,
    target_delay: Duration,
    target_idle: f64,
    control_interval: Duration,
}

#[cfg(feature = "serde")]
crate::config::fields::reads_fields! {
    FlowControlConfig:
    initial_rate,
    max_rate,
    min_rate,
    congestion_algorithm,
    congestion_threshold,
    recovery_factor,
    increase_factor,
    additive_step,
    measurement_window,
    enable_prediction,
    prediction_horizon,
    target_delay as crate::config::fields::TextOrSeconds,
    target_idle,
    control_interval as crate::config::fields::TextOrSeconds,
}

impl FlowControlConfig {
    /// Whether every field has a meaning.
    ///
    /// # Errors
    ///
    /// Names every field that has none, at once.
    ///
    /// # Examples
    ///
    /// ```
    /// use reactive_runtime::flow_control::FlowControlConfig;
    ///
    /// let config = FlowControlConfig { min_rate: 0.0, recovery_factor: 1.5, ..FlowControlConfig::default() };
    /// assert_eq!(
    ///     config.validate().unwrap_err().to_string(),
    ///     "min_rate must be above 0.0 and finite, and is 0.0; \
    ///      recovery_factor must be above 0.0 and below 1.0, and is 1.5",
    /// );
    /// ```
    pub fn validate(&self) -> Result<(), ConfigError> {
        let mut checks = Checks::default();
        self.check_rates(&mut checks);
        checks.field(
            "congestion_threshold",
            self.congestion_threshold,
            is_part(self.congestion_threshold),
            PART,
        );
        for (name, value) in [("recovery_factor", self.recovery_factor), ("target_idle", self.target_idle)] {
            checks.field(name, value, is_part(value) && value < 1.0, "above 0.0 and below 1.0");
        }
        let growth = self.increase_factor;
        checks.field("increase_factor", growth, growth.is_finite() && growth > 1.0, "above 1.0 and finite");
        let step = self.additive_step.unwrap_or(1.0);
        checks.field("additive_step", step, is_positive(step), POSITIVE);
        for (name, count) in
            [("measurement_window", self.measurement_window), ("prediction_horizon", self.prediction_horizon)]
        {
            checks.field(name, count, (1..=10_000).contains(&count), "from 1 to 10000");
        }
        for (name, time) in [("target_delay", self.target_delay), ("control_interval", self.control_interval)]
        {
            checks.field(name, time, !time.is_zero() && time <= MOST_TIME, "above zero and at most a day");
        }
        checks.finish()
    }

    fn check_rates(&self, checks: &mut Checks) {
        let rates = [self.min_rate, self.initial_rate, self.max_rate];
        for (name, rate) in ["min_rate", "initial_rate", "max_rate"].into_iter().zip(rates) {
            checks.field(name, rate, is_positive(rate), POSITIVE);
        }
        if rates.into_iter().all(is_positive) {
            let [least, initial, most] = rates;
            checks.field("max_rate", most, least <= most, "at least `min_rate`");
            let inside = least > most || (least..=most).contains(&initial);
            checks.field("initial_rate", initial, inside, "from `min_rate` to `max_rate`");
        }
    }

    /// A configuration that is used without a controller.
    #[track_caller]
    pub(super) fn assert_valid(&self) {
        if let Err(error) = self.validate() {
            panic!("{error}");
        }
    }

    /// `rate`, between the least and the greatest allowed.
    pub(super) fn clamp(&self, rate: f64) -> f64 {
        // `max` and `min` take the other where one is no number.
        rate.max(self.min_rate).min(self.max_rate)
    }

    /// What additive increase adds each interval.
    pub(super) fn step(&self) -> f64 {
        self.additive_step.unwrap_or((self.increase_factor - 1.0) * self.initial_rate)
    }

    /// For how many seconds a measured extreme is believed.
    pub(super) fn memory(&self) -> f64 {
        self.measurement_window as f64 * self.control_interval.as_secs_f64()
    }
}

const POSITIVE: &str = "above 0.0 and finite";
const PART: &str = "above 0.0 and at most 1.0";
const MOST_TIME: Duration = Duration::from_secs(86_400);

fn is_positive(x: f64) -> bool {
    x.is_finite() && x > 0.0
}

fn is_part(x: f64) -> bool {
    x > 0.0 && x <= 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(FlowControlConfig::default().validate(), Ok(()));
    }

    #[test]
    fn names_every_wrong_field() {
        let config = FlowControlConfig {
            initial_rate: f64::NAN,
            max_rate: f64::INFINITY,
            min_rate: -1.0,
            congestion_threshold: 0.0,
            recovery_factor: 1.0,
            increase_factor: 1.0,
            additive_step: Some(0.0),
            measurement_window: 0,
            prediction_horizon: 10_001,
            target_delay: Duration::ZERO,
            target_idle: 0.0,
            control_interval: Duration::ZERO,
            ..FlowControlConfig::default()
        };
        let error = config.validate().unwrap_err();
        let fields: Vec<&str> = error.fields().iter().map(|field| field.name).collect();
        assert_eq!(
            fields,
            [
                "min_rate",
                "initial_rate",
                "max_rate",
                "congestion_threshold",
                "recovery_factor",
                "target_idle",
                "increase_factor",
                "additive_step",
                "measurement_window",
                "prediction_horizon",
                "target_delay",
                "control_interval",
            ],
        );
    }

    #[test]
    fn the_initial_rate_lies_in_the_range() {
        let config = FlowControlConfig { initial_rate: 2000.0, ..FlowControlConfig::default() };
        assert_eq!(
            config.validate().unwrap_err().to_string(),
            "initial_rate must be from `min_rate` to `max_rate`, and is 2000.0",
        );
    }

    #[cfg(feature = "serde")]
    #[test]
    fn is_read_and_written() {
        let text = r#"{"congestion_algorithm": "BBR", "target_delay": 0.02, "control_interval": "1s", "max_rate": 5000}"#;
        let config: FlowControlConfig = serde_json::from_str(text).unwrap();
        let expected = FlowControlConfig {
            congestion_algorithm: CongestionAlgorithm::Bbr,
            target_delay: Duration::from_millis(20),
            control_interval: Duration::from_secs(1),
            max_rate: 5000.0,
            ..FlowControlConfig::default()
        };
        assert_eq!(config, expected);
        let written = serde_json::to_string(&expected).unwrap();
        assert!(written.contains(r#""congestion_algorithm":"bbr""#), "{written}");
        assert_eq!(serde_json::from_str::<FlowControlConfig>(&written).unwrap(), expected);
        for wrong in [r#"{"congestion_algorithm": "reno"}"#, r#"{"max_rat": 1}"#, r#"{"target_delay": "50"}"#]
        {
            assert!(serde_json::from_str::<FlowControlConfig>(wrong).is_err(), "{wrong}");
        }
    }
}
