use std::sync::OnceLock;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize};

use tokio::time::Instant;

use crate::plan::Plan;
use crate::watch::Place;

/// What is known of one pipeline. Each number has one writer, the meter of its place; whoever reports only reads.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) plan: &'static Plan,
    /// Of no other run.
    pub(super) id: u64,
    start: OnceLock<Instant>,
    pub(super) spots: Box<[Spot]>,
}

/// What is known of a place, in nanoseconds since the first poll of the pipeline.
#[derive(Debug, Default)]
pub(super) struct Spot {
    pub(super) place: OnceLock<Place>,
    pub(super) state: AtomicState,
    /// Since when it is in that state.
    pub(super) since: AtomicU64,
    /// How many items it gave.
    pub(super) items: AtomicU64,
    /// For how long it waited in each state, outside of polls.
    pub(super) waited: [AtomicU64; State::COUNT],
    /// The time in polls that it took part in.
    pub(super) polled: AtomicU64,
    /// The part of those in which it was called, and in which it had handed an item on: sampled, and told now and then.
    pub(super) called: AtomicU64,
    pub(super) below: AtomicU64,
    /// The part of the latter that was also such a part of what is above.
    pub(super) passed: AtomicU64,
    /// Control is in it, and somebody wants items.
    pub(super) driven: AtomicBool,
    /// Somebody wants items of it, and there were none.
    pub(super) asked: AtomicBool,
    /// The outermost place of the polls that it takes part in.
    pub(super) root: AtomicUsize,
    pub(super) turns: Turns,
}

/// The polls of a task, of which the outermost meter keeps account.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// When the last one began and ended.
    pub(super) begin: AtomicU64,
    pub(super) end: AtomicU64,
    /// The time in all of them.
    pub(super) total: AtomicU64,
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
        static RUNS: AtomicU64 = AtomicU64::new(1);
        let places = plan.stages.len() + 1;
        Self {
            plan,
            id: RUNS.fetch_add(1, Relaxed),
            start: OnceLock::new(),
            spots: (0..places).map(|_| Spot::default()).collect(),
        }
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
    /// How long it is in its state, outside of polls, and in the poll that began then.
    pub(super) fn since(&self, now: u64, turns: &Turns) -> (u64, u64) {
        let since = self.since.load(Relaxed);
        let (begin, end) = (turns.begin.load(Relaxed), turns.end.load(Relaxed));
        if begin == since && end <= now { (now - end, end - begin) } else { (now.saturating_sub(since), 0) }
    }
}

fn nanos(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Adds to a number that nobody else writes.
pub(super) fn add(number: &AtomicU64, more: u64) {
    number.store(number.load(Relaxed).wrapping_add(more), Relaxed);
}
