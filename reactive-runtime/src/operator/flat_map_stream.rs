mod ahead;
mod limit;
mod merged;
mod open;

use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

pub use self::ahead::{Ahead, AheadFlow};
pub use self::limit::SourceCount;
pub use self::merged::{Merged, MergedFlow};
use crate::fault::Join;
use crate::flow::{Activity, BUDGET, Downstream, Drive, Driven, Flow, yield_now};
use crate::items::{Items, Stage, Staged};
use crate::live::Setting;
use crate::pipe::Pipe;
use crate::source::InnerSource;

/// How many sources [`unordered`](Staged::unordered) runs at a time, where nothing else is said.
const CONCURRENCY: usize = 16;

impl<T, K> Items<T, K> {
    /// Starts a source for each item, and gives the items of all of them.
    ///
    /// In `pipeline!`, `f` gives anything that a pipeline begins with: a [`Pipe`], a stream, whatever can be iterated over, a
    /// receiver. By method it gives what [`Pipe::new`] takes, and a stream is wrapped in [`Pipe::from_stream`]. One runs at a
    /// time, in order; the next item is asked for when it has ended. It holds nothing, and allocates nothing.
    ///
    /// Options: [`concurrency`](Staged::concurrency), [`unordered`](Staged::unordered).
    ///
    /// # Errors
    ///
    /// Those of the items and those of the sources, each at its place: an error that follows an item waits for the source
    /// of that item to end.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let pages = |book: u32| pipeline! { 1..=2u32 |> map(move |page| (book, page)) };
    /// let all = pipeline! { [7, 8] |> flat_map_stream(pages) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(all), [(7, 1), (7, 2), (8, 1), (8, 2)]);
    ///
    /// let streams = pipeline! { [1, 3] |> flat_map_stream(|n| futures::stream::iter(0..n)) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(streams), [0, 0, 1, 2]);
    /// ```
    #[doc(alias = "concat_map")]
    #[doc(alias = "merge_map")]
    pub fn flat_map_stream<S, G, M>(self, f: M) -> Staged<FlatMapStream<M>, G::Item, K::Out>
    where
        M: FnMut(T) -> S,
        S: InnerSource<Flow = G>,
        G: Flow,
        K: Join<G::Error>,
    {
        self.stage(FlatMapStream { f, mode: OneByOne })
    }
}

impl<F: Flow> Pipe<F> {
    /// Starts a source for each item, and gives the items of all of them. See [`Items::flat_map_stream`].
    #[track_caller]
    pub fn flat_map_stream<S, G, M>(self, f: M) -> Pipe<FlatMapStreamFlow<F, M, G>>
    where
        M: FnMut(F::Item) -> S,
        S: InnerSource<Flow = G>,
        G: Flow,
        F::Error: Join<G::Error>,
    {
        self.with(|items| items.flat_map_stream(f))
    }
}

impl<M, U, L> Staged<FlatMapStream<M>, U, L> {
    /// Runs up to `limit` sources at a time, and still gives their items in order.
    ///
    /// The first one is given as it comes; those behind it run ahead, and hold up to 16 items each until it is their turn.
    /// While the consumer is busy, the first one does so too. `usize::MAX` is no limit.
    ///
    /// A [`Live`](crate::Live) limit can be changed while it runs: raised, it is woken and starts more at once; lowered,
    /// the sources that are open go on, and none is started until fewer are.
    ///
    /// It is not found out by itself, as that of `map_async` may be: how long a source is open tells how much it has and how
    /// fast its items are taken, and nothing of the service behind it. Where it is the opening that takes its time, let
    /// `map_async(open, concurrency = adaptive(1..=256)) |> flat_map_stream(|source| source)` find it out.
    ///
    /// # Panics
    ///
    /// If `limit` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let items = pipeline! { [3, 1, 2] |> flat_map_stream(|n| 0..n, concurrency = 2) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(items), [0, 1, 2, 0, 0, 1]);
    /// ```
    #[track_caller]
    pub fn concurrency(self, limit: impl SourceCount) -> Staged<FlatMapStream<M, Ahead>, U, L> {
        let limit = limit.into_limit();
        self.map_op(|op| FlatMapStream { f: op.f, mode: Ahead { limit } })
    }

    /// Gives the items of up to 16 sources as they come; [`concurrency`](Staged::concurrency) says another limit.
    ///
    /// Fair: sources that have items take turns, of up to 32 items. It holds nothing.
    ///
    /// # Errors
    ///
    /// An error leaves at once, that of the items and that of any source.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let sum = pipeline! { [3, 1, 2] |> flat_map_stream(|n| 0..n).unordered() |> sum::<u32>() };
    /// assert_eq!(block_on(sum), 4);
    /// ```
    pub fn unordered(self) -> Staged<FlatMapStream<M, Merged>, U, L> {
        self.map_op(|op| FlatMapStream { f: op.f, mode: Merged { limit: Setting::fixed(CONCURRENCY) } })
    }
}

impl<M, U, L> Staged<FlatMapStream<M, Ahead>, U, L> {
    /// Gives the items of the sources as they come.
    pub fn unordered(self) -> Staged<FlatMapStream<M, Merged>, U, L> {
        self.map_op(|op| FlatMapStream { f: op.f, mode: Merged { limit: op.mode.limit } })
    }
}

