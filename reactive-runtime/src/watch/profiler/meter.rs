use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::run::{Demand, Run, Spot, State, add};
use super::sampler::{Sampler, Strides};
use super::turn::{outermost, replace_outermost};
use crate::flow::{Activity, Downstream};
use crate::operator::{Enter, Leave, Meter};
use crate::watch::Place;

/// Keeps account of one stage for a [`Profiler`](super::Profiler).
///
/// It stands below its stage. What the stage does between two polls is known from how it was left: whether it is asked for
/// items, whether the meter above it was left without any, and what the stage tells of itself. While that stays the same
/// from poll to poll nobody looks at the clock. What happens inside of polls is sampled.
#[derive(Debug)]
pub struct StageMeter {
    /// The calls of what is above, and the items that came of them.
    calls: Sampler,
    items: Sampler,
    spot: Arc<Spot>,
    /// The place above; for the source one of which nobody wants anything.
    above: Arc<Spot>,
    left: Left,
    /// Whether no meter of its pipeline is around it in the polls of its task.
    is_root: bool,
    number: u64,
    /// While it is the outermost meter of a poll: that of the poll which this one is in.
    outside: Option<u64>,
    /// When the call began, if it is measured.
    call: Option<u64>,
    run: Arc<Run>,
    at: usize,
    is_source: bool,
    /// What those items took that came while what is above was called.
    passed: u64,
}

/// How a stage was left, from which its state follows: in one byte, as it is compared at each call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Left(u8);

/// The clock is never read for each item.
const ITEMS: Strides = Strides(16, 4096);
const CALLS: Strides = Strides(1, 512);

impl StageMeter {
    pub(super) fn new(run: Arc<Run>, at: usize, place: Place) -> Self {
        let spot = Arc::clone(&run.spots[at]);
        let is_source = place.is_source();
        spot.place.get_or_init(|| place);
        Self {
            calls: Sampler::new(CALLS),
            items: Sampler::new(ITEMS),
            spot,
            above: at.checked_sub(1).map_or_else(Arc::default, |above| Arc::clone(&run.spots[above])),
            left: Left::new(false, false, Activity::Unknown),
            is_root: false,
            number: run.number(at),
            outside: None,
            call: None,
            run,
            at,
            is_source,
            passed: 0,
        }
    }
}

impl Meter for StageMeter {
    const SEES_ACTIVITY: bool = true;

