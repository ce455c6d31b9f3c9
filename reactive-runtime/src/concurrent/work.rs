use std::marker::PhantomData;
use std::task::{Context, Poll};

use super::place::Place;
use super::slots::Slots;
use super::{Calls, Gate, Lanes};
use crate::flow::Budget;
use crate::live::{IntoSetting, Setting};

/// In which order results are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// In that of the items.
    Input,
    /// As they come.
    Completion,
}

/// How many items may be in flight.
#[derive(Clone, Debug)]
pub(crate) struct Limit(pub(crate) Setting<usize>);

impl Limit {
    pub(crate) const ONE: Self = Self(Setting::fixed(1));

    /// Where it was not given.
    pub(crate) const fn by_default<G: Gate>() -> Self {
        Self(Setting::fixed(G::PLACES))
    }

    /// For the setter `concurrency`.
    #[track_caller]
    pub(crate) fn concurrency(limit: impl IntoSetting<usize>) -> Self {
        Self(limit.into_setting(|limit| match limit {
            0 => Err("0 items in flight have no meaning: `concurrency` takes at least 1"),
            _ => Ok(()),
        }))
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
    // In line in the order in which their results are given: all of them, or, if that is the order in which they come,
    // those that are done.
    slots: Slots<Place<J, O>>,
    items: PhantomData<fn(T)>,
}

impl<T, C, L, J, O> Work<T, C, L, J, O> {
    pub(crate) fn new(calls: C, lanes: L, limit: Limit, order: Order) -> Self {
        Self { calls, lanes, limit, order, slots: Slots::new(), items: PhantomData }
    }

    #[inline(always)]
    pub(super) fn in_flight(&self) -> usize {
        self.slots.occupied()
    }

    /// Whether all places are taken.
    #[inline(always)]
    pub(super) fn is_full(&self) -> bool {
        self.in_flight() >= self.limit.0.get()
    }

    /// Follows a change of the limit. Who is above a lower one goes on, and nothing begins until fewer are in flight.
    #[inline(always)]
    pub(super) fn follow_limit(&mut self) {
        self.limit.0.changed();
    }

    /// Whether a job is not done yet. Asked by meters only: it may look at all of the places.
    pub(super) fn any_running(&self) -> bool {
        self.in_flight() > 0 && (!self.has_result() || self.slots.any(Place::is_running))
    }

    /// Whether the result whose turn it is is there.
    pub(super) fn has_result(&self) -> bool {
        self.slots.first().is_some_and(Place::is_done)
    }

    /// Takes the result whose turn it is, and frees its place.
    #[inline(always)]
    pub(super) fn next_result(&mut self) -> Option<O> {
        self.slots.take_first(Place::take)
    }

    /// Keeps a result that [`begin`](Self::begin) gave, as nobody wants it now.
    #[cold]
    pub(super) fn put_back(&mut self, output: O) {
        let slot = self.slots.vacant();
        self.slots.occupy(slot);
        self.slots.at(slot).0.set(Place::Done { output });
        self.slots.line_up(slot);
    }

    #[inline(always)]
    fn occupy(&mut self, slot: usize) {
        self.slots.occupy(slot);
        if self.order == Order::Input {
            self.slots.line_up(slot);
        }
    }
}

impl<T, C, L, J, O> Work<T, C, L, J, O>
where
    C: Calls<T, Job = J, Output = O>,
    L: Lanes<T>,
{
    /// Whether another item may come, as far as there are places.
    #[inline(always)]
    pub(super) fn is_open(&self) -> bool {
        self.calls.gate().is_open()
    }

    /// Whether another item may come.
    #[inline(always)]
    pub(super) fn has_room(&self) -> bool {
        !self.is_full() && self.is_open()
    }

    /// Begins with an item; gives its result if that is ready at once, and is the next.
    #[inline(always)]
    pub(super) fn begin(&mut self, item: T) -> Option<O> {
        self.calls.gate_mut().enter();
        let slot = self.slots.vacant();
        let Some(item) = self.lanes.enter(item, slot) else {
            self.occupy(slot);
            return None;
        };
        let is_next = self.slots.none_in_line();
        let (mut place, mut cx) = self.slots.at(slot);
        place.set(Place::Running { job: self.calls.begin(item) });
        let Some(output) = place.as_mut().poll(|job| self.calls.poll_job(job, &mut cx)) else {
            self.occupy(slot);
            return None;
        };
        self.calls.gate_mut().leave();
        if is_next {
            place.set(Place::Empty);
            let next = self.lanes.leave(slot);
            debug_assert!(next.is_none(), "nobody has entered behind it");
            return Some(output);
        }
        place.set(Place::Done { output });
        self.occupy(slot);
        self.done(slot);
        None
    }

    /// Polls the jobs that were woken.
    pub(super) fn poll_woken(&mut self, cx: &Context<'_>) {
        self.calls.gate_mut().advance();
        self.slots.listen(cx.waker());
        let mut budget = Budget::items();
        while budget.spend()
            && let Some(slot) = self.slots.next_woken()
        {
            let (mut place, mut cx) = self.slots.at(slot);
            if let Some(output) = place.as_mut().poll(|job| self.calls.poll_job(job, &mut cx)) {
                place.set(Place::Done { output });
                self.calls.gate_mut().leave();
                self.done(slot);
            }
        }
    }

    /// Nothing more is done in this poll; `takes_more`: upstream may have more. Ready if there is more to be done at once,
    /// else the task is woken when there is.
    pub(super) fn poll_rest(&mut self, takes_more: bool, cx: &mut Context<'_>) -> Poll<()> {
        let is_full = self.is_full();
        let gate = self.calls.gate_mut().poll_rest(takes_more && !is_full, cx);
        let more_room = takes_more && is_full && self.limit.0.poll_changed(cx).is_ready();
        if self.slots.any_woken() || more_room { Poll::Ready(()) } else { gate }
    }

    /// There will be no more items, and none is in flight.
    pub(super) fn close(&mut self) {
        self.calls.gate_mut().close();
    }

    /// The result of a slot is there: begins with the item whose turn that makes it.
    #[inline(always)]
    fn done(&mut self, slot: usize) {
        if self.order == Order::Completion {
            self.slots.line_up(slot);
        }
        if let Some((next, item)) = self.lanes.leave(slot) {
            self.slots.at(next).0.set(Place::Running { job: self.calls.begin(item) });
            // It is polled with those that were woken, so within their budget.
            self.slots.wake(next);
        }
    }
}