impl<M, U, L> Staged<FlatMapStream<M, Merged>, U, L> {
    /// Runs up to `limit` sources at a time; `usize::MAX` is no limit. It may be [`Live`](crate::Live): raised, more are
    /// started at once; lowered, those that are open go on.
    ///
    /// # Panics
    ///
    /// If `limit` is 0.
    #[track_caller]
    pub fn concurrency(self, limit: impl SourceCount) -> Self {
        let limit = limit.into_limit();
        self.map_op(|op| FlatMapStream { f: op.f, mode: Merged { limit } })
    }
}

/// Starts a source for each item: made by [`Items::flat_map_stream`].
///
/// `R` says how they run: [`OneByOne`], [`Ahead`] or [`Merged`].
#[derive(Clone, Copy, Debug)]
pub struct FlatMapStream<M, R = OneByOne> {
    f: M,
    mode: R,
}

/// One source at a time: how [`Items::flat_map_stream`] runs them.
#[derive(Clone, Copy, Debug)]
pub struct OneByOne;

impl<F, M, S, G> Stage<F> for FlatMapStream<M>
where
    F: Flow,
    M: FnMut(F::Item) -> S,
    S: InnerSource<Flow = G>,
    G: Flow,
    F::Error: Join<G::Error>,
{
    type Flow = FlatMapStreamFlow<F, M, G>;

    fn attach(self, upstream: F) -> Self::Flow {
        FlatMapStreamFlow { upstream, f: self.f, inner: None }
    }
}

pin_project! {
    /// The flow below [`FlatMapStream`], when one source runs at a time.
    #[derive(Debug)]
    pub struct FlatMapStreamFlow<F, M, G> {
        #[pin]
        upstream: F,
        f: M,
        // The source that runs.
        #[pin]
        inner: Option<G>,
    }
}

impl<F, M, S, G> Flow for FlatMapStreamFlow<F, M, G>
where
    F: Flow,
    M: FnMut(F::Item) -> S,
    S: InnerSource<Flow = G>,
    G: Flow,
    F::Error: Join<G::Error>,
{
    type Item = G::Item;
    type Error = <F::Error as Join<G::Error>>::Out;
    type Bound = F::Bound;

    fn poll_drive<D: Downstream<G::Item>>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<Self::Error> {
        let mut me = self.project();
        let mut running = Running {
            f: me.f,
            inner: me.inner,
            given: 0,
            told: Poll::Ready(Ok(Drive::Ended)),
            cx: Context::from_waker(cx.waker()),
            down,
        };
        let driven = match running.go_on() {
            ControlFlow::Continue(()) => me.upstream.as_mut().poll_drive(cx, &mut running),
            ControlFlow::Break(()) => Poll::Ready(Ok(Drive::Paused)),
        };
        if !matches!(driven, Poll::Ready(Ok(Drive::Paused))) {
            return driven.map_err(Join::left);
        }
        let told = running.told::<F::Error>(cx);
        if told.is_pending() {
            me.upstream.poll_progress(cx);
        }
        told
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        let me = self.project();
        me.upstream.poll_progress(cx);
        if let Some(inner) = me.inner.as_pin_mut() {
            inner.poll_progress(cx);
        }
    }

    fn activity(&self) -> Activity {
        self.inner.as_ref().map_or(Activity::Idle, G::activity)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (at_least, at_most) = self.inner.as_ref().map_or((0, Some(0)), G::size_hint);
        let none_above = self.upstream.size_hint().1 == Some(0);
        (at_least, at_most.filter(|_| none_above))
    }
}

/// Starts sources, and drives each to its end, within one call of upstream.
struct Running<'a, 'c, M, G: Flow, D> {
    f: &'a mut M,
    inner: Pin<&'a mut Option<G>>,
    given: usize,
    // What the source said at which it broke; its end, when the budget was used up.
    told: Driven<G::Error>,
    // `Context::waker` outlives the borrow of the context, so this second context needs no clone of the waker.
    cx: Context<'c>,
    down: &'a mut D,
}

impl<M, G: Flow, D: Downstream<G::Item>> Running<'_, '_, M, G, D> {
    /// Drives the source that runs. `Break`: it has more to say, or there was enough for one poll.
    fn go_on(&mut self) -> ControlFlow<()> {
        let Some(inner) = self.inner.as_mut().as_pin_mut() else { return ControlFlow::Continue(()) };
        let mut counting = Counting { given: &mut self.given, down: self.down };
        self.told = inner.poll_drive(&mut self.cx, &mut counting);
        if !matches!(self.told, Poll::Ready(Ok(Drive::Ended))) {
            return ControlFlow::Break(());
        }
        self.inner.set(None);
        if self.given < BUDGET { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    /// What a call tells after a break.
    fn told<K: Join<G::Error>>(self, cx: &Context<'_>) -> Driven<K::Out> {
        match self.told {
            Poll::Ready(Ok(Drive::Ended)) => yield_now(cx),
            told => told.map_err(K::right),
        }
    }
}

impl<T, M, S, G, D> Downstream<T> for Running<'_, '_, M, G, D>
where
    M: FnMut(T) -> S,
    S: InnerSource<Flow = G>,
    G: Flow,
    D: Downstream<G::Item>,
{
    fn push(&mut self, item: T) -> ControlFlow<()> {
        let source = (self.f)(item);
        self.inner.set(Some(source.into_flow()));
        self.go_on()
    }
}

/// Counts what it passes on.
struct Counting<'a, D> {
    given: &'a mut usize,
    down: &'a mut D,
}

impl<T, D: Downstream<T>> Downstream<T> for Counting<'_, D> {
    #[inline(always)]
    fn push(&mut self, item: T) -> ControlFlow<()> {
        *self.given += 1;
        self.down.push(item)
    }
}

#[cfg(test)]
mod tests;
