use std::task::{Context, Poll};

use super::{CHUNK, Producer};
use crate::waiting::Ticket;

/// An end that gathers items: what was added is seen once a chunk is full, or by [`publish`](Self::publish), or when it is
/// dropped.
pub(crate) struct Sender<T, K> {
    chunk: Vec<T>,
    // How many items it may hold: the room that it found when it last looked, up to a chunk.
    limit: usize,
    ticket: Ticket,
    producer: Producer<T, K>,
}

impl<T, K> Sender<T, K> {
    pub(super) fn new(producer: Producer<T, K>) -> Self {
        Self { chunk: Vec::new(), limit: 0, ticket: Ticket::default(), producer }
    }

    #[inline(always)]
    pub(crate) fn has_room(&self) -> bool {
        self.chunk.len() < self.limit
    }

    /// Ready when an item may be added; `Err` when nobody will take it.
    pub(crate) fn poll_ready(&mut self, cx: &Context<'_>) -> Poll<Result<(), ()>> {
        if self.has_room() {
            return Poll::Ready(Ok(()));
        }
        if !self.publish() {
            return Poll::Ready(Err(()));
        }
        self.producer.poll_room(cx, &mut self.ticket).map_ok(|room| self.limit = room.min(CHUNK))
    }

    /// Adds an item, for which there must be room. `true`: there is room for another.
    #[inline(always)]
    pub(crate) fn add(&mut self, item: T) -> bool {
        debug_assert!(self.has_room(), "an item was added where there is no room");
        self.chunk.push(item);
        self.chunk.len() < self.limit || self.publish_full()
    }

    /// The chunk is full. `true`: there is room for another.
    #[cold]
    fn publish_full(&mut self) -> bool {
        self.publish();
        self.has_room()
    }

    /// Shows the receiver what was added, and looks for room again. `false`: nobody will take it, and it is kept.
    pub(crate) fn publish(&mut self) -> bool {
        if self.chunk.is_empty() {
            return true;
        }
        let published = self.producer.shared.with(|state| {
            if state.is_closed() {
                return None;
            }
            Some((state.append(&mut self.chunk), state.room()))
        });
        let Some((waker, room)) = published else { return false };
        self.limit = room.min(CHUNK);
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    /// Gives room for more items, or for less; what was added stays. It looks for room again before it takes another.
    #[cfg(feature = "rt")]
    pub(crate) fn set_capacity(&mut self, capacity: usize) {
        self.limit = 0;
        self.producer.shared.with(|state| state.set_capacity(capacity)).wake();
    }

    /// Hands over an error behind what was added. There is no room then until the receiver was driven on.
    #[cfg(feature = "rt")]
    pub(crate) fn fail(&mut self, error: K) {
        self.publish();
        self.limit = 0;
        if let Some(waker) = self.producer.shared.with(|state| state.fail(error)) {
            waker.wake();
        }
    }

    /// Publishes, and adds no more: as if it were dropped.
    pub(crate) fn leave(&mut self) {
        self.publish();
        self.limit = 0;
        self.producer.leave();
    }

    /// What was added and not published.
    pub(crate) fn take_unpublished(&mut self) -> Vec<T> {
        std::mem::take(&mut self.chunk)
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.chunk.is_empty()
    }

    pub(crate) fn producer(&self) -> &Producer<T, K> {
        &self.producer
    }
}

impl<T, K> Drop for Sender<T, K> {
    fn drop(&mut self) {
        self.publish();
        self.producer.give_up(&mut self.ticket);
    }
}
