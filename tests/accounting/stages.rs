//! Whole pipelines around one stage, which a schedule fills, polls, breaks and cuts off.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures::{Stream, StreamExt};
use reactive_runtime::prelude::*;
use reactive_runtime::units::{ms, s};
use tokio::time::timeout;

use crate::Told;
use crate::strategies::{COUNT, strategy};
use crate::world::{
    Broken, Item, Random, begin, comes, end_source, end_work, give, goes, handed, light_the_fuse, seen,
    source, survives, turns, waits, work,
};

/// A pipeline, and what may be between the stage and the closure that sees what goes on.
pub(crate) struct Running {
    pipe: Pin<Box<dyn Stream<Item = Result<(), Broken>>>>,
    ended: bool,
    monitor: BackpressureMonitor,
    capacity: Live<usize>,
    /// So many items may be between the stage and what is below it: its task is another one then.
    between: u64,
    /// What is held when the stage is dropped is handed over too.
    tells_all: bool,
}

impl Running {
    fn new(
        pipe: Pipe<impl Flow<Item = (), Error = Failed<Broken>> + 'static>,
        skips: bool,
        monitor: BackpressureMonitor,
        capacity: Live<usize>,
    ) -> Self {
        // With a `catch` the schedule goes on after an error.
        let pipe: Pin<Box<dyn Stream<Item = Result<(), Broken>>>> = match skips {
            true => Box::pin(StreamExt::map(pipe.catch(|_| Recover::Skip), Ok)),
            false => Box::pin(pipe),
        };
        Self { pipe, ended: false, monitor, capacity, between: 0, tells_all: true }
    }
}

/// What stands around each stage: items come, and go on to work that takes its time.
macro_rules! around {
    ($random:ident, |$monitor:ident, $capacity:ident| $($stage:tt)+) => {{
        let ($monitor, $capacity) = (&BackpressureMonitor::new(), &Live::new(1 + $random.below(4)));
        let pipe = pipeline! {
            source() |> or_fail() |> inspect(comes) |> $($stage)+ |> inspect(|items| goes(items)) |> map_async(work, concurrency = 2)
        };
        Running::new(pipe, $random.below(2) == 0, $monitor.clone(), $capacity.clone())
    }};
}

/// A queue in the same task, under each strategy in turn.
pub(crate) fn buffered(random: &mut Random) -> Running {
    let (strategy, kind) = (strategy(random.below(COUNT), random), kind(random));
    around!(random, |monitor, capacity| buffer(capacity, backpressure = strategy, on_drop = handed)
        .on_pressure(turns)
        .source(kind)
        .monitor(monitor))
}

/// The same on a task of its own.
pub(crate) fn spawned(random: &mut Random) -> Running {
    let (strategy, kind) = (strategy(random.below(COUNT), random), kind(random));
    let running = around!(random, |monitor, capacity| spawn(backpressure = strategy, on_drop = handed)
        .on_pressure(turns)
        .capacity(capacity)
        .source(kind)
        .monitor(monitor));
    Running { between: 1, ..running }
}

fn kind(random: &mut Random) -> SourceKind {
    if random.below(2) == 0 { SourceKind::Pull } else { SourceKind::Push }
}

/// The stages that follow the clock and may drop.
pub(crate) fn timed(random: &mut Random) -> Running {
    let every = ms(1 + random.below(30) as u64);
    let class = |item: &Item| item.class;
    let time = |item: &Item| ms(10 * u64::from(item.class));
    let late = |item| handed(item, Reason::Deadline);
    let which = random.below(10);
    let running = match which {
        0 => around!(random, |monitor, _c| throttle(every).drop_excess().on_drop(handed).monitor(monitor)),
        1 => around!(random, |monitor, _c| throttle(every).latest().on_drop(handed).monitor(monitor)),
        2 => around!(random, |monitor, _c| throttle(every)
            .per_key(class)
            .drop_excess()
            .on_drop(handed)
            .monitor(monitor)),
        3 => {
            around!(random, |monitor, _c| throttle(every)
                .per_key(class)
                .latest()
                .on_drop(handed)
                .monitor(monitor))
        }
        4 => around!(random, |monitor, _c| debounce(every).on_drop(handed).monitor(monitor)),
        5 => around!(random, |monitor, _c| debounce(every).max_wait(ms(20)).on_drop(handed).monitor(monitor)),
        6 => around!(random, |monitor, _c| sample(every).on_drop(handed).monitor(monitor)),
        7 => around!(random, |monitor, _c| audit(every).on_drop(handed).monitor(monitor)),
        8 => around!(random, |monitor, _c| window_time(every).by_time(time).on_late(late).monitor(monitor)),
        _ => {
            around!(random, |monitor, _c| session_window(every).by_time(time).on_late(late).monitor(monitor))
        }
    };
    // Windows are dropped as they are.
    Running { tells_all: which < 8, ..running }
}

