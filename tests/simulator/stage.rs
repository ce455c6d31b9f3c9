//! The stage, event by event.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use reactive_runtime::flow_control::{Algorithm, Completion, Decision, Ledger, Signals, StageState, Ticket};

use super::random::Random;
use super::run::{Done, Run, Tick};
use super::scenario::Scenario;

/// What decides for a sender: an [`Algorithm`], or another that is made to look like one.
pub(crate) trait Controller {
    fn on_admit(&mut self, _ticket: &Ticket) {}
    fn on_complete(&mut self, completion: &Completion) -> Option<Decision>;
    fn on_interval(&mut self, signals: &Signals) -> Decision;
}

impl<A: Algorithm> Controller for A {
    fn on_complete(&mut self, completion: &Completion) -> Option<Decision> {
        self.on_complete(completion)
    }

    fn on_interval(&mut self, signals: &Signals) -> Decision {
        self.on_interval(signals)
    }
}

/// Runs `scenario`; `controller` makes the one of each sender, told its number.
pub(crate) fn simulate<A: Controller>(
    scenario: &Scenario,
    seed: u64,
    controller: impl FnMut(u64) -> A,
) -> Run {
    Stage::new(scenario, seed, controller).run()
}

struct Stage<'a, A> {
    scenario: &'a Scenario,
    now: f64,
    senders: Vec<Sender<A>>,
    work: Random,
    /// When each server is free.
    servers: Vec<f64>,
    /// When the work on each item that waits will begin.
    waiting: VecDeque<f64>,
    /// Begin and end of the work on each item that is not long done.
    working: VecDeque<(f64, f64)>,
    /// Items on their way back.
    leaving: BinaryHeap<Leaving>,
    run: Run,
}

struct Sender<A> {
    controller: A,
    ledger: Ledger,
    decision: Decision,
    begins: f64,
    /// When the pacer allows the next item.
    next: f64,
    /// When the items come that are not yet admitted; `None` if there are always more.
    arrivals: Option<VecDeque<f64>>,
}

struct Leaving {
    at: f64,
    /// Ties leave in the order they came.
    order: u64,
    sender: usize,
    ticket: Ticket,
    arrived: f64,
    /// `None` if it was refused.
    served: Option<Served>,
}

struct Served {
    work: f64,
    wait: f64,
    end: f64,
}

impl<A> Sender<A> {
    fn cap_is_reached(&self) -> bool {
        self.decision.max_in_flight.is_some_and(|cap| self.ledger.in_flight() >= cap.get())
    }

    /// When it sends next, if it may.
    fn next_send(&self, now: f64) -> Option<f64> {
        let arrival = self.arrivals.as_ref().map_or(Some(now), |times| times.front().copied())?;
        (!self.cap_is_reached()).then(|| self.next.max(arrival).max(now))
    }

    fn source_is_empty(&self, now: f64) -> bool {
        self.arrivals.as_ref().is_some_and(|times| times.front().is_none_or(|first| *first > now))
    }

    /// A new decision. What the pacer still waits for is scaled, so that no credit comes or goes.
    fn decide(&mut self, now: f64, decision: Decision) {
        assert!(decision.rate.is_finite() && decision.rate > 0.0, "{decision:?}");
        if self.next > now {
            self.next = now + (self.next - now) * self.decision.rate / decision.rate;
        }
        self.decision = decision;
    }
}

impl<'a, A: Controller> Stage<'a, A> {
    fn new(scenario: &'a Scenario, seed: u64, mut controller: impl FnMut(u64) -> A) -> Self {
        let mut demand = Random::new(3 * seed + 1);
        let senders = (0u64..).zip(&scenario.senders).map(|(number, begins)| Sender {
            controller: controller(number),
            ledger: Ledger::default(),
            decision: Decision { rate: 100.0, max_in_flight: None },
            begins: *begins,
            next: *begins,
            arrivals: scenario.demand.arrivals(scenario.duration, &mut demand).map(VecDeque::from),
        });
        let senders: Vec<Sender<A>> = senders.collect();
        let counts = |time: &&f64| **time > scenario.warm_up && **time <= scenario.duration;
        let arrivals = senders.iter().filter_map(|sender| sender.arrivals.as_ref()).flatten();
        let run = Run::new(scenario, arrivals.filter(counts).count());
        Self {
            now: 0.0,
            senders,
            work: Random::new(3 * seed + 2),
            servers: vec![0.0; scenario.servers],
            waiting: VecDeque::new(),
            working: VecDeque::new(),
            leaving: BinaryHeap::new(),
            run,
            scenario,
        }
    }

