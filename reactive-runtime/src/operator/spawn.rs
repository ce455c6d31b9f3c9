#[cfg(feature = "time")]
mod pressured;
mod task;

use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use self::task::Task;
use crate::fault::Fault;
use crate::flow::{Activity, Downstream, Drive, Driven, Flow};
use crate::items::{Items, Stage, Staged};
use crate::live::{IntoSetting, Setting};
use crate::pipe::Pipe;

/// How many items stand between the two tasks unless it is told otherwise.
const CAPACITY: usize = 256;

impl<T, K> Items<T, K> {
    /// Runs what is above it on a tokio task of its own.
    ///
    /// The task starts when the pipeline is first polled, and runs ahead by up to 256 items, or
    /// [`capacity`](Staged::capacity). Items go over in chunks, of whatever is ready; one that comes alone goes at
    /// once. With the pipeline, the task is dropped: it is gone after one turn of its runtime.
    ///
    /// When they are all there, what is above waits; with the option [`backpressure`](Staged::backpressure) another strategy
    /// decides.
    ///
    /// It pays where both sides have work to do, on a runtime with several threads, and where what is above it must go
    /// on while the reader of a `Stream` is busy. For work that does not await, see [`parallel`](Items::parallel).
    ///
    /// # Cancel safety
    ///
    /// What waits between the tasks is dropped with the pipeline.
    ///
    /// # Errors
    ///
    /// Errors of what is above come behind the items before them. The task does not run ahead of one: it goes on when
    /// the pipeline does, below a [`catch`](Items::catch).
    ///
    /// # Panics
    ///
    /// A panic above comes out of the pipeline, behind the items before it. When it is first polled outside of a tokio
    /// runtime, it panics; and if its runtime is shut down before the end is reached.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let lengths = pipeline! {
    ///     vec!["one".to_owned(), "three".to_owned()]
    ///         |> map(|word| word.len())   // on a task
    ///         |> spawn(capacity = 16)
    ///         |> collect::<Vec<_>>()      // on this one
    /// };
    /// assert_eq!(lengths.await, [3, 5]);
    /// # }
    /// ```
    #[doc(alias = "observe_on")]
    #[doc(alias = "publish_on")]
    pub fn spawn(self) -> Staged<Spawn, T, K>
    where
        T: Send + 'static,
        K: Send + 'static,
    {
        self.stage(Spawn { capacity: Setting::fixed(CAPACITY) })
    }
}

impl<F: Flow> Pipe<F> {
    /// Runs the pipeline so far on a tokio task of its own. See [`Items::spawn`].
    #[track_caller]
    pub fn spawn(self) -> Pipe<SpawnFlow<F, F::Item, F::Error>>
    where
        F: Send + 'static,
        F::Item: Send + 'static,
        F::Error: Send + 'static,
    {
        self.with(Items::spawn)
    }
}

impl<T, K> Staged<Spawn, T, K> {
    /// How many items may stand between the two tasks. With 1, what is above makes the next item while what is below has
    /// the last one.
    ///
    /// It may be [`Live`](crate::Live): raised, more runs ahead at once; lowered, what stands between them stays, and nothing is
    /// added until it is less.
    ///
    /// # Panics
    ///
    /// If `items` is 0. As a literal in `pipeline!`, that does not compile.
    #[track_caller]
    pub fn capacity(self, items: impl IntoSetting<usize>) -> Self {
        let capacity = capacity(items);
        self.map_op(|_| Spawn { capacity })
    }
}

#[track_caller]
fn capacity(items: impl IntoSetting<usize>) -> Setting<usize> {
    items.into_setting(|items| match items {
        0 => Err("a hand-over of 0 items has no meaning: `capacity` takes at least 1"),
        _ => Ok(()),
    })
}

/// Runs a flow on a task of its own: made by [`Items::spawn`].
#[derive(Clone, Debug)]
pub struct Spawn {
    capacity: Setting<usize>,
}

impl<F> Stage<F> for Spawn
where
    F: Flow + Send + 'static,
    F::Item: Send + 'static,
    F::Error: Send + 'static,
{
    type Flow = SpawnFlow<F, F::Item, F::Error>;

    fn attach(self, upstream: F) -> Self::Flow {
        SpawnFlow(State::Waits { upstream, capacity: self.capacity, start: Task::start })
    }
}

/// The flow below [`Spawn`].
pub struct SpawnFlow<F, T, K>(State<F, T, K>);

enum State<F, T, K> {
    /// Until the first poll. Where the stage was made `start` could be named, so nothing has to ask for `Send` again: a
    /// mistake is told once.
    Waits { upstream: F, capacity: Setting<usize>, start: fn(F, Setting<usize>) -> Task<T, K> },
    /// A task drives the flow.
    Runs(Task<T, K>),
    /// It has ended, or panicked.
    Ended,
}

// The flow is pinned on its task, and not before.
impl<F, T, K> Unpin for SpawnFlow<F, T, K> {}

impl<F: Flow<Item = T, Error = K>, T, K: Fault> Flow for SpawnFlow<F, T, K> {
    type Item = T;
    type Error = K;
    type Bound = F::Bound;

    #[inline(always)]
    fn poll_drive<D: Downstream<T>>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<K> {
        self.start();
        let State::Runs(task) = &mut self.0 else { return Poll::Ready(Ok(Drive::Ended)) };
        let driven = task.items.poll_drive(cx, down);
        if matches!(driven, Poll::Ready(Ok(Drive::Ended))) {
            ready!(self.join(cx));
        }
        driven
    }

    fn poll_progress(mut self: Pin<&mut Self>, _: &mut Context<'_>) {
        if let State::Runs(task) = &mut self.0 {
            task.items.release();
        }
    }

    /// It does nothing itself; its task has meters of its own.
    fn activity(&self) -> Activity {
        Activity::Idle
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.0 {
            State::Waits { upstream, .. } => upstream.size_hint(),
            State::Runs(task) => (task.items.held(), None),
            State::Ended => (0, Some(0)),
        }
    }
}

impl<F, T, K> SpawnFlow<F, T, K> {
    #[inline]
    fn start(&mut self) {
        if let State::Waits { .. } = self.0
            && let State::Waits { upstream, capacity, start } = std::mem::replace(&mut self.0, State::Ended)
        {
            self.0 = State::Runs(start(upstream, capacity));
        }
    }

    /// The task has told all it had: it has ended, or panicked.
    #[cold]
    fn join(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let State::Runs(task) = &mut self.0 else { return Poll::Ready(()) };
        let joined = ready!(task.poll_join(cx));
        self.0 = State::Ended;
        joined.map_or_else(|panic| resume_unwind(panic), Poll::Ready)
    }
}
