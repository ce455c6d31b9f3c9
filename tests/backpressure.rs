//! Backpressure in pipelines: what strategies do at a boundary, in virtual time, and that every item is accounted for.

use std::cell::Cell;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use proptest::prelude::*;
use reactive_runtime::backpressure::{Overloaded, Reason, SourceKind, Strategy};
use reactive_runtime::prelude::*;
use tokio::time::{Instant, sleep, timeout};

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// So many numbers, one each `period`, which does not wait for anybody.
fn ticks(count: usize, period: Duration) -> Pipe<impl Flow<Item = usize, Error = Infallible> + Send> {
    let start = Instant::now();
    Pipe::from_stream(futures::stream::iter(0..count).then(move |i| async move {
        tokio::time::sleep_until(start + period * i as u32).await;
        i
    }))
}

/// Works on an item for 45 ms.
async fn slowly(item: usize) -> usize {
    sleep(ms(45)).await;
    item
}

#[tokio::test(start_paused = true)]
async fn block_delivers_all_and_holds_the_source_up() {
    let monitor = BackpressureMonitor::new();
    let (made, begun) = (Cell::new(0), Cell::new(0));
    let work = |item: usize| {
        begun.set(begun.get() + 1);
        slowly(item)
    };
    let sum = pipeline! {
        0..100usize
            |> inspect(|_| {
                made.set(made.get() + 1);
                assert!(made.get() - begun.get() <= 5, "four are queued, and one is on its way");
            })
            |> buffer(4, backpressure = Block, monitor = &monitor)
            |> map_async(work)
            |> sum::<usize>()
    };
    assert_eq!(sum.await, 4950);
    let accounting = monitor.accounting();
    assert_eq!((accounting.offered, accounting.delivered, accounting.dropped.total()), (100, 100, 0));
    assert_eq!(monitor.metrics().strategy, "block");
}

