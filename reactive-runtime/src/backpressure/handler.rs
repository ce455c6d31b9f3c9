use super::{BackpressureConfig, BackpressureMetrics, BackpressureMonitor, BoundedQueue, Configured};
use crate::config::ConfigError;

/// Handles backpressure as a [`BackpressureConfig`] says, and shows how it goes: a handle, cheap to clone.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use reactive_runtime::backpressure::{BackpressureConfig, BackpressureHandler, BackpressureStrategy};
///
/// let handler = BackpressureHandler::new(BackpressureConfig {
///     strategy: BackpressureStrategy::DropOldest,
///     buffer_size: 3,
///     ..Default::default()
/// })?;
/// let mut queue = handler.queue();
/// for item in 0..5 {
///     let _ = queue.offer(Duration::ZERO, item);
/// }
/// queue.publish();
/// let metrics = handler.metrics();
/// assert_eq!(metrics.strategy, "drop_oldest");
/// assert_eq!(metrics.dropped_items.total(), 2);
/// assert_eq!(queue.take(Duration::ZERO), Some(2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct BackpressureHandler {
    config: BackpressureConfig,
    monitor: BackpressureMonitor,
}

impl BackpressureHandler {
    /// Handles backpressure as `config` says.
    ///
    /// # Errors
    ///
    /// All fields of the config that have no meaning as they are.
    pub fn new(config: BackpressureConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self { config, monitor: BackpressureMonitor::new() })
    }

    /// Its config.
    pub fn config(&self) -> &BackpressureConfig {
        &self.config
    }

    /// The strategy, for one queue; what becomes of its items is shown by [`metrics`](Self::metrics).
    pub fn strategy<T>(&self) -> Configured<T> {
        let strategy = self.config.build().expect("the config was valid when the handler was made");
        strategy.shown_in(&self.monitor)
    }

    /// A queue of its own, of `buffer_size` items.
    pub fn queue<T>(&self) -> BoundedQueue<T, Configured<T>> {
        BoundedQueue::new(self.config.buffer_size, self.strategy())
    }

    /// The metrics of the queue, as they were last shown.
    pub fn metrics(&self) -> BackpressureMetrics {
        self.monitor.metrics()
    }
}

impl Default for BackpressureHandler {
    fn default() -> Self {
        Self { config: BackpressureConfig::default(), monitor: BackpressureMonitor::new() }
    }
}
