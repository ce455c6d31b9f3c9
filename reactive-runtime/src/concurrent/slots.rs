use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use super::ready::{Ready, Signal};

/// Places where jobs are pinned, each with a waker of its own: a wake-up polls one job, and not all of them.
///
/// They are made by need and used again: in the steady state a job costs no allocation.
#[derive(Debug)]
pub(crate) struct Slots<J> {
    slots: Vec<Slot<J>>,
    vacant: Vec<usize>,
    /// Slots that were woken, and are still to be polled.
    woken: VecDeque<usize>,
    // `None` before the first poll.
    ready: Option<Arc<Ready>>,
}

#[derive(Debug)]
struct Slot<J> {
    job: Pin<Box<Option<J>>>,
    waker: Waker,
}

impl<J> Slots<J> {
    pub(crate) fn new() -> Self {
        Self { slots: Vec::new(), vacant: Vec::new(), woken: VecDeque::new(), ready: None }
    }

    /// How many are occupied.
    #[inline(always)]
    pub(crate) fn occupied(&self) -> usize {
        self.slots.len() - self.vacant.len()
    }

    /// The slot that is occupied next. Until then, what is put into it is overwritten.
    #[inline(always)]
    pub(crate) fn vacant(&mut self) -> usize {
        match self.vacant.last() {
            Some(slot) => *slot,
            None => self.add(),
        }
    }

    #[cold]
    fn add(&mut self) -> usize {
        let ready = self.ready.get_or_insert_default();
        let slot = ready.add();
        let signal = Signal { ready: ready.clone(), slot };
        self.slots.push(Slot { job: Box::pin(None), waker: Waker::from(Arc::new(signal)) });
        self.vacant.push(slot);
        slot
    }

    /// Occupies the slot that [`vacant`](Self::vacant) gave.
    #[inline(always)]
    pub(crate) fn occupy(&mut self, slot: usize) {
        let occupied = self.vacant.pop();
        debug_assert_eq!(occupied, Some(slot), "slots are occupied in the order in which they are offered");
    }

    /// Gives a slot back.
    #[inline(always)]
    pub(crate) fn vacate(&mut self, slot: usize) {
        self.vacant.push(slot);
    }

    #[inline(always)]
    pub(crate) fn put(&mut self, slot: usize, job: J) {
        self.slots[slot].job.set(Some(job));
    }

    /// Drops the job of a slot.
    #[inline(always)]
    pub(crate) fn clear(&mut self, slot: usize) {
        self.slots[slot].job.set(None);
    }

    /// Hands the job of a slot to `poll`, with the waker of the slot; `None` where there is no job.
    #[inline(always)]
    pub(crate) fn poll<R>(
        &mut self,
        slot: usize,
        poll: impl FnOnce(Pin<&mut J>, &mut Context<'_>) -> R,
    ) -> Option<R> {
        let Slot { job, waker } = &mut self.slots[slot];
        job.as_mut().as_pin_mut().map(|job| poll(job, &mut Context::from_waker(waker)))
    }

    /// Leaves the waker of the task, and learns which slots were woken. A wake-up after this wakes the task.
    pub(crate) fn listen(&mut self, task: &Waker) {
        self.ready.get_or_insert_default().listen(task, &mut self.woken);
    }

    /// Counts a slot as woken.
    pub(crate) fn wake(&mut self, slot: usize) {
        self.woken.push_back(slot);
    }

    /// Takes one of the slots that were woken.
    pub(crate) fn next_woken(&mut self) -> Option<usize> {
        self.woken.pop_front()
    }

    pub(crate) fn any_woken(&self) -> bool {
        !self.woken.is_empty()
    }
}

impl<J> Drop for Slots<J> {
    fn drop(&mut self) {
        // A job may have left the waker of its slot somewhere that outlives it.
        if let Some(ready) = &self.ready {
            ready.close();
        }
    }
}