#[tokio::test(start_paused = true)]
async fn each_strategy_sheds_in_its_own_way() {
    async fn worked_on(strategy: impl Strategy<usize, Fault = Infallible>) -> Vec<usize> {
        pipeline! {
            ticks(9, ms(10)) |> buffer(2, backpressure = strategy) |> map_async(slowly) |> collect::<Vec<_>>()
        }
        .await
    }
    assert_eq!(worked_on(Block).await, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(worked_on(DropOldest).await, [0, 3, 7, 8]);
    assert_eq!(worked_on(DropIncoming).await, [0, 1, 2, 5]);
    assert_eq!(worked_on(Latest).await, [0, 4, 8]);
    let sums = worked_on(Conflate(|sum: &mut usize, item| *sum += item)).await;
    assert_eq!(sums.iter().sum::<usize>(), 36);
}

#[tokio::test(start_paused = true)]
async fn what_is_dropped_is_handed_over_with_its_reason() {
    let dropped = Mutex::new(Vec::new());
    let worked_on = pipeline! {
        ticks(9, ms(10))
            |> buffer(2, backpressure = DropOldest, on_drop = |item, reason| dropped.lock().unwrap().push((item, reason)))
            |> map_async(slowly)
            |> collect::<Vec<_>>()
    };
    let worked_on = worked_on.await;
    let mut all: Vec<_> = dropped.into_inner().unwrap().into_iter().collect();
    assert!(all.iter().all(|(_, reason)| *reason == Reason::QueueFull));
    all.extend(worked_on.into_iter().map(|item| (item, Reason::QueueFull)));
    all.sort_by_key(|(item, _)| *item);
    assert!(all.into_iter().map(|(item, _)| item).eq(0..9));
}

#[tokio::test(start_paused = true)]
async fn fail_gives_what_is_queued_and_then_the_error() {
    let mut worked_on =
        pipeline! { ticks(9, ms(10)) |> buffer(2, backpressure = Fail) |> map_async(slowly) |> boxed() };
    let mut seen = Vec::new();
    while let Some(item) = worked_on.next().await {
        seen.push(item);
    }
    assert_eq!(seen, [Ok(0), Ok(1), Ok(2), Err(Overloaded(3))]);
}

#[tokio::test(start_paused = true)]
async fn adaptive_blocks_what_is_pulled_and_sheds_what_is_pushed() {
    for (source, all) in [(SourceKind::Pull, true), (SourceKind::Push, false)] {
        let monitor = BackpressureMonitor::new();
        let longest = Cell::new(Duration::ZERO);
        let worked_on = pipeline! {
            ticks(400, ms(10))
                |> map(|item| (item, Instant::now()))
                |> buffer(1000, backpressure = Adaptive::new(ms(200)), monitor = &monitor).source(source)
                |> inspect(|(item, came)| if *item > 100 { longest.set(longest.get().max(came.elapsed())) })
                |> map_async(async |(item, _)| slowly(item).await)
                |> count()
        };
        let worked_on = worked_on.await;
        assert_eq!(worked_on == 400, all, "{worked_on} of a source that is {source:?}");
        assert!(longest.get() <= ms(250), "{:?}", longest.get());
        let accounting = monitor.accounting();
        assert_eq!(accounting.delivered + accounting.dropped.total(), 400);
    }
}

#[tokio::test(start_paused = true)]
async fn an_item_waits_as_long_as_it_is_told() {
    let dropped = Mutex::new(Vec::new());
    let start = Instant::now();
    let worked_on = pipeline! {
        ticks(3, ms(1))
            |> buffer(1, backpressure = BlockFor(ms(15), DropIncoming), on_drop = |item, _| {
                dropped.lock().unwrap().push((item, start.elapsed()));
            })
            |> map_async(slowly)
            |> count()
    };
    assert_eq!(worked_on.await, 2);
    // It came at 2 ms, and nothing else happened at 17 ms.
    assert_eq!(*dropped.lock().unwrap(), [(2, ms(17))]);
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_holds_wakes_the_pipeline_by_itself() {
    let monitor = BackpressureMonitor::new();
    let breaker = CircuitBreaker::consecutive(5).recovery_timeout(ms(500));
    let strategy = TripOnOverload::new(breaker).after(ms(100));
    let seen = Arc::new(AtomicU64::new(0));
    let opened = Cell::new(false);
    let worked_on = pipeline! {
        ticks(40, ms(10))
            |> buffer(5, backpressure = strategy, monitor = &monitor)
            |> map_async(async |item| {
                opened.set(opened.get() || monitor.metrics().circuit_open);
                seen.fetch_add(1, Ordering::Relaxed);
                slowly(item).await
            })
            |> count()
    };
    let worked_on = timeout(Duration::from_secs(60), worked_on).await.expect("it does not hang");
    assert_eq!(worked_on, Ok(40));
    assert!(opened.get(), "it was overloaded");
}

#[tokio::test(start_paused = true)]
async fn a_panic_below_counts_its_item_as_failed() {
    let monitor = BackpressureMonitor::new();
    let panicking = pipeline! {
        0..9usize |> buffer(4, backpressure = Block, monitor = &monitor) |> for_each(|item| assert_ne!(item, 3))
    };
    assert!(AssertUnwindSafe(panicking).catch_unwind().await.is_err());
    let accounting = monitor.accounting();
    assert_eq!((accounting.offered, accounting.delivered, accounting.failed), (4, 3, 1));
    assert!(accounting.balances());
}

#[tokio::test(start_paused = true)]
async fn a_spawned_source_is_shed_on_its_task() {
    let monitor = BackpressureMonitor::new();
    let dropped = Arc::new(AtomicU64::new(0));
    let counter = dropped.clone();
    let mut pipe = pipeline! {
        ticks(40, ms(10))
            |> spawn(capacity = 3, backpressure = DropOldest, monitor = &monitor)
            .on_drop(move |_, _| { counter.fetch_add(1, Ordering::Relaxed); })
    };
    let mut seen = Vec::new();
    while let Some(item) = pipe.next().await {
        seen.push(item);
        sleep(ms(40)).await;
    }
    assert!(seen.is_sorted() && seen[0] == 0 && seen.ends_with(&[37, 38, 39]), "{seen:?}");
    let accounting = monitor.accounting();
    assert!(accounting.balances());
    assert_eq!((accounting.offered, accounting.delivered), (40, seen.len() as u64));
    assert_eq!(accounting.dropped.total(), dropped.load(Ordering::Relaxed));
}

#[tokio::test(start_paused = true)]
async fn a_handler_shows_how_its_queue_does() {
    let handler = BackpressureHandler::new(BackpressureConfig {
        strategy: BackpressureStrategy::DropOldest,
        ..Default::default()
    })
    .unwrap();
    let worked_on = pipeline! {
        ticks(20, ms(10))
            |> buffer(2, backpressure = handler.strategy())
            |> catch(|_| Recover::Stop)
            |> map_async(slowly)
            |> count()
    };
    assert_eq!(handler.metrics().accounting.offered, 0);
    let delivered = worked_on.await as u64;
    let metrics = handler.metrics();
    assert_eq!(metrics.dropped_items.total() + delivered, 20);
    assert_eq!(metrics.strategy, "drop_oldest");
}

/// Runs a pipeline for some time, then drops it; gives how many items came to the queue and how many went on.
async fn cut_off<S: Strategy<usize>>(
    strategy: S,
    (capacity, work, cut): (usize, Duration, Duration),
    waits: Vec<u64>,
    monitor: &BackpressureMonitor,
) -> (u64, u64, u64)
where
    Infallible: reactive_runtime::Join<S::Fault, Out = S::Fault>,
{
    let (came, went, handed) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let count = |counter: &Cell<u64>| counter.set(counter.get() + 1);
    let source = futures::stream::iter(waits.into_iter().enumerate()).then(async |(i, wait)| {
        sleep(ms(wait)).await;
        i
    });
    let run = pipeline! {
        source
            |> inspect(|_| count(&came))
            |> buffer(capacity, backpressure = strategy, monitor = monitor)
            .on_drop(|_, _| count(&handed))
            |> inspect(|_| count(&went))
            |> map_async(async |item: usize| {
                sleep(work).await;
                item
            })
            |> for_each(drop)
    };
    let _ = timeout(cut, run).await;
    (came.get(), went.get(), handed.get())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_item_is_accounted_for_wherever_a_pipeline_is_cut_off(
        which in 0..10u32,
        capacity in 1..6usize,
        work in 0..30u64,
        cut in 0..400u64,
        waits in prop::collection::vec(0..20u64, 0..40),
    ) {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let monitor = BackpressureMonitor::new();
        let times = (capacity, ms(work), ms(cut));
        let breaker = CircuitBreaker::consecutive(1).recovery_timeout(ms(30));
        let trip = TripOnOverload::new(breaker).after(ms(30));
        let (came, went, handed) = runtime.block_on(async {
            match which {
                0 => cut_off(Block, times, waits, &monitor).await,
                1 => cut_off(DropOldest, times, waits, &monitor).await,
                2 => cut_off(DropAll, times, waits, &monitor).await,
                3 => cut_off(Fail, times, waits, &monitor).await,
                4 => cut_off(Latest, times, waits, &monitor).await,
                5 => cut_off(Sample(0.4), times, waits, &monitor).await,
                6 => cut_off(Adaptive::new(ms(20)), times, waits, &monitor).await,
                7 => cut_off(BlockFor(ms(10), DropNewest), times, waits, &monitor).await,
                8 => cut_off(DropLowest(|item: &usize| item % 3), times, waits, &monitor).await,
                _ => cut_off(trip, times, waits, &monitor).await,
            }
        });
        let accounting = monitor.accounting();
        prop_assert!(accounting.balances(), "{accounting:?}");
        prop_assert_eq!((accounting.offered, accounting.delivered), (came, went));
        prop_assert_eq!((accounting.dropped.total(), accounting.buffered, accounting.in_flight), (handed, 0, 0));
    }
}
