use std::time::Duration;

use tokio::time::Instant;

use super::{BatchBy, OpenBy};
use crate::flow::Flow;
use crate::gather::{Flush, Gather, TimedGather, TimedGatherFlow};
use crate::items::{Stage, Staged};
use crate::operator::{Key, MaxWait};
use crate::timer::after;
use crate::units::IntoDuration;

impl<F, T, K> Staged<BatchBy<F>, Vec<T>, K> {
    /// Ends a batch also by time: `wait` after its first item came, if it is not full before.
    ///
    /// Each key has a wait of its own; batches that are due at the same time come in the order in which they were opened.
    /// Items that come at the very time when a batch is due go into the next. So a key that is idle holds nothing.
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
    pub fn max_wait(self, wait: impl IntoDuration) -> Staged<MaxWait<BatchBy<F>>, Vec<T>, K> {
        self.map_op(|batch| MaxWait { batch, wait: wait.into_duration() })
    }
}

impl<F, U, K> Staged<MaxWait<BatchBy<F>>, U, K> {
    /// Has at most `keys` batches open.
    ///
    /// # Panics
    ///
    /// If `keys` is 0.
    #[track_caller]
    pub fn max_keys(self, keys: usize) -> Self {
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
        TimedGatherFlow::new(upstream, WaitingBy { open, wait: self.wait, now: None, opened_before: 0 })
    }
}

/// The batches by key of a [`MaxWait`] that are being filled.
#[derive(Debug)]
pub struct WaitingBy<T, Q, F> {
    // Each is told its deadline.
    open: OpenBy<T, Q, F, Option<Instant>>,
    wait: Duration,
    now: Option<Instant>,
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

    fn flush(&mut self, cause: Flush) -> Option<Vec<T>> {
        self.open.flush(cause)
    }

    fn size_hint(&self, upstream: (usize, Option<usize>), fallible: bool) -> (usize, Option<usize>) {
        self.open.size_hint(upstream, fallible)
    }
}

impl<T, Q: Clone + Key, F: FnMut(&T) -> Q> TimedGather<T> for WaitingBy<T, Q, F> {
    fn advance(&mut self, now: Instant) {
        self.now = Some(now);
        self.open.told = Some(after(now, self.wait));
        self.opened_before = self.open.next;
    }

    fn due(&mut self) -> Option<Vec<T>> {
        let (opened, (_, deadline)) = self.open.order.first_key_value()?;
        let due = *opened < self.opened_before && *deadline <= self.now;
        if due { self.open.take_oldest() } else { None }
    }

    fn deadline(&self) -> Option<Instant> {
        self.open.order.first_key_value().and_then(|(_, (_, deadline))| *deadline)
    }

    fn has_room(&self) -> bool {
        true
    }
}
