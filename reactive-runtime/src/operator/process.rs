use std::borrow::Cow;
use std::marker::PhantomData;

use crate::concurrent::{Always, Calls, Governed, If, Order};
use crate::fault::{Failed, Fault, Join};
use crate::flow::Flow;
use crate::flow_control::{Algorithm, IntoFlowControl};
use crate::items::{Items, Stage, Staged, WorksInFlight};
use crate::pipe::Pipe;
use crate::processor::{
    Control, DeadLetter, Keeps, Kind, NoLetters, NoResult, Operated, Outcome, ProcessError, Processed,
    Sender, StreamProcessor, TryOutcome, attach,
};

impl<T, K> Items<T, K> {
    /// Turns each item into what `f` makes of it, as a [`StreamProcessor`] does: several at a time, in the order of the items,
    /// and with an account of them in its [metrics](StreamProcessor::metrics).
    ///
    /// `f` gives a value, or a future of one, which may take as long as the `processing_timeout`. A `Result` is for
    /// [`try_process`](Self::try_process): here the compiler asks for type annotations, and names
    /// [`UseTryProcess`](crate::processor::UseTryProcess). Operations that may take their time are tried again and told of as there.
    ///
    /// While no more operations may run, it reads ahead by up to `buffer_size` items. A worker takes a batch of what is there,
    /// of at most `batch_size` items, then lets others have their turn; it never waits for a batch. The streams of a processor
    /// share all of that.
    ///
    /// A value that is ready at once costs no clone and no allocation.
    ///
    /// Options: [`unordered`](Staged::unordered), [`named`](Staged::named), [`dead_letters`](Staged::dead_letters),
    /// `flow_control` where `f` gives a future, and [`retry_if`](Staged::retry_if) of `try_process`.
    ///
    /// # Data loss
    ///
    /// An item that has failed for good, unless the processor is told to [fail](crate::processor::OnFailure::Fail) then; and what
    /// a strategy drops that the processor was [given](StreamProcessor::with_backpressure).
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops what it has read ahead and the operations that run; the metrics count these items as cancelled.
    ///
    /// # Errors
    ///
    /// [`ProcessError::Failed`] in the place of an item, if so configured; [`ProcessError::Stopped`] if the processor was
    /// stopped before the first poll.
    ///
    /// # Panics
    ///
    /// When an operation has to wait and is polled outside of a tokio runtime with time enabled.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let processor = StreamProcessor::new(StreamConfig::low_latency())?;
    /// let names = pipeline! {
    ///     ["ann", "bob"] |> process(&processor, |name| name.to_uppercase()) |> collect::<Vec<_>>()
    /// };
    /// assert_eq!(names.await?, ["ANN", "BOB"]);
    /// assert_eq!(processor.metrics().items_processed, 2);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "time")))]
    pub fn process<R, M, F, L, U, N>(
        self,
        processor: &StreamProcessor,
        f: F,
    ) -> Staged<Process<T, M, F, U>, U, L>
    where
        F: FnMut(T) -> R,
        R: Outcome<M, Value = U>,
        U: NoResult<N>,
        M: Keeps<T>,
        K: Join<Failed<ProcessError<T>>, Out = L>,
    {
        Items::<T, L>::new().stage(Process::new(processor, f))
    }

    /// Turns each item into what `f` makes of it, which may fail, as a [`StreamProcessor`] does: an item that fails is tried
    /// again, and told of if it fails for good.
    ///
    /// `f` gives a `Result`, or a future of one. Everything else is as for [`process`](Self::process), its options too.
    ///
    /// An item is tried again `max_retry_attempts` times after the first, `retry_delay` after each failure, and keeps its
    /// place and its turn meanwhile. Each attempt may take as long as the `processing_timeout`. An item that fails for good goes
    /// to the [error handlers](StreamProcessor::add_error_handler) and to the dead-letter sink; then the stream goes on without
    /// it, or fails if so configured.
    ///
    /// # Data loss
    ///
    /// An item that has failed for good, unless the processor is told to [fail](crate::processor::OnFailure::Fail) then.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let start = tokio::time::Instant::now();
    /// let processor = StreamProcessor::new(StreamConfig::default().retry_delay(Duration::from_secs(1)))?;
    /// let mut calls = 0;
    /// let fetch = |id: u32| {
    ///     calls += 1;
    ///     let fails = calls < 3;
    ///     async move { if fails { Err("busy") } else { Ok(id) } }
    /// };
    /// let fetched = pipeline! { [7] |> try_process(&processor, fetch) |> collect::<Vec<_>>() };
    /// assert_eq!(fetched.await?, [7]);
    /// assert_eq!((start.elapsed().as_secs(), processor.metrics().retries), (2, 2));
    /// # Ok(())
    /// # }
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "time")))]
    pub fn try_process<R, M, F, L>(
        self,
        processor: &StreamProcessor,
        f: F,
    ) -> Staged<Process<T, M, F, R::Value>, R::Value, L>
    where
        F: FnMut(T) -> R,
        R: TryOutcome<M>,
        M: Keeps<T>,
        K: Join<Failed<ProcessError<T>>, Out = L>,
    {
        Items::<T, L>::new().stage(Process::new(processor, f))
    }
}

