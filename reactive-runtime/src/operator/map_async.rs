#[cfg(feature = "time")]
mod attempts;
#[cfg(feature = "time")]
mod breaker;
#[cfg(feature = "time")]
mod flow_control;
#[cfg(feature = "time")]
mod sure;

#[cfg(feature = "time")]
pub use breaker::Dropping;
#[cfg(feature = "time")]
pub use sure::{Sure, SureCall, TimeoutOfSureCall};

use std::marker::PhantomData;

use super::distinct::Key;
use crate::concurrent::{
    Call, Calls, ConcurrentFlow, IntoConcurrency, Lanes, Limit, Order, PerKey, Unkeyed, Work,
};
use crate::flow::Flow;
use crate::items::{Items, Stage, Staged};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Turns each item into what the future that `f` makes of it gives, in the order of the items.
    ///
    /// One at a time, unless [`concurrency`](Staged::concurrency) allows more in flight: then it takes as many items
    /// ahead, and no more. A finished result that waits for its turn, or to be taken, counts as in flight. A future that
    /// is ready when it is first polled, and is the next, costs no allocation and no queue; the others use a place each,
    /// which is kept for the next one.
    ///
    /// Work in flight goes on while later stages and the body of a terminal wait, so it may share locks and channels
    /// with them. Only a pipeline that is read as a `Stream`, by `next().await`, cannot know that its reader is busy
    /// with something else: end it in a terminal, as [`for_each_async`](Self::for_each_async), where that matters.
    ///
    /// An error from above waits until what is in flight has been given. One that a future gives leaves in its item's
    /// place, `map_async(f)?`; what is in flight behind it is dropped if the pipeline ends there, and goes on behind a
    /// [`catch`](Self::catch).
    ///
    /// Options: [`concurrency`](Staged::concurrency), [`unordered`](Staged::unordered), [`per_key`](Staged::per_key),
    /// [`attempt_timeout`](Staged::attempt_timeout), [`retry`](Staged::retry), [`retry_if`](Staged::retry_if),
    /// [`circuit_breaker`](Staged::circuit_breaker), [`flow_control`](Staged::flow_control), [`classify`](Staged::classify).
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops the futures that are in flight where they are, and with them their items.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// use std::time::Duration;
    /// use tokio::time::{Instant, sleep};
    ///
    /// async fn fetch(id: u64) -> Result<String, u64> {
    ///     sleep(Duration::from_millis(100 - id)).await;
    ///     if id == 7 { Err(id) } else { Ok(format!("user {id}")) }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let start = Instant::now();
    /// let users = pipeline! {
    ///     [1, 2, 7, 3]
    ///         |> map_async(fetch, concurrency = 4)?
    ///         |> catch(|_| Recover::Skip)
    ///         |> collect::<Vec<_>>()
    /// };
    /// assert_eq!(users.await, ["user 1", "user 2", "user 3"]);
    /// assert_eq!(start.elapsed().as_millis(), 99);
    /// # }
    /// ```
    #[doc(alias = "buffered")]
    #[doc(alias = "buffer_unordered")]
    #[doc(alias = "then")]
    pub fn map_async<U, Fut, F>(self, f: F) -> Staged<MapAsync<T, Call<F>>, U, K>
    where
        F: FnMut(T) -> Fut,
        Fut: Future<Output = U>,
    {
        self.stage(MapAsync::new(Call::new(f)))
    }
}

impl<F: Flow> Pipe<F> {
    /// Turns each item into what the future that `f` makes of it gives. See [`Items::map_async`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let doubled = Pipe::new(0..3).with(|items| items.map_async(async |x| 2 * x).concurrency(8).unordered());
    /// assert_eq!(block_on(doubled.collect::<Vec<_>>()), [0, 2, 4]);
    /// ```
    #[track_caller]
    pub fn map_async<U, Fut, G>(
        self,
        f: G,
    ) -> Pipe<ConcurrentFlow<F, Work<F::Item, Call<G>, Unkeyed, Fut, U>, F::Error>>
    where
        G: FnMut(F::Item) -> Fut,
        Fut: Future<Output = U>,
    {
        self.with(|items| items.map_async(f))
    }
}

impl<T, C, L, U, K> Staged<MapAsync<T, C, L>, U, K> {
    /// Has at most `limit` items in flight, in place of 1.
    ///
    /// Places are made as they are needed; `usize::MAX` is no limit. A [`Live`](crate::Live) limit can be changed while it
    /// runs: raised, it is woken and begins with more at once; lowered, what is in flight goes on, and nothing begins
    /// until there is less of it than that. `adaptive(1..=256)` finds the best one out while it runs: see
    /// [`adaptive`](crate::flow_control::adaptive).
    ///
    /// # Panics
    ///
    /// If `limit` is 0. As a literal in `pipeline!`, that does not compile.
    #[track_caller]
    pub fn concurrency<N, D>(self, limit: N) -> Staged<MapAsync<T, D, L>, U, K>
    where
        N: IntoConcurrency<C, Calls = D>,
    {
        self.map_op(|MapAsync { calls, lanes, order, items, .. }| {
            let (limit, calls) = limit.into_concurrency(calls);
            MapAsync { calls, lanes, limit: Some(Limit(limit)), order, items }
        })
    }

