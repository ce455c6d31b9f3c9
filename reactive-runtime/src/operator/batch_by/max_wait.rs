use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use super::{BatchBy, OpenBy};
use crate::flow::Flow;
use crate::gather::{Flush, Gather, TimedGather, TimedGatherFlow};
use crate::items::{Stage, Staged};
use crate::live::{IntoSetting, Setting};
use crate::operator::{Key, MaxWait};
use crate::timer::after;

impl<F, T, K> Staged<BatchBy<F>, Vec<T>, K> {
    /// Ends a batch also by time: `wait` after its first item came, if it is not full before.
    ///
    /// Each key has a wait of its own; batches that are due at the same time come in the order in which they were opened.
    /// Items that come at the very time when a batch is due go into the next. So a key that is idle holds nothing. `wait` may
    /// be [`Live`](crate::Live): a change also holds for the batches that are open.
    ///
    /// While nobody asks for a batch it goes on taking items, until one is full or `max_keys` brings one out; batches that
    /// have become due by then come next.
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
    ///     interval(20ms)
    ///         |> enumerate()
    ///         |> map(|(i, _)| i)
    ///         |> take(6)
    ///         |> batch_by(|i| i % 2, 100, max_wait = 50ms)
    ///         |> collect::<Vec<_>>()
    /// };
    /// assert_eq!(batches.await, [vec![0, 2], vec![1, 3], vec![4], vec![5]]);
    /// # }
    /// ```
    pub fn max_wait(self, wait: impl IntoSetting<Duration>) -> Staged<MaxWait<BatchBy<F>>, Vec<T>, K> {
        self.map_op(|batch| MaxWait::new(batch, wait))
    }
}

impl<F, U, K> Staged<MaxWait<BatchBy<F>>, U, K> {
    /// Has at most `keys` batches open. See [`Staged::max_keys`].
    ///
    /// # Panics
    ///
    /// If `keys` is 0.
    #[track_caller]
    pub fn max_keys(self, keys: impl IntoSetting<usize>) -> Self {
        self.map_op(|MaxWait { batch, wait }| MaxWait { batch: batch.max_keys(keys), wait })
    }
}

impl<F, Q, G> Stage<F> for MaxWait<BatchBy<G>>
where
    F: Flow,
    Q: Clone + Key,
    G: FnMut(&F::Item) -> Q,
{
    type Flow = TimedGatherFlow<F, WaitingBy<F::Item, Q, G>, Vec<F::Item>, F::Error>;

    fn attach(self, upstream: F) -> Self::Flow {
        let open = OpenBy::new(self.batch, None);
        TimedGatherFlow::new(upstream, WaitingBy { open, wait: self.wait, opened_before: 0 })
    }
}

/// The batches by key of a [`MaxWait`] that are being filled.
#[derive(Debug)]
pub struct WaitingBy<T, Q, F> {
    // Each is told the time.
    open: OpenBy<T, Q, F, Option<Instant>>,
    wait: Setting<Duration>,
    // Only what was opened before the time was told can be due at it.
    opened_before: u64,
}

impl<T, Q: Clone + Key, F: FnMut(&T) -> Q> Gather<T> for WaitingBy<T, Q, F> {
    type Out = Vec<T>;

    fn add(&mut self, item: T) -> Option<Vec<T>> {
        self.open.add(item)
    }

    fn more(&mut self) -> Option<Vec<T>> {
        self.open.more()
    }

    fn follow(&mut self) -> Option<Vec<T>> {
        self.wait.changed();
        self.open.follow()
    }

    fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.open.order.is_empty() {
            return Poll::Pending;
        }
        let (wait, size) = (self.wait.poll_changed(cx), self.open.poll_changed(cx));
        if wait.is_ready() { Poll::Ready(()) } else { size }
    }

    fn flush(&mut self, cause: Flush) -> Option<Vec<T>> {
        self.open.flush(cause)
    }

    fn size_hint(&self, upstream: (usize, Option<usize>), fallible: bool) -> (usize, Option<usize>) {
        self.open.size_hint(upstream, fallible)
    }
}

impl<T, Q: Clone + Key, F: FnMut(&T) -> Q> TimedGather<T> for WaitingBy<T, Q, F> {
    fn advance(&mut self, now: Instant) {
        self.open.told = Some(now);
        self.opened_before = self.open.next;
    }

    fn due(&mut self) -> Option<Vec<T>> {
        let opened_before = *self.open.order.first_key_value()?.0 < self.opened_before;
        let due = opened_before && self.deadline() <= self.open.told;
        if due { self.open.take_oldest() } else { None }
    }

    fn deadline(&self) -> Option<Instant> {
        let (_, (_, opened)) = self.open.order.first_key_value()?;
        opened.map(|opened| after(opened, self.wait.get()))
    }

    fn has_room(&self) -> bool {
        true
    }
}
