//! The whole bus against a naive one: a list of subscribers, each with a list of what waits for it.

use std::collections::VecDeque;
use std::task::{Context, Waker};

use futures::{FutureExt, StreamExt};
use proptest::prelude::*;

use super::super::*;
use super::counts;
use crate::pipe::Pipe;

#[derive(Clone, Debug)]
enum Op {
    Subscribe(&'static str, usize, WhenFull),
    Publish(&'static str),
    /// Polls a publisher that waits.
    PollPublisher(usize),
    GiveUp(usize),
    Take(usize),
    Leave(usize),
    Close,
}

fn op() -> impl Strategy<Value = Op> {
    let pattern = prop::sample::select(vec!["a", "b", "*", "a.b", "a.*", "*.b", "a.>", ">"]);
    let topic = prop::sample::select(vec!["a", "b", "a.b", "a.c", "b.b", "a.b.c"]);
    let when_full = prop::sample::select(vec![WhenFull::Block, WhenFull::DropOldest, WhenFull::Disconnect]);
    prop_oneof![
        3 => (pattern, 1..4usize, when_full).prop_map(|(pattern, capacity, when)| Op::Subscribe(pattern, capacity, when)),
        8 => topic.prop_map(Op::Publish),
        3 => (0..4usize).prop_map(Op::PollPublisher),
        1 => (0..4usize).prop_map(Op::GiveUp),
        6 => (0..8usize).prop_map(Op::Take),
        1 => (0..8usize).prop_map(Op::Leave),
        1 => Just(Op::Close),
    ]
}

/// A subscriber, and what the model says of it.
struct Subscriber {
    events: Option<Pipe<EventFlow<u32>>>,
    monitor: InboxMonitor,
    pattern: Pattern,
    capacity: usize,
    when_full: WhenFull,
    queue: VecDeque<u32>,
    disconnected: bool,
    counts: [u64; 4],
}

impl Subscriber {
    /// Whether it has taken the event, or else whether its publisher waits.
    fn offer(&mut self, event: u32) -> (bool, bool) {
        if self.queue.len() == self.capacity {
            match self.when_full {
                WhenFull::Block => return (false, true),
                WhenFull::DropOldest => drop(self.queue.pop_front()),
                WhenFull::Disconnect => {
                    self.disconnected = true;
                    self.counts[0] += 1;
                    self.counts[2] += 1;
                    return (false, false);
                }
            }
            self.counts[2] += 1;
        }
        self.counts[0] += 1;
        self.queue.push_back(event);
        (true, false)
    }

    fn listens(&self) -> bool {
        self.events.is_some() && !self.disconnected
    }
}

/// A publisher that waits: for which subscribers, and how many have got its event.
struct Publisher {
    publish: Publish<MemoryBroker>,
    event: u32,
    waits_for: Vec<usize>,
    reached: usize,
}

#[derive(Default)]
struct Bus {
    bus: EventBus,
    closed: bool,
    events: u32,
    subscribers: Vec<Subscriber>,
    publishers: Vec<Publisher>,
}

impl Bus {
    fn run(&mut self, op: Op) {
        match op {
            Op::Subscribe(pattern, capacity, when_full) => self.subscribe(pattern, capacity, when_full),
            Op::Publish(topic) => self.publish(topic),
            Op::PollPublisher(at) if at < self.publishers.len() => self.poll_publisher(at),
            Op::GiveUp(at) if at < self.publishers.len() => drop(self.publishers.remove(at)),
            Op::Take(at) if at < self.subscribers.len() => self.take(at),
            Op::Leave(at) if at < self.subscribers.len() => self.leave(at),
            Op::Close => {
                self.bus.close();
                self.closed = true;
            }
            _ => {}
        }
    }

    fn subscribe(&mut self, pattern: &str, capacity: usize, when_full: WhenFull) {
        let monitor = InboxMonitor::new();
        let inbox = Inbox::of(capacity).when_full(when_full).monitor(&monitor);
        self.subscribers.push(Subscriber {
            events: Some(self.bus.subscribe_with(pattern, inbox)),
            monitor,
            pattern: Pattern::new(pattern).unwrap(),
            capacity,
            when_full,
            queue: VecDeque::new(),
            disconnected: false,
            counts: [0; 4],
        });
    }

    fn publish(&mut self, name: &str) {
        self.events += 1;
        let (event, topic) = (self.events, Topic::new(name).unwrap());
        let (mut reached, mut waits_for) = (0, Vec::new());
        let wanted = |subscriber: &Subscriber| subscriber.listens() && subscriber.pattern.matches(&topic);
        if !self.closed {
            for (at, subscriber) in self.subscribers.iter_mut().enumerate().filter(|(_, s)| wanted(s)) {
                let (taken, waits) = subscriber.offer(event);
                reached += usize::from(taken);
                waits_for.extend(waits.then_some(at));
            }
        }
        let mut publish = self.bus.publish(&topic, &event);
        match publish.poll_unpin(&mut Context::from_waker(Waker::noop())) {
            _ if self.closed => assert!(publish_failed(publish)),
            std::task::Poll::Pending => {
                assert!(!waits_for.is_empty());
                self.publishers.push(Publisher { publish, event, waits_for, reached });
            }
            std::task::Poll::Ready(told) => assert_eq!((told.unwrap(), waits_for.len()), (reached, 0)),
        }
    }

    fn poll_publisher(&mut self, at: usize) {
        let Publisher { publish, event, waits_for, reached } = &mut self.publishers[at];
        waits_for.retain(|subscriber| {
            let subscriber = &mut self.subscribers[*subscriber];
            if self.closed || !subscriber.listens() {
                return false;
            }
            let (taken, waits) = subscriber.offer(*event);
            *reached += usize::from(taken);
            waits
        });
        let told = publish.now_or_never();
        assert_eq!(told.is_none(), !waits_for.is_empty());
        if let Some(told) = told {
            if !self.closed {
                assert_eq!(told.unwrap(), *reached);
            }
            self.publishers.remove(at);
        }
    }

    fn take(&mut self, at: usize) {
        let subscriber = &mut self.subscribers[at];
        let Some(events) = &mut subscriber.events else { return };
        let told = events.next().now_or_never();
        match subscriber.queue.pop_front() {
            Some(event) => {
                subscriber.counts[1] += 1;
                assert!(matches!(told, Some(Some(Ok(got))) if got == event));
            }
            None if subscriber.disconnected => {
                assert!(matches!(told, Some(Some(Err(SubscribeError::Broker(_))))));
                subscriber.events = None;
            }
            None if self.closed => assert!(matches!(told, Some(None))),
            None => assert!(told.is_none()),
        }
    }

    fn leave(&mut self, at: usize) {
        let subscriber = &mut self.subscribers[at];
        subscriber.events = None;
        subscriber.counts[3] += subscriber.queue.len() as u64;
        subscriber.queue.clear();
    }

    fn check(&self) {
        for subscriber in &self.subscribers {
            let [offered, delivered, dropped, abandoned] = subscriber.counts;
            let buffered = subscriber.queue.len() as u64;
            assert_eq!(counts(&subscriber.monitor), [offered, delivered, dropped, abandoned, buffered]);
        }
        let listening = self.subscribers.iter().filter(|subscriber| subscriber.listens()).count();
        assert_eq!(self.bus.broker().subscriptions(), if self.closed { 0 } else { listening });
    }
}

fn publish_failed(publish: Publish<MemoryBroker>) -> bool {
    matches!(publish.now_or_never(), Some(Err(PublishError::Broker(MemoryError::Closed))))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn the_bus_does_what_a_naive_one_does(ops in prop::collection::vec(op(), 0..60)) {
        let mut bus = Bus::default();
        for op in ops {
            bus.run(op);
            bus.check();
        }
    }
}
