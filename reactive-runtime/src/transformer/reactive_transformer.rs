use std::convert::Infallible;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::cache::{Cache, Counts};
use super::validation::{Invalid, Verdict};
use super::workers::Workers;
use super::{TransformationConfig, TransformerMetrics};
use crate::backpressure::BackpressureConfig;
use crate::config::ConfigError;
use crate::fault::{Failed, Fault, Join};
use crate::flow::Flow;
use crate::flow_control::{Algorithm, IntoFlowControl};
use crate::pipe::Pipe;
use crate::processor::{BoxError, Failure, Handled, ProcessError, StopReport, StreamConfig, StreamProcessor};
use crate::source::Source;

/// Calls a function for each item of its streams on threads of their own, validates what it gives, and keeps it for equal items.
///
/// While no more operations may run, the strategy of its `BackpressureConfig` decides what is queued. By default a source that
/// is pulled is only held up.
///
/// For functions that compute or block; one that awaits is for a [`StreamProcessor`]. A handle, cheap to clone: its streams share
/// its threads and limits.
///
/// # Data loss
///
/// What the strategy drops; what fails for good, or is not valid, unless told to fail then. All of it is counted.
///
/// # Examples
///
/// ```
/// # use reactive_runtime::prelude::*;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let transformer = ReactiveTransformer::new(
///     StreamConfig::default(),
///     BackpressureConfig::default(),
///     TransformationConfig { max_workers: 4, enable_caching: true, ..Default::default() },
/// )?;
/// let lengths = transformer.transform_stream(["a", "bcd", "a", ""], |word| word.len(), |length| *length > 0);
/// assert_eq!(lengths.collect::<Vec<_>>().await?, [1, 3, 1]);
///
/// let metrics = transformer.metrics();
/// assert_eq!((metrics.cache.misses, metrics.items_invalid), (3, 1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ReactiveTransformer {
    processor: StreamProcessor,
    config: Arc<TransformationConfig>,
    workers: Workers,
    invalid: Arc<AtomicU64>,
    counts: Counts,
}

impl ReactiveTransformer {
    /// A transformer that works as the configs say.
    ///
    /// # Errors
    ///
    /// All fields of the configs that have no meaning as they are, in the order of the configs.
    pub fn new(
        stream: StreamConfig,
        backpressure: BackpressureConfig,
        transformation: TransformationConfig,
    ) -> Result<Self, ConfigError> {
        ConfigError::of_all([stream.validate(), backpressure.validate(), transformation.validate()])?;
        let workers = Workers::new(transformation.max_workers, stream.batch_size);
        Ok(Self {
            processor: StreamProcessor::new(stream)?.with_backpressure(backpressure)?,
            config: Arc::new(transformation),
            workers,
            invalid: Arc::default(),
            counts: Counts::default(),
        })
    }

    /// Lets an algorithm decide how fast transforms begin: see [`StreamProcessor::with_flow_control`].
    ///
    /// # Panics
    ///
    /// As there.
    #[track_caller]
    #[must_use]
    pub fn with_flow_control<A>(mut self, control: impl IntoFlowControl<Algorithm = A>) -> Self
    where
        A: Algorithm + Clone + Send + Sync + 'static,
    {
        self.processor = self.processor.with_flow_control(control);
        self
    }

    /// The processor whose operations the transforms are.
    pub fn processor(&self) -> &StreamProcessor {
        &self.processor
    }

    /// Its config.
    pub fn config(&self) -> &TransformationConfig {
        &self.config
    }

    /// Calls `handler` for each item that fails for good, or whose result is not valid: see
    /// [`StreamProcessor::add_error_handler`].
    pub fn add_error_handler<R: Handled<M>, M>(
        &self,
        handler: impl Fn(Failure) -> R + Send + Sync + 'static,
    ) {
        self.processor.add_error_handler(handler);
    }

    /// Stops it gracefully: see [`StreamProcessor::stop`].
    pub async fn stop(&self) -> StopReport {
        self.processor.stop().await
    }

    /// How it does now, over all of its streams.
    #[doc(alias = "get_metrics")]
    #[doc(alias = "metrics_summary")]
    pub fn metrics(&self) -> TransformerMetrics {
        TransformerMetrics {
            processor: self.processor.metrics(),
            items_invalid: self.invalid.load(Ordering::Relaxed),
            cache: self.counts.metrics(),
        }
    }