impl<F: Flow<Item = T, Error = E>, T, E: Fault> Pipe<F> {
    /// Turns each item into what `f` makes of it, as a processor does. See [`Items::process`].
    #[cfg_attr(docsrs, doc(cfg(feature = "time")))]
    #[track_caller]
    pub fn process<R, M, G, C, J, K, U, N>(
        self,
        processor: &StreamProcessor,
        f: G,
    ) -> Pipe<Processed<F, T, C, J, U, E, K>>
    where
        G: FnMut(T) -> R,
        R: Outcome<M, Value = U>,
        U: NoResult<N>,
        M: Keeps<T> + Kind<T, G, NoLetters, Always, U, Calls = C>,
        C: Calls<T, Job = J, Output = Operated<U, T>>,
        E: Join<Failed<ProcessError<T>>, Out = K>,
        K: Fault,
    {
        self.with(|items| items.process(processor, f))
    }

    /// Turns each item into what `f` makes of it, which may fail, as a processor does. See [`Items::try_process`].
    #[cfg_attr(docsrs, doc(cfg(feature = "time")))]
    #[track_caller]
    pub fn try_process<R, M, G, C, J, K>(
        self,
        processor: &StreamProcessor,
        f: G,
    ) -> Pipe<Processed<F, T, C, J, R::Value, E, K>>
    where
        G: FnMut(T) -> R,
        R: TryOutcome<M>,
        M: Keeps<T> + Kind<T, G, NoLetters, Always, R::Value, Calls = C>,
        C: Calls<T, Job = J, Output = Operated<R::Value, T>>,
        E: Join<Failed<ProcessError<T>>, Out = K>,
        K: Fault,
    {
        self.with(|items| items.try_process(processor, f))
    }
}

impl<T, M, F, D, P, U, K> Staged<Process<T, M, F, U, D, P>, U, K> {
    /// Gives results as they come, not in the order of the items.
    pub fn unordered(self) -> Self {
        self.map_op(|op| Process { order: Order::Completion, ..op })
    }

    /// Names the stage in what the error handlers and the dead-letter sink are told, in place of `process`.
    pub fn named(self, name: impl Into<Cow<'static, str>>) -> Self {
        self.map_op(|op| Process { name: name.into(), ..op })
    }
}

impl<T, M, F, D, P, U, K> Staged<Process<T, M, F, U, D, P>, U, K> {
    /// Decides by an algorithm how fast the operations of this stage begin and how many of them run, up to
    /// `max_concurrent_operations`: in place of what the processor was
    /// [given](StreamProcessor::with_flow_control).
    ///
    /// It takes what [`flow_control`](Staged::flow_control) of `map_async` does. The
    /// [metrics](StreamProcessor::metrics) tell of the processor's own; look at this one through a
    /// [`FlowControl`](crate::flow_control::FlowControl). With `enable_flow_control = false` neither is used.
    ///
    /// A function that gives its value at once has none: nothing is ever in flight.
    ///
    /// # Panics
    ///
    /// If it is given a configuration that has no meaning.
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
    /// let processor = StreamProcessor::new(StreamConfig::default().max_concurrent_operations(1000))?;
    /// let done = pipeline! {
    ///     0..4000 |> process(&processor, request, flow_control = Bbr::new().target_delay(50ms)) |> count()
    /// };
    /// assert_eq!(done.await?, 4000);
    /// assert!(processor.metrics().p99_processing_time_ms < 200.0);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn flow_control<X, A>(self, control: X) -> Self
    where
        X: IntoFlowControl<Algorithm = A>,
        A: Algorithm + Send + Sync + 'static,
        M: WorksInFlight,
    {
        let control = Governed::new(control.into_flow_control().into_boxed());
        self.map_op(|op| Process { control: Some(control), ..op })
    }
}

