mod calls;

use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use self::calls::Calls;
use crate::fault::Fault;
use crate::flow::{Activity, Budget, Downstream, Drive, Driven, Flow, Tail, yield_now};
use crate::items::{Items, Stage, Staged};
use crate::live::{IntoSetting, Setting};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Calls `f` for each item on one of up to `threads` threads, for work that computes or blocks and does not await.
    ///
    /// The threads are those of tokio's blocking pool: a call takes one and gives it back at its end, so an idle pipeline
    /// holds none. At most `threads` items are in it; a result that waits to be taken is one of them. Results come in
    /// the order of the items, or, with [`unordered`](Staged::unordered), as they are ready.
    ///
    /// `threads` may be [`Live`](crate::Live): raised, more calls begin at once; lowered, those that have begun go on, and
    /// none begins until fewer are in it.
    ///
    /// Two threads wake each other for each item, which takes some 10 to 20 µs: so it pays for calls of 100 µs and more.
    /// [`batch`](Items::batch) shorter ones, and let `f` take the batch.
    ///
    /// # Cancel safety
    ///
    /// When the pipeline is dropped, a call that has begun runs to its end, and its result is dropped. One that has not
    /// begun is not made.
    ///
    /// # Panics
    ///
    /// If `threads` is 0; as a literal in `pipeline!`, that does not compile. A panic in `f` comes out of the pipeline
    /// in the place of its result. Polled with an item outside of a tokio runtime, it panics; and if the runtime is
    /// shut down before a call was made.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// fn collatz_steps(start: u64) -> u32 {
    ///     let next = |n: &u64| (*n != 1).then(|| if n.is_multiple_of(2) { n / 2 } else { 3 * n + 1 });
    ///     std::iter::successors(Some(start), next).map(|_| 1).sum()
    /// }
    ///
    /// let longest = pipeline! { [27, 97, 871] |> parallel(2, collatz_steps) |> max() };
    /// assert_eq!(longest.await, Some(179));
    /// # }
    /// ```
    #[track_caller]
    pub fn parallel<U, F>(self, threads: impl IntoSetting<usize>, f: F) -> Staged<Parallel<F>, U, K>
    where
        F: Fn(T) -> U + OnThreads + 'static,
        T: Send + 'static,
        U: Send + 'static,
    {
        self.stage(Parallel::new(threads, f))
    }
}

impl<F: Flow> Pipe<F> {
    /// Calls `f` for each item on one of up to `threads` threads. See [`Items::parallel`].
    #[track_caller]
    pub fn parallel<U, G>(
        self,
        threads: impl IntoSetting<usize>,
        f: G,
    ) -> Pipe<ParallelFlow<F, G, F::Item, U, F::Error>>
    where
        G: Fn(F::Item) -> U + OnThreads + 'static,
        F::Item: Send + 'static,
        U: Send + 'static,
    {
        let parallel = Parallel::new(threads, f);
        self.with(|items| items.stage::<U, F::Error, _>(parallel))
    }
}

impl<F, U, K> Staged<Parallel<F>, U, K> {
    /// Gives each result as soon as it is there, in whatever order the calls end.
    pub fn unordered(self) -> Self {
        self.map_op(|op| Parallel { order: Order::OfResults, ..op })
    }
}

/// What several threads may call at the same time: every `F: Send + Sync`.
#[diagnostic::on_unimplemented(
    message = "this function cannot be called from several threads",
    label = "it, or a value that it captures, is not `Send` and `Sync`",
    note = "capture an `Arc` in place of an `Rc`, a `Mutex` or an atomic in place of a `RefCell` or a `Cell`"
)]
pub trait OnThreads: Send + Sync {}

#[diagnostic::do_not_recommend]
impl<F: Send + Sync> OnThreads for F {}

/// Calls a function on several threads: made by [`Items::parallel`].
#[derive(Clone, Debug)]
pub struct Parallel<F> {
    threads: Setting<usize>,
    order: Order,
    f: F,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    OfItems,
    OfResults,
}

impl<F> Parallel<F> {
    #[track_caller]
    fn new(threads: impl IntoSetting<usize>, f: F) -> Self {
        let threads = threads.into_setting(|threads| match threads {
            0 => Err("work on 0 threads has no meaning: `parallel` takes at least 1"),
            _ => Ok(()),
        });
        Self { threads, order: Order::OfItems, f }
    }
}

impl<F, G, U> Stage<F> for Parallel<G>
where
    F: Flow<Item: Send + 'static>,
    G: Fn(F::Item) -> U + Send + Sync + 'static,
    U: Send + 'static,
{
    type Flow = ParallelFlow<F, G, F::Item, U, F::Error>;

    fn attach(self, upstream: F) -> Self::Flow {
        let calls = Calls::new(self.threads, self.order, self.f);
        ParallelFlow { upstream, calls, tail: Tail::Open, started: false }
    }
}

pin_project! {
    /// The flow below [`Parallel`].
    pub struct ParallelFlow<F, G, T, U, K> {
        #[pin]
        upstream: F,
        calls: Calls<G, T, U>,
        tail: Tail<K>,
        started: bool,
    }
}

impl<F: Flow<Item = T, Error = K>, G, T, U, K: Fault> Flow for ParallelFlow<F, G, T, U, K> {
    type Item = U;
    type Error = K;
    type Bound = F::Bound;

    fn poll_drive<D: Downstream<U>>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<K> {
        *self.as_mut().project().started = true;
        let mut budget = Budget::drives();
        while budget.spend() {
            self.as_mut().fill(cx);
            let me = self.as_mut().project();
            match me.calls.poll_next(cx) {
                Poll::Ready(Some(result)) => {
                    if down.push(result).is_break() {
                        return Poll::Ready(Ok(Drive::Paused));
                    }
                }
                // With nothing in flight upstream was driven, and has nothing for now.
                Poll::Ready(None) => return me.tail.settle().map_or(Poll::Pending, Poll::Ready),
                Poll::Pending => return Poll::Pending,
            }
        }
        yield_now(cx)
    }

    fn poll_progress(mut self: Pin<&mut Self>, cx: &mut Context<'_>) {
        if self.started {
            self.as_mut().fill(cx);
        }
    }

    fn activity(&self) -> Activity {
        if self.calls.any_running() { Activity::Working } else { Activity::Idle }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (at_least, at_most) =
            if matches!(self.tail, Tail::Ended) { (0, Some(0)) } else { self.upstream.size_hint() };
        let begun = self.calls.in_flight();
        (at_least.saturating_add(begun), at_most.and_then(|items| items.checked_add(begun)))
    }
}

impl<F: Flow<Item = T, Error = K>, G, T, U, K> ParallelFlow<F, G, T, U, K> {
    /// Begins calls on the threads that are free; else upstream goes on with what it has begun.
    fn fill(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        let mut me = self.project();
        me.calls.follow_threads();
        if me.tail.is_open() && !me.calls.is_full() {
            let driven = me.upstream.as_mut().poll_drive(cx, me.calls);
            if driven.is_pending() {
                return;
            }
            me.tail.note(driven);
        }
        if !matches!(me.tail, Tail::Ended) {
            me.upstream.poll_progress(cx);
        }
        if me.tail.is_open() && me.calls.poll_threads(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
    }
}
