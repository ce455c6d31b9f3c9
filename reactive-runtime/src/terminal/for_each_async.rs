use super::{Consuming, Drain};
use crate::concurrent::{Call, Calls, ConcurrentFlow, IntoConcurrency, Limit, Order, Unkeyed, Work};
#[cfg(feature = "time")]
use crate::concurrent::{Govern, Governed};
use crate::flow::{Activity, Flow};
#[cfg(feature = "time")]
use crate::flow_control::IntoFlowControl;
use crate::items::{Final, Items, Terminal};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Hands each item to `f`, and awaits the future that it gives, before the next one.
    ///
    /// Meanwhile the pipeline above goes on: work in flight is polled, and free places are filled. So `f` may wait for a
    /// lock that a stage holds, where the body of a `while let Some(item) = stream.next().await` would for ever.
    ///
    /// With [`concurrency`](Final::concurrency) several items are handed to `f` at a time, always in their order.
    ///
    /// Where the future can fail, that is a stage, and its error the pipeline's: `map_async(f)? |> drain()`, which waits
    /// and goes on just so.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops the pipeline and the futures of `f`, where they are.
    ///
    /// # Errors
    ///
    /// The first error of the pipeline, once what `f` has begun with is done.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// use std::time::Duration;
    /// use tokio::time::{Instant, sleep};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let work = async |x| {
    ///     sleep(Duration::from_millis(100)).await;
    ///     x
    /// };
    /// let start = Instant::now();
    /// // The items are worked on two at a time, also while the body is busy with one.
    /// pipeline! { 0..6 |> map_async(work, concurrency = 2) |> for_each_async(async |x| { work(x).await; }) }.await;
    /// assert_eq!(start.elapsed().as_millis(), 700);
    /// # }
    /// ```
    pub fn for_each_async<Fut, F>(self, f: F) -> Final<ForEachAsync<Call<F>>>
    where
        F: FnMut(T) -> Fut,
        Fut: Future<Output = ()>,
    {
        self.terminal(ForEachAsync { calls: Call::new(f), limit: None })
    }
}

impl<F: Flow> Pipe<F> {
    /// Hands each item to `f`, and awaits the future that it gives. See [`Items::for_each_async`].
    #[track_caller]
    pub fn for_each_async<Fut, G>(self, f: G) -> Consuming<BodyFlow<F, G, Fut>, Drain>
    where
        G: FnMut(F::Item) -> Fut,
        Fut: Future<Output = ()>,
    {
        self.with(|items| items.for_each_async(f))
    }
}

impl<C> Final<ForEachAsync<C>> {
    /// Awaits at most `limit` futures at the same time, in place of 1. It may be [`Live`](crate::Live) or
    /// [`adaptive`](crate::flow_control::adaptive), as for [`map_async`](Items::map_async).
    ///
    /// # Panics
    ///
    /// If `limit` is 0. As a literal in `pipeline!`, that does not compile.
    #[track_caller]
    pub fn concurrency<N, D>(self, limit: N) -> Final<ForEachAsync<D>>
    where
        N: IntoConcurrency<C, Calls = D>,
    {
        self.map_op(|op| {
            let (limit, calls) = limit.into_concurrency(op.calls);
            ForEachAsync { calls, limit: Some(Limit(limit)) }
        })
    }

    /// Decides by an algorithm how fast items are handed over, and how many futures are awaited at the same time, as
    /// [`flow_control`](crate::Staged::flow_control) of `map_async` does.
    ///
    /// # Panics
    ///
    /// As there.
    ///
    /// # Examples
    ///
    /// ```
    /// use reactive_runtime::flow_control::Vegas;
    /// use reactive_runtime::prelude::*;
    /// use std::time::Duration;
    /// use tokio::time::{Instant, sleep};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let start = Instant::now();
    /// let store = async |_| sleep(Duration::from_millis(10)).await;
    /// pipeline! { 0..1000 |> for_each_async(store, flow_control = Vegas::new()) }.await;
    /// assert!(start.elapsed().as_millis() < 2000);
    /// # }
    /// ```
    #[cfg(feature = "time")]
    #[cfg_attr(docsrs, doc(cfg(feature = "time")))]
    #[track_caller]
    pub fn flow_control<X, D>(self, control: X) -> Final<ForEachAsync<D>>
    where
        X: IntoFlowControl,
        C: Govern<Governed<X::Algorithm>, Governed = D>,
    {
        let gate = Governed::new(control);
        self.map_op(|ForEachAsync { calls, limit }| ForEachAsync { calls: calls.govern(gate), limit })
    }
}

/// Hands items to a closure that gives a future: made by [`Items::for_each_async`].
#[derive(Clone, Debug)]
pub struct ForEachAsync<C> {
    calls: C,
    // `None` where it was not given.
    limit: Option<Limit>,
}

/// What [`ForEachAsync`] drives: its body, as a stage of a pipeline.
pub type BodyFlow<F, G, J> = CallsFlow<F, Call<G>, J>;

type CallsFlow<F, C, J> = ConcurrentFlow<F, Work<<F as Flow>::Item, C, Unkeyed, J, ()>, <F as Flow>::Error>;

impl<F, C, J> Terminal<F> for ForEachAsync<C>
where
    F: Flow,
    C: Calls<F::Item, Job = J, Output = ()>,
{
    type Future = Consuming<CallsFlow<F, C, J>, Drain>;

    fn run(self, upstream: F) -> Self::Future {
        let limit = self.limit.unwrap_or(Limit::by_default::<C::Gate>());
        let body = Work::new(self.calls, Unkeyed, limit, Order::Completion);
        Consuming::new(ConcurrentFlow::new(upstream, body), Drain)
    }

    fn activity(future: &Self::Future) -> Activity {
        future.activity()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use futures::FutureExt;
    use tokio::sync::Notify;
    use tokio::task::yield_now;

    use super::*;

    #[tokio::test]
    async fn hands_over_in_order_one_at_a_time() {
        let said = RefCell::new(Vec::new());
        Pipe::new(0..3)
            .for_each_async(async |x| {
                said.borrow_mut().push(format!("begin {x}"));
                yield_now().await;
                said.borrow_mut().push(format!("end {x}"));
            })
            .await;
        assert_eq!(said.into_inner(), ["begin 0", "end 0", "begin 1", "end 1", "begin 2", "end 2"]);
    }

    #[tokio::test]
    async fn has_no_more_at_a_time_than_allowed() {
        let (running, most) = (Cell::new(0), Cell::new(0));
        let body = async |x| {
            running.set(running.get() + 1);
            most.set(most.get().max(running.get()));
            for _ in 0..x % 5 {
                yield_now().await;
            }
            running.set(running.get() - 1);
        };
        Pipe::new(0..100).with(|items| items.for_each_async(body).concurrency(4)).await;
        assert_eq!((running.get(), most.get()), (0, 4));
    }

    #[test]
    fn tells_an_error_when_what_it_has_begun_with_is_done() {
        let (notify, done) = (Notify::new(), Cell::new(0));
        let mut run = Pipe::new(0..5).try_map(|x| if x < 2 { Ok(x) } else { Err("two") }).with(|items| {
            let body = async |_| {
                notify.notified().await;
                done.set(done.get() + 1);
            };
            items.for_each_async(body).concurrency(9)
        });
        assert_eq!((&mut run).now_or_never(), None);
        notify.notify_waiters();
        assert_eq!((&mut run).now_or_never(), Some(Err("two")));
        assert_eq!(done.get(), 2);
    }
}
