use std::fmt;
use std::time::Duration;

use super::hub::{Hub, Totals};
use crate::backpressure::BackpressureMetrics;
use crate::flow_control::FlowMetrics;

/// How a [`StreamProcessor`](super::StreamProcessor) does, over all of its streams: a snapshot.
///
/// Of the items that came, at every moment: `items_taken = items_processed + items_failed + items_dropped + items_cancelled +
/// items_buffered + items_in_flight`. While another thread is in the middle of a poll, its counts may be some items apart.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ProcessorMetrics {
    /// How many items came from the sources.
    pub items_taken: u64,
    /// How many results were given on.
    pub items_processed: u64,
    /// How many items failed for good, those of calls that panicked and one that a strategy refused among them.
    pub items_failed: u64,
    /// How many items its backpressure strategy dropped.
    pub items_dropped: u64,
    /// How many items were lost as their stream was dropped before they were done.
    pub items_cancelled: u64,
    /// How many items are read ahead, or are with a backpressure strategy.
    pub items_buffered: u64,
    /// How many items are worked on, or are done and wait to be taken.
    pub items_in_flight: u64,
    /// How many attempts followed one that had failed.
    pub retries: u64,
    /// How many operations run now.
    pub concurrent_operations: u64,
    /// How many streams run now.
    pub streams: u64,
    /// How many results a second were given on, from the start until now, or until the stop.
    pub throughput_per_second: f64,
    /// How long operations took on average, in milliseconds, all attempts of an item together; of a sample of them, and 0 with
    /// `enable_metrics = false`. So are the others.
    pub average_processing_time_ms: f64,
    /// In how many milliseconds half of the operations were done.
    pub p50_processing_time_ms: f64,
    /// In how many milliseconds 99 % of the operations were done.
    pub p99_processing_time_ms: f64,
    /// How many milliseconds the longest operation took.
    pub max_processing_time_ms: f64,
    /// How full the buffer is, from 0 to 100.
    pub buffer_usage_percent: f64,
    /// Whether that is at or above the `backpressure_threshold`.
    pub under_pressure: bool,
    /// For how many seconds the processor has run.
    pub elapsed_seconds: f64,
    /// How the queue does of the stream that began last, where the processor was given a strategy.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub backpressure: Option<BackpressureMetrics>,
    /// How flow control does in the stream that ended a control interval last, where the processor was given it.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub flow_control: Option<FlowMetrics>,
}

impl ProcessorMetrics {
    pub(super) fn of(hub: &Hub) -> Self {
        let (totals, elapsed) = hub.totals();
        let Totals { taken, processed, failed, cancelled, buffered, .. } = totals;
        let usage = buffered as f64 / hub.buffer_size() as f64;
        let backpressure = hub.backpressure();
        let latencies = hub.latencies();
        Self {
            items_taken: taken,
            items_processed: processed,
            items_failed: failed,
            items_dropped: totals.dropped,
            items_cancelled: cancelled,
            items_buffered: buffered,
            items_in_flight: totals.unfinished.saturating_sub(buffered),
            retries: totals.retried,
            concurrent_operations: totals.running,
            streams: totals.streams,
            throughput_per_second: if elapsed.is_zero() {
                0.0
            } else {
                processed as f64 / elapsed.as_secs_f64()
            },
            average_processing_time_ms: in_ms(latencies.mean()),
            p50_processing_time_ms: in_ms(latencies.quantile(0.5)),
            p99_processing_time_ms: in_ms(latencies.quantile(0.99)),
            max_processing_time_ms: in_ms(latencies.max()),
            buffer_usage_percent: 100.0 * usage,
            under_pressure: usage >= hub.config.backpressure_threshold,
            elapsed_seconds: elapsed.as_secs_f64(),
            backpressure,
            flow_control: hub.flow_control.as_ref().and_then(|flow_control| flow_control.metrics()),
        }
    }
}

fn in_ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

impl fmt::Display for ProcessorMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { items_processed, items_failed, throughput_per_second: throughput, .. } = self;
        let Self { average_processing_time_ms: average, p99_processing_time_ms: p99, .. } = self;
        write!(f, "{items_processed} processed, {items_failed} failed, {throughput:.1} items/s, ")?;
        write!(f, "{average:.3} ms on average (p99 {p99:.3} ms), ")?;
        write!(f, "buffer {:.0} % full", self.buffer_usage_percent)
    }
}

/// How a processor was stopped.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct StopReport {
    /// What it did in its life.
    pub metrics: ProcessorMetrics,
    /// How many items were taken from a source and are not done, as nobody drove their streams in time. They are not lost: a
    /// stream that is polled again finishes them.
    pub items_unfinished: u64,
}

impl StopReport {
    /// Whether all that was begun is done.
    pub fn is_clean(&self) -> bool {
        self.items_unfinished == 0
    }
}

impl fmt::Display for StopReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { metrics, items_unfinished } = self;
        write!(f, "stopped after {:.3} s: {metrics}", metrics.elapsed_seconds)?;
        if self.is_clean() { Ok(()) } else { write!(f, "; {items_unfinished} items are unfinished") }
    }
}