    /// Gives results as they come, not in the order of the items.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let sleep = async |ms| {
    ///     tokio::time::sleep(Duration::from_millis(ms)).await;
    ///     ms
    /// };
    /// let sorted = pipeline! { [30, 10, 20] |> map_async(sleep, concurrency = 3).unordered() |> collect::<Vec<_>>() };
    /// assert_eq!(sorted.await, [10, 20, 30]);
    /// # }
    /// ```
    pub fn unordered(self) -> Self {
        self.map_op(|op| MapAsync { order: Order::Completion, ..op })
    }
}

impl<T, C, U, K> Staged<MapAsync<T, C>, U, K> {
    /// Works on the items of one key one after the other, in their order, and on those of other keys meanwhile.
    ///
    /// It makes a difference together with [`concurrency`](Staged::concurrency). An item whose key is busy takes one of
    /// those places while it waits: so it looks ahead no further than without keys, and a key that comes much more often
    /// than the others may fill all places; then fewer run at the same time than are allowed. It knows the keys of the
    /// items in flight, and no others.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// // Each entry takes its time; those of one account must not overtake each other.
    /// let book = async |(account, ms): (char, u64)| {
    ///     tokio::time::sleep(Duration::from_millis(ms)).await;
    ///     format!("{account}{ms}")
    /// };
    /// let booked = pipeline! {
    ///     [('a', 30), ('a', 20), ('b', 10)]
    ///         |> map_async(book, concurrency = 3).unordered().per_key(|(account, _)| *account)
    ///         |> collect::<Vec<_>>()
    /// };
    /// assert_eq!(booked.await, ["b10", "a30", "a20"]);
    /// # }
    /// ```
    pub fn per_key<Q, H>(self, key: H) -> Staged<MapAsync<T, C, PerKey<H, Q, T>>, U, K>
    where
        Q: Clone + Key,
        H: FnMut(&T) -> Q,
    {
        self.map_op(|MapAsync { calls, limit, order, items, .. }| MapAsync {
            calls,
            lanes: PerKey::new(key),
            limit,
            order,
            items,
        })
    }
}

/// Works on several items at a time: made by [`Items::map_async`].
///
/// `C` are the [`Calls`] that it makes for them, `L` the [`Lanes`] in which it makes them.
#[derive(Debug)]
pub struct MapAsync<T, C, L = Unkeyed> {
    calls: C,
    lanes: L,
    // `None` where it was not given.
    limit: Option<Limit>,
    order: Order,
    // For `per_key`, whose closure takes them.
    items: PhantomData<fn(T)>,
}

impl<T, C> MapAsync<T, C> {
    pub(crate) fn new(calls: C) -> Self {
        Self { calls, lanes: Unkeyed, limit: None, order: Order::Input, items: PhantomData }
    }
}

#[cfg(feature = "time")]
impl<T, C, L, U, K> Staged<MapAsync<T, C, L>, U, K> {
    /// For setters: the same stage with other calls, which give other results.
    fn with_calls<D, V>(self, f: impl FnOnce(C) -> D) -> Staged<MapAsync<T, D, L>, V, K> {
        let given = self.items();
        let MapAsync { calls, lanes, limit, order, items } = self.into_op();
        given.stage(MapAsync { calls: f(calls), lanes, limit, order, items })
    }
}

// Not derived: the items need not be `Clone`.
impl<T, C: Clone, L: Clone> Clone for MapAsync<T, C, L> {
    fn clone(&self) -> Self {
        Self {
            calls: self.calls.clone(),
            lanes: self.lanes.clone(),
            limit: self.limit.clone(),
            order: self.order,
            items: PhantomData,
        }
    }
}

impl<F, T, C, L, J, O> Stage<F> for MapAsync<T, C, L>
where
    F: Flow<Item = T>,
    C: Calls<T, Job = J, Output = O>,
    L: Lanes<T>,
{
    type Flow = ConcurrentFlow<F, Work<T, C, L, J, O>, F::Error>;

    fn attach(self, upstream: F) -> Self::Flow {
        let limit = self.limit.unwrap_or(Limit::by_default::<C::Gate>());
        ConcurrentFlow::new(upstream, Work::new(self.calls, self.lanes, limit, self.order))
    }
}
