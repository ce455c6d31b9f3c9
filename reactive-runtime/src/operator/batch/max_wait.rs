use std::time::Duration;

use super::waiting::Waiting;
use super::{Batch, Open, WeightedBatch, WeightedOpen};
use crate::flow::Flow;
use crate::gather::TimedGatherFlow;
use crate::items::{Stage, Staged};
use crate::live::{IntoSetting, Setting};

impl<T, K> Staged<Batch, Vec<T>, K> {
    /// Ends a batch also by time: `wait` after its first item came, if it is not full before.
    ///
    /// The wait of a batch begins with its first item, so nothing is emitted while none comes. Items that come at the very
    /// time when the open batch is due go into the next. A wait of zero gives whatever is ready. `wait` may be
    /// [`Live`](crate::Live): a change also holds for the open batch.
    ///
    /// While nobody asks for a batch it goes on taking items, until the open one is full; a batch that has become due by then
    /// is the first to be given.
    ///
    /// # Panics
    ///
    /// If it has to wait outside of a tokio runtime with time enabled.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let batches = pipeline! {
    ///     interval(20ms) |> enumerate() |> map(|(i, _)| i) |> take(5) |> batch(100, max_wait = 50ms) |> collect::<Vec<_>>()
    /// };
    /// assert_eq!(batches.await, [vec![0, 1, 2], vec![3, 4]]);
    /// # }
    /// ```
    #[doc(alias = "chunks_timeout")]
    #[doc(alias = "ready_chunks")]
    pub fn max_wait(self, wait: impl IntoSetting<Duration>) -> Staged<MaxWait<Batch>, Vec<T>, K> {
        self.map_op(|batch| MaxWait::new(batch, wait))
    }
}

impl<W, T, K> Staged<WeightedBatch<W>, Vec<T>, K> {
    /// Ends a batch also by time. See [`Staged::max_wait`].
    pub fn max_wait(self, wait: impl IntoSetting<Duration>) -> Staged<MaxWait<WeightedBatch<W>>, Vec<T>, K> {
        self.map_op(|batch| MaxWait::new(batch, wait))
    }
}

impl<T, K> Staged<MaxWait<Batch>, Vec<T>, K> {
    /// Ends a batch also by weight. See [`Staged::max_weight`].
    pub fn max_weight<W: FnMut(&T) -> usize>(
        self,
        limit: impl IntoSetting<usize>,
        weigh: W,
    ) -> Staged<MaxWait<WeightedBatch<W>>, Vec<T>, K> {
        self.map_op(|op| MaxWait { batch: WeightedBatch::new(op.batch, limit, weigh), wait: op.wait })
    }
}

/// Gathers items until a deadline: made by [`Staged::max_wait`].
#[derive(Clone, Debug)]
pub struct MaxWait<B> {
    pub(in crate::operator) batch: B,
    pub(in crate::operator) wait: Setting<Duration>,
}

impl<B> MaxWait<B> {
    pub(in crate::operator) fn new(batch: B, wait: impl IntoSetting<Duration>) -> Self {
        Self { batch, wait: wait.into_setting(|_| Ok(())) }
    }
}

impl<F: Flow> Stage<F> for MaxWait<Batch> {
    type Flow = TimedGatherFlow<F, Waiting<Open<F::Item>>, Vec<F::Item>, F::Error>;

    fn attach(self, upstream: F) -> Self::Flow {
        TimedGatherFlow::new(upstream, Waiting::new(Open::new(self.batch), self.wait))
    }
}

impl<F: Flow, W: FnMut(&F::Item) -> usize> Stage<F> for MaxWait<WeightedBatch<W>> {
    type Flow = TimedGatherFlow<F, Waiting<WeightedOpen<F::Item, W>>, Vec<F::Item>, F::Error>;

    fn attach(self, upstream: F) -> Self::Flow {
        TimedGatherFlow::new(upstream, Waiting::new(WeightedOpen::new(self.batch), self.wait))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Waker};

    use futures::{FutureExt, StreamExt};
    use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
    use tokio::time::{Instant, advance, sleep};

    use super::*;
    use crate::pipe::Pipe;
    use crate::units::{ms, s};

    /// Batches of what is sent, of at most 3 items, which wait 50 ms.
    fn batches() -> (UnboundedSender<u32>, Pipe<impl Flow<Item = Vec<u32>, Error = Infallible> + Unpin>) {
        let (sender, receiver) = unbounded_channel();
        (sender, Pipe::new(receiver).with(|items| items.batch(3).max_wait(ms(50))))
    }

