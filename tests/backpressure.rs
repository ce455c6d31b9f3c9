//! Backpressure in pipelines: what strategies do at a boundary, in virtual time. That every item is accounted for is in
//! `accounting.rs`.

use std::cell::Cell;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use reactive_runtime::backpressure::{Decision, Queued, Strategy, Victim};
use reactive_runtime::prelude::*;
use reactive_runtime::source::{Closed, TryPushError};
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

/// It is told so while nothing comes and nothing goes.
#[tokio::test(start_paused = true)]
async fn a_breaker_opens_before_a_consumer_that_is_stuck() {
    let monitor = BackpressureMonitor::new();
    let strategy = TripOnOverload::new(CircuitBreaker::consecutive(5)).after(ms(100));
    let stuck = pipeline! {
        ticks(40, ms(10))
            |> buffer(5, backpressure = strategy, monitor = &monitor)
            |> map_async(async |_| std::future::pending::<()>().await)
    };
    let mut stuck = std::pin::pin!(stuck);
    assert!(timeout(ms(130), stuck.next()).await.is_err());
    assert!(!monitor.metrics().circuit_open, "four are queued since 40 ms");
    assert!(timeout(ms(20), stuck.next()).await.is_err());
    assert!(monitor.metrics().circuit_open);
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

#[tokio::test(start_paused = true)]
async fn a_feeder_waits_as_its_strategy_says() {
    let monitor = BackpressureMonitor::new();
    let (feeder, mut items) =
        Feed::new(1).backpressure(BlockFor(ms(50), DropIncoming)).monitor(&monitor).open();
    feeder.push(0).await.unwrap();
    assert!(matches!(feeder.try_push(1), Err(TryPushError::Full(1))));
    let start = Instant::now();
    feeder.push(2).await.unwrap();
    assert_eq!(start.elapsed(), ms(50), "it has waited, and was dropped");

    {
        let mut third = std::pin::pin!(feeder.push(3));
        assert!(futures::poll!(third.as_mut()).is_pending());
        assert!(timeout(ms(10), feeder.push(4)).await.is_err());
        assert_eq!(items.next().await, Some(0));
        assert_eq!(futures::poll!(third), std::task::Poll::Ready(Ok(())));
    }
    assert_eq!(items.next().await, Some(3));
    drop(feeder);
    assert_eq!(items.next().await, None);
    let accounting = monitor.accounting();
    assert_eq!((accounting.offered, accounting.delivered, accounting.dropped.total()), (3, 2, 1));
    assert_eq!(monitor.metrics().blocked_time, ms(60));
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_for_a_feed_have_their_turns_in_order() {
    let (feeder, items) = Feed::new(1).backpressure(Block).open();
    let feeding = (0..5).map(|i| {
        let feeder = feeder.clone();
        async move { feeder.push(i).await.unwrap() }
    });
    let feeding = futures::future::join_all(feeding.collect::<Vec<_>>());
    drop(feeder);
    let (items, _) = tokio::join!(pipeline! { items |> collect::<Vec<_>>() }, feeding);
    assert_eq!(items, [0, 1, 2, 3, 4]);
}

#[tokio::test(start_paused = true)]
async fn items_come_back_when_what_is_fed_is_gone() {
    let dropped = Arc::new(Mutex::new(Vec::new()));
    let handed = dropped.clone();
    let on_drop = move |item: u32, reason| handed.lock().unwrap().push((item, reason));
    let (feeder, items) = Feed::new(2).backpressure(Block).on_drop(on_drop).open();
    feeder.try_push(0).unwrap();
    feeder.try_push(1).unwrap();
    let waits = feeder.push(2);
    let mut waits = std::pin::pin!(waits);
    assert!(futures::poll!(waits.as_mut()).is_pending());
    drop(items);
    assert_eq!(waits.await, Err(Closed(2)));
    assert_eq!(feeder.try_push(3), Err(TryPushError::Closed(3)));
    assert!(feeder.is_closed());
    assert_eq!(*dropped.lock().unwrap(), [(0, Reason::Shutdown), (1, Reason::Shutdown)]);
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_fails_tells_it_behind_what_is_queued() {
    let (feeder, mut items) = Feed::new(2).backpressure(Fail).open();
    for item in 0..4 {
        feeder.try_push(item).unwrap();
    }
    assert_eq!(items.next().await, Some(Ok(0)));
    assert_eq!(items.next().await, Some(Ok(1)));
    assert_eq!(items.next().await, Some(Err(Overloaded(2))));
}

/// Nothing that comes later, however much, keeps the error back.
#[tokio::test(start_paused = true)]
async fn a_feed_that_fails_tells_it_before_what_came_later() {
    let (feeder, mut items) = Feed::new(2).backpressure(Fail).open();
    for item in 0..3 {
        feeder.try_push(item).unwrap();
    }
    let mut seen = Vec::new();
    for item in 3..6 {
        feeder.try_push(item).unwrap();
        seen.push(items.next().await.unwrap());
    }
    assert_eq!(seen, [Ok(0), Ok(1), Err(Overloaded(2))]);
    let accounting = feeder.metrics().accounting;
    assert_eq!((accounting.offered, accounting.failed), (6, 2));
    assert!(accounting.balances());
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_for_a_breaker_go_on_when_its_probe_is_delivered() {
    let breaker = CircuitBreaker::consecutive(1).recovery_timeout(Duration::from_secs(10));
    let (feeder, items) = Feed::new(2).backpressure(TripOnOverload::new(breaker).after(ms(100))).open();
    feeder.try_push(0).unwrap();
    feeder.try_push(1).unwrap();
    sleep(ms(100)).await;
    assert!(feeder.try_push(2).is_err(), "it is overloaded for 100 ms");
    let waits = (2..6).map(|item| {
        let feeder = feeder.clone();
        async move { feeder.push(item).await.unwrap() }
    });
    let waits = futures::future::join_all(waits.collect::<Vec<_>>());
    drop(feeder);
    let start = Instant::now();
    let (seen, _) = tokio::join!(pipeline! { items |> collect::<Vec<_>>() }, waits);
    assert_eq!(seen, Ok(vec![0, 1, 2, 3, 4, 5]));
    assert_eq!(start.elapsed(), Duration::from_secs(10));
}

/// A zero clears the queue and goes with it; others come one at a time.
struct Cleared;

impl Strategy<u32> for Cleared {
    type Fault = Infallible;

    fn offer(&mut self, item: &u32, queue: &Queued<u32>) -> Decision {
        match (item, queue.is_empty()) {
            (0, false) => Decision::MakeRoom(Victim::All, Reason::Custom),
            (0, true) => Decision::Drop(Reason::Custom),
            (_, false) => Decision::Wait,
            (_, true) => Decision::Keep,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_go_on_when_all_that_were_queued_are_dropped() {
    for waits in [false, true] {
        let (feeder, mut items) = Feed::new(4).backpressure(Cleared).open();
        feeder.try_push(1).unwrap();
        let (second, third) = (feeder.clone(), feeder.clone());
        // Tasks of their own: what is woken is polled, and nothing else.
        let second = tokio::spawn(async move { second.push(2).await.unwrap() });
        tokio::task::yield_now().await;
        match waits {
            true => tokio::spawn(async move { third.push(0).await.unwrap() }).await.unwrap(),
            false => third.try_push(0).unwrap(),
        }
        let next = timeout(ms(1), items.next()).await;
        assert_eq!(next.expect("nobody waits for ever"), Some(2));
        second.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_feeder_knows_how_its_queue_does_while_the_pipeline_is_busy() {
    let (feeder, mut items) = Feed::new(4).backpressure(DropOldest).open();
    for item in 0..8 {
        feeder.try_push(item).unwrap();
    }
    assert_eq!(items.next().await, Some(4));
    sleep(ms(500)).await;
    let metrics = feeder.metrics();
    assert_eq!((metrics.accounting.in_flight, metrics.accounting.buffered), (1, 3));
    assert_eq!((metrics.dropped_items.total(), metrics.oldest_age), (4, ms(500)));
}

#[tokio::test(start_paused = true)]
async fn pressure_is_told_in_turn_and_may_be_answered() {
    let events = Arc::new(Mutex::new(Vec::new()));
    let (told, feeding) = (events.clone(), Arc::new(Mutex::new(None::<SheddingFeeder<u32>>)));
    let feeder_of_listener = feeding.clone();
    let on_pressure = move |pressure| {
        told.lock().unwrap().push(pressure);
        // It is called without the lock of the feed.
        let feeder = feeder_of_listener.lock().unwrap();
        assert!(feeder.as_ref().is_none_or(|feeder| feeder.capacity() == 10));
    };
    let (feeder, mut items) = Feed::new(10)
        .backpressure(DropOldest)
        .on_pressure(on_pressure)
        .high_watermark(0.5)
        .low_watermark(0.2)
        .open();
    *feeding.lock().unwrap() = Some(feeder.clone());
    for round in 0..3 {
        for item in 0..5 {
            feeder.try_push(item).unwrap();
        }
        assert_eq!(events.lock().unwrap().len(), 2 * round + 1);
        for item in 0..5 {
            assert_eq!(items.next().await, Some(item));
        }
    }
    assert_eq!(*events.lock().unwrap(), [Pressure::Pressured, Pressure::Normal].repeat(3));
    *feeding.lock().unwrap() = None;
}

#[tokio::test(start_paused = true)]
async fn what_is_dropped_may_be_fed_again() {
    let again = Arc::new(Mutex::new(None::<SheddingFeeder<u32>>));
    let feeder_of_on_drop = again.clone();
    // An odd one comes back as an even one, once.
    let on_drop = move |item: u32, _| {
        if let Some(feeder) = feeder_of_on_drop.lock().unwrap().as_ref()
            && item % 2 == 1
        {
            feeder.try_push(item + 101).unwrap();
        }
    };
    let (feeder, items) = Feed::new(2).backpressure(DropOldest).on_drop(on_drop).open();
    *again.lock().unwrap() = Some(feeder.clone());
    for item in [1, 2, 3, 4] {
        feeder.try_push(item).unwrap();
    }
    *again.lock().unwrap() = None;
    drop(feeder);
    assert_eq!(pipeline! { items |> collect::<Vec<_>>() }.await, [4, 104]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_item_of_many_feeders_is_accounted_for() {
    let monitor = BackpressureMonitor::new();
    let dropped = Arc::new(AtomicU64::new(0));
    let counter = dropped.clone();
    let on_drop = move |_: u64, _| _ = counter.fetch_add(1, Ordering::Relaxed);
    let (feeder, items) = Feed::new(16).backpressure(DropOldest).on_drop(on_drop).monitor(&monitor).open();
    let feeders: Vec<_> = (0..4)
        .map(|i| {
            let feeder = feeder.clone();
            std::thread::spawn(move || (0..20_000).for_each(|x| feeder.try_push(i + 4 * x).unwrap()))
        })
        .collect();
    drop(feeder);
    // Those of one feeder come in its order.
    let mut last = [0; 4];
    let mut count = 0;
    let seen = pipeline! {
        items |> for_each(|item: u64| {
            let last = &mut last[item as usize % 4];
            assert!(item >= *last);
            *last = item;
            count += 1;
        })
    };
    seen.await;
    feeders.into_iter().for_each(|feeder| feeder.join().unwrap());
    let accounting = monitor.accounting();
    assert!(accounting.balances());
    assert_eq!((accounting.offered, accounting.delivered), (80_000, count));
    assert_eq!(accounting.dropped.total(), dropped.load(Ordering::Relaxed));
}
