//! Every state that a breaker with three probes can come to: calls begin, succeed, fail, are given up or hang, and time
//! passes, in every order.

use std::collections::HashSet;
use std::time::Duration;

use super::model::{Call, Mode, Model, Settings};
use super::*;

const HELD_MAX: usize = 5;
const TICK: Duration = Duration::from_secs(5);
const SETTINGS: Settings = Settings {
    mode: Mode::Consecutive(1),
    min_calls: 1,
    slow: None,
    recovery: Duration::from_secs(10),
    recovery_max: Duration::from_secs(10),
    probes: 3,
    lease: Duration::from_secs(10),
};

#[derive(Clone, Copy, Debug)]
enum Event {
    Acquire,
    Succeed(usize),
    Fail(usize),
    Cancel(usize),
    Tick,
}

/// A breaker beside its model, and the calls that run.
struct World {
    breaker: CircuitBreaker,
    model: Model,
    held: Vec<(Permit, Call)>,
    now: Duration,
}

impl World {
    /// Permits cannot be copied, and so no world can: it is made anew from what happened.
    fn after(events: &[Event]) -> Self {
        let (breaker, model) = (SETTINGS.breaker(), Model::new(SETTINGS));
        let mut world = Self { breaker, model, held: Vec::new(), now: Duration::ZERO };
        events.iter().for_each(|event| world.apply(*event));
        world
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Acquire => match (self.breaker.acquire(self.now), self.model.acquire(self.now)) {
                (Ok(permit), Some(call)) => self.held.push((permit, call)),
                (Err(open), None) => assert!(open.until.is_some_and(|until| until > self.now)),
                (breaker, model) => panic!("{breaker:?} where the model says {model:?}"),
            },
            Event::Succeed(i) => self.end(i, Outcome::Succeeded),
            Event::Fail(i) => self.end(i, Outcome::Failed),
            Event::Cancel(i) => {
                let (permit, call) = self.held.swap_remove(i);
                self.breaker.release(permit);
                self.model.cancel(call);
            }
            Event::Tick => self.now += TICK,
        }
    }

    fn end(&mut self, i: usize, outcome: Outcome) {
        let (permit, call) = self.held.swap_remove(i);
        if self.model.has_expired(self.now, call) {
            // Asked for a place, the breaker takes that of each whose lease has ended: then the outcome is too late.
            let before = self.breaker.state();
            let asked = self.breaker.acquire(self.now).map(|permit| self.breaker.release(permit));
            assert!(asked.is_ok() || self.model.running(self.now) > 0);
            self.breaker.record(self.now, permit, outcome);
            self.model.cancel(call);
            assert_eq!(self.breaker.state(), before);
        } else {
            self.breaker.record(self.now, permit, outcome);
            self.model.record(self.now, call, outcome == Outcome::Failed);
        }
    }

    fn check(&self) {
        assert_eq!(self.breaker.state(), self.model.state());
        assert!(self.model.running(self.now) <= 3, "each place is given once");
    }

    fn events(&self) -> Vec<Event> {
        let each = (0..self.held.len()).flat_map(|i| [Event::Succeed(i), Event::Fail(i), Event::Cancel(i)]);
        let mut events: Vec<_> = each.chain([Event::Tick]).collect();
        if self.held.len() < HELD_MAX {
            events.push(Event::Acquire);
        }
        events
    }

    /// Whatever happened, and whatever hangs: three calls that succeed close it, once its times have passed.
    fn can_recover(mut self) {
        self.now += SETTINGS.recovery + SETTINGS.lease;
        let half_open = self.breaker.state() != CircuitState::Closed;
        for _ in 0..3 {
            if self.breaker.state() == CircuitState::Closed && half_open {
                break;
            }
            let permit = self.breaker.acquire(self.now).expect("a call passes");
            self.breaker.record(self.now, permit, Outcome::Succeeded);
        }
        assert_eq!(self.breaker.state(), CircuitState::Closed);
    }
}

#[test]
fn three_probes_hold_in_every_order_of_events() {
    let (mut seen, mut now) = (HashSet::new(), vec![Vec::new()]);
    let mut closed_after_open = 0;
    // Until nothing new comes.
    while !now.is_empty() {
        let mut next = Vec::new();
        for path in now {
            let before = World::after(&path);
            for event in before.events() {
                let mut path = path.clone();
                path.push(event);
                let world = World::after(&path);
                world.check();
                let calls: Vec<_> = world.held.iter().map(|(_, call)| *call).collect();
                if seen.insert(world.model.key(world.now, &calls)) {
                    closed_after_open += usize::from(
                        before.breaker.state() == CircuitState::HalfOpen
                            && world.breaker.state() == CircuitState::Closed,
                    );
                    next.push(path);
                    world.can_recover();
                }
            }
        }
        now = next;
    }
    assert!(seen.len() > 1000 && closed_after_open > 0, "{} worlds", seen.len());
}
