use std::sync::Arc;
use std::time::Duration;

use super::handlers::Handled;
use super::hub::Hub;
use super::{
    Failure, Keeps, Kind, NoLetters, NoResult, Outcome, ProcessError, ProcessorMetrics, StopReport, Stopped,
};
use super::{StreamConfig, TryOutcome};
use crate::backpressure::BackpressureConfig;
use crate::concurrent::Always;
use crate::config::ConfigError;
use crate::fault::{Failed, Fault, Join};
use crate::flow::Flow;
use crate::flow_control::{Algorithm, IntoFlowControl};
use crate::pipe::Pipe;
use crate::retry::Retry;
use crate::source::Source;
use crate::units::IntoDuration;

/// Calls a function for each item of its streams: several at a time, again where it failed, and keeps count.
///
/// A handle, cheap to clone. Several streams at once share its limits: so many operations at a time, so many items read
/// ahead; where they compete, each has its turn. Each stream is driven by whoever polls it, and nothing is spawned: drive
/// streams that run at the same time in tasks of their own, or with `join!`, as one that nobody polls keeps its places.
///
/// # Examples
///
/// ```
/// # use reactive_runtime::prelude::*;
/// # use futures::TryStreamExt;
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let processor = StreamProcessor::new(StreamConfig::default().max_concurrent_operations(10))?;
/// processor.add_error_handler(|failure| eprintln!("{failure}"));
///
/// async fn store(row: u32) -> Result<u32, String> {
///     if row == 13 { Err("no luck".to_owned()) } else { Ok(row) }
/// }
///
/// let mut stored = processor.try_process_stream(0..100u32, store);
/// let mut sum = 0;
/// while let Some(row) = stored.try_next().await? {
///     sum += row;
/// }
/// assert_eq!(sum, 4950 - 13);
///
/// let report = processor.stop().await;
/// assert_eq!((report.metrics.items_processed, report.metrics.items_failed, report.metrics.retries), (99, 1, 3));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct StreamProcessor {
    hub: Arc<Hub>,
}

