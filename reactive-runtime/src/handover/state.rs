use std::task::Waker;

use super::CHUNK;
use super::queue::Queue;
use crate::waiting::{Ticket, Waiting, Wakes};

/// What the two sides share. It is called under the lock, so it wakes and drops nothing: what it returns is for the caller
/// to wake or drop.
pub(super) struct State<T, K> {
    queue: Queue<T>,
    capacity: usize,
    // Taken by the receiver and not given on yet.
    out: usize,
    // Behind the queue. The sender that told it makes no more items until the receiver is driven again, so that nothing runs
    // ahead of an error which may be the end.
    error: Option<K>,
    halted: bool,
    producers: usize,
    receiver_gone: bool,
    receiver: Option<Waker>,
    waiting: Waiting,
}

/// How the receiver takes items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// Downstream has broken at the last one.
    OneByOne,
    /// Downstream goes on.
    Steady,
}

/// What the receiver found.
pub(super) enum Taken<K> {
    Items,
    Failed(K),
    Ended,
    /// Its waker is kept.
    Nothing,
}

impl<T, K> State<T, K> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            queue: Queue::new(),
            capacity,
            out: 0,
            error: None,
            halted: false,
            producers: 1,
            receiver_gone: false,
            receiver: None,
            waiting: Waiting::default(),
        }
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Gives room for more items, or for less; what is there stays.
    #[cfg(feature = "rt")]
    pub(super) fn set_capacity(&mut self, capacity: usize) -> Wakes {
        self.capacity = capacity;
        self.wake_for_all_room()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.receiver_gone
    }

    /// How many items a producer may add now.
    pub(super) fn room(&self) -> usize {
        if self.halted { 0 } else { self.capacity.saturating_sub(self.queue.len() + self.out) }
    }

    /// Adds an item. Whether there is room for it is for the caller to know.
    #[inline]
    pub(super) fn push(&mut self, item: T) -> Option<Waker> {
        self.queue.push(item);
        self.receiver.take()
    }

    /// Adds the items of a chunk. Whether there is room for them is for the caller to know.
    pub(super) fn append(&mut self, chunk: &mut Vec<T>) -> Option<Waker> {
        self.queue.append(chunk);
        self.receiver.take()
    }

    /// An error, behind the items so far.
    #[cfg(feature = "rt")]
    pub(super) fn fail(&mut self, error: K) -> Option<Waker> {
        debug_assert!(self.error.is_none(), "a sender that has failed waits for the receiver");
        self.error = Some(error);
        self.halted = true;
        self.receiver.take()
    }

    pub(super) fn wait_for_room(&mut self, ticket: &mut Ticket, waker: &Waker) -> Option<Waker> {
        self.waiting.register(ticket, waker)
    }

    /// The producer has found room, or wants none any more: its waker, or `None` if it was woken.
    pub(super) fn leave(&mut self, ticket: &mut Ticket) -> Option<Waker> {
        self.waiting.leave(ticket)
    }

    /// A producer was woken and does not use the room: so another one may.
    pub(super) fn pass_on(&mut self) -> Wakes {
        self.wake_for_all_room()
    }

    pub(super) fn producer_added(&mut self) {
        self.producers += 1;
    }

    /// Without producers the hand-over has ended.
    pub(super) fn producer_gone(&mut self) -> Option<Waker> {
        self.producers -= 1;
        if self.producers == 0 { self.receiver.take() } else { None }
    }

    /// The receiver is driven and has given on all that it had: it takes the next chunk, or else the error behind them all, or
    /// the end.
    pub(super) fn take(
        &mut self,
        chunk: &mut Vec<T>,
        pace: Pace,
        waker: &Waker,
    ) -> (Taken<K>, Wakes, Option<Waker>) {
        let mut stale = None;
        self.queue.take(chunk);
        // The first one is given on at once.
        self.out = chunk.len().saturating_sub(1);
        let taken = if !chunk.is_empty() {
            Taken::Items
        } else if let Some(error) = self.error.take() {
            Taken::Failed(error)
        } else {
            self.halted = false;
            if self.producers == 0 {
                Taken::Ended
            } else {
                stale = self.wait_for_items(waker);
                Taken::Nothing
            }
        };
        let wakes = match pace {
            Pace::OneByOne => self.wake_for_all_room(),
            Pace::Steady => self.wake_for_much_room(),
        };
        (taken, wakes, stale)
    }

    /// Of what the receiver took out, so many items are not given on yet. It may not come back for long.
    pub(super) fn release(&mut self, out: usize) -> Wakes {
        self.out = out;
        self.wake_for_all_room()
    }

    /// What the queue held, and who waited for room in it.
    pub(super) fn close(&mut self) -> (Queue<T>, Option<K>, Option<Waker>, Wakes) {
        self.receiver_gone = true;
        let queue = std::mem::replace(&mut self.queue, Queue::new());
        (queue, self.error.take(), self.receiver.take(), self.waiting.first(usize::MAX))
    }

    fn wait_for_items(&mut self, waker: &Waker) -> Option<Waker> {
        match &self.receiver {
            Some(known) if known.will_wake(waker) => None,
            _ => self.receiver.replace(waker.clone()),
        }
    }

    fn wake_for_all_room(&mut self) -> Wakes {
        self.waiting.first(self.room())
    }

    /// While the receiver goes on taking there will be more room soon, and to wake a producer costs more than an item.
    fn wake_for_much_room(&mut self) -> Wakes {
        let much = (self.capacity / 4).clamp(1, CHUNK);
        if self.room() < much { Wakes::default() } else { self.wake_for_all_room() }
    }
}
