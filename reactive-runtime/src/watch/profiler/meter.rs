use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::run::{Run, Spot, State, add};
use super::sampler::{Sampler, Strides};
use super::turn::Turn;
use crate::flow::{Activity, Downstream};
use crate::operator::{Enter, Leave, Meter};
use crate::watch::Place;

/// Keeps account of one stage for a [`Profiler`](super::Profiler).
///
/// It stands below its stage. What the stage does between two polls is known from how it was left: whether it is asked for
/// items, whether the meter above it was left without any, and what the stage tells of itself. What happens inside of
/// polls is sampled.
#[derive(Debug)]
pub struct StageMeter {
    run: Arc<Run>,
    at: usize,
    is_source: bool,
    /// The calls of what is above, and the items that came of them.
    calls: Sampler,
    items: Sampler,
    /// What those took that came while what is above was called.
    passed: u64,
    /// When the call began, if it is measured.
    call: Option<u64>,
    /// While this is the outermost meter of a poll: that which it stands in itself.
    outside: Option<Turn>,
}

/// The clock is never read for each item.
const ITEMS: Strides = Strides(16, 1024);
const CALLS: Strides = Strides(1, 64);

impl StageMeter {
    pub(super) fn new(run: Arc<Run>, at: usize, place: Place) -> Self {
        run.spots[at].place.get_or_init(|| place);
        Self {
            run,
            at,
            is_source: place.is_source(),
            calls: Sampler::new(CALLS),
            items: Sampler::new(ITEMS),
            passed: 0,
            call: None,
            outside: None,
        }
    }
}

impl Meter for StageMeter {
    const SEES_ACTIVITY: bool = true;

    #[inline]
    fn enter(&mut self, why: Enter) {
        let turn = self.turn();
        let spot = self.spot();
        if spot.since.load(Relaxed) != turn.begin {
            self.settle(turn.begin);
        }
        spot.root.store(turn.root, Relaxed);
        spot.driven.store(why == Enter::Drive, Relaxed);
        if spot.state.load() == State::Before {
            spot.state.store(State::Blocked);
        }
        if self.calls.tick() {
            self.call = Some(if self.outside.is_some() { turn.begin } else { self.now() });
        }
    }

    #[inline(always)]
    fn push<T, D: Downstream<T>>(&mut self, item: T, down: &mut D) -> ControlFlow<()> {
        let begin = if self.items.tick() { Some(self.now()) } else { None };
        let pushed = down.push(item);
        if let Some(begin) = begin {
            self.item_measured(begin);
        }
        pushed
    }

    #[inline]
    fn leave(&mut self, why: Leave, activity: Activity) {
        if let Some(begin) = self.call.take() {
            self.call_measured(begin);
        }
        if let Some(outside) = self.outside.take() {
            outside.replace();
        }
        let spot = self.spot();
        spot.items.store(self.items.count(), Relaxed);
        spot.driven.store(false, Relaxed);
        match why {
            Leave::Pending => spot.asked.store(true, Relaxed),
            Leave::Paused | Leave::Failed => spot.asked.store(false, Relaxed),
            Leave::Ended => self.end(),
            Leave::Progress => {}
        }
        self.set_state(activity);
    }
}

/// A stage that is dropped has ended.
impl Drop for StageMeter {
    fn drop(&mut self) {
        self.end();
        // After a panic control never left it.
        if let Some(outside) = self.outside.take() {
            outside.replace();
        }
    }
}

#[cfg(feature = "metrics")]
impl StageMeter {
    /// Whether it is the outermost meter of the poll that control is in.
    pub(in crate::watch) fn is_outermost(&self) -> bool {
        self.outside.is_some()
    }

    /// When the last poll began.
    pub(in crate::watch) fn last_poll(&self) -> std::time::Duration {
        std::time::Duration::from_nanos(self.spot().since.load(Relaxed))
    }
}

impl StageMeter {
    fn spot(&self) -> &Spot {
        &self.run.spots[self.at]
    }

    #[cold]
    fn now(&self) -> u64 {
        self.run.now()
    }

    #[cold]
    fn item_measured(&mut self, begin: u64) {
        let nanos = self.run.now().saturating_sub(begin);
        // What is above is in a call while its items are handed on, and so this one came of one of those.
        if self.at > 0 && self.run.spots[self.at - 1].driven.load(Relaxed) {
            self.passed += nanos * self.items.stride();
        }
        self.items.measured(nanos);
        self.tell_items();
    }

    /// Tells what the items took.
    fn tell_items(&self) {
        let (spot, total) = (self.spot(), self.items.total());
        spot.below.store(total, Relaxed);
        spot.passed.store(self.passed.min(total), Relaxed);
    }

    #[cold]
    fn call_measured(&mut self, begin: u64) {
        let (end, weight) = (self.run.now(), self.calls.stride());
        self.calls.measured(end.saturating_sub(begin));
        let spot = self.spot();
        spot.called.store(self.calls.total(), Relaxed);
        // For the outermost meter a call is a poll.
        if self.outside.is_some() {
            spot.turns.begin.store(begin, Relaxed);
            spot.turns.end.store(end, Relaxed);
            spot.turns.weight.store(weight, Relaxed);
        }
    }

    /// The poll that control is in; the outermost meter begins it.
    fn turn(&mut self) -> Turn {
        let turn = Turn::current();
        if turn.run == self.run.id {
            return turn;
        }
        let turn = Turn { run: self.run.id, root: self.at, begin: self.run.now() };
        self.outside = Some(turn.replace());
        turn
    }

    /// Counts the time since it was left.
    fn settle(&self, now: u64) {
        let spot = self.spot();
        let turns = &self.run.spots[spot.root.load(Relaxed)].turns;
        let (waited, polled) = spot.since(now, turns);
        add(&spot.waited[spot.state.load() as usize], waited);
        add(&spot.polled, polled);
        spot.since.store(now, Relaxed);
    }

    /// What the stage does until it is called again.
    fn set_state(&self, activity: Activity) {
        let spot = self.spot();
        let asked = spot.asked.load(Relaxed);
        let waits = self.at > 0 && self.run.spots[self.at - 1].asked.load(Relaxed);
        let state = match activity {
            _ if spot.state.load() == State::Ended => return,
            Activity::Working if asked && !waits => State::HoldsUp,
            Activity::Working => State::Busy,
            _ if !asked => State::Blocked,
            Activity::Idle if !self.is_source => State::Starved,
            Activity::Idle | Activity::Unknown if waits => State::Starved,
            Activity::Idle | Activity::Unknown => State::HoldsUp,
        };
        spot.state.store(state);
    }

    /// It has ended, or is dropped.
    #[cold]
    fn end(&self) {
        let spot = self.spot();
        spot.asked.store(false, Relaxed);
        if let State::Before | State::Ended = spot.state.load() {
            return;
        }
        let (turn, now) = (Turn::current(), self.run.now());
        if turn.run == self.run.id {
            // Within a poll, of which it has seen this much.
            self.settle(turn.begin);
            add(&spot.polled, now.saturating_sub(turn.begin));
            spot.since.store(now, Relaxed);
        } else {
            self.settle(now);
        }
        spot.state.store(State::Ended);
        spot.items.store(self.items.count(), Relaxed);
        self.tell_items();
        spot.called.store(self.calls.total(), Relaxed);
    }
}
