use std::collections::VecDeque;
use std::marker::PhantomData;
use std::task::{Context, Poll};

use super::slots::Slots;
use super::{Calls, Lanes};
use crate::flow::Budget;

/// In which order results are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// In that of the items.
    Input,
    /// As they come.
    Completion,
}

/// How many items may be in flight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit(usize);

impl Limit {
    pub(crate) const ONE: Self = Self(1);

    /// For the setter `concurrency`.
    #[track_caller]
    pub(crate) fn concurrency(limit: usize) -> Self {
        assert!(limit > 0, "0 items in flight have no meaning: `concurrency` takes at least 1");
        Self(limit)
    }
}

/// The items that are in flight: each has a slot from its beginning until its result is taken.
///
/// `J` and `O` are what `C` makes of a `T`; they are parameters, as a field of a projected type would keep the compiler
/// from seeing that a future which holds the work is `Send`.
#[derive(Debug)]
pub struct Work<T, C, L, J, O> {
    calls: C,
    lanes: L,
    limit: Limit,
    order: Order,
    slots: Slots<J>,
    // The slots in the order in which their results are given: of all items, or, if that is the order in which they
    // come, of those that are done.
    queue: VecDeque<usize>,
    // By slot.
    results: Vec<Option<O>>,
    items: PhantomData<fn(T)>,
}

impl<T, C, L, J, O> Work<T, C, L, J, O> {
    pub(crate) fn new(calls: C, lanes: L, limit: Limit, order: Order) -> Self {
        Self {
            calls,
            lanes,
            limit,
            order,
            slots: Slots::new(),
            queue: VecDeque::new(),
            results: Vec::new(),
            items: PhantomData,
        }
    }

    #[inline(always)]
    pub(super) fn in_flight(&self) -> usize {
        self.slots.occupied()
    }

    #[inline(always)]
    pub(super) fn is_full(&self) -> bool {
        self.in_flight() >= self.limit.0
    }

    /// Whether there are jobs left that were woken.
    pub(super) fn any_woken(&self) -> bool {
        self.slots.any_woken()
    }

    /// Whether the result whose turn it is is there.
    pub(super) fn has_result(&self) -> bool {
        self.queue.front().is_some_and(|slot| matches!(self.results.get(*slot), Some(Some(_))))
    }

    /// Takes the result whose turn it is, and frees its place.
    #[inline(always)]
    pub(super) fn next_result(&mut self) -> Option<O> {
        let slot = *self.queue.front()?;
        let result = self.results.get_mut(slot)?.take()?;
        self.queue.pop_front();
        self.slots.vacate(slot);
        Some(result)
    }

    /// Keeps a result until it is taken; it has a place already.
    #[inline(always)]
    fn keep(&mut self, slot: usize, result: O) {
        if self.results.len() <= slot {
            self.results.resize_with(slot + 1, || None);
        }
        self.results[slot] = Some(result);
    }

    /// Keeps a result that [`begin`](Self::begin) gave, as nobody wants it now.
    #[cold]
    pub(super) fn put_back(&mut self, result: O) {
        let slot = self.slots.vacant();
        self.slots.occupy(slot);
        self.keep(slot, result);
        self.queue.push_back(slot);
    }

    #[inline(always)]
    fn occupy(&mut self, slot: usize) {
        self.slots.occupy(slot);
        if self.order == Order::Input {
            self.queue.push_back(slot);
        }
    }
}

impl<T, C, L, J, O> Work<T, C, L, J, O>
where
    C: Calls<T, Job = J, Output = O>,
    L: Lanes<T>,
{
    /// Begins with an item; gives its result if that is ready at once, and is the next.
    #[inline(always)]
    pub(super) fn begin(&mut self, item: T) -> Option<O> {
        let slot = self.slots.vacant();
        let Some(item) = self.lanes.enter(item, slot) else {
            self.occupy(slot);
            return None;
        };
        self.slots.put(slot, self.calls.begin(item));
        let Some(result) = self.poll(slot) else {
            self.occupy(slot);
            return None;
        };
        if self.queue.is_empty() {
            self.slots.clear(slot);
            let next = self.lanes.leave(slot);
            debug_assert!(next.is_none(), "nobody has entered behind it");
            return Some(result);
        }
        self.occupy(slot);
        self.done(slot, result);
        None
    }

    /// Polls the jobs that were woken.
    pub(super) fn poll_woken(&mut self, cx: &Context<'_>) {
        self.slots.listen(cx.waker());
        let mut budget = Budget::items();
        while budget.spend()
            && let Some(slot) = self.slots.next_woken()
        {
            if let Some(result) = self.poll(slot) {
                self.done(slot, result);
            }
        }
    }

    #[inline(always)]
    fn poll(&mut self, slot: usize) -> Option<O> {
        match self.slots.poll(slot, |job, cx| self.calls.poll_job(job, cx)) {
            Some(Poll::Ready(result)) => Some(result),
            // Who was woken may be done already, or wait for its lane.
            Some(Poll::Pending) | None => None,
        }
    }

    /// Keeps a result, and begins with the item whose turn that makes it.
    #[inline(always)]
    fn done(&mut self, slot: usize, result: O) {
        self.slots.clear(slot);
        self.keep(slot, result);
        if self.order == Order::Completion {
            self.queue.push_back(slot);
        }
        if let Some((next, item)) = self.lanes.leave(slot) {
            self.slots.put(next, self.calls.begin(item));
            // It is polled with those that were woken, so within their budget.
            self.slots.wake(next);
        }
    }
}