    #[inline(always)]
    fn enter(&mut self, why: Enter) {
        // The first call is measured.
        if self.calls.tick() {
            self.begin_measured();
        } else if self.is_root {
            self.outside = Some(replace_outermost(self.number));
            self.spot.turn.begin();
        }
        if why == Enter::Drive {
            self.spot.demand.store(Demand::Driven);
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

    #[inline(always)]
    fn leave(&mut self, why: Leave, activity: Activity) {
        if self.is_root || self.call.is_some() {
            self.end_call();
        }
        if why == Leave::Ended {
            self.end();
        }
        let is_asked = match why {
            Leave::Pending => true,
            Leave::Paused | Leave::Failed | Leave::Ended => false,
            Leave::Progress => self.left.is_asked(),
        };
        if why != Leave::Progress {
            self.spot.demand.store(if is_asked { Demand::Waits } else { Demand::None });
            self.spot.items.store(self.items.count(), Relaxed);
        }
        let left = Left::new(is_asked, self.above.demand.is(Demand::Waits), activity);
        if left != self.left {
            self.left_otherwise(left);
        }
    }
}

/// A stage that is dropped has ended.
impl Drop for StageMeter {
    fn drop(&mut self) {
        self.end();
        // After a panic control never left it.
        self.end_turn();
    }
}

#[cfg(feature = "metrics")]
impl StageMeter {
    /// Whether it is the outermost meter of a poll that is measured.
    pub(in crate::watch) fn measures_poll(&self) -> bool {
        self.is_root && self.call.is_some()
    }

    /// When that poll began.
    pub(in crate::watch) fn measured_poll(&self) -> std::time::Duration {
        std::time::Duration::from_nanos(self.spot.turn.time(|| self.run.now()))
    }
}

impl StageMeter {
    #[cold]
    fn begin_measured(&mut self) {
        let now = self.now();
        // Nobody of its pipeline is around it: the poll begins here.
        self.is_root = self.run.at(outermost()).is_none();
        if self.is_root {
            self.outside = Some(replace_outermost(self.number));
            self.spot.turn.begin_at(now);
        }
        if self.spot.state.load() == State::Before {
            self.spot.root.store(self.run.at(outermost()).unwrap_or(self.at), Relaxed);
            self.settle(self.time());
            self.spot.state.store(State::Blocked);
        }
        self.call = Some(now);
    }

    #[inline(always)]
    fn end_call(&mut self) {
        if let Some(begin) = self.call.take() {
            self.call_measured(begin);
        }
        self.end_turn();
    }

    fn end_turn(&mut self) {
        if let Some(outside) = self.outside.take() {
            replace_outermost(outside);
        }
    }

    #[cold]
    fn now(&self) -> u64 {
        self.run.now()
    }

    #[cold]
    fn item_measured(&mut self, begin: u64) {
        let now = self.run.now();
        let nanos = now.saturating_sub(begin);
        // What is above is in a call while its items are handed on, and so this one came of one of those.
        if self.above.demand.is(Demand::Driven) {
            self.passed += nanos * self.items.stride();
        }
        self.items.measured(nanos, now);
        self.tell_items();
    }

    /// Tells what the items took.
    fn tell_items(&self) {
        let total = self.items.total();
        self.spot.below.store(total, Relaxed);
        self.spot.passed.store(self.passed.min(total), Relaxed);
    }

    #[cold]
    fn call_measured(&mut self, begin: u64) {
        let now = self.run.now();
        let nanos = now.saturating_sub(begin);
        if self.is_root {
            // For the outermost meter a call is a poll.
            add(&self.spot.polls, nanos * self.calls.stride());
        }
        self.calls.measured(nanos, now);
        self.spot.called.store(self.calls.total(), Relaxed);
    }

    /// The time of the poll that control is in, or else now.
    fn time(&self) -> u64 {
        match self.run.at(outermost()) {
            Some(root) => self.run.spots[root].turn.time(|| self.run.now()),
            None => self.run.now(),
        }
    }

    /// Counts the time in which its state has not changed.
    fn settle(&self, now: u64) {
        let spot = &*self.spot;
        let now = now.max(spot.since.load(Relaxed));
        let polls = self.run.spots[spot.root.load(Relaxed)].polls.load(Relaxed);
        let (waited, polled) = spot.since(now, polls);
        add(&spot.waited[spot.state.load() as usize], waited);
        add(&spot.polled, polled);
        spot.since.store(now, Relaxed);
        spot.polled_before.store(polls, Relaxed);
    }

    /// It was left as never before, or not as the last time.
    #[cold]
    fn left_otherwise(&mut self, left: Left) {
        self.left = left;
        let state = left.state(self.is_source);
        let before = self.spot.state.load();
        if before != state && before != State::Ended {
            self.settle(self.time());
            self.spot.state.store(state);
        }
    }

    /// It has ended, or is dropped.
    #[cold]
    fn end(&mut self) {
        let spot = &*self.spot;
        spot.demand.store(Demand::None);
        if let State::Before | State::Ended = spot.state.load() {
            return;
        }
        // Within a poll, of which it has seen this much.
        let (time, now) = (self.time(), self.run.now());
        self.settle(time);
        add(&spot.polled, now.saturating_sub(time));
        spot.since.store(now, Relaxed);
        spot.state.store(State::Ended);
        spot.items.store(self.items.count(), Relaxed);
        self.tell_items();
        spot.called.store(self.calls.total(), Relaxed);
    }
}

impl Left {
    /// `is_asked`: somebody wants items of it, and there were none; `waits`: the same of what is above it.
    #[inline(always)]
    fn new(is_asked: bool, waits: bool, activity: Activity) -> Self {
        Self(u8::from(is_asked) | u8::from(waits) << 1 | (activity as u8) << 2)
    }

    #[inline(always)]
    fn is_asked(self) -> bool {
        self.0 & 1 != 0
    }

    /// What the stage does until it is called again.
    fn state(self, is_source: bool) -> State {
        let (is_asked, waits, activity) = (self.is_asked(), self.0 & 2 != 0, self.0 >> 2);
        let (is_working, is_idle) = (activity == Activity::Working as u8, activity == Activity::Idle as u8);
        if is_working {
            if is_asked && !waits { State::HoldsUp } else { State::Busy }
        } else if !is_asked {
            State::Blocked
        } else if waits || is_idle && !is_source {
            State::Starved
        } else {
            State::HoldsUp
        }
    }
}
