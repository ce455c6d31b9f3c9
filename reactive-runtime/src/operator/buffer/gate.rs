use std::ops::ControlFlow;
use std::task::Context;
use std::time::Duration;

use crate::backpressure::{BoundedQueue, Offered, OnDrop, Strategy, Waiting};
use crate::flow::Downstream;
use crate::live::Setting;
use crate::timer::{Clock, Timer};

/// A queue, the clock that it is told, and the one item that waits before it.
pub(crate) struct Gate<T, S: Strategy<T>, D: OnDrop<T>> {
    queue: BoundedQueue<T, S, D>,
    capacity: Setting<usize>,
    waiting: Option<Waiting<T>>,
    clock: Clock,
    now: Duration,
    timer: Timer,
}

/// What became of an item.
pub(crate) enum Passage<K> {
    /// It is queued, or was dropped.
    Ended,
    /// It waits in the gate.
    Waits,
    Failed(K),
}

impl<T, S: Strategy<T>, D: OnDrop<T>> Gate<T, S, D> {
    pub(crate) fn new(queue: BoundedQueue<T, S, D>, capacity: Setting<usize>) -> Self {
        Self {
            queue,
            capacity,
            waiting: None,
            clock: Clock::default(),
            now: Duration::ZERO,
            timer: Timer::default(),
        }
    }

    /// Once a poll: items that come in one poll come at the same time.
    pub(crate) fn look_at_the_clock(&mut self) {
        self.now = self.clock.now();
        match self.capacity.changed() {
            Some(capacity) => self.queue.set_capacity(self.now, capacity),
            None => self.queue.advance(self.now),
        }
    }

    /// Offers an item; if it has to wait, it is kept here.
    #[inline(always)]
    pub(crate) fn offer(&mut self, item: T) -> Passage<S::Fault> {
        let offered = self.queue.offer(self.now, item);
        self.keep(offered)
    }

    /// Offers the item that waits, if one does.
    pub(crate) fn offer_again(&mut self) -> Option<Passage<S::Fault>> {
        let waiting = self.waiting.take()?;
        let offered = self.queue.offer_again(self.now, waiting);
        Some(self.keep(offered))
    }

    #[inline(always)]
    fn keep(&mut self, offered: Offered<T, S::Fault>) -> Passage<S::Fault> {
        match offered {
            Offered::Kept | Offered::Dropped(_) => Passage::Ended,
            Offered::Failed(fault) => Passage::Failed(fault),
            Offered::Wait(waiting) => {
                self.waiting = Some(waiting);
                Passage::Waits
            }
        }
    }

    /// Whether upstream is to be asked for an item that nobody below wants yet.
    #[inline(always)]
    pub(crate) fn wants(&self) -> bool {
        self.waiting.is_none() && self.queue.strategy().wants(self.queue.queued())
    }

    /// Gives on what is queued, until downstream breaks.
    #[inline(always)]
    pub(crate) fn give<O: Downstream<T>>(&mut self, down: &mut O) -> ControlFlow<()> {
        while let Some(item) = self.queue.take(self.now) {
            let pushed = down.push(item);
            self.queue.delivered(self.now);
            pushed?;
        }
        ControlFlow::Continue(())
    }

    /// Has the task woken when the capacity changes, and when the item that waits is to be offered again, if there is such a
    /// time.
    pub(crate) fn sleep(&mut self, cx: &mut Context<'_>) {
        if self.capacity.poll_changed(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
        let Some(until) = self.waiting.as_ref().and_then(Waiting::until) else { return };
        if self.timer.poll_until(self.clock.instant(until), cx).is_ready() {
            cx.waker().wake_by_ref();
        }
    }

    /// How many items it holds.
    pub(crate) fn held(&self) -> usize {
        self.queue.queued().len() + usize::from(self.waiting.is_some())
    }

    pub(crate) fn publish(&self) {
        self.queue.publish();
    }
}

impl<T, S: Strategy<T>, D: OnDrop<T>> Drop for Gate<T, S, D> {
    fn drop(&mut self) {
        if let Some(waiting) = self.waiting.take() {
            self.queue.abandon(self.now, waiting);
        }
    }
}