impl StreamProcessor {
    /// A processor that works as `config` says.
    ///
    /// # Errors
    ///
    /// All fields of the config that have no meaning as they are.
    pub fn new(config: StreamConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self { hub: Arc::new(Hub::new(config)) })
    }

    /// Tries failed items again as `retry` says, in place of the config.
    ///
    /// # Panics
    ///
    /// If the processor has streams or clones already.
    #[track_caller]
    #[must_use]
    pub fn with_retry(self, retry: Retry) -> Self {
        self.set_up(|hub| hub.retry = retry)
    }

    /// Lets a strategy decide what is queued while no more operations may run, in place of a buffer that makes the source wait.
    ///
    /// Each stream has a queue of its own, of the config's `buffer_size`. A circuit breaker opens on failures of the operations,
    /// and on an overload that lasts.
    ///
    /// # Data loss
    ///
    /// What the strategy drops; it is counted.
    ///
    /// # Errors
    ///
    /// All fields of the config that have no meaning as they are.
    ///
    /// # Panics
    ///
    /// If the processor has streams or clones already.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // Only the two newest items are worth the work, which takes as long as four of them need to come.
    /// let processor = StreamProcessor::new(StreamConfig::default().max_concurrent_operations(1))?
    ///     .with_backpressure(BackpressureConfig {
    ///         strategy: BackpressureStrategy::DropOldest,
    ///         buffer_size: 2,
    ///         ..Default::default()
    ///     })?;
    /// let work = async |item: usize| {
    ///     tokio::time::sleep(Duration::from_millis(45)).await;
    ///     item
    /// };
    /// let worked_on = pipeline! {
    ///     interval(10ms)
    ///         |> take(9)
    ///         |> enumerate()
    ///         |> map(|(i, _)| i)
    ///         |> process(&processor, work)
    ///         |> collect::<Vec<_>>()
    /// };
    /// assert_eq!(worked_on.await?, [0, 3, 7, 8]);
    /// assert_eq!(processor.metrics().items_dropped, 5);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn with_backpressure(self, config: BackpressureConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(self.set_up(|hub| hub.backpressure = Some(config)))
    }

    /// Lets an algorithm decide how fast operations begin and how many of them run, up to `max_concurrent_operations`.
    ///
    /// It takes an [`Algorithm`], a [`FlowControlConfig`](crate::flow_control::FlowControlConfig), a
    /// [`FlowController`](crate::flow_control::FlowController) or a [`FlowControl`](crate::flow_control::FlowControl). It is for
    /// functions that await: a value that is there at once is never held back. Each stream works with an algorithm of its own,
    /// which measures it as [`flow_control`](crate::Staged::flow_control) of `map_async` does. What is held back is read ahead,
    /// and nothing is lost. With `enable_flow_control = false` it is not used.
    ///
    /// # Panics
    ///
    /// If it is given a configuration that has no meaning, or the processor has streams or clones already.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use std::time::Duration;
    /// # use tokio::sync::Semaphore;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // Four requests at a time take 10 ms each: 400 a second, and who asks for more waits.
    /// let service = Semaphore::new(4);
    /// let request = async |id: u32| {
    ///     let _turn = service.acquire().await;
    ///     tokio::time::sleep(Duration::from_millis(10)).await;
    ///     id
    /// };
    /// let processor = StreamProcessor::new(StreamConfig::default().max_concurrent_operations(1000))?
    ///     .with_flow_control(FlowControlConfig::default());
    /// let done = pipeline! { 0..4000 |> process(&processor, request) |> count() };
    /// assert_eq!(done.await?, 4000);
    ///
    /// let metrics = processor.metrics();
    /// assert!(metrics.p99_processing_time_ms < 200.0 && metrics.throughput_per_second > 250.0);
    /// assert!(metrics.flow_control.unwrap().current_rate > 300.0);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    #[must_use]
    pub fn with_flow_control<A>(self, control: impl IntoFlowControl<Algorithm = A>) -> Self
    where
        A: Algorithm + Clone + Send + Sync + 'static,
    {
        let control = control.into_flow_control();
        self.set_up(|hub| hub.flow_control = Some(Box::new(control)))
    }

    #[track_caller]
    fn set_up(mut self, set: impl FnOnce(&mut Hub)) -> Self {
        set(Arc::get_mut(&mut self.hub).expect("a processor is set up before it has streams and clones"));
        self
    }

    /// Its config.
    pub fn config(&self) -> &StreamConfig {
        &self.hub.config
    }

    /// Starts it: from here on the time of its metrics runs. The first stream starts it by itself; to start it again is
    /// nothing.
    ///
    /// # Errors
    ///
    /// [`Stopped`] after [`stop`](Self::stop).
    pub async fn start(&self) -> Result<(), Stopped> {
        self.hub.start()
    }

    /// Stops it gracefully: no new items are taken, what was taken is finished and given, and the streams end.
    ///
    /// Somebody has to drive the streams meanwhile. It waits for them for at most the `processing_timeout`, and tells what is
    /// unfinished then. Streams that begin later fail with [`ProcessError::Stopped`]. To stop it again is to wait again.
    ///
    /// An operation, an error handler or a dead-letter sink that awaits it waits for itself, until that time is up: let a task
    /// of its own do so.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it no more waits; the streams end all the same.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with time enabled.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let processor = StreamProcessor::default();
    /// let work = async |tick: usize| {
    ///     tokio::time::sleep(Duration::from_millis(50)).await;
    ///     tick
    /// };
    /// let endless = pipeline! {
    ///     interval(10ms) |> enumerate() |> map(|(i, _)| i) |> process(&processor, work) |> count()
    /// };
    /// let stop = async {
    ///     tokio::time::sleep(Duration::from_millis(995)).await;
    ///     processor.stop().await
    /// };
    /// let (count, report) = tokio::join!(endless, stop);
    /// assert_eq!(count?, 100);
    /// assert!(report.is_clean());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn stop(&self) -> StopReport {
        self.stop_within(self.hub.config.processing_timeout).await
    }

    /// [Stops](Self::stop) it, and waits for at most `time`.
    ///
    /// # Panics
    ///
    /// As [`stop`](Self::stop).
    pub async fn stop_within(&self, time: impl IntoDuration) -> StopReport {
        let time: Duration = time.into_duration();
        self.hub.begin_to_stop();
        // What is unfinished then is told by the report.
        let _ = tokio::time::timeout(time, std::future::poll_fn(|cx| self.hub.poll_stopped(cx))).await;
        self.hub.finish_stop();
        let metrics = self.metrics();
        StopReport { items_unfinished: metrics.items_in_flight + metrics.items_buffered, metrics }
    }

    /// Calls `handler` for each item that fails for good, besides those that were added before.
    ///
    /// It may be asynchronous; then the item keeps its turn in the order until it is done. Handlers are called in the order in
    /// which they were added.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use std::sync::{Arc, Mutex};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let processor = StreamProcessor::new(StreamConfig::default().max_retry_attempts(1))?;
    /// let log = Arc::new(Mutex::new(Vec::new()));
    /// let lines = log.clone();
    /// processor.add_error_handler(move |failure| lines.lock().unwrap().push(failure.to_string()));
    /// processor.add_error_handler(async |_| tokio::task::yield_now().await);
    ///
    /// let parsed = pipeline! {
    ///     ["1", "x", "3"] |> try_process(&processor, str::parse::<u32>).named("parse") |> collect::<Vec<_>>()
    /// };
    /// assert_eq!(parsed.await?, [1, 3]);
    /// assert_eq!(*log.lock().unwrap(), ["`parse` failed after 2 attempts: invalid digit found in string"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn add_error_handler<R: Handled<M>, M>(
        &self,
        handler: impl Fn(Failure) -> R + Send + Sync + 'static,
    ) {
        self.hub.handlers.add(handler);
    }

    /// How it does now, over all of its streams.
    #[doc(alias = "get_metrics")]
    pub fn metrics(&self) -> ProcessorMetrics {
        ProcessorMetrics::of(&self.hub)
    }

    /// How it does now: the same as [`metrics`](Self::metrics).
    #[doc(alias = "get_metrics_summary")]
    pub fn metrics_summary(&self) -> ProcessorMetrics {
        self.metrics()
    }

    /// The results of calling `f` for each item of `source`, which gives a value, or a future of one: see
    /// [`Items::process`](crate::Items::process).
    ///
    /// A stream becomes a source with [`Pipe::from_stream`], an iterator with [`Pipe::from_iter`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::TryStreamExt;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let processor = StreamProcessor::default();
    /// let names: Vec<String> =
    ///     processor.process_stream(["ann", "bob"], |name| name.to_uppercase()).try_collect().await?;
    /// assert_eq!(names, ["ANN", "BOB"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn process_stream<S, T, R, M, F, K, U, N>(
        &self,
        source: S,
        f: F,
    ) -> Pipe<impl Flow<Item = U, Error = K> + use<S, T, R, M, F, K, U, N>>
    where
        S: Source<Flow: Flow<Item = T, Error: Join<Failed<ProcessError<T>>, Out = K>>>,
        F: FnMut(T) -> R,
        R: Outcome<M, Value = U>,
        U: NoResult<N>,
        M: Keeps<T> + Kind<T, F, NoLetters, Always, U>,
        K: Fault,
    {
        Pipe::new(source).process(self, f)
    }

    /// The values of calling `f` for each item of `source`, which gives a `Result`, or a future of one: see
    /// [`Items::try_process`](crate::Items::try_process).
    ///
    /// A stream becomes a source with [`Pipe::from_stream`], an iterator with [`Pipe::from_iter`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let processor = StreamProcessor::default();
    /// let rows = futures::stream::iter(["1", "x", "3"]);
    /// let numbers = processor.try_process_stream(Pipe::from_stream(rows), str::parse::<u32>);
    /// assert_eq!(numbers.collect::<Vec<_>>().await?, [1, 3]);
    /// assert_eq!(processor.metrics().items_failed, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_process_stream<S, T, R, M, F, K>(
        &self,
        source: S,
        f: F,
    ) -> Pipe<impl Flow<Item = R::Value, Error = K> + use<S, T, R, M, F, K>>
    where
        S: Source<Flow: Flow<Item = T, Error: Join<Failed<ProcessError<T>>, Out = K>>>,
        F: FnMut(T) -> R,
        R: TryOutcome<M>,
        M: Keeps<T> + Kind<T, F, NoLetters, Always, R::Value>,
        K: Fault,
    {
        Pipe::new(source).try_process(self, f)
    }

    pub(super) fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }
}

impl Default for StreamProcessor {
    fn default() -> Self {
        Self::new(StreamConfig::default()).expect("the default config is right")
    }
}
