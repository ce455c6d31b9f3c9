use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use super::{Open, WeightedOpen};
use crate::gather::{Flush, Gather, TimedGather};
use crate::live::Setting;
use crate::timer::after;

/// The batch of a [`MaxWait`](super::max_wait::MaxWait) that is being filled.
#[derive(Debug)]
pub struct Waiting<G> {
    open: G,
    wait: Setting<Duration>,
    // The time that was told last: that of a batch that was opened since.
    now: Option<Instant>,
    // When the open batch was opened, if that was before: so nothing is noted while items flow.
    opened: Option<Instant>,
}

impl<G> Waiting<G> {
    pub(in crate::operator) fn new(open: G, wait: Setting<Duration>) -> Self {
        Self { open, wait, now: None, opened: None }
    }
}

impl<G: Opens> Waiting<G> {
    fn opened(&self) -> Option<Instant> {
        self.opened.or(self.now.filter(|_| self.open.is_open()))
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
            self.opened = None;
        }
        done
    }

    fn more(&mut self) -> Option<G::Out> {
        let done = self.open.more();
        if done.is_some() {
            self.opened = None;
        }
        done
    }

    fn follow(&mut self) -> Option<G::Out> {
        self.wait.changed();
        let overfull = self.open.follow();
        if overfull.is_some() {
            self.opened = None;
        }
        overfull
    }

    fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.open.is_open() {
            return Poll::Pending;
        }
        let (wait, size) = (self.wait.poll_changed(cx), self.open.poll_changed(cx));
        if wait.is_ready() { Poll::Ready(()) } else { size }
    }

    fn flush(&mut self, cause: Flush) -> Option<G::Out> {
        self.opened = None;
        self.open.flush(cause)
    }

    fn size_hint(&self, (at_least, at_most): (usize, Option<usize>), _: bool) -> (usize, Option<usize>) {
        // Each item may be a batch, when the next one comes late.
        self.open.size_hint((at_least, at_most), true)
    }
}

impl<T, G: Gather<T> + Opens> TimedGather<T> for Waiting<G> {
    fn advance(&mut self, now: Instant) {
        self.opened = self.opened();
        self.now = Some(now);
    }

    fn due(&mut self) -> Option<G::Out> {
        let deadline = after(self.opened?, self.wait.get());
        if Some(deadline) <= self.now { self.flush(Flush::End) } else { None }
    }

    fn deadline(&self) -> Option<Instant> {
        self.opened().map(|opened| after(opened, self.wait.get()))
    }

    fn has_room(&self) -> bool {
        true
    }
}
