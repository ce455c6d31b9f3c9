use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{Adaptive, Configured, Sample, TripOnOverload, Watermarks};
use crate::circuit_breaker::CircuitBreaker;
use crate::config::{Checks, ConfigError};

/// Which strategy a [`BackpressureConfig`] chooses.
///
/// As text it is its name in snake case: `"drop_oldest"`. `"drop"` is the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "std::borrow::Cow<'_, str>", into = "&'static str")
)]
pub enum BackpressureStrategy {
    /// [`Block`](super::Block): the producer waits.
    Block,
    /// [`DropOldest`](super::DropOldest): the oldest item goes.
    DropOldest,
    /// [`DropNewest`](super::DropNewest): the youngest queued item goes.
    DropNewest,
    /// [`DropIncoming`](super::DropIncoming): the offered item goes.
    DropIncoming,
    /// [`DropAll`](super::DropAll): all queued items go.
    DropAll,
    /// [`Fail`](super::Fail): the pipeline fails.
    Fail,
    /// [`Latest`](super::Latest): only the newest item is held.
    Latest,
    /// [`Sample`]: a fraction passes under pressure.
    Sample,
    /// [`Adaptive`]: bounds the delay.
    #[default]
    Adaptive,
    /// [`TripOnOverload`]: stops for a time when overwhelmed.
    CircuitBreaker,
}

impl BackpressureStrategy {
    const ALL: [Self; 10] = [
        Self::Block,
        Self::DropOldest,
        Self::DropNewest,
        Self::DropIncoming,
        Self::DropAll,
        Self::Fail,
        Self::Latest,
        Self::Sample,
        Self::Adaptive,
        Self::CircuitBreaker,
    ];

    /// Its name: `drop_oldest`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::DropOldest => "drop_oldest",
            Self::DropNewest => "drop_newest",
            Self::DropIncoming => "drop_incoming",
            Self::DropAll => "drop_all",
            Self::Fail => "fail",
            Self::Latest => "latest",
            Self::Sample => "sample",
            Self::Adaptive => "adaptive",
            Self::CircuitBreaker => "circuit_breaker",
        }
    }
}

impl fmt::Display for BackpressureStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<BackpressureStrategy> for &'static str {
    fn from(strategy: BackpressureStrategy) -> Self {
        strategy.name()
    }
}

impl FromStr for BackpressureStrategy {
    type Err = UnknownStrategy;

    /// Reads a name, in any case.
    fn from_str(text: &str) -> Result<Self, UnknownStrategy> {
        let name = text.trim().to_lowercase();
        match Self::ALL.into_iter().find(|strategy| strategy.name() == name) {
            Some(strategy) => Ok(strategy),
            None if name == "drop" => Ok(Self::DropOldest),
            None => Err(UnknownStrategy(text.to_owned())),
        }
    }
}

#[cfg(feature = "serde")]
impl TryFrom<std::borrow::Cow<'_, str>> for BackpressureStrategy {
    type Error = UnknownStrategy;

    fn try_from(text: std::borrow::Cow<'_, str>) -> Result<Self, UnknownStrategy> {
        text.parse()
    }
}

/// This is no name of a [`BackpressureStrategy`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownStrategy(String);

impl fmt::Display for UnknownStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no backpressure strategy; there are drop", self.0)?;
        BackpressureStrategy::ALL.iter().try_for_each(|strategy| write!(f, ", {strategy}"))
    }
}

impl std::error::Error for UnknownStrategy {}

/// How a [`BackpressureHandler`](super::BackpressureHandler) is set up.
///
/// With the feature `serde` it is read from formats that name their fields, as TOML and JSON do; what is left out has its
/// default, and a name that it does not know is an error that says which one was meant. Durations are text (`"30s"`) or
/// seconds (`30.0`).
///
/// # Data loss
///
/// By default, [`Adaptive`]'s: a source that is pulled is only held up, one that cannot wait loses its oldest
/// items.
///
/// # Examples
///
/// ```
/// use reactive_runtime::backpressure::{BackpressureConfig, BackpressureStrategy};
///
/// let config = BackpressureConfig {
///     strategy: BackpressureStrategy::Sample,
///     sample_rate: 1.5,
///     low_watermark: 0.9,
///     ..Default::default()
/// };
/// assert_eq!(
///     config.validate().unwrap_err().to_string(),
///     "low_watermark must be from 0.0 to below `high_watermark`, and is 0.9; \
///      sample_rate must be from 0.0 to 1.0, and is 1.5"
/// );
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct BackpressureConfig {
    /// What happens when items come too fast. Default: adaptive.
    pub strategy: BackpressureStrategy,
    /// How many items may be queued. Default: 1000.
    pub buffer_size: usize,
    /// At which usage pressure starts. Default: 0.8.
    pub high_watermark: f64,
    /// At which usage pressure ends. Default: 0.3.
    pub low_watermark: f64,
    /// Which fraction passes under pressure, for the strategy `sample`. Default: 0.1.
    pub sample_rate: f64,
    /// Over how many items the consumer's speed is measured, for the strategy `adaptive`. Default: 100.
    pub adaptive_window: usize,
    /// For how long an item may be queued, for the strategy `adaptive`. Default: 50 ms.
    #[cfg_attr(feature = "serde", serde(with = "crate::config::duration"))]
    pub max_delay: Duration,
    /// After how many failures in a row, or intervals of 100 ms at the high watermark, the breaker opens, for the strategy
    /// `circuit_breaker`. Default: 5.
    pub circuit_breaker_threshold: u32,
    /// For how long the breaker is open. Default: 30 s.
    #[cfg_attr(feature = "serde", serde(with = "crate::config::duration"))]
    pub recovery_timeout: Duration,
}

