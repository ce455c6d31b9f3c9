//! `map_async` and the body of `for_each_async` against a simulation: when each call begins, and when each result is taken.
//!
//! The simulation knows no flow: it walks from one millisecond to the next. Sources have gaps, calls take their time, bodies are
//! busy, and a result that waits for its turn or for the body keeps its place; so does a call that is tried again.

mod seeded;

use std::cell::RefCell;
use std::collections::VecDeque;

use futures::stream;
use proptest::prelude::*;
use reactive_runtime::prelude::*;
use reactive_runtime::units::ms;
use seeded::seeded;
use tokio::time::{Instant, sleep, sleep_until};

#[derive(Clone, Debug)]
struct Case {
    /// When each item is there, in rising order.
    arrivals: Vec<u64>,
    /// How long the call of an item takes, in turn.
    calls: Vec<u64>,
    /// How long the body is busy with an item, in turn.
    bodies: Vec<u64>,
    concurrency: usize,
    /// How many keys there are, if items of a key wait for each other.
    keys: Option<u64>,
    /// How many attempts of a call come to nothing, in turn, if it is tried again: the first fails, the second takes too long,
    /// and so on.
    failures: Option<Vec<u64>>,
}

/// What an attempt may take, and how long it is until the next one.
const TIMEOUT: u64 = 5;
const DELAY: u64 = 2;

fn case() -> impl Strategy<Value = Case> {
    let times = || prop::collection::vec(prop_oneof![2 => Just(0), 3 => 0..12u64], 1..8);
    let gaps = prop::collection::vec(prop_oneof![2 => Just(0), 1 => 0..9u64], 0..40);
    let failures = prop::option::of(prop::collection::vec(0..4u64, 1..5));
    (gaps, times(), times(), 1..6usize, prop::option::of(1..4u64), failures).prop_map(
        |(gaps, calls, bodies, concurrency, keys, failures)| {
            let arrivals = gaps.into_iter().scan(0, |at, gap| {
                *at += gap;
                Some(*at)
            });
            Case { arrivals: arrivals.collect(), calls, bodies, concurrency, keys, failures }
        },
    )
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Begun(u64, usize),
    Taken(u64, usize),
}

/// A call in the simulation.
struct Call {
    item: usize,
    /// `None` while it waits for another one of its key.
    ends: Option<u64>,
}

impl Case {
    /// How long a call takes, with all of its attempts.
    fn call(&self, item: usize) -> u64 {
        let failed = (0..self.failures(item)).map(|attempt| self.attempt(item, attempt).min(TIMEOUT) + DELAY);
        failed.sum::<u64>() + self.attempt(item, self.failures(item))
    }

    fn failures(&self, item: usize) -> u64 {
        self.failures.as_ref().map_or(0, |failures| failures[item % failures.len()])
    }

    /// How long an attempt would take.
    fn attempt(&self, item: usize, attempt: u64) -> u64 {
        let time = self.calls[item % self.calls.len()];
        match attempt % 2 {
            _ if self.failures.is_none() => time,
            1 if attempt < self.failures(item) => 1000,
            _ => time.min(TIMEOUT),
        }
    }

    fn body(&self, item: usize) -> u64 {
        self.bodies[item % self.bodies.len()]
    }

    fn key(&self, item: usize) -> u64 {
        self.keys.map_or(item as u64, |keys| item as u64 % keys)
    }

    fn simulate(&self) -> Vec<Event> {
        let mut events = Vec::new();
        let (mut in_flight, mut entered) = (VecDeque::<Call>::new(), 0);
        let (mut taken, mut busy_until) = (0, 0);
        for now in 0.. {
            loop {
                let before = events.len() + entered;
                if entered < self.arrivals.len()
                    && self.arrivals[entered] <= now
                    && in_flight.len() < self.concurrency
                {
                    in_flight.push_back(Call { item: entered, ends: None });
                    entered += 1;
                }
                for at in 0..in_flight.len() {
                    let key = self.key(in_flight[at].item);
                    let mut ahead = in_flight.iter().take(at).filter(|call| self.key(call.item) == key);
                    let is_free = ahead.all(|call| call.ends.is_some_and(|ends| ends <= now));
                    if is_free && in_flight[at].ends.is_none() {
                        let item = in_flight[at].item;
                        in_flight[at].ends = Some(now + self.call(item));
                        events.push(Event::Begun(now, item));
                    }
                }
                if busy_until <= now
                    && in_flight.front().is_some_and(|call| call.ends.is_some_and(|ends| ends <= now))
                {
                    let call = in_flight.pop_front().expect("there is a first one");
                    busy_until = now + self.body(call.item);
                    taken += 1;
                    events.push(Event::Taken(now, call.item));
                }
                if events.len() + entered == before {
                    break;
                }
            }
            if taken == self.arrivals.len() {
                break;
            }
        }
        events.sort_unstable();
        events
    }

    async fn run(&self) -> Vec<Event> {
        let events = RefCell::new(Vec::new());
        let start = Instant::now();
        let now = || start.elapsed().as_millis() as u64;
        let source = stream::unfold(0, async |item| {
            let at = start + ms(*self.arrivals.get(item)?);
            if at > Instant::now() {
                sleep_until(at).await;
            }
            Some((item, item + 1))
        });
        let wait = async |time: u64| {
            if time > 0 {
                sleep(ms(time)).await;
            }
        };
        let attempts = RefCell::new(vec![0; self.arrivals.len()]);
        let call = async |item: usize| {
            let attempt = attempts.borrow()[item];
            attempts.borrow_mut()[item] += 1;
            if attempt == 0 {
                events.borrow_mut().push(Event::Begun(now(), item));
            }
            wait(self.attempt(item, attempt)).await;
            if attempt < self.failures(item) { Err(()) } else { Ok(item) }
        };
        let body = async |item: usize| {
            events.borrow_mut().push(Event::Taken(now(), item));
            wait(self.body(item)).await;
        };
        let (n, key) = (self.concurrency, |item: &usize| self.key(*item));
        let again = Retry::fixed(ms(DELAY));
        let source = Pipe::from_stream(Box::pin(source));
        fn fails<E>(_: E) -> Recover<usize> {
            unreachable!("the last attempt does not fail")
        }
        match (&self.failures, self.keys) {
            (None, None) => {
                let results = pipeline! { source |> map_async(call, concurrency = n)? };
                pipeline! { results |> catch(fails) |> for_each_async(body) }.await;
            }
            (None, Some(_)) => {
                let results = pipeline! { source |> map_async(call, concurrency = n).per_key(key)? };
                pipeline! { results |> catch(fails) |> for_each_async(body) }.await;
            }
            (Some(_), None) => {
                let results = pipeline! {
                    source |> map_async(call, concurrency = n, attempt_timeout = ms(TIMEOUT), retry = again)?
                };
                pipeline! { results |> catch(fails) |> for_each_async(body) }.await;
            }
            (Some(_), Some(_)) => {
                let results = pipeline! {
                    source
                        |> map_async(call, concurrency = n, attempt_timeout = ms(TIMEOUT), retry = again).per_key(key)?
                };
                pipeline! { results |> catch(fails) |> for_each_async(body) }.await;
            }
        }
        let mut events = events.into_inner();
        events.sort_unstable();
        events
    }
}

proptest! {
    #![proptest_config(seeded(1000))]

    #[test]
    fn calls_begin_and_results_are_taken_when_they_should(case in case()) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        prop_assert_eq!(runtime.block_on(case.run()), case.simulate());
    }
}