impl<T, M, F, P, U, K> Staged<Process<T, M, F, U, NoLetters, P>, U, K> {
    /// Calls `sink` with each item that fails for good, after the error handlers, and awaits what it gives.
    ///
    /// The item keeps its turn in the order meanwhile: a sink that is slow slows down the stream, and nothing is lost.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let processor = StreamProcessor::default();
    /// let (letters, mut dead) = tokio::sync::mpsc::channel(10);
    /// let send = |letter| {
    ///     let letters = letters.clone();
    ///     async move { letters.send(letter).await.expect("somebody reads them") }
    /// };
    /// let parsed = pipeline! {
    ///     ["1", "x", "3"]
    ///         |> try_process(&processor, str::parse::<u32>, dead_letters = send)
    ///         |> collect::<Vec<_>>()
    /// };
    /// assert_eq!(parsed.await?, [1, 3]);
    /// let letter = dead.recv().await.unwrap();
    /// assert_eq!((letter.item, letter.failure.attempts), ("x", 4));
    /// assert_eq!(letter.failure.failed.duration_since(letter.failure.began)?.as_secs(), 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn dead_letters<G, Fut>(self, sink: G) -> Staged<Process<T, M, F, U, Sender<G>, P>, U, K>
    where
        G: FnMut(DeadLetter<T>) -> Fut,
        Fut: Future<Output = ()>,
    {
        self.map_op(|Process { processor, f, worth, name, order, control, kind, .. }| Process {
            processor,
            f,
            letters: Sender(sink),
            worth,
            name,
            order,
            control,
            kind,
        })
    }
}

impl<T, M, F, D, U, K> Staged<Process<T, M, F, U, D>, U, K> {
    /// Tries again only after errors for which `worth` is true. An attempt that timed out is always tried again.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let processor = StreamProcessor::default();
    /// let fetch = async |id: u32| if id == 404 { Err("not found") } else { Ok(id) };
    /// let fetched = pipeline! {
    ///     [200, 404]
    ///         |> try_process(&processor, fetch, retry_if = |error| *error != "not found")
    ///         |> collect::<Vec<_>>()
    /// };
    /// assert_eq!(fetched.await?, [200]);
    /// assert_eq!(processor.metrics().retries, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn retry_if<E, R, P>(self, worth: P) -> Staged<Process<T, M, F, U, D, If<P>>, U, K>
    where
        F: FnMut(T) -> R,
        R: TryOutcome<M, Value = U, Error = E>,
        P: FnMut(&E) -> bool,
    {
        self.map_op(|Process { processor, f, letters, name, order, control, kind, .. }| Process {
            processor,
            f,
            letters,
            worth: If(worth),
            name,
            order,
            control,
            kind,
        })
    }
}

/// Calls a function for each item, as a processor does: made by [`Items::process`] and [`Items::try_process`].
///
/// `M` says what the function gives, `D` takes the dead letters, and `P` says which errors are worth another attempt.
#[derive(Debug)]
pub struct Process<T, M, F, U, D = NoLetters, P = Always> {
    processor: StreamProcessor,
    f: F,
    letters: D,
    worth: P,
    name: Cow<'static, str>,
    order: Order,
    control: Control,
    kind: PhantomData<fn(T, M) -> U>,
}

impl<T, M, F, U> Process<T, M, F, U> {
    fn new(processor: &StreamProcessor, f: F) -> Self {
        let processor = processor.clone();
        Self {
            processor,
            f,
            letters: NoLetters,
            worth: Always,
            name: "process".into(),
            order: Order::Input,
            control: None,
            kind: PhantomData,
        }
    }
}

impl<F, T, M, G, D, P, U, C, J, E, K> Stage<F> for Process<T, M, G, U, D, P>
where
    F: Flow<Item = T, Error = E>,
    M: Kind<T, G, D, P, U, Calls = C>,
    C: Calls<T, Job = J, Output = Operated<U, T>>,
    E: Fault + Join<Failed<ProcessError<T>>, Out = K>,
    K: Fault,
{
    type Flow = Processed<F, T, C, J, U, E, K>;

    fn attach(self, upstream: F) -> Self::Flow {
        let Self { processor, f, letters, worth, name, order, control, .. } = self;
        let options = (name, letters, worth, control);
        attach::<M, F, T, G, D, P, C, J, U, E, K>(upstream, &processor, f, options, order)
    }
}
