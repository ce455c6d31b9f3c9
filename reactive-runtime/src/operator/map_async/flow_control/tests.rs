use std::cell::{Cell, RefCell};
use std::time::Duration;

use futures::StreamExt;
use tokio::time::{Instant, sleep, sleep_until};

use super::*;
use crate::flow_control::{
    Adaptive, Algorithm, Bbr, CongestionAlgorithm, Decision, FlowControl, FlowControlConfig, FlowController,
    Signals, Vegas, adaptive,
};
use crate::pipe::Pipe;
use crate::pipeline;
use crate::retry::Retry;
use crate::units::{ms, s};

/// One server with a queue, 10 ms away, which does `capacity` items a second, as of the seconds since the start.
struct Service<C> {
    start: Instant,
    capacity: C,
    free_at: Cell<Instant>,
    in_flight: Cell<usize>,
    most_in_flight: Cell<usize>,
    waits: RefCell<Vec<Duration>>,
}

impl<C: Fn(f64) -> f64> Service<C> {
    fn new(capacity: C) -> Self {
        let start = Instant::now();
        Self {
            start,
            capacity,
            free_at: Cell::new(start),
            in_flight: Cell::new(0),
            most_in_flight: Cell::new(0),
            waits: RefCell::default(),
        }
    }

    /// The work on an item, which takes a slice of time after the other until it is done.
    fn work_until(&self, mut at: Instant) -> Instant {
        let mut left = 1.0;
        loop {
            let rate = (self.capacity)((at - self.start).as_secs_f64());
            let slice = Duration::from_micros(100);
            let done = rate * slice.as_secs_f64();
            if done >= left {
                return at + slice.mul_f64(left / done);
            }
            left -= done;
            at += slice;
        }
    }

    async fn call(&self, item: u32) -> u32 {
        self.in_flight.set(self.in_flight.get() + 1);
        self.most_in_flight.set(self.most_in_flight.get().max(self.in_flight.get()));
        let arrived = Instant::now() + ms(5);
        let begin = arrived.max(self.free_at.get());
        let end = self.work_until(begin);
        self.free_at.set(end);
        self.waits.borrow_mut().push(begin - arrived);
        sleep_until(end + ms(5)).await;
        self.in_flight.set(self.in_flight.get() - 1);
        item
    }

    fn p99(&self) -> Duration {
        let mut waits = self.waits.borrow().clone();
        waits.sort();
        waits[waits.len() * 99 / 100]
    }
}

fn steps(t: f64) -> f64 {
    match t {
        t if t < 10.0 => 500.0,
        t if t < 20.0 => 200.0,
        _ => 800.0,
    }
}

fn config(congestion_algorithm: CongestionAlgorithm) -> FlowControlConfig {
    FlowControlConfig { congestion_algorithm, ..FlowControlConfig::default() }
}

/// The bands of the simulator, with less time for the slow ones: at least so many percent used, at most so many ms waited.
#[tokio::test(start_paused = true)]
async fn every_algorithm_follows_what_the_service_can_do() {
    use CongestionAlgorithm::*;
    for (algorithm, used, wait) in [
        (Aimd, 72, 120),
        (Cubic, 70, 135),
        (Bbr, 97, 60),
        (Adaptive, 98, 80),
        (Vegas, 98, 40),
        (Gradient2, 98, 50),
    ] {
        let service = Service::new(steps);
        let call = |x| service.call(x);
        let pipe = Pipe::new(0..u32::MAX).with(|i| i.map_async(call).flow_control(config(algorithm)));
        let done = pipe.take_until(sleep(s(30))).count().await;
        assert!(done * 100 >= used * 15_000, "{algorithm}: {done} of 15000");
        assert!(service.p99() <= ms(wait), "{algorithm}: {:?}", service.p99());
    }
}

#[tokio::test(start_paused = true)]
async fn few_items_are_caught_in_an_outage_and_it_recovers_at_once() {
    for algorithm in [CongestionAlgorithm::Adaptive, CongestionAlgorithm::Bbr] {
        let service = Service::new(|t| if (5.0..7.0).contains(&t) { 0.0 } else { 500.0 });
        let call = |x| service.call(x);
        let start = Instant::now();
        let mut done_at = vec![];
        let pipe = Pipe::new(0..5000).with(|i| i.map_async(call).flow_control(config(algorithm)));
        pipe.for_each(|_| done_at.push(start.elapsed())).await;
        assert_eq!(done_at.len(), 5000);
        let in_second = |from| done_at.iter().filter(|at| (s(from)..s(from + 1)).contains(at)).count();
        assert!(in_second(4) > 450 && in_second(6) == 0, "{algorithm}: {}", in_second(4));
        assert!(in_second(8) > 450, "{algorithm}: {}", in_second(8));
        let caught = service.waits.borrow().iter().filter(|wait| **wait > s(1)).count();
        assert!(caught <= 60, "{algorithm}: {caught}");
    }
}

