use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::accounting::{Accounting, Drops};

/// How a queue and its strategy do, or a stage that may drop: a snapshot.
///
/// With the feature `serde`, times are seconds, under the keys of the fields with `_seconds` behind.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BackpressureMetrics {
    /// The name of the strategy, or of the stage.
    pub strategy: Cow<'static, str>,
    /// How many items were dropped, by reason.
    pub dropped_items: Drops,
    /// For how long a producer waited.
    #[cfg_attr(feature = "serde", serde(rename = "blocked_time_seconds", with = "seconds"))]
    pub blocked_time: Duration,
    /// Whether a circuit breaker keeps items out.
    pub circuit_open: bool,
    /// How full the queue is, from 0.0 to 1.0.
    pub buffer_usage: f64,
    /// How full it was on average over time, since its first item.
    pub mean_buffer_usage: f64,
    /// How often the usage reached the high watermark.
    pub high_watermark_events: u64,
    /// How often it fell to the low watermark after that.
    pub low_watermark_events: u64,
    /// For how long it was under pressure.
    #[cfg_attr(feature = "serde", serde(rename = "pressured_time_seconds", with = "seconds"))]
    pub pressured_time: Duration,
    /// How long the oldest item has been queued; zero if none is. Of a long queue it may be somewhat too long: see
    /// [`AgesOf`](super::AgesOf).
    #[cfg_attr(feature = "serde", serde(rename = "oldest_age_seconds", with = "seconds"))]
    pub oldest_age: Duration,
    /// Where the items are.
    pub accounting: Accounting,
}

/// Shows the metrics of a queue or a stage that runs somewhere else: a handle, cheap to clone.
///
/// A pipeline refreshes it once a poll, and when it is dropped.
#[derive(Clone, Debug, Default)]
pub struct BackpressureMonitor(Arc<Mutex<BackpressureMetrics>>);

impl BackpressureMonitor {
    /// A monitor that shows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The metrics as they were last shown.
    pub fn metrics(&self) -> BackpressureMetrics {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where the items were when the metrics were last shown.
    pub fn accounting(&self) -> Accounting {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).accounting
    }

    pub(super) fn show(&self, metrics: BackpressureMetrics) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = metrics;
    }
}

/// Adds up the times between starts and stops.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stopwatch {
    total: Duration,
    since: Option<Duration>,
}

impl Stopwatch {
    pub(super) fn start(&mut self, now: Duration) {
        self.since.get_or_insert(now);
    }

    #[inline(always)]
    pub(super) fn stop(&mut self, now: Duration) {
        if let Some(since) = self.since.take() {
            self.total += now.saturating_sub(since);
        }
    }

    pub(super) fn read(&self, now: Duration) -> Duration {
        self.total + self.since.map_or(Duration::ZERO, |since| now.saturating_sub(since))
    }
}

#[cfg(feature = "serde")]
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(duration.as_secs_f64())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}
