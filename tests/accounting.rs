//! The law of accounting, for the queue and for whole stages: offered = delivered + failed + dropped + buffered + in flight, at every step of
//! random schedules with slow consumers, errors, panics in closures, and pipelines that are cut off. What really becomes of
//! each item is counted beside.

#[path = "accounting/feeds.rs"]
mod feeds;
#[path = "accounting/queues.rs"]
mod queues;
mod seeded;
#[path = "accounting/stages.rs"]
mod stages;
#[path = "accounting/strategies.rs"]
mod strategies;
#[path = "accounting/world.rs"]
mod world;

use std::cell::RefCell;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use reactive_runtime::backpressure::Drops;
use reactive_runtime::prelude::*;
use seeded::seeded;
use world::Random;

#[test]
fn holds_for_queues_under_every_strategy() {
    let told = schedules(100_000, queues::run);
    told.came_everywhere(&of_queues());
    assert!(told.waits > 1000 && told.panics > 1000 && told.pressures > 1000, "{told:?}");
    assert!(told.drops.by(Reason::Sojourn) > 20, "{told:?}");
}

#[test]
fn holds_for_buffers_under_every_strategy() {
    let told = schedules(35_000, |random| stages::run(random, stages::buffered));
    told.came_everywhere(&of_queues());
}

#[test]
fn holds_for_queues_on_a_task_under_every_strategy() {
    let told = schedules(25_000, |random| stages::run(random, stages::spawned));
    told.came_everywhere(&of_queues());
}

#[test]
fn holds_for_feeds_under_every_strategy() {
    let told = schedules(25_000, feeds::run);
    told.came_everywhere(&of_queues());
    assert!(told.drops.by(Reason::Sojourn) > 20, "{told:?}");
}

#[test]
fn holds_for_stages_that_follow_the_clock() {
    let told = schedules(20_000, |random| stages::run(random, stages::timed));
    told.came_everywhere(&[Reason::RateExceeded, Reason::Displaced, Reason::Deadline, Reason::Shutdown]);
}

#[test]
fn holds_for_calls_that_are_dropped_while_a_circuit_breaker_is_open() {
    let told = schedules(10_000, |random| stages::run(random, stages::called));
    told.came_everywhere(&[Reason::CircuitOpen]);
}

/// No queue has a rate; and one of a few items, that are pulled at random, seldom stands.
fn of_queues() -> Vec<Reason> {
    let others = [Reason::RateExceeded, Reason::Sojourn];
    Reason::ALL.into_iter().filter(|reason| !others.contains(reason)).collect()
}

/// Runs so many, in one runtime.
fn schedules<R: Future<Output = Told>>(count: u32, run: impl Fn(Random) -> R) -> Told {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().expect("a runtime is made");
    let told = RefCell::new(Told::default());
    // A smaller seed is no simpler schedule.
    let config = ProptestConfig { max_shrink_iters: 0, ..seeded(count) };
    let ran = TestRunner::new(config).run(&any::<u64>(), |seed| {
        let one = runtime.block_on(run(Random(seed)));
        told.borrow_mut().add(&one);
        Ok(())
    });
    if let Err(failed) = ran {
        panic!("{failed}");
    }
    told.into_inner()
}

/// What became of schedules.
#[derive(Debug, Default)]
struct Told {
    drops: Drops,
    failed: u64,
    panics: u64,
    // Of a queue alone.
    waits: u64,
    pressures: u64,
}

impl Told {
    fn add(&mut self, other: &Self) {
        other.drops.iter().for_each(|(reason, count)| self.drops.add(reason, count));
        self.failed += other.failed;
        self.panics += other.panics;
        self.waits += other.waits;
        self.pressures += other.pressures;
    }

    fn came_everywhere(&self, reasons: &[Reason]) {
        assert!(self.failed > 100 && self.panics > 100, "{self:?}");
        assert!(reasons.iter().all(|reason| self.drops.by(*reason) > 20), "{self:?}");
    }
}
