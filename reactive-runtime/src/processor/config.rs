use std::time::Duration;

use crate::config::{Checks, ConfigError};
use crate::retry::Retry;

/// How a [`StreamProcessor`](super::StreamProcessor) works.
///
/// With the feature `serde` it is read from formats that name their fields, as TOML and JSON do; what is left out has its
/// default, and a name that it does not know is an error that says which one was meant. Durations are text (`"30s"`) or
/// seconds (`30.0`).
///
/// # Examples
///
/// ```
/// use reactive_runtime::prelude::*;
///
/// let config = StreamConfig::low_latency().max_retry_attempts(0).buffer_size(0).backpressure_threshold(1.5);
/// assert_eq!(
///     config.validate().unwrap_err().to_string(),
///     "buffer_size must be at least 1, and is 0; \
///      backpressure_threshold must be above 0.0 and at most 1.0, and is 1.5"
/// );
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct StreamConfig {
    /// How many items may be read ahead of those that are worked on. Default: 1000.
    pub buffer_size: usize,
    /// How many operations may run at the same time. Default: 10.
    pub max_concurrent_operations: usize,
    /// At which usage of the buffer the processor is under pressure, 0 to 1. Default: 0.8.
    pub backpressure_threshold: f64,
    /// How many items a worker takes at most before it lets others have their turn: it takes what is there, and never waits
    /// for more. Default: 100.
    pub batch_size: usize,
    /// How long an attempt may take. It is for functions that await; one that does not is never interrupted. Default: 30 s.
    #[cfg_attr(feature = "serde", serde(with = "crate::config::duration"))]
    pub processing_timeout: Duration,
    /// Whether latencies are measured. Default: yes. Items are counted in any case.
    pub enable_metrics: bool,
    /// Whether the flow control is used that the processor was [given](super::StreamProcessor::with_flow_control). Default: yes.
    pub enable_flow_control: bool,
    /// How many attempts follow one that fails. Default: 3.
    pub max_retry_attempts: usize,
    /// How long to wait before such an attempt. Default: 1 s.
    #[cfg_attr(feature = "serde", serde(with = "crate::config::duration"))]
    pub retry_delay: Duration,
    /// How that delay goes on. Default: fixed.
    pub retry_backoff: RetryBackoff,
    /// What becomes of a stream when an item has failed for good. Default: it goes on.
    pub on_failure: OnFailure,
}

/// How the delay before an attempt goes on from one to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum RetryBackoff {
    /// It stays the same.
    #[default]
    Fixed,
    /// It doubles each time, up to a minute, and is made longer by a random part of it: so items that failed together do not
    /// come back together.
    Exponential,
}

/// What becomes of a stream when an item has failed for good. The error handlers and the dead-letter sink are told before, in
/// either case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum OnFailure {
    /// It goes on without the item.
    #[default]
    Continue,
    /// It fails with [`ProcessError::Failed`](super::ProcessError::Failed), in the place of the item.
    Fail,
}

impl Default for StreamConfig {
    fn default() -> Self {
        Self {
            buffer_size: 1000,
            max_concurrent_operations: 10,
            backpressure_threshold: 0.8,
            batch_size: 100,
            processing_timeout: Duration::from_secs(30),
            enable_metrics: true,
            enable_flow_control: true,
            max_retry_attempts: 3,
            retry_delay: Duration::from_secs(1),
            retry_backoff: RetryBackoff::Fixed,
            on_failure: OnFailure::Continue,
        }
    }
}

impl StreamConfig {
    /// For much data: a large buffer, much at the same time, large batches.
    pub fn high_throughput() -> Self {
        Self { buffer_size: 10_000, max_concurrent_operations: 20, batch_size: 500, ..Self::default() }
    }

    /// For quick answers: a small buffer, little at the same time, small batches.
    pub fn low_latency() -> Self {
        Self { buffer_size: 100, max_concurrent_operations: 5, batch_size: 10, ..Self::default() }
    }

    /// Looks at every field.
    ///
    /// # Errors
    ///
    /// All fields that have no meaning as they are.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let Self { buffer_size, max_concurrent_operations: concurrency, batch_size, .. } = *self;
        let mut checks = Checks::default();
        checks.field("buffer_size", buffer_size, buffer_size > 0, "at least 1");
        checks.field("max_concurrent_operations", concurrency, concurrency > 0, "at least 1");
        let threshold = self.backpressure_threshold;
        let right = threshold > 0.0 && threshold <= 1.0;
        checks.field("backpressure_threshold", threshold, right, "above 0.0 and at most 1.0");
        checks.field("batch_size", batch_size, batch_size > 0, "at least 1");
        let timeout = self.processing_timeout;
        checks.field("processing_timeout", timeout, !timeout.is_zero(), "more than zero");
        checks.finish()
    }

    /// When an attempt follows one that failed.
    pub(super) fn retry(&self) -> Retry {
        let retry = match self.retry_backoff {
            RetryBackoff::Fixed => Retry::fixed(self.retry_delay),
            RetryBackoff::Exponential => Retry::exponential(self.retry_delay).jitter(),
        };
        retry.max_retries(self.max_retry_attempts)
    }
}

crate::config::fields::setters! {
    StreamConfig:
    buffer_size: usize,
    max_concurrent_operations: usize,
    backpressure_threshold: f64,
    batch_size: usize,
    processing_timeout: Duration,
    enable_metrics: bool,
    enable_flow_control: bool,
    max_retry_attempts: usize,
    retry_delay: Duration,
    retry_backoff: RetryBackoff,
    on_failure: OnFailure,
}

#[cfg(feature = "serde")]
crate::config::fields::reads_fields! {
    StreamConfig:
    buffer_size,
    max_concurrent_operations,
    backpressure_threshold,
    batch_size,
    processing_timeout as crate::config::fields::TextOrSeconds,
    enable_metrics,
    enable_flow_control,
    max_retry_attempts,
    retry_delay as crate::config::fields::TextOrSeconds,
    retry_backoff,
    on_failure,
}
