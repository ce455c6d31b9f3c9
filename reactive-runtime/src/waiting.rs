//! Tasks that wait for their turn, under a lock that somebody else holds.

use std::task::Waker;

/// Those who wait, as producers for room, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    // Sorted by ticket.
    wakers: Vec<(u64, Waker)>,
    next: u64,
}

/// The place in the order; who has it keeps it until its turn has come.
#[derive(Debug, Default)]
pub(crate) struct Ticket(Option<u64>);

impl Waiting {
    /// Keeps the waker at the place of its ticket, and gives back the one that it replaces, to be dropped without the lock.
    pub(crate) fn register(&mut self, ticket: &mut Ticket, waker: &Waker) -> Option<Waker> {
        let number = *ticket.0.get_or_insert_with(|| {
            self.next += 1;
            self.next
        });
        match self.wakers.binary_search_by_key(&number, |(ticket, _)| *ticket) {
            Ok(at) if self.wakers[at].1.will_wake(waker) => None,
            Ok(at) => Some(std::mem::replace(&mut self.wakers[at].1, waker.clone())),
            Err(at) => {
                self.wakers.insert(at, (number, waker.clone()));
                None
            }
        }
    }

    /// Takes the place out of the order: the waker, if it still waited; `None` if it was woken, or never waited.
    pub(crate) fn leave(&mut self, ticket: &mut Ticket) -> Option<Waker> {
        let number = ticket.0.take()?;
        let at = self.wakers.binary_search_by_key(&number, |(ticket, _)| *ticket).ok()?;
        Some(self.wakers.remove(at).1)
    }

    #[cfg(any(feature = "time", test))]
    #[inline(always)]
    pub(crate) fn has_some(&self) -> bool {
        !self.wakers.is_empty()
    }

    /// Whether it has waited, and was woken since.
    #[cfg(feature = "time")]
    pub(crate) fn was_woken(&self, ticket: &Ticket) -> bool {
        let waits = |number| self.wakers.binary_search_by_key(&number, |(ticket, _)| *ticket).is_ok();
        ticket.0.is_some_and(|number| !waits(number))
    }

    /// Takes out the first so many.
    #[inline(always)]
    pub(crate) fn first(&mut self, count: usize) -> Wakes {
        if self.wakers.is_empty() { Wakes::default() } else { self.take(count) }
    }

    #[inline(never)]
    fn take(&mut self, count: usize) -> Wakes {
        let count = count.min(self.wakers.len());
        let mut wakes = self.wakers.drain(..count).map(|(_, waker)| Wake(Some(waker)));
        Wakes { _first: wakes.next().unwrap_or_default(), _others: wakes.collect() }
    }

    /// Takes out the first.
    #[cfg(any(feature = "time", feature = "event-bus"))]
    #[inline(always)]
    pub(crate) fn one(&mut self) -> Wake {
        if self.wakers.is_empty() { Wake::default() } else { Wake(Some(self.wakers.remove(0).1)) }
    }
}

impl Ticket {
    /// Whether it was ever given out.
    pub(crate) fn is_out(&self) -> bool {
        self.0.is_some()
    }
}

/// Tasks to wake once the lock is free. One of them, the most frequent case, costs no allocation.
///
/// Dropped, it wakes them too: where a panic comes in between nobody else would.
#[derive(Debug, Default)]
#[must_use]
pub(crate) struct Wakes {
    _first: Wake,
    _others: Vec<Wake>,
}

impl Wakes {
    #[inline(always)]
    pub(crate) fn wake(self) {
        drop(self);
    }
}

/// One task to wake, if any: as [`Wakes`], and it fits in two registers.
#[derive(Debug, Default)]
#[must_use]
pub(crate) struct Wake(Option<Waker>);

impl Wake {
    #[cfg(any(feature = "time", feature = "event-bus"))]
    #[inline(always)]
    pub(crate) fn wake(self) {
        drop(self);
    }
}

impl Drop for Wake {
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(waker) = self.0.take() {
            waker.wake();
        }
    }
}
