use super::{Consuming, Drain};
use crate::concurrent::{Call, ConcurrentFlow, Limit, Order, Unkeyed, Work};
use crate::flow::Flow;
use crate::items::{Final, Items, Terminal};
use crate::live::IntoSetting;
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
    pub fn for_each_async<Fut, F>(self, f: F) -> Final<ForEachAsync<F>>
    where
        F: FnMut(T) -> Fut,
        Fut: Future<Output = ()>,
    {
        self.terminal(ForEachAsync { f, limit: Limit::ONE })
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

impl<F> Final<ForEachAsync<F>> {
    /// Awaits at most `limit` futures at the same time, in place of 1. It may be [`Live`](crate::Live), as for
    /// [`map_async`](Items::map_async).
    ///
    /// # Panics
    ///
    /// If `limit` is 0. As a literal in `pipeline!`, that does not compile.
    #[track_caller]
    pub fn concurrency(self, limit: impl IntoSetting<usize>) -> Self {
        let limit = Limit::concurrency(limit);
        self.map_op(|op| ForEachAsync { limit, ..op })
    }
}

/// Hands items to a closure that gives a future: made by [`Items::for_each_async`].
#[derive(Clone, Debug)]
pub struct ForEachAsync<F> {
    f: F,
    limit: Limit,
}

/// What [`ForEachAsync`] drives: its body, as a stage of a pipeline.
pub type BodyFlow<F, G, J> =
    ConcurrentFlow<F, Work<<F as Flow>::Item, Call<G>, Unkeyed, J, ()>, <F as Flow>::Error>;

impl<F, Fut, G> Terminal<F> for ForEachAsync<G>
where
    F: Flow,
    G: FnMut(F::Item) -> Fut,
    Fut: Future<Output = ()>,
{
    type Future = Consuming<BodyFlow<F, G, Fut>, Drain>;

    fn run(self, upstream: F) -> Self::Future {
        let body = Work::new(Call(self.f), Unkeyed, self.limit, Order::Completion);
        Consuming::new(ConcurrentFlow::new(upstream, body), Drain)
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