    /// The consumer is busy, and wants nothing.
    fn progress(pipe: &mut Pipe<impl Flow + Unpin>) {
        Pin::new(pipe).poll_progress(&mut Context::from_waker(Waker::noop()));
    }

    #[tokio::test(start_paused = true)]
    async fn waits_from_the_first_item_on() {
        let (sender, mut batches) = batches();
        let start = Instant::now();
        let send = async {
            for item in [1, 2] {
                sleep(ms(30)).await;
                sender.send(item).unwrap();
            }
        };
        let (batch, ()) = tokio::join!(batches.next(), send);
        assert_eq!((batch, start.elapsed()), (Some(vec![1, 2]), ms(80)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_item_that_comes_when_a_batch_is_due_goes_into_the_next() {
        let (sender, mut batches) = batches();
        sender.send(1).unwrap();
        assert_eq!(batches.next().now_or_never(), None);
        advance(ms(50)).await;
        sender.send(2).unwrap();
        assert_eq!(batches.next().now_or_never(), Some(Some(vec![1])));
        drop(sender);
        assert_eq!(batches.next().await, Some(vec![2]));
    }

    #[tokio::test(start_paused = true)]
    async fn fills_the_open_batch_while_nobody_asks_and_takes_no_more() {
        let (sender, mut batches) = batches();
        sender.send(1).unwrap();
        assert_eq!(batches.next().now_or_never(), None);
        for item in 2..=5 {
            advance(ms(40)).await;
            sender.send(item).unwrap();
            progress(&mut batches);
        }
        assert_eq!(batches.next().now_or_never(), Some(Some(vec![1, 2, 3])));
        drop(sender);
        assert_eq!(batches.next().now_or_never(), Some(Some(vec![4, 5])));
    }

    #[tokio::test(start_paused = true)]
    async fn gives_what_became_due_while_nobody_asked_before_it_takes_more() {
        let (sender, mut batches) = batches();
        sender.send(1).unwrap();
        assert_eq!(batches.next().now_or_never(), None);
        sender.send(2).unwrap();
        progress(&mut batches);
        advance(s(1)).await;
        sender.send(3).unwrap();
        assert_eq!(batches.next().now_or_never(), Some(Some(vec![1, 2])));
    }

    #[tokio::test(start_paused = true)]
    async fn keeps_the_end_that_it_meets_while_nobody_asks() {
        let (sender, mut batches) = batches();
        sender.send(1).unwrap();
        assert_eq!(batches.next().now_or_never(), None);
        drop(sender);
        progress(&mut batches);
        assert_eq!(batches.next().now_or_never(), Some(Some(vec![1])));
        assert_eq!(batches.next().now_or_never(), Some(None));
    }

    #[tokio::test(start_paused = true)]
    async fn progress_before_the_first_poll_takes_nothing() {
        let (sender, mut batches) = batches();
        sender.send(1).unwrap();
        progress(&mut batches);
        advance(s(1)).await;
        assert_eq!(batches.next().now_or_never(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_of_zero_gives_what_is_ready() {
        let (sender, receiver) = unbounded_channel();
        let mut ready = Pipe::new(receiver).with(|items| items.batch(9).max_wait(ms(0)));
        assert_eq!(ready.next().now_or_never(), None);
        for batch in [vec![1, 2], vec![3]] {
            batch.iter().for_each(|item| sender.send(*item).unwrap());
            assert_eq!(ready.next().now_or_never(), Some(Some(batch)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_batch_behind_a_heavy_one_has_a_wait_of_its_own() {
        let (sender, receiver) = unbounded_channel();
        let weigh = |weight: &usize| *weight;
        let mut batches =
            Pipe::new(receiver).with(|items| items.batch(9).max_weight(4, weigh).max_wait(ms(50)));
        sender.send(3).unwrap();
        assert_eq!(batches.next().now_or_never(), None);
        advance(ms(30)).await;
        sender.send(2).unwrap();
        assert_eq!(batches.next().now_or_never(), Some(Some(vec![3])));
        let start = Instant::now();
        assert_eq!(batches.next().await, Some(vec![2]));
        assert_eq!(start.elapsed(), ms(50));
    }

    #[tokio::test(start_paused = true)]
    async fn takes_the_longest_wait() {
        let waiting = Pipe::new([1, 2]).with(|items| items.batch(9).max_wait(Duration::MAX));
        assert_eq!(waiting.collect::<Vec<_>>().await, [[1, 2]]);
    }
}
