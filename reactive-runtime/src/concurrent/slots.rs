use std::pin::Pin;
use std::task::{Context, Waker};

use super::ready::Ready;

/// Places where something is pinned, each with a waker of its own: a wake-up polls what is in one place, and not all.
///
/// They are made by need and used again: in the steady state an item costs no allocation. An occupied slot may stand in
/// a line, of which there is one; the lists of vacant slots and of those in line are links from slot to slot.
#[derive(Debug)]
pub(crate) struct Slots<P> {
    // Dropped first, so that what is dropped in the places wakes nobody. `None` before the first poll.
    ready: Option<Ready>,
    slots: Vec<Slot<P>>,
    occupied: usize,
    vacant: usize,
    first: usize,
    last: usize,
    /// Slots that were woken, the first ones of which were polled already.
    woken: Vec<usize>,
    polled: usize,
}

#[derive(Debug)]
struct Slot<P> {
    place: Pin<Box<P>>,
    waker: Waker,
    /// The slot behind it, of those that are vacant, or of those in line, where the last one has none.
    next: usize,
}

/// In place of a slot: there is none.
const NONE: usize = usize::MAX;

impl<P: Default> Slots<P> {
    pub(crate) fn new() -> Self {
        Self {
            ready: None,
            slots: Vec::new(),
            occupied: 0,
            vacant: NONE,
            first: NONE,
            last: NONE,
            woken: Vec::new(),
            polled: 0,
        }
    }

    /// How many are occupied.
    #[inline(always)]
    pub(crate) fn occupied(&self) -> usize {
        self.occupied
    }

    /// The slot that is occupied next.
    #[inline(always)]
    pub(crate) fn vacant(&mut self) -> usize {
        if self.vacant == NONE {
            self.add();
        }
        self.vacant
    }

    #[cold]
    fn add(&mut self) {
        let slot = self.slots.len();
        let waker = self.ready.get_or_insert_default().add();
        self.slots.push(Slot { place: Box::pin(P::default()), waker, next: self.vacant });
        self.vacant = slot;
    }

    /// Occupies the slot that [`vacant`](Self::vacant) gave.
    #[inline(always)]
    pub(crate) fn occupy(&mut self, slot: usize) {
        debug_assert_eq!(self.vacant, slot, "slots are occupied in the order in which they are offered");
        self.vacant = self.slots[slot].next;
        self.occupied += 1;
    }

    /// Gives back an occupied slot that is not in line.
    pub(crate) fn vacate(&mut self, slot: usize) {
        self.slots[slot].next = std::mem::replace(&mut self.vacant, slot);
        self.occupied -= 1;
    }

    /// Puts an occupied slot behind those that are in line.
    #[inline(always)]
    pub(crate) fn line_up(&mut self, slot: usize) {
        if self.none_in_line() {
            self.first = slot;
        } else {
            self.slots[self.last].next = slot;
        }
        self.last = slot;
    }

    #[inline(always)]
    pub(crate) fn none_in_line(&self) -> bool {
        self.first == NONE
    }

    /// What is in the first slot in line.
    pub(crate) fn first(&self) -> Option<&P> {
        self.slots.get(self.first).map(|slot| &*slot.place)
    }

    /// Takes something out of the first slot in line, and gives the slot back; if there is nothing, it stays first.
    #[inline(always)]
    pub(crate) fn take_first<R>(&mut self, take: impl FnOnce(Pin<&mut P>) -> Option<R>) -> Option<R> {
        let Slot { place, next, .. } = self.slots.get_mut(self.first)?;
        let taken = take(place.as_mut())?;
        let behind = if self.first == self.last { NONE } else { *next };
        let vacated = std::mem::replace(&mut self.first, behind);
        *next = std::mem::replace(&mut self.vacant, vacated);
        self.occupied -= 1;
        Some(taken)
    }

    /// Whether there is such a thing in one of the slots.
    pub(crate) fn any(&self, is: impl Fn(&P) -> bool) -> bool {
        self.slots.iter().any(|slot| is(&slot.place))
    }

    /// What is in a slot, and what wakes it.
    #[inline(always)]
    pub(crate) fn at(&mut self, slot: usize) -> (Pin<&mut P>, Context<'_>) {
        let Slot { place, waker, .. } = &mut self.slots[slot];
        (place.as_mut(), Context::from_waker(waker))
    }

    /// Leaves the waker of the task, and learns which slots were woken. A wake-up after this wakes the task.
    pub(crate) fn listen(&mut self, task: &Waker) {
        self.woken.drain(..std::mem::take(&mut self.polled));
        self.ready.get_or_insert_default().listen(task, &mut self.woken);
    }

    /// Counts a slot as woken.
    pub(crate) fn wake(&mut self, slot: usize) {
        self.woken.push(slot);
    }

    /// Takes one of the slots that were woken.
    #[inline(always)]
    pub(crate) fn next_woken(&mut self) -> Option<usize> {
        let slot = *self.woken.get(self.polled)?;
        self.polled += 1;
        Some(slot)
    }

    pub(crate) fn any_woken(&self) -> bool {
        self.polled < self.woken.len()
    }
}