/// Calls behind a circuit breaker that are dropped while it is open.
pub(crate) fn called(random: &mut Random) -> Running {
    let breaker = CircuitBreaker::consecutive(1).recovery_timeout(ms(1 + random.below(30) as u64));
    let call = async |item: Item| {
        waits().await;
        if item.class < 2 { Err(item) } else { Ok(item) }
    };
    let either = |result: Result<Item, Item>| result.unwrap_or_else(|item| item);
    around!(random, |monitor, _c| map_async(call, concurrency = 2)
        .circuit_breaker(breaker)
        .drop_while_open(|item| handed(item, Reason::CircuitOpen))
        .monitor(monitor)
        |> map(either))
}

/// Runs a schedule.
pub(crate) async fn run(mut random: Random, make: fn(&mut Random) -> Running) -> Told {
    begin();
    let mut running = make(&mut random);
    for _ in 0..2 + random.below(24) {
        running.step(&mut random).await;
        running.assert_law();
    }
    let fuse = (random.below(8) == 0).then_some(0);
    if !seen().burnt && random.below(3) > 0 {
        light_the_fuse(None);
        running.come_to_the_end().await;
        running.assert_law();
    }
    light_the_fuse(fuse);
    running.cut_off().await
}

impl Running {
    async fn step(&mut self, random: &mut Random) {
        match random.below(16) {
            0..5 => (0..random.below(4)).for_each(|_| give(Ok(Item::new(random.below(5) as u32)))),
            5..8 => {}
            8 | 9 => end_work(1),
            10 => light_the_fuse(Some(random.below(12))),
            11 if random.below(4) == 0 => give(Err(Broken)),
            12 => self.capacity.set(1 + random.below(4)),
            13 if random.below(8) == 0 => end_source(),
            14 if random.below(4) == 0 => tokio::time::advance(ms(random.below(150) as u64)).await,
            _ => tokio::time::advance(ms(random.below(30) as u64)).await,
        }
        if self.between > 0 {
            tokio::task::yield_now().await;
        }
        let mut cx = Context::from_waker(Waker::noop());
        let polled = survives(|| self.pipe.poll_next_unpin(&mut cx));
        self.ended |= matches!(polled, Some(Poll::Ready(None | Some(Err(_)))));
    }

    /// Nobody waits for ever.
    async fn come_to_the_end(&mut self) {
        end_source();
        end_work(usize::MAX);
        let end = async { while self.pipe.next().await.is_some() {} };
        timeout(s(60), end).await.expect("it comes to its end");
        self.ended = true;
    }

    fn assert_law(&self) {
        let told = self.monitor.accounting();
        assert!(told.balances(), "{told:?}");
        let seen = seen();
        // Else it was not shown since.
        if seen.burnt || self.ended {
            return;
        }
        let (waiting, between) = (seen.came - told.offered, told.delivered - seen.went);
        assert!(waiting <= 1 && between <= self.between, "{told:?}, {seen:?}");
        // Each item is somewhere, and what was dropped is gone.
        let inside = waiting + told.buffered + told.in_flight + between;
        assert_eq!(seen.live, seen.in_source + inside + seen.went - seen.done, "{told:?}, {seen:?}");
        let merged = told.dropped.by(Reason::Conflated) - seen.handed.by(Reason::Conflated);
        assert_eq!(seen.handed.total() + merged, told.dropped.total(), "{told:?}, {seen:?}");
    }

    async fn cut_off(self) -> Told {
        let Self { pipe, monitor, between, tells_all, .. } = self;
        survives(|| drop(pipe));
        light_the_fuse(None);
        if between > 0 {
            tokio::task::yield_now().await;
        }
        let (told, seen) = (monitor.accounting(), seen());
        assert!(told.balances() && told.buffered + told.in_flight == 0, "{told:?}");
        assert_eq!((told.offered, seen.live), (seen.came, seen.in_source), "{told:?}, {seen:?}");
        // Below a task an item may have been on its way when something panicked there, and another one behind it.
        let between = if seen.burnt { 2 * between } else { between };
        assert!((seen.went..=seen.went + between).contains(&told.delivered), "{told:?}, {seen:?}");
        let merged = told.dropped.by(Reason::Conflated) - seen.handed.by(Reason::Conflated);
        let handed = seen.handed.total() + merged;
        assert!(handed <= told.dropped.total(), "{told:?}, {seen:?}");
        if tells_all && !seen.burnt {
            assert_eq!(handed, told.dropped.total(), "{told:?}, {seen:?}");
        }
        Told { drops: told.dropped, failed: told.failed, panics: seen.burnt.into(), ..Told::default() }
    }
}