    /// The results of calling `transform` for each item of `source`, in their order, of those for which `validate` finds no
    /// violation.
    ///
    /// `validate` gives a `bool`, a `Result<(), _>`, or all violations, as [`Rules`](super::Rules) finds them. A result that is
    /// not valid is not tried again: the error handlers are told, and the stream goes on or fails as for an item that fails.
    ///
    /// With `enable_caching`, equal items are computed once, and their results are kept. A stream has a cache of its own. Items
    /// that have no `Hash` are for [`transform_unique_stream`](Self::transform_unique_stream).
    ///
    /// A stream becomes a source with [`Pipe::from_stream`], an iterator with [`Pipe::from_iter`]. What it gives is a source
    /// of further pipelines.
    ///
    /// # Cancel safety
    ///
    /// When the stream is dropped, or an attempt takes longer than the `processing_timeout`, a call that has begun runs to its
    /// end, and its result is dropped. One that has not begun is not made.
    ///
    /// # Panics
    ///
    /// A panic in `transform` or `validate` comes out of the stream, perhaps before the results of earlier items. Polled with an
    /// item outside of a tokio runtime with time enabled, it panics.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (stream, backpressure, transformation) = Default::default();
    /// let transformer = ReactiveTransformer::new(stream, backpressure, transformation)?;
    /// let numbers = futures::stream::iter(["1", "x", "3"]);
    /// let squares = transformer.transform_stream(
    ///     Pipe::from_stream(numbers),
    ///     |text| text.parse().map(|x: u32| x * x),
    ///     |result| result.as_ref().map(|_| ()).map_err(ToString::to_string),
    /// );
    /// let pairs = pipeline! { squares |> map(|result| result.expect("it is valid")) |> batch(2) |> collect::<Vec<_>>() };
    /// assert_eq!(pairs.await?, [[1, 9]]);
    /// assert_eq!(transformer.metrics().items_invalid, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn transform_stream<S, T, U, V, K, F, G>(
        &self,
        source: S,
        transform: F,
        validate: G,
    ) -> Pipe<impl Flow<Item = U, Error = K> + use<S, T, U, V, K, F, G>>
    where
        S: Source<Flow: Flow<Item = T, Error: Join<Failed<ProcessError<T>>, Out = K>>>,
        T: Clone + Hash + Eq + Send + Sync + 'static,
        U: Clone + Send + Sync + 'static,
        V: Verdict + 'static,
        K: Fault,
        F: Fn(T) -> U + Send + Sync + 'static,
        G: Fn(&U) -> V + Send + Sync + 'static,
    {
        self.try_transform_stream(source, move |item| Ok::<U, Infallible>(transform(item)), validate)
    }

    /// [`transform_stream`](Self::transform_stream) with a function that may fail. An item that fails is tried again, as the
    /// stream's config says. An error is not kept: equal items that wait for it are computed one after the other, until one
    /// succeeds.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let transformer = ReactiveTransformer::new(
    ///     StreamConfig::default().max_retry_attempts(0),
    ///     BackpressureConfig::default(),
    ///     TransformationConfig::default(),
    /// )?;
    /// let parsed = transformer.try_transform_stream(["1", "x", "3"], str::parse::<u32>, |x| *x < 100);
    /// assert_eq!(parsed.collect::<Vec<_>>().await?, [1, 3]);
    /// assert_eq!(transformer.metrics().processor.items_failed, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_transform_stream<S, T, U, E, V, K, F, G>(
        &self,
        source: S,
        transform: F,
        validate: G,
    ) -> Pipe<impl Flow<Item = U, Error = K> + use<S, T, U, E, V, K, F, G>>
    where
        S: Source<Flow: Flow<Item = T, Error: Join<Failed<ProcessError<T>>, Out = K>>>,
        T: Clone + Hash + Eq + Send + Sync + 'static,
        U: Clone + Send + Sync + 'static,
        E: Into<BoxError> + Send + 'static,
        V: Verdict + 'static,
        K: Fault,
        F: Fn(T) -> Result<U, E> + Send + Sync + 'static,
        G: Fn(&U) -> V + Send + Sync + 'static,
    {
        let TransformationConfig { enable_caching, cache_size, cache_ttl, .. } = *self.config;
        let cache = enable_caching.then(|| Arc::new(Cache::new(cache_size, cache_ttl, &self.counts)));
        let checked = Arc::new(self.checked(transform, validate));
        let workers = self.workers.clone();
        let f = move |item: T| {
            let known = cache.as_ref().and_then(|cache| cache.get(&item));
            let answer = known.ok_or_else(|| {
                let (checked, cache) = (checked.clone(), cache.clone());
                workers.run(move || match cache {
                    Some(cache) => cache.get_or(&item, || checked(item.clone())),
                    None => checked(item),
                })
            });
            async move {
                match answer {
                    Ok(known) => Ok(known),
                    Err(computed) => computed.await,
                }
            }
        };
        self.process(source, f)
    }

    /// [`transform_stream`](Self::transform_stream) that keeps nothing, whatever the config says: for items that are all
    /// different, or have no `Hash`.
    pub fn transform_unique_stream<S, T, U, V, K, F, G>(
        &self,
        source: S,
        transform: F,
        validate: G,
    ) -> Pipe<impl Flow<Item = U, Error = K> + use<S, T, U, V, K, F, G>>
    where
        S: Source<Flow: Flow<Item = T, Error: Join<Failed<ProcessError<T>>, Out = K>>>,
        T: Clone + Send + 'static,
        U: Send + 'static,
        V: Verdict + 'static,
        K: Fault,
        F: Fn(T) -> U + Send + Sync + 'static,
        G: Fn(&U) -> V + Send + Sync + 'static,
    {
        self.try_transform_unique_stream(source, move |item| Ok::<U, Infallible>(transform(item)), validate)
    }

    /// [`transform_unique_stream`](Self::transform_unique_stream) with a function that may fail.
    pub fn try_transform_unique_stream<S, T, U, E, V, K, F, G>(
        &self,
        source: S,
        transform: F,
        validate: G,
    ) -> Pipe<impl Flow<Item = U, Error = K> + use<S, T, U, E, V, K, F, G>>
    where
        S: Source<Flow: Flow<Item = T, Error: Join<Failed<ProcessError<T>>, Out = K>>>,
        T: Clone + Send + 'static,
        U: Send + 'static,
        E: Into<BoxError> + Send + 'static,
        V: Verdict + 'static,
        K: Fault,
        F: Fn(T) -> Result<U, E> + Send + Sync + 'static,
        G: Fn(&U) -> V + Send + Sync + 'static,
    {
        let (checked, workers) = (Arc::new(self.checked(transform, validate)), self.workers.clone());
        self.process(source, move |item: T| {
            let checked = checked.clone();
            workers.run(move || checked(item))
        })
    }

    fn process<S, T, U, E, F, Fut, K>(
        &self,
        source: S,
        f: F,
    ) -> Pipe<impl Flow<Item = U, Error = K> + use<S, T, U, E, F, Fut, K>>
    where
        S: Source<Flow: Flow<Item = T, Error: Join<Failed<ProcessError<T>>, Out = K>>>,
        T: Clone,
        F: FnMut(T) -> Fut,
        Fut: Future<Output = Result<U, Rejected<E>>>,
        E: Into<BoxError>,
        K: Fault,
    {
        Pipe::new(source).with(|items| {
            let operations = items.try_process(&self.processor, f).named("transform");
            operations.retry_if(|error| matches!(error, Rejected::Failed(_)))
        })
    }

    /// The function of a stream: a transform, whose result is validated.
    fn checked<T, U, E, V, F, G>(
        &self,
        transform: F,
        validate: G,
    ) -> impl Fn(T) -> Result<U, Rejected<E>> + use<T, U, E, V, F, G>
    where
        F: Fn(T) -> Result<U, E>,
        G: Fn(&U) -> V,
        V: Verdict,
    {
        let (validates, invalid) = (self.config.enable_validation, self.invalid.clone());
        move |item| {
            let result = transform(item).map_err(Rejected::Failed)?;
            let violations = if validates { validate(&result).violations() } else { Vec::new() };
            if violations.is_empty() {
                return Ok(result);
            }
            invalid.fetch_add(1, Ordering::Relaxed);
            Err(Rejected::Invalid(Invalid { violations }))
        }
    }
}

/// Why an item has no result.
enum Rejected<E> {
    Failed(E),
    Invalid(Invalid),
}

impl<E: Into<Self>> From<Rejected<E>> for BoxError {
    fn from(rejected: Rejected<E>) -> Self {
        match rejected {
            Rejected::Failed(error) => error.into(),
            Rejected::Invalid(invalid) => invalid.into(),
        }
    }
}
