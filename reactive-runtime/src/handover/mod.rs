//! The hand-over between two tasks: a bounded queue, and chunks on both sides of it.
//!
//! A lock for each item would cost more than most steps. So a [`Sender`] gathers up to [`CHUNK`] items before it locks, and a
//! [`Receiver`] takes as many out at once. Nobody waits for a chunk to fill: whoever drives a flow into a sender publishes
//! whenever the flow has no more for now.
//!
//! Capacity is a promise. What the receiver has taken out counts until it was given on, and a sender gathers no more than it
//! found room for; so with one sender there are never more than `capacity` items between the two flows.
//!
//! [`State`] decides everything in plain code, under one lock, and calls nothing that is not ours: items are
//! dropped, and tasks woken, when the lock is free again.

mod producer;
mod queue;
mod receiver;
mod sender;
mod state;
#[cfg(test)]
mod tests;

pub(crate) use producer::{Producer, Push, Refused};
pub(crate) use receiver::Receiver;
pub(crate) use sender::Sender;

use std::sync::{Arc, Mutex, PoisonError};

use state::State;

/// How many items go over with one lock.
pub(crate) const CHUNK: usize = 64;

/// The two ends of a hand-over of at most `capacity` items.
pub(crate) fn channel<T, K>(capacity: usize) -> (Producer<T, K>, Receiver<T, K>) {
    let shared = Arc::new(Shared(Mutex::new(State::new(capacity))));
    (Producer::new(Arc::clone(&shared)), Receiver::new(shared))
}

struct Shared<T, K>(Mutex<State<T, K>>);

impl<T, K> Shared<T, K> {
    /// What `f` returns outlives the lock: wakers to wake, and whatever is to be dropped.
    #[inline]
    fn with<R>(&self, f: impl FnOnce(&mut State<T, K>) -> R) -> R {
        // Only a waker's own `clone` could panic under the lock, and that leaves the state as it was.
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
