use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::concurrent::{Calls, ConcurrentFlow, Limit, Order, Ungoverned, Unkeyed, Work};
use crate::flow::Flow;
use crate::items::{Items, Stage, Staged};
use crate::live::IntoSetting;
use crate::pipe::Pipe;
use crate::step::{AtMostOne, Step, StepFlow, Stop};

impl<T, K> Items<T, K> {
    /// Keeps the items for which the future that `predicate` makes of them gives `true`, in their order.
    ///
    /// The predicate sees the item by reference, and makes a future that owns what it needs of it:
    /// `|user| allowed(user.id)`. Where it needs the item itself, give it to a [`map_async`](Self::map_async), and get
    /// it back:
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// async fn valid(word: &str) -> bool {
    ///     word.len() > 1
    /// }
    ///
    /// let words = pipeline! {
    ///     ["a".to_owned(), "bc".to_owned()]
    ///         |> map_async(async |word: String| valid(&word).await.then_some(word))
    ///         |> flatten()
    ///         |> collect::<Vec<_>>()
    /// };
    /// assert_eq!(block_on(words), ["bc"]);
    /// ```
    ///
    /// One at a time, unless [`concurrency`](Staged::concurrency) allows more in flight: then it takes as many items
    /// ahead, and no more. Everything else is as with [`map_async`](Self::map_async).
    ///
    /// Options: [`concurrency`](Staged::concurrency).
    ///
    /// # Data loss
    ///
    /// The other items are dropped when their turn has come.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops the items that are in flight, and the futures that judge them where they are.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// async fn allowed(id: u32) -> bool {
    ///     id % 2 == 0
    /// }
    ///
    /// let ids = pipeline! { 0..7 |> filter_async(|id| allowed(*id), concurrency = 4) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(ids), [0, 2, 4, 6]);
    /// ```
    pub fn filter_async<Fut, P>(self, predicate: P) -> Staged<FilterAsync<P>, T, K>
    where
        P: FnMut(&T) -> Fut,
        Fut: Future<Output = bool>,
    {
        self.stage(FilterAsync { judge: Judge { predicate, gate: Ungoverned }, limit: Limit::ONE })
    }
}

impl<F: Flow> Pipe<F> {
    /// Keeps the items for which the future that `predicate` makes of them gives `true`. See [`Items::filter_async`].
    #[track_caller]
    pub fn filter_async<Fut, P>(self, predicate: P) -> Pipe<FilterAsyncFlow<F, P, Fut>>
    where
        P: FnMut(&F::Item) -> Fut,
        Fut: Future<Output = bool>,
    {
        self.with(|items| items.filter_async(predicate))
    }
}

impl<P, T, K> Staged<FilterAsync<P>, T, K> {
    /// Has at most `limit` items in flight, in place of 1. It may be [`Live`](crate::Live), as for
    /// [`map_async`](Items::map_async).
    ///
    /// # Panics
    ///
    /// If `limit` is 0. As a literal in `pipeline!`, that does not compile.
    #[track_caller]
    pub fn concurrency(self, limit: impl IntoSetting<usize>) -> Self {
        let limit = Limit::concurrency(limit);
        self.map_op(|op| FilterAsync { limit, ..op })
    }
}

/// Judges items by futures: made by [`Items::filter_async`].
#[derive(Clone, Debug)]
pub struct FilterAsync<P> {
    judge: Judge<P>,
    limit: Limit,
}

/// The flow below [`FilterAsync`]; `J` is the future that judges an item of `F`.
pub type FilterAsyncFlow<F, P, J> = JudgedFlow<F, <F as Flow>::Item, P, J, <F as Flow>::Error>;

type JudgedFlow<F, T, P, J, K> =
    StepFlow<ConcurrentFlow<F, Work<T, Judge<P>, Unkeyed, Judging<T, J>, Option<T>>, K>, Passed, AtMostOne>;

impl<F, T, Fut, P> Stage<F> for FilterAsync<P>
where
    F: Flow<Item = T>,
    P: FnMut(&T) -> Fut,
    Fut: Future<Output = bool>,
{
    type Flow = FilterAsyncFlow<F, P, Fut>;

    fn attach(self, upstream: F) -> Self::Flow {
        let work = Work::new(self.judge, Unkeyed, self.limit, Order::Input);
        StepFlow::new(ConcurrentFlow::new(upstream, work), Passed, false)
    }
}

/// Calls a predicate, and gives the item back if it passes.
#[derive(Clone, Copy, Debug)]
pub struct Judge<P> {
    predicate: P,
    gate: Ungoverned,
}

pin_project! {
    /// An item, and the future that judges it.
    #[derive(Debug)]
    pub struct Judging<T, J> {
        item: Option<T>,
        #[pin]
        verdict: J,
    }
}

impl<T, Fut, P> Calls<T> for Judge<P>
where
    P: FnMut(&T) -> Fut,
    Fut: Future<Output = bool>,
{
    type Job = Judging<T, Fut>;
    type Output = Option<T>;
    type Gate = Ungoverned;

    #[inline(always)]
    fn begin(&mut self, item: T) -> Judging<T, Fut> {
        Judging { verdict: (self.predicate)(&item), item: Some(item) }
    }

    #[inline(always)]
    fn poll_job(&mut self, job: Pin<&mut Judging<T, Fut>>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let job = job.project();
        job.verdict.poll(cx).map(|passes| job.item.take().filter(|_| passes))
    }

    fn gate(&self) -> &Ungoverned {
        &self.gate
    }

    fn gate_mut(&mut self) -> &mut Ungoverned {
        &mut self.gate
    }
}

/// Drops the places of the items that did not pass.
#[derive(Clone, Copy, Debug)]
pub struct Passed;

impl<T> Step<Option<T>> for Passed {
    type Out = T;

    #[inline(always)]
    fn step(&mut self, item: Option<T>, _: &mut Stop) -> Option<T> {
        item
    }
}