    fn run(mut self) -> Run {
        let mut ticks = 1u32;
        loop {
            let tick = f64::from(ticks) * self.scenario.interval;
            let left = self.leaving.peek().map_or(f64::INFINITY, |item| item.at);
            let (send, sender) = self.next_send();
            if tick <= send && tick <= left {
                if tick > self.scenario.duration + 1e-9 {
                    return self.run;
                }
                self.now = tick;
                self.interval();
                ticks += 1;
            } else if left <= send {
                self.now = left;
                self.leave();
            } else {
                self.now = send;
                self.send(sender);
            }
        }
    }

    fn next_send(&self) -> (f64, usize) {
        let sends = self.senders.iter().enumerate();
        let times = sends.filter_map(|(i, sender)| sender.next_send(self.now).map(|time| (time, i)));
        times.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((f64::INFINITY, 0))
    }

    fn send(&mut self, number: usize) {
        let sender = &mut self.senders[number];
        let arrived = sender.arrivals.as_mut().and_then(VecDeque::pop_front).unwrap_or(self.now);
        sender.next = sender.next.max(self.now) + 1.0 / sender.decision.rate;
        let ticket = sender.ledger.admit(time(self.now));
        sender.controller.on_admit(&ticket);
        if sender.source_is_empty(self.now) {
            sender.ledger.source_is_empty();
        }
        let one_way = self.scenario.propagation / 2.0;
        let at_the_queue = self.now + one_way;
        self.begin_work_until(at_the_queue);
        let has_room = self.waiting.len() < self.scenario.queue_capacity;
        let served = has_room.then(|| self.serve(at_the_queue));
        let at = served.as_ref().map_or(at_the_queue, |served| served.end) + one_way;
        let order = self.run.admitted;
        self.run.admitted += 1;
        self.leaving.push(Leaving { at, order, sender: number, ticket, arrived, served });
    }

    /// Gives an item to the server that is free first.
    fn serve(&mut self, at: f64) -> Served {
        let server = self.servers.iter_mut().min_by(|a, b| a.total_cmp(b)).expect("a stage has a server");
        let begin = at.max(*server);
        let capacity = &self.scenario.capacity;
        let work = self.scenario.work.of_an_item(&mut self.work);
        // A server has its part of the capacity.
        let end = capacity.time_of(capacity.up_to(begin) + work * self.scenario.servers as f64);
        *server = end;
        if begin > at {
            self.waiting.push_back(begin);
        }
        self.working.push_back((begin, end));
        Served { work, wait: begin - at, end }
    }

    fn begin_work_until(&mut self, now: f64) {
        while self.waiting.front().is_some_and(|begin| *begin <= now) {
            self.waiting.pop_front();
        }
    }

    fn leave(&mut self) {
        let Some(item) = self.leaving.pop() else { return };
        let sender = &mut self.senders[item.sender];
        let completion = if let Some(Served { work, wait, .. }) = item.served {
            self.run.done.push(Done { at: self.now, work, wait, since_arrival: self.now - item.arrived });
            let seen = self.scenario.measured.then(|| time(wait));
            sender.ledger.complete(item.ticket, time(self.now), seen)
        } else {
            self.run.dropped += 1;
            sender.ledger.drop_item(item.ticket, time(self.now))
        };
        if let Some(decision) = sender.controller.on_complete(&completion) {
            sender.decide(self.now, decision);
        }
    }

    fn interval(&mut self) {
        self.begin_work_until(self.now);
        let busy = self.busy();
        let queue_len = self.waiting.len();
        let mut tick = Tick {
            at: self.now,
            queue_len,
            capacity: self.scenario.capacity.at(self.now),
            throughput: vec![],
            rate: vec![],
            cap: vec![],
        };
        for sender in &mut self.senders {
            let state = StageState {
                queue_len: if self.scenario.measured { queue_len } else { 0 },
                queue_capacity: self.scenario.queue_capacity,
                busy: self.scenario.measured.then_some(busy),
                app_limited: sender.source_is_empty(self.now) && !sender.cap_is_reached(),
            };
            if self.now < sender.begins {
                tick.push(0.0, sender.decision);
                continue;
            }
            let signals = sender.ledger.interval(time(self.now), state);
            let decision = sender.controller.on_interval(&signals);
            sender.decide(self.now, decision);
            tick.push(signals.completed as f64 / self.scenario.interval, decision);
        }
        self.run.ticks.push(tick);
    }

    /// Which part of the last interval the servers were at work.
    fn busy(&mut self) -> f64 {
        let (from, to) = (self.now - self.scenario.interval, self.now);
        let worked: f64 =
            self.working.iter().map(|(begin, end)| (end.min(to) - begin.max(from)).max(0.0)).sum();
        self.working.retain(|(_, end)| *end > to);
        worked / (self.scenario.interval * self.scenario.servers as f64)
    }
}

fn time(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

impl Ord for Leaving {
    fn cmp(&self, other: &Self) -> Ordering {
        // The heap gives the greatest first.
        other.at.total_cmp(&self.at).then(other.order.cmp(&self.order))
    }
}

impl PartialOrd for Leaving {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Leaving {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Leaving {}
