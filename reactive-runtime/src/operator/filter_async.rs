use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

#[cfg(feature = "time")]
use crate::concurrent::Govern;
use crate::concurrent::{
    Attend, Calls, ConcurrentFlow, IntoConcurrency, Limit, Order, Ungoverned, Unkeyed, Work,
};
use crate::flow::Flow;
use crate::items::{Items, Stage, Staged};
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
    /// An `async` closure would borrow the item. By method, outside of `pipeline!`, the compiler says of one that "one type is
    /// more general than the other", and more than once: it looks at what is borrowed last of all.
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
    pub fn filter_async<Fut, P, M>(self, predicate: P) -> Staged<FilterAsync<Judge<P>>, T, K>
    where
        P: AsyncPredicate<T, Fut, M>,
        Fut: Future<Output = bool>,
    {
        self.stage(FilterAsync { calls: Judge { predicate, gate: Ungoverned }, limit: Limit::ONE })
    }
}

impl<F: Flow> Pipe<F> {
    /// Keeps the items for which the future that `predicate` makes of them gives `true`. See [`Items::filter_async`].
    #[track_caller]
    pub fn filter_async<Fut, P, M>(self, predicate: P) -> Pipe<FilterAsyncFlow<F, P, Fut>>
    where
        P: AsyncPredicate<F::Item, Fut, M>,
        Fut: Future<Output = bool>,
    {
        self.with(|items| items.filter_async(predicate))
    }
}

impl<C, T, K> Staged<FilterAsync<C>, T, K> {
    /// Has at most `limit` items in flight, in place of 1. It may be [`Live`](crate::Live), or found out while it runs by an
    /// [`adaptive`](crate::flow_control::adaptive) one, as for [`map_async`](Items::map_async).
    ///
    /// # Panics
    ///
    /// If `limit` is 0. As a literal in `pipeline!`, that does not compile.
    #[track_caller]
    pub fn concurrency<N, D>(self, limit: N) -> Staged<FilterAsync<D>, T, K>
    where
        N: IntoConcurrency<C, Calls = D>,
    {
        self.map_op(|FilterAsync { calls, .. }| {
            let (limit, calls) = limit.into_concurrency(calls);
            FilterAsync { calls, limit: Limit(limit) }
        })
    }
}

/// What [`filter_async`](Items::filter_async) takes: a function of `&T` that gives a `Fut`, which does not borrow the `T`.
///
/// `M` says no more than that it is one. Of two traits that could hold the compiler looks at once which one does, and sees
/// the borrow; asked for a function alone, it would see it last of all, in each place where the function stands.
#[diagnostic::on_unimplemented(
    message = "`{Self}` gives no future of its own for each `&{T}`",
    label = "this cannot judge a `&{T}`",
    note = "it takes the item by reference, and its future owns what it needs of it: `|item| allowed(item.id)`",
    note = "the future of an `async fn` that takes a reference borrows the item, and so does that of an `async` closure"
)]
pub trait AsyncPredicate<T, Fut, M>: FnMut(&T) -> Fut {}

impl<T, Fut, P: FnMut(&T) -> Fut> AsyncPredicate<T, Fut, Owning> for P {}
impl<T, Fut, P: FnMut(&T) -> Fut + Nothing> AsyncPredicate<T, Fut, Borrowing> for P {}

/// The marker of an [`AsyncPredicate`].
#[derive(Debug)]
pub enum Owning {}

/// The marker of what is none.
#[doc(hidden)]
#[derive(Debug)]
pub enum Borrowing {}

/// Never implemented.
#[doc(hidden)]
pub trait Nothing {}

/// Judges items by futures: made by [`Items::filter_async`].
#[derive(Clone, Debug)]
pub struct FilterAsync<C> {
    calls: C,
    limit: Limit,
}

/// The flow below [`FilterAsync`]; `J` is the future that judges an item of `F`.
pub type FilterAsyncFlow<F, P, J> = JudgedFlow<F, <F as Flow>::Item, Judge<P>, J, <F as Flow>::Error>;

type JudgedFlow<F, T, C, J, K> =
    StepFlow<ConcurrentFlow<F, Work<T, C, Unkeyed, Judging<T, J>, Option<T>>, K>, Passed, AtMostOne>;

impl<F, T, Fut, P, G, J> Stage<F> for FilterAsync<Judge<P, G>>
where
    F: Flow<Item = T>,
    P: FnMut(&T) -> Fut,
    Fut: Future<Output = bool>,
    G: Attend<Fut, Job = J>,
{
    type Flow = JudgedFlow<F, T, Judge<P, G>, J, F::Error>;

    fn attach(self, upstream: F) -> Self::Flow {
        let work = Work::new(self.calls, Unkeyed, self.limit, Order::Input);
        StepFlow::new(ConcurrentFlow::new(upstream, work), Passed, false)
    }
}

/// Calls a predicate, and gives the item back if it passes.
#[derive(Clone, Copy, Debug)]
pub struct Judge<P, G = Ungoverned> {
    predicate: P,
    gate: G,
}

#[cfg(feature = "time")]
impl<P, G> Govern<G> for Judge<P> {
    type Governed = Judge<P, G>;

    fn govern(self, gate: G) -> Judge<P, G> {
        Judge { predicate: self.predicate, gate }
    }
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

impl<T, Fut, P, G> Calls<T> for Judge<P, G>
where
    P: FnMut(&T) -> Fut,
    Fut: Future<Output = bool>,
    G: Attend<Fut>,
{
    type Job = Judging<T, G::Job>;
    type Output = Option<T>;
    type Gate = G;

    #[inline(always)]
    fn begin(&mut self, item: T) -> Self::Job {
        Judging { verdict: self.gate.begin((self.predicate)(&item)), item: Some(item) }
    }

    #[inline(always)]
    fn poll_job(&mut self, job: Pin<&mut Self::Job>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let job = job.project();
        self.gate.poll_job(job.verdict, cx).map(|passes| job.item.take().filter(|_| passes))
    }

    #[inline(always)]
    fn gate(&self) -> &G {
        &self.gate
    }

    #[inline(always)]
    fn gate_mut(&mut self) -> &mut G {
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