const OVERLOAD_INTERVAL: Duration = Duration::from_millis(100);

impl Default for BackpressureConfig {
    fn default() -> Self {
        Self {
            strategy: BackpressureStrategy::default(),
            buffer_size: 1000,
            high_watermark: 0.8,
            low_watermark: 0.3,
            sample_rate: 0.1,
            adaptive_window: 100,
            max_delay: Duration::from_millis(50),
            circuit_breaker_threshold: 5,
            recovery_timeout: Duration::from_secs(30),
        }
    }
}

crate::config::fields::setters! {
    BackpressureConfig:
    strategy: BackpressureStrategy,
    buffer_size: usize,
    high_watermark: f64,
    low_watermark: f64,
    sample_rate: f64,
    adaptive_window: usize,
    max_delay: Duration,
    circuit_breaker_threshold: u32,
    recovery_timeout: Duration,
}

#[cfg(feature = "serde")]
crate::config::fields::reads_fields! {
    BackpressureConfig:
    strategy,
    buffer_size,
    high_watermark,
    low_watermark,
    sample_rate,
    adaptive_window,
    max_delay as crate::config::fields::TextOrSeconds,
    circuit_breaker_threshold,
    recovery_timeout as crate::config::fields::TextOrSeconds,
}

impl BackpressureConfig {
    /// For a load that is steady and known: the producer waits, and nothing is lost.
    pub fn steady() -> Self {
        Self {
            strategy: BackpressureStrategy::Block,
            high_watermark: 0.8,
            low_watermark: 0.3,
            ..Self::default()
        }
    }

    /// For a load that comes in bursts: the delay is bounded, and pressure is told of early.
    pub fn bursty() -> Self {
        Self {
            strategy: BackpressureStrategy::Adaptive,
            high_watermark: 0.7,
            low_watermark: 0.2,
            ..Self::default()
        }
    }

