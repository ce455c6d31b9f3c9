use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;

use super::turn::Turn;
use crate::plan::Plan;
use crate::watch::Place;

/// What is known of one pipeline. Each number has one writer, the meter of its place; whoever reports only reads.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) plan: &'static Plan,
    /// That of its source; those of the places below follow. No other run has them.
    first_number: u64,
    start: OnceLock<Instant>,
    pub(super) spots: Box<[Arc<Spot>]>,
}

/// What is known of a place, in nanoseconds since the first poll of the pipeline.
#[derive(Debug, Default)]
pub(super) struct Spot {
    pub(super) place: OnceLock<Place>,
    pub(super) demand: AtomicDemand,
    pub(super) state: AtomicState,
    /// Since when it is in that state.
    pub(super) since: AtomicU64,
    /// What the polls of its task had taken until then.
    pub(super) polled_before: AtomicU64,
    /// How many items it gave.
    pub(super) items: AtomicU64,
    /// For how long it waited in each state, outside of polls.
    pub(super) waited: [AtomicU64; State::COUNT],
    /// The time in polls of its task.
    pub(super) polled: AtomicU64,
    /// The part of those in which it was called, and in which it had handed an item on: sampled, and told now and then.
    pub(super) called: AtomicU64,
    pub(super) below: AtomicU64,
    /// The part of the latter that was also such a part of what is above.
    pub(super) passed: AtomicU64,
    /// The outermost place of the polls that it takes part in.
    pub(super) root: AtomicUsize,
    /// Where it is that: what all polls of the task took, where those that were measured stand for the others.
    pub(super) polls: AtomicU64,
    pub(super) turn: Turn,
}

/// Who wants items of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Demand {
    /// Nobody.
    None,
    /// Somebody, and there were none.
    Waits,
    /// Somebody, and control is in it.
    Driven,
}

#[derive(Debug, Default)]
pub(super) struct AtomicDemand(AtomicU8);

impl AtomicDemand {
    #[inline(always)]
    pub(super) fn is(&self, demand: Demand) -> bool {
        self.0.load(Relaxed) == demand as u8
    }

    #[inline(always)]
    pub(super) fn store(&self, demand: Demand) {
        self.0.store(demand as u8, Relaxed);
    }
}

/// What a stage does between polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum State {
    /// It was never polled.
    Before,
    /// It works, and nobody can go on without it.
    HoldsUp,
    /// It works, and others go on meanwhile.
    Busy,
    Starved,
    Blocked,
    Ended,
}

impl State {
    pub(super) const COUNT: usize = 6;
    const ALL: [Self; Self::COUNT] =
        [Self::Before, Self::HoldsUp, Self::Busy, Self::Starved, Self::Blocked, Self::Ended];
}

#[derive(Debug, Default)]
pub(super) struct AtomicState(AtomicU8);

impl AtomicState {
    pub(super) fn load(&self) -> State {
        State::ALL[usize::from(self.0.load(Relaxed))]
    }

    pub(super) fn store(&self, state: State) {
        self.0.store(state as u8, Relaxed);
    }
}

impl Run {
    pub(super) fn new(plan: &'static Plan) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        let places = plan.stages.len() + 1;
        Self {
            plan,
            first_number: NUMBERS.fetch_add(places as u64, Relaxed),
            start: OnceLock::new(),
            spots: (0..places).map(|_| Arc::default()).collect(),
        }
    }

    /// The number of a place.
    #[inline(always)]
    pub(super) fn number(&self, at: usize) -> u64 {
        self.first_number + at as u64
    }

    /// The place of that number, if it is one of this run.
    pub(super) fn at(&self, number: u64) -> Option<usize> {
        let at = number.checked_sub(self.first_number)? as usize;
        (at < self.spots.len()).then_some(at)
    }

    /// The time since this was called first.
    pub(super) fn now(&self) -> u64 {
        let now = Instant::now();
        nanos(now - *self.start.get_or_init(|| now))
    }

    /// The same, for whoever only looks.
    pub(super) fn elapsed(&self) -> u64 {
        self.start.get().map_or(0, |start| nanos(start.elapsed()))
    }
}

impl Spot {
    /// How long it is in its state, outside of polls, and for how long it was in polls since, whose total is `polls` now: the
    /// sum is the time since then.
    ///
    /// A poll that was measured stands for some that were not, and whose time is not known. So the first may be a
    /// little less than nothing, and wraps.
    pub(super) fn since(&self, now: u64, polls: u64) -> (u64, u64) {
        let polled = polls.saturating_sub(self.polled_before.load(Relaxed));
        (now.saturating_sub(self.since.load(Relaxed)).wrapping_sub(polled), polled)
    }
}

fn nanos(duration: Duration) -> u64 {
    // Enough for five centuries.
    duration.as_secs() * 1_000_000_000 + u64::from(duration.subsec_nanos())
}

/// Adds to a number that nobody else writes.
pub(super) fn add(number: &AtomicU64, more: u64) {
    number.store(number.load(Relaxed).wrapping_add(more), Relaxed);
}
