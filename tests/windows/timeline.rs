//! What comes when, who asks when, and both played in virtual time and simulated.

use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use futures::Stream;
use proptest::prelude::*;
use reactive_runtime::Drive;
use reactive_runtime::flow::OneItem;
use reactive_runtime::prelude::*;
use reactive_runtime::units::ms;
use tokio::time::{Instant, Sleep, sleep_until};

use super::models::Model;

/// What is given, and when; `Err` is an error.
pub(crate) type Given = Vec<(u64, Result<Vec<u32>, ()>)>;

#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// What the source gives at which time; `Err` is an error.
    events: Vec<(u64, Result<u32, ()>)>,
    end: u64,
    /// How long the consumer is busy after each thing that it is given; at last it is never.
    busy: Vec<u64>,
    /// Whether work in flight goes on while the consumer is busy.
    progress: bool,
}

impl Arbitrary for Case {
    type Parameters = ();
    type Strategy = BoxedStrategy<Self>;

    fn arbitrary_with((): ()) -> Self::Strategy {
        let event = (0..9u64, prop::bool::weighted(0.1));
        let busy = prop::collection::vec(prop_oneof![Just(0), 0..25u64], 0..30);
        (prop::collection::vec(event, 0..40), 0..15u64, busy, any::<bool>())
            .prop_map(|(events, rest, busy, progress)| {
                let mut at = 0;
                let timed = (0..).zip(events).map(|(item, (wait, fails))| {
                    // Many at the same time, some after long gaps.
                    at += if wait < 4 { 0 } else { wait - 3 } + if wait == 8 { 20 } else { 0 };
                    (at, if fails { Err(()) } else { Ok(item) })
                });
                let events: Vec<_> = timed.collect();
                Self { events, end: at + rest, busy, progress }
            })
            .boxed()
    }
}

impl Case {
    pub(crate) fn source(&self, alive: &Rc<()>) -> Source {
        let events = self.events.clone().into();
        Source { events, end: self.end, start: None, sleep: None, _alive: alive.clone() }
    }

    /// What an operator with this model gives, from event to event.
    pub(crate) fn simulate(&self, model: &mut dyn Model) -> Given {
        let mut simulation = Simulation {
            model,
            events: self.events.clone().into(),
            end: Some(self.end),
            ready: VecDeque::new(),
        };
        let (mut now, mut given) = (0, Vec::new());
        let mut busy = self.busy.iter().copied();
        while let Some(out) = simulation.ask(&mut now) {
            given.push((now, out));
            let until = now + busy.next().unwrap_or(0);
            if self.progress {
                simulation.progress(now, until);
            }
            now = until;
        }
        given
    }
}

struct Simulation<'a> {
    model: &'a mut dyn Model,
    events: VecDeque<(u64, Result<u32, ()>)>,
    end: Option<u64>,
    ready: VecDeque<Result<Vec<u32>, ()>>,
}

impl Simulation<'_> {
    /// What is given next, to whom asks `now`, and when.
    fn ask(&mut self, now: &mut u64) -> Option<Result<Vec<u32>, ()>> {
        loop {
            if let Some(out) = self.ready.pop_front() {
                return Some(out);
            }
            let event = self.next_event()?;
            // Timers fire before items.
            if let Some(due) = self.model.fire(*now) {
                return Some(Ok(due));
            }
            if event <= *now {
                self.take(*now);
            } else {
                *now = self.model.due().map_or(event, |due| due.min(event));
            }
        }
    }

    /// The consumer is busy from `now` on, `until` it asks again.
    fn progress(&mut self, now: u64, until: u64) {
        while let Some(event) = self.next_event()
            && self.ready.is_empty()
            && event < until
            && now < until
            && self.model.has_room(event.max(now))
        {
            self.take(event.max(now));
        }
    }

    fn next_event(&self) -> Option<u64> {
        self.events.front().map(|(at, _)| *at).or(self.end)
    }

    fn take(&mut self, now: u64) {
        match self.events.pop_front() {
            Some((_, Ok(item))) => self.ready.extend(self.model.add(item, now).into_iter().map(Ok)),
            Some((_, Err(()))) => {
                self.ready.extend(self.model.flush().into_iter().map(Ok));
                self.ready.push_back(Err(()));
            }
            None => {
                self.end = None;
                self.ready.extend(self.model.flush().into_iter().map(Ok));
            }
        }
    }
}

/// Runs the operator in virtual time, and says what it gives and when.
pub(crate) fn play<F>(case: &Case, pipe: Pipe<F>) -> Given
where
    F: Flow<Item = Vec<u32>, Error = Failed<()>>,
{
    in_virtual_time(async { Consumer::of(case, pipe).await })
}

/// Drops the operator after some polls.
pub(crate) fn play_and_drop<F>(case: &Case, pipe: Pipe<F>, polls: usize)
where
    F: Flow<Item = Vec<u32>, Error = Failed<()>>,
{
    in_virtual_time(async {
        let mut consumer = Consumer::of(case, pipe);
        for _ in 0..polls {
            if futures::poll!(&mut consumer).is_ready() {
                break;
            }
            tokio::time::advance(ms(2)).await;
        }
    });
}

fn in_virtual_time<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime without I/O needs nothing of the system").block_on(future)
}

/// Asks again once it is no longer busy with what it was given.
struct Consumer<F> {
    flow: Pin<Box<Pipe<F>>>,
    busy: VecDeque<u64>,
    progress: bool,
    start: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
    given: Given,
}

impl<F: Flow> Consumer<F> {
    fn of(case: &Case, pipe: Pipe<F>) -> Self {
        let busy = case.busy.clone().into();
        let (flow, progress) = (Box::pin(pipe), case.progress);
        Self { flow, busy, progress, start: None, sleep: None, given: Vec::new() }
    }
}

impl<F: Flow<Item = Vec<u32>, Error = Failed<()>>> Future for Consumer<F> {
    type Output = Given;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Given> {
        let me = &mut *self;
        let start = *me.start.get_or_insert_with(Instant::now);
        loop {
            if let Some(sleep) = &mut me.sleep {
                if sleep.as_mut().poll(cx).is_pending() {
                    if me.progress {
                        me.flow.as_mut().poll_progress(cx);
                    }
                    return Poll::Pending;
                }
                me.sleep = None;
            }
            let mut one = OneItem(None);
            let out = match ready!(me.flow.as_mut().poll_drive(cx, &mut one)) {
                Ok(Drive::Ended) => return Poll::Ready(std::mem::take(&mut me.given)),
                Ok(Drive::Paused) => one.0,
                Err(Failed(())) => None,
            };
            let now = Instant::now();
            let at = (now - start).as_millis().try_into().expect("no case takes that long");
            me.given.push((at, out.ok_or(())));
            if let Some(busy) = me.busy.pop_front().filter(|busy| *busy > 0) {
                me.sleep = Some(Box::pin(sleep_until(now + ms(busy))));
            }
        }
    }
}

/// A cold source: its times count from its first poll. It waits for no demand, so what is due is there at once.
pub(crate) struct Source {
    events: VecDeque<(u64, Result<u32, ()>)>,
    end: u64,
    start: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
    _alive: Rc<()>,
}

impl Stream for Source {
    type Item = Result<u32, ()>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let due = *self.start.get_or_insert_with(Instant::now)
            + ms(self.events.front().map_or(self.end, |(at, _)| *at));
        if Instant::now() < due {
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(due)));
            ready!(sleep.as_mut().poll(cx));
        }
        self.sleep = None;
        Poll::Ready(self.events.pop_front().map(|(_, event)| event))
    }
}