    /// Looks at every field.
    ///
    /// # Errors
    ///
    /// All fields that have no meaning as they are.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let Self { buffer_size, high_watermark: high, low_watermark: low, .. } = *self;
        let mut checks = Checks::default();
        checks.field("buffer_size", buffer_size, buffer_size > 0, "at least 1");
        checks.field("high_watermark", high, high > 0.0 && high <= 1.0, "above 0.0 and at most 1.0");
        // Measured at the default where the other one is wrong itself.
        let above = if high > 0.0 && high <= 1.0 { high } else { 0.8 };
        checks.field("low_watermark", low, (0.0..above).contains(&low), "from 0.0 to below `high_watermark`");
        let rate = self.sample_rate;
        checks.field("sample_rate", rate, (0.0..=1.0).contains(&rate), "from 0.0 to 1.0");
        checks.field("adaptive_window", self.adaptive_window, self.adaptive_window > 0, "at least 1");
        checks.field("max_delay", self.max_delay, !self.max_delay.is_zero(), "more than zero");
        let threshold = self.circuit_breaker_threshold;
        checks.field("circuit_breaker_threshold", threshold, threshold > 0, "at least 1");
        let recovery = self.recovery_timeout;
        checks.field("recovery_timeout", recovery, !recovery.is_zero(), "more than zero");
        checks.finish()
    }

    /// The strategy as it is configured, with its watermarks.
    ///
    /// # Errors
    ///
    /// All fields that have no meaning as they are.
    pub fn build<T>(&self) -> Result<Configured<T>, ConfigError> {
        self.validate()?;
        let marks = Watermarks::new(self.high_watermark, self.low_watermark);
        let adaptive = || Adaptive::new(self.max_delay).window(self.adaptive_window);
        let breaker = || {
            let breaker = CircuitBreaker::consecutive(self.circuit_breaker_threshold)
                .recovery_timeout(self.recovery_timeout);
            TripOnOverload::new(breaker).after(OVERLOAD_INTERVAL * self.circuit_breaker_threshold)
        };
        Ok(Configured::new(self.strategy, marks, Sample(self.sample_rate), adaptive, breaker))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_names_and_defaults_that_it_says() {
        let config = BackpressureConfig::default();
        assert_eq!(config.validate(), Ok(()));
        assert_eq!(config.strategy, BackpressureStrategy::Adaptive);
        assert_eq!((config.buffer_size, config.adaptive_window), (1000, 100));
        assert_eq!((config.high_watermark, config.low_watermark, config.sample_rate), (0.8, 0.3, 0.1));
        assert_eq!((config.circuit_breaker_threshold, config.recovery_timeout.as_secs()), (5, 30));
    }

    #[test]
    fn tells_every_wrong_field_at_once() {
        let wrong = BackpressureConfig {
            strategy: BackpressureStrategy::Block,
            buffer_size: 0,
            high_watermark: f64::NAN,
            low_watermark: -0.1,
            sample_rate: 2.0,
            adaptive_window: 0,
            max_delay: Duration::ZERO,
            circuit_breaker_threshold: 0,
            recovery_timeout: Duration::ZERO,
        };
        let error = wrong.validate().unwrap_err();
        let names: Vec<_> = error.fields().iter().map(|field| field.name).collect();
        assert_eq!(
            names,
            [
                "buffer_size",
                "high_watermark",
                "low_watermark",
                "sample_rate",
                "adaptive_window",
                "max_delay",
                "circuit_breaker_threshold",
                "recovery_timeout",
            ]
        );
        assert_eq!(wrong.build::<u8>().unwrap_err(), error);
    }

    #[test]
    fn reads_strategies_by_name() {
        for strategy in BackpressureStrategy::ALL {
            assert_eq!(strategy.name().parse(), Ok(strategy));
            let config = BackpressureConfig { strategy, ..Default::default() };
            assert_eq!(super::super::Strategy::<u8>::name(&config.build().unwrap()), strategy.name());
        }
        assert_eq!("DROP".parse(), Ok(BackpressureStrategy::DropOldest));
        let unknown = "dorp".parse::<BackpressureStrategy>().unwrap_err();
        assert!(
            unknown.to_string().starts_with("`dorp` is no backpressure strategy; there are drop, block,")
        );
    }

    #[cfg(feature = "serde")]
    mod with_serde {
        use serde_json::{from_str, json, to_value};

        use super::*;
        use crate::backpressure::{BackpressureMetrics, BoundedQueue, DropOldest};
        use crate::units::ms;

        #[test]
        fn reads_durations_as_text_or_seconds_and_fills_in_the_rest() {
            let text = r#"{"strategy": "circuit_breaker", "recovery_timeout": "1min30s", "buffer_size": 10}"#;
            let config: BackpressureConfig = from_str(text).unwrap();
            let expected = BackpressureConfig {
                strategy: BackpressureStrategy::CircuitBreaker,
                recovery_timeout: Duration::from_secs(90),
                buffer_size: 10,
                ..Default::default()
            };
            assert_eq!(config, expected);
            for seconds in ["30.0", "30", "\"30s\""] {
                let config: BackpressureConfig =
                    from_str(&format!(r#"{{"recovery_timeout": {seconds}}}"#)).unwrap();
                assert_eq!(config, BackpressureConfig::default());
            }
            for wrong in [
                r#"{"recovery_timeout": -1.0}"#,
                r#"{"strategy": "dorp"}"#,
                r#"{"bufer_size": 10}"#,
                r#"{"recovery_timeout": "30 parsecs"}"#,
            ] {
                assert!(from_str::<BackpressureConfig>(wrong).is_err(), "{wrong}");
            }
        }

        #[test]
        fn writes_what_it_reads() {
            let written = to_value(BackpressureConfig::default()).unwrap();
            assert_eq!(written["recovery_timeout"], json!("30s"));
            assert_eq!(written["strategy"], json!("adaptive"));
            assert_eq!(from_str::<BackpressureConfig>(&written.to_string()).unwrap(), Default::default());
        }

        #[test]
        fn writes_metrics_under_their_keys() {
            let mut queue = BoundedQueue::new(2, DropOldest);
            for item in 0..5 {
                let _ = queue.offer(ms(1000), item);
            }
            let _ = queue.take(ms(2500));
            let written = to_value(queue.metrics()).unwrap();
            assert_eq!(written["strategy"], json!("drop_oldest"));
            assert_eq!(written["dropped_items"], json!({"queue_full": 3}));
            assert_eq!(written["blocked_time_seconds"], json!(0.0));
            assert_eq!(written["circuit_open"], json!(false));
            assert_eq!(written["oldest_age_seconds"], json!(1.5));
            assert_eq!(written["mean_buffer_usage"], json!(1.0));
            assert_eq!(written["accounting"]["in_flight"], json!(1));
            assert_eq!(from_str::<BackpressureMetrics>(&written.to_string()).unwrap(), queue.metrics());
        }
    }
}