/// Decides another number each interval, and says which it was.
#[derive(Clone)]
struct Changing<'a> {
    random: u32,
    told: &'a Cell<usize>,
}

impl Algorithm for Changing<'_> {
    fn on_interval(&mut self, _: &Signals) -> Decision {
        self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let cap = 1 + (self.random >> 16) as usize % 20;
        self.told.set(cap);
        Decision { rate: 1e6, max_in_flight: std::num::NonZeroUsize::new(cap) }
    }

    fn congestion_events(&self) -> u64 {
        0
    }
}

#[tokio::test(start_paused = true)]
async fn begins_no_call_beyond_what_it_was_told_and_loses_none() {
    let (told, most, running) = (&Cell::new(0), &Cell::new(0), &Cell::new(0));
    let call = |x: u32| {
        running.set(running.get() + 1);
        assert!(running.get() <= told.get().max(most.get()), "{} of {}", running.get(), told.get());
        async move {
            sleep(ms(u64::from(x % 23))).await;
            running.set(running.get() - 1);
            if x.is_multiple_of(5) { Err(x) } else { Ok(x) }
        }
    };
    for seed in 0..6 {
        told.set(10);
        // What takes the place of another, its next attempt or the next item of its key, may find that less is allowed now
        // than when it entered; never more than was allowed then.
        most.set(if seed < 4 { 0 } else { 20 });
        let (pipe, control) = (Pipe::new(0..3000), Changing { random: seed, told });
        let count = match seed {
            0 => pipe.with(|i| i.map_async(call).flow_control(control)).count().await,
            1 => pipe.with(|i| i.map_async(call).flow_control(control).unordered()).count().await,
            2 => pipe.with(|i| i.map_async(call).flow_control(control).concurrency(7)).count().await,
            3 => pipe.with(|i| i.map_async(call).concurrency(adaptive(1..=20).by(control))).count().await,
            4 => pipe.with(|i| i.map_async(call).per_key(|x| x % 9).flow_control(control)).count().await,
            _ => {
                let retry = Retry::fixed(ms(3)).max_retries(1);
                pipe.with(|i| i.map_async(call).retry(retry).flow_control(control)).count().await
            }
        };
        assert_eq!((count, running.get()), (3000, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn keeps_the_order_and_gives_errors_in_their_place() {
    let call = async |x: u64| {
        sleep(ms(x * 7 % 13)).await;
        if x == 50 { Err("fifty") } else { Ok(x) }
    };
    let seen = RefCell::new(vec![]);
    let pipe = Pipe::new(0..100).with(|i| i.map_async(call).flow_control(Vegas::new())).or_fail();
    let end = pipe.inspect(|x| seen.borrow_mut().push(*x)).drain().await;
    assert_eq!(end, Err("fifty"));
    assert!(seen.into_inner().into_iter().eq(0..50));
}

/// A pace, and nothing else.
#[derive(Clone, Copy)]
struct Pace(f64);

impl Algorithm for Pace {
    fn on_interval(&mut self, _: &Signals) -> Decision {
        Decision { rate: self.0, max_in_flight: None }
    }

    fn congestion_events(&self) -> u64 {
        0
    }
}

#[tokio::test(start_paused = true)]
async fn paces_what_enters_to_within_one_percent() {
    for rate in [3u32, 70, 999, 1500, 20_000] {
        let start = Instant::now();
        let config = FlowControlConfig { initial_rate: f64::from(rate), ..config(CongestionAlgorithm::Aimd) };
        let config = FlowControlConfig { max_rate: 1e6, ..config };
        let control = FlowController::with_algorithm(config, Pace(f64::from(rate))).unwrap();
        // Also where calls are ready at once, and where they take longer than an interval.
        let call = async |x: u32| {
            if x.is_multiple_of(2) {
                sleep(ms(u64::from(x % 300))).await;
            }
        };
        let began = Cell::new(0);
        let counted = |x| {
            began.set(began.get() + 1);
            call(x)
        };
        let pipe = Pipe::new(0..)
            .with(|i| i.map_async(counted).flow_control(control).concurrency(10_000).unordered());
        pipe.take_until(sleep(s(10))).drain().await;
        let expected = f64::from(rate) * start.elapsed().as_secs_f64();
        assert!(
            (f64::from(began.get()) / expected - 1.0).abs() <= 0.01 + 1.0 / expected,
            "{} at {rate}/s",
            began.get()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn says_who_holds_items_back() {
    let limited_by_the_source = async |pace: u64, body: u64, concurrency: usize| {
        let control = FlowControl::new(Vegas::new());
        let call = async |x: u64| {
            sleep(ms(20)).await;
            x
        };
        let source = |x: u64| async move {
            sleep(ms(pace)).await;
            x
        };
        let pipe = Pipe::new(0..100_000u64).map_async(source);
        let pipe = pipe.with(|i| i.map_async(call).flow_control(&control).concurrency(concurrency));
        let run = pipe.take_until(sleep(s(3))).for_each_async(async |_| sleep(ms(body)).await);
        run.await;
        let signals = control.signals().unwrap();
        (signals.app_limited, control.metrics().unwrap().max_in_flight.unwrap().get())
    };
    let (by_source, cap) = limited_by_the_source(0, 0, 1000).await;
    assert!(!by_source && cap > 20, "{cap}");
    assert!(limited_by_the_source(50, 0, 1000).await.0, "the source");
    assert!(limited_by_the_source(0, 50, 30).await.0, "the consumer, whose results fill the places");
    let (by_places, cap) = limited_by_the_source(0, 0, 4).await;
    assert!(by_places && cap <= 26, "the places: {cap}");
}

/// A service that runs eight at a time well, and is the slower the more there are.
async fn call_of_eight(running: &Cell<u32>, x: u32) -> u32 {
    running.set(running.get() + 1);
    sleep(ms(10) * running.get().max(8) / 8).await;
    running.set(running.get() - 1);
    x
}

#[tokio::test(start_paused = true)]
async fn an_adaptive_concurrency_stays_in_its_range_and_finds_what_is_of_use() {
    for (range, least, most) in [(1..=256, 5, 60), (1..=3, 3, 3), (100..=256, 100, 256)] {
        let running = Cell::new(0);
        let seen = Cell::new((u32::MAX, 0));
        let start = Instant::now();
        let call = |x| {
            let running = &running;
            let seen = &seen;
            async move {
                let result = call_of_eight(running, x).await;
                if start.elapsed() > s(5) {
                    let now = running.get() + 1;
                    seen.set((seen.get().0.min(now), seen.get().1.max(now)));
                }
                result
            }
        };
        let pipe =
            Pipe::new(0..).with(|i| i.map_async(call).concurrency(adaptive(range.clone())).unordered());
        pipe.take_until(sleep(s(20))).drain().await;
        let (_, highest) = seen.get();
        assert!((least..=most).contains(&highest), "{range:?}: {highest}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_adaptive_concurrency_does_not_grow_without_use() {
    let control = FlowControl::new(Adaptive::new());
    let call = async |x: u32| {
        sleep(ms(10)).await;
        x
    };
    let slow = async |x: u32| {
        sleep(ms(20)).await;
        x
    };
    let pipe = Pipe::new(0..3000u32).map_async(slow);
    let range = adaptive(1..=256).by(&control);
    pipe.with(|i| i.map_async(call).concurrency(range)).drain().await;
    let cap = control.metrics().unwrap().max_in_flight.unwrap().get();
    assert!(cap <= 10, "{cap}");
}

/// The decision after 10 s of calls of which half fail.
async fn congestion_with(class: impl FnMut(&&'static str) -> ErrorClass) -> u64 {
    let control = FlowControl::new(Adaptive::new());
    let call = async |x: u32| {
        sleep(ms(10)).await;
        if x.is_multiple_of(2) { Ok(x) } else { Err("odd") }
    };
    let pipe = Pipe::new(0..).with(|i| i.map_async(call).flow_control(&control).classify(class));
    pipe.take_until(sleep(s(10))).drain().await;
    let signals = control.signals().unwrap();
    assert!(signals.completed > 0 && signals.completed.abs_diff(signals.admitted / 2) < 10);
    control.metrics().unwrap().congestion_events
}

#[tokio::test(start_paused = true)]
async fn errors_count_as_what_they_say() {
    assert!(congestion_with(|_| ErrorClass::Overload).await > 10);
    assert!(congestion_with(|_| ErrorClass::Timeout).await > 10);
    assert_eq!(congestion_with(|_| ErrorClass::BadRequest).await, 0);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_times_out_counts_whatever_the_order_of_the_options() {
    let call = async |x: u32| {
        sleep(ms(if x.is_multiple_of(10) { 500 } else { 10 })).await;
        Ok::<_, &str>(x)
    };
    let retry = || Retry::fixed(ms(5)).max_retries(1);
    for order in 0..3 {
        let control = FlowControl::new(Adaptive::new());
        let (class, attempts) = (|_: &&str| ErrorClass::BadRequest, Cell::new(0));
        let counted = |x| {
            attempts.set(attempts.get() + 1);
            call(x)
        };
        let pipe = Pipe::new(0..500u32);
        let failed = |result: &Result<_, CallError<_, u32>>| result.is_err();
        let failed = match order {
            0 => {
                let pipe = pipe.with(|i| {
                    let i = i.map_async(counted).flow_control(&control).classify(class);
                    i.attempt_timeout(ms(50)).retry(retry())
                });
                pipe.filter(failed).count().await
            }
            1 => {
                let pipe = pipe.with(|i| {
                    let i = i.map_async(counted).retry(retry()).flow_control(&control);
                    i.classify(class).attempt_timeout(ms(50))
                });
                pipe.filter(failed).count().await
            }
            _ => {
                let pipe = pipe.with(|i| {
                    let i = i.map_async(counted).attempt_timeout(ms(50)).retry(retry());
                    i.concurrency(adaptive(1..=50).by(&control)).classify(class)
                });
                pipe.filter(failed).count().await
            }
        };
        assert_eq!((failed, attempts.get()), (50, 550));
        assert!(control.metrics().unwrap().congestion_events >= 3, "order {order}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stage_that_waits_for_its_source_is_not_woken() {
    let polls = Cell::new(0);
    let call = async |x: u32| {
        sleep(ms(10)).await;
        x
    };
    let source = futures::stream::iter([1u32]).chain(futures::stream::once(async {
        sleep(s(3600)).await;
        2
    }));
    let mut pipe = Pipe::from_stream(Box::pin(source)).with(|i| i.map_async(call).flow_control(Bbr::new()));
    let mut counted = std::future::poll_fn(|cx| {
        polls.set(polls.get() + 1);
        pipe.poll_next_unpin(cx)
    });
    while (&mut counted).await.is_some() {}
    assert!(polls.get() < 20, "{}", polls.get());
}

#[test]
#[should_panic(expected = "target_delay must be above zero")]
fn refuses_a_configuration_without_meaning() {
    let config = FlowControlConfig { target_delay: Duration::ZERO, ..FlowControlConfig::default() };
    let _ = Pipe::new(0..3).with(|i| i.map_async(async |x| x).flow_control(config));
}

/// Answers from a cache take no time that could be measured; their number tells the rate all the same.
#[tokio::test(start_paused = true)]
async fn calls_that_are_ready_at_once_do_not_stay_at_the_initial_rate() {
    for algorithm in CongestionAlgorithm::ALL {
        let start = Instant::now();
        let done =
            pipeline! { 0..10_000 |> map_async(async |x: u32| x, flow_control = algorithm) |> count() };
        assert_eq!(done.await, 10_000);
        // 1000 a second is the most that the configuration allows.
        assert!(start.elapsed() < s(20), "{algorithm}: {:?}", start.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn answers_from_a_cache_do_not_pass_for_the_latency_of_the_service() {
    for algorithm in CongestionAlgorithm::ALL {
        let service = tokio::sync::Semaphore::new(16);
        let call = async |x: u32| {
            if !x.is_multiple_of(2) {
                let _turn = service.acquire().await;
                sleep(ms(40)).await;
            }
            x
        };
        let start = Instant::now();
        let done = pipeline! { 0..6000 |> map_async(call, flow_control = algorithm).unordered() |> count() };
        assert_eq!(done.await, 6000);
        // Every other item needs the service, which does 400 a second.
        assert!(start.elapsed() < s(15), "{algorithm}: {:?}", start.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_filter_finds_out_how_many_it_judges_at_a_time() {
    let service = tokio::sync::Semaphore::new(8);
    let running = Cell::new((0, 0));
    let even = async |x: u32| {
        let (now, most) = running.get();
        running.set((now + 1, most.max(now + 1)));
        let turn = service.acquire().await;
        sleep(ms(20)).await;
        drop(turn);
        running.set((running.get().0 - 1, running.get().1));
        x.is_multiple_of(2)
    };
    let start = Instant::now();
    let kept = pipeline! { 0..4000 |> filter_async(|x| even(*x), concurrency = adaptive(1..=256)) |> collect::<Vec<_>>() };
    assert_eq!(kept.await, (0..4000).step_by(2).collect::<Vec<_>>());
    // Eight at a time are 400 a second.
    assert!(start.elapsed() < ms(11_000), "{:?}", start.elapsed());
    assert!((8..=64).contains(&running.get().1), "{:?}", running.get());
}
