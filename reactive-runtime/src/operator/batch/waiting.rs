use std::time::Duration;

use tokio::time::Instant;

use super::{Open, WeightedOpen};
use crate::gather::{Flush, Gather, TimedGather};
use crate::timer::after;

/// The batch of a [`MaxWait`](super::max_wait::MaxWait) that is being filled.
#[derive(Debug)]
pub struct Waiting<G> {
    open: G,
    wait: Duration,
    // When a batch is due that was opened since the time was told last.
    deadline_of_new: Option<Instant>,
    // When the open batch is due, if it was opened before: so nothing is noted while items flow.
    deadline: Option<Instant>,
    due: bool,
}

impl<G> Waiting<G> {
    pub(in crate::operator) fn new(open: G, wait: Duration) -> Self {
        Self { open, wait, deadline_of_new: None, deadline: None, due: false }
    }
}

/// A batch that is being filled.
pub trait Opens {
    /// Whether it holds an item.
    fn is_open(&self) -> bool;
}

impl<T> Opens for Open<T> {
    fn is_open(&self) -> bool {
        !self.items.is_empty()
    }
}

impl<T, W> Opens for WeightedOpen<T, W> {
    fn is_open(&self) -> bool {
        self.open.is_open()
    }
}

impl<T, G: Gather<T> + Opens> Gather<T> for Waiting<G> {
    type Out = G::Out;

    #[inline(always)]
    fn add(&mut self, item: T) -> Option<G::Out> {
        let done = self.open.add(item);
        if done.is_some() {
            self.deadline = None;
            self.due = false;
        }
        done
    }

    fn more(&mut self) -> Option<G::Out> {
        let done = self.open.more();
        if done.is_some() {
            self.deadline = None;
        }
        done
    }

    fn flush(&mut self, cause: Flush) -> Option<G::Out> {
        self.deadline = None;
        self.due = false;
        self.open.flush(cause)
    }

    fn size_hint(&self, (at_least, at_most): (usize, Option<usize>), _: bool) -> (usize, Option<usize>) {
        // Each item may be a batch, when the next one comes late.
        self.open.size_hint((at_least, at_most), true)
    }
}

impl<T, G: Gather<T> + Opens> TimedGather<T> for Waiting<G> {
    fn advance(&mut self, now: Instant) {
        self.deadline = TimedGather::<T>::deadline(self);
        self.deadline_of_new = Some(after(now, self.wait));
        self.due = self.deadline.is_some_and(|deadline| deadline <= now);
    }

    fn due(&mut self) -> Option<G::Out> {
        if self.due { self.flush(Flush::End) } else { None }
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline.or(self.deadline_of_new.filter(|_| self.open.is_open()))
    }

    fn has_room(&self) -> bool {
        true
    }
}
