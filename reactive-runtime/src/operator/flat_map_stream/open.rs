use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::concurrent::slots::Slots;
use crate::flow::Downstream;
use crate::live::Setting;

/// The sources that are open, and those of them whose turn it is: they were woken, or have more.
///
/// Each has a waker of its own, so that only those are polled that can go on.
#[derive(Debug)]
pub(super) struct Open<J> {
    slots: Slots<Option<J>>,
    limit: Setting<usize>,
    turns: VecDeque<usize>,
    // By slot: it is among the turns.
    has_turn: Vec<bool>,
    // So many of the first turns have gone on by `poll_progress`, and wait for a drive.
    progressed: usize,
}

impl<J> Open<J> {
    pub(super) fn new(limit: Setting<usize>) -> Self {
        Self { slots: Slots::new(), limit, turns: VecDeque::new(), has_turn: Vec::new(), progressed: 0 }
    }

    pub(super) fn is_full(&self) -> bool {
        self.slots.occupied() >= self.limit.get()
    }

    /// Wakes the task when there is another limit, if it is full; ready if there is one already.
    pub(super) fn poll_more_room(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_full() { self.limit.poll_changed(cx).map(drop) } else { Poll::Pending }
    }

    /// `Break` when it is full.
    pub(super) fn has_room(&self) -> ControlFlow<()> {
        if self.is_full() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.occupied() == 0
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.slots.occupied()
    }

    /// Whether there is such a source.
    pub(super) fn any(&self, is: impl Fn(&J) -> bool) -> bool {
        self.slots.any(|place| place.as_ref().is_some_and(&is))
    }

    /// Takes a source, and gives it a turn.
    pub(super) fn open(&mut self, source: J) -> usize {
        let slot = self.slots.vacant();
        self.slots.at(slot).0.set(Some(source));
        self.slots.occupy(slot);
        if slot == self.has_turn.len() {
            self.has_turn.push(false);
        }
        self.give_turn(slot);
        slot
    }

    /// Drops a source.
    pub(super) fn close(&mut self, slot: usize) {
        self.slots.at(slot).0.set(None);
        self.slots.vacate(slot);
    }

    pub(super) fn poll<R>(
        &mut self,
        slot: usize,
        poll: impl FnOnce(Pin<&mut J>, &mut Context<'_>) -> R,
    ) -> Option<R> {
        let (place, mut cx) = self.slots.at(slot);
        place.as_pin_mut().map(|source| poll(source, &mut cx))
    }

    /// Follows a change of the limit, gives a turn to the sources that were woken, and lets those go on which wait for one
    /// already: it may be long until it comes. A wake-up after this wakes the task.
    pub(super) fn listen(&mut self, task: &Waker, mut progress: impl FnMut(Pin<&mut J>, &mut Context<'_>)) {
        self.limit.changed();
        self.slots.listen(task);
        while let Some(slot) = self.slots.next_woken() {
            if self.has_turn[slot] {
                self.poll(slot, &mut progress);
            }
            self.give_turn(slot);
        }
    }

    pub(super) fn give_turn(&mut self, slot: usize) {
        if !std::mem::replace(&mut self.has_turn[slot], true) {
            self.turns.push_back(slot);
        }
    }

    pub(super) fn next_turn(&mut self) -> Option<usize> {
        let slot = self.turns.pop_front()?;
        self.has_turn[slot] = false;
        self.progressed = self.progressed.saturating_sub(1);
        Some(slot)
    }

    /// How many others wait for their turn.
    pub(super) fn turns(&self) -> usize {
        self.turns.len()
    }

    /// Lets those go on which were woken or have broken off since the last call; their turns stay.
    pub(super) fn poll_progress(
        &mut self,
        task: &Waker,
        mut progress: impl FnMut(Pin<&mut J>, &mut Context<'_>),
    ) {
        for at in self.progressed..self.turns.len() {
            self.poll(self.turns[at], &mut progress);
        }
        self.slots.listen(task);
        while let Some(slot) = self.slots.next_woken() {
            self.poll(slot, &mut progress);
            self.give_turn(slot);
        }
        self.progressed = self.turns.len();
    }
}

/// Opens sources for items. `Break`: there is no place for another.
pub(super) struct Opening<O>(pub(super) O);

impl<T, O: FnMut(T) -> ControlFlow<()>> Downstream<T> for Opening<O> {
    fn push(&mut self, item: T) -> ControlFlow<()> {
        (self.0)(item)
    }
}
