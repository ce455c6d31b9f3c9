use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use futures::StreamExt;
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use tokio::time::sleep;

use super::*;
use crate::prelude::*;
use crate::units::ms;

/// Keeps what it is told, by the name and the labels without the line.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<BTreeMap<String, Arc<AtomicU64>>>>);

impl Kept {
    fn value(&self, key: &Key) -> Arc<AtomicU64> {
        let labels = key.labels().filter(|label| label.key() != "line").map(Label::value);
        let key = std::iter::once(key.name()).chain(labels).collect::<Vec<_>>().join(" ");
        Arc::clone(self.0.lock().unwrap().entry(key).or_default())
    }

    fn count(&self, key: &str) -> u64 {
        self.0.lock().unwrap().get(key).map_or(0, |value| value.load(Relaxed))
    }

    fn number(&self, key: &str) -> f64 {
        f64::from_bits(self.count(key))
    }
}

impl Recorder for Kept {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.value(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.value(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        struct Sum(Arc<AtomicU64>);
        impl metrics::HistogramFn for Sum {
            fn record(&self, value: f64) {
                self.0.store((f64::from_bits(self.0.load(Relaxed)) + value).to_bits(), Relaxed);
            }
        }
        Histogram::from_arc(Arc::new(Sum(self.value(key))))
    }
}

#[tokio::test(start_paused = true)]
async fn tells_once_a_second_and_at_the_end() {
    let kept = Kept::default();
    let _guard = metrics::set_default_local_recorder(&kept);
    let start = tokio::time::Instant::now();
    let source = futures::stream::iter(0..25).then(async |x| {
        sleep(ms(100)).await;
        x
    });
    let mut run = Box::pin(pipeline! { "slow", watch = Metrics: source |> map(|x| x + 1) |> drain() });
    let items = "pipeline_items_total slow map";
    assert!(futures::poll!(&mut run).is_pending());
    assert_eq!((kept.count(items), kept.number("pipelines_running slow")), (0, 1.0));
    for (millis, told) in [(950, 0), (1050, 10), (1950, 10), (2050, 20)] {
        tokio::select! {
            _ = &mut run => unreachable!("it takes longer"),
            () = tokio::time::sleep_until(start + ms(millis)) => {}
        }
        assert_eq!(kept.count(items), told, "after {millis} ms");
    }
    assert_eq!(kept.number("pipeline_busy_ratio slow source"), 1.0);
    run.await;
    assert_eq!(kept.count(items), 25);
    assert_eq!(kept.count("pipeline_items_total slow drain"), 25);
    assert_eq!(kept.count("pipeline_busy_microseconds_total slow source"), 2_500_000);
    assert_eq!(kept.count("pipeline_starved_microseconds_total slow map"), 2_500_000);
    assert_eq!(kept.count("pipeline_blocked_microseconds_total slow map"), 0);
}

#[cfg(feature = "rt")]
#[tokio::test(start_paused = true)]
async fn of_a_pipeline_that_hangs_it_is_told_where() {
    let kept = Kept::default();
    let _guard = metrics::set_default_local_recorder(&kept);
    let call = async |x| if x == 3 { std::future::pending().await } else { sleep(ms(100)).await };
    let run = pipeline! { "hangs", watch = Metrics: 0..9 |> map_async(call) |> drain() };
    let mut run = Box::pin(run);
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    assert!(tokio::time::timeout(ms(600_100), &mut run).await.is_err());
    assert_eq!(kept.count("pipeline_items_total hangs map_async"), 3);
    assert_eq!(kept.count("pipeline_busy_microseconds_total hangs map_async"), 600_000_000);
    assert_eq!(kept.number("pipeline_busy_ratio hangs map_async"), 1.0);
    assert_eq!(kept.number("pipeline_busy_ratio hangs drain"), 0.0);
    drop(run);
    tokio::task::yield_now().await;
    assert_eq!(tasks(), before);
}

#[tokio::test(start_paused = true)]
async fn a_second_run_counts_on_and_the_end_is_told() {
    let kept = Kept::default();
    let _guard = metrics::set_default_local_recorder(&kept);
    for runs in 1..=2 {
        let call = async |_| sleep(ms(10)).await;
        pipeline! { "twice", watch = Metrics: 0..3 |> map_async(call) |> drain() }.await;
        assert_eq!(kept.count("pipeline_items_total twice map_async"), 3 * runs);
    }
    assert_eq!(kept.number("pipelines_running twice"), 0.0);
    assert!((kept.number("pipeline_seconds twice") - 0.06).abs() < 1e-9);
    drop(pipeline! { "never", watch = Metrics: 0..3 |> drain() });
    assert!(!kept.0.lock().unwrap().keys().any(|key| key.contains("never")));
}

#[tokio::test(start_paused = true)]
async fn drops_and_circuit_breakers_are_counted() {
    let kept = Kept::default();
    let _guard = metrics::set_default_local_recorder(&kept);
    pipeline! { 0..4 |> throttle(1s).drop_excess() |> drain() }.await;
    assert_eq!(kept.count("items_dropped_total rate_exceeded"), 3);
    let breaker = CircuitBreaker::consecutive(1).recovery_timeout(ms(100));
    let fails_first = async |x: u32| if x == 0 { Err("no") } else { Ok(x) };
    pipeline! { 0..2u32 |> map_async(fails_first, circuit_breaker = breaker) |> drain() }.await;
    for to in ["open", "half_open", "closed"] {
        assert_eq!(kept.count(&format!("circuit_breaker_changes_total {to}")), 1, "{to}");
    }
}

/// Overloaded for 100 ms, it opens; its probe is delivered after another 100 ms.
fn trips() -> TripOnOverload<u32> {
    let breaker = CircuitBreaker::consecutive(1).recovery_timeout(ms(100));
    TripOnOverload::new(breaker).after(ms(100))
}

fn assert_tripped_once(kept: &Kept) {
    for to in ["open", "half_open", "closed"] {
        assert_eq!(kept.count(&format!("circuit_breaker_changes_total {to}")), 1, "{to}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_circuit_breaker_before_a_queue_is_counted() {
    let kept = Kept::default();
    let _guard = metrics::set_default_local_recorder(&kept);
    let busy_once = async |x: u32| sleep(ms(if x == 0 { 150 } else { 1 })).await;
    let ticks = || {
        Pipe::new(interval(ms(10)))
            .take(20)
            .with(|i| i.scan(0, |n: &mut u32, _| std::mem::replace(n, *n + 1)))
    };
    let run = pipeline! { ticks() |> buffer(1, backpressure = trips()) |> map_async(busy_once) |> count() };
    assert_eq!(run.await, Ok(20));
    assert_tripped_once(&kept);
}

#[tokio::test(start_paused = true)]
async fn the_circuit_breaker_of_a_processor_is_counted() {
    let kept = Kept::default();
    let _guard = metrics::set_default_local_recorder(&kept);
    let breaker = BackpressureConfig::default()
        .strategy(BackpressureStrategy::CircuitBreaker)
        .circuit_breaker_threshold(1)
        .recovery_timeout(ms(100));
    let processor =
        StreamProcessor::new(StreamConfig::default().max_concurrent_operations(1).max_retry_attempts(0));
    let processor = processor.unwrap().with_backpressure(breaker).unwrap();
    let down_once = async |x: u32| {
        sleep(ms(10)).await;
        if x == 0 { Err("down") } else { Ok(x) }
    };
    let ticks = Pipe::new(interval(ms(10)))
        .take(20)
        .with(|i| i.scan(0, |n: &mut u32, _| std::mem::replace(n, *n + 1)));
    assert_eq!(processor.try_process_stream(ticks, down_once).count().await.unwrap(), 19);
    assert_tripped_once(&kept);
}

#[tokio::test(start_paused = true)]
async fn the_circuit_breaker_before_a_feed_is_counted_without_its_lock() {
    let kept = Kept::default();
    let _guard = metrics::set_default_local_recorder(&kept);
    let (feeder, mut items) = Feed::new(1).backpressure(trips()).open();
    feeder.try_push(0).unwrap();
    sleep(ms(100)).await;
    assert!(feeder.try_push(1).is_err());
    assert_eq!(items.next().await, Some(Ok(0)));
    sleep(ms(100)).await;
    feeder.try_push(2).unwrap();
    drop(feeder);
    assert_eq!(items.next().await, Some(Ok(2)));
    assert_eq!(items.next().await, None);
    assert_tripped_once(&kept);
}

/// Where nobody listens too, and for items that are dropped where they are.
#[tokio::test(start_paused = true)]
async fn every_drop_is_counted_by_its_reason() {
    let kept = Kept::default();
    let _guard = metrics::set_default_local_recorder(&kept);
    let slowly = async |_: u32| sleep(ms(10)).await;
    pipeline! { 0..100u32 |> buffer(1, backpressure = DropOldest) |> map_async(slowly) |> drain() }.await;
    assert_eq!(kept.count("items_dropped_total queue_full"), 98);
    let merge = Conflate(|sum: &mut u32, x| *sum += x);
    pipeline! { 0..100u32 |> buffer(1, backpressure = merge) |> map_async(slowly) |> drain() }.await;
    assert_eq!(kept.count("items_dropped_total conflated"), 98);
    pipeline! { 0..100u32 |> debounce(10ms) |> drain() }.await;
    assert_eq!(kept.count("items_dropped_total displaced"), 99);
    let late = pipeline! { [5u64, 50, 6, 7] |> window_time(10ms, by_time = |at: &u64| ms(*at)) |> drain() };
    late.await;
    assert_eq!(kept.count("items_dropped_total deadline"), 2);

    let (feeder, items) = Feed::new(4).backpressure(DropIncoming).open();
    (0..6u32).for_each(|item| feeder.try_push(item).unwrap());
    assert_eq!(kept.count("items_dropped_total queue_full"), 100);
    drop(items);
    assert_eq!(kept.count("items_dropped_total shutdown"), 4);
    let mut held = pipeline! { interval(1s) |> map(|_| 0) |> debounce(10s) };
    assert!(futures::poll!(held.next()).is_pending());
    drop(held);
    assert_eq!(kept.count("items_dropped_total shutdown"), 5);
}
