//! What a stream processor promises, on whole pipelines.

#[path = "processor/flow_control.rs"]
mod flow_control;
#[path = "processor/stop.rs"]
mod stop;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};

use futures::{FutureExt, StreamExt};
use reactive_runtime::flow_control::{Algorithm, Decision, IntoFlowControl, Signals};
use reactive_runtime::prelude::*;
use reactive_runtime::processor::{
    BoxError, Failure, OnFailure, ProcessError, ProcessorMetrics, RetryBackoff, Stopped,
};
use reactive_runtime::units::{ms, s};
use tokio::time::{Instant, sleep};

fn config() -> StreamConfig {
    StreamConfig::default()
}

fn processor(config: StreamConfig) -> StreamProcessor {
    StreamProcessor::new(config).unwrap()
}

/// How many run at the same time, and how many at most.
#[derive(Default)]
struct Running {
    now: Cell<usize>,
    most: Cell<usize>,
}

impl Running {
    async fn work<T>(&self, item: T) -> T {
        self.now.set(self.now.get() + 1);
        self.most.set(self.most.get().max(self.now.get()));
        sleep(ms(10)).await;
        self.now.set(self.now.get() - 1);
        item
    }
}

#[tokio::test(start_paused = true)]
async fn takes_functions_of_every_kind() {
    fn double(x: u32) -> u32 {
        2 * x
    }
    async fn later(x: u32) -> u32 {
        2 * x
    }
    fn even(x: u32) -> Result<u32, String> {
        if x.is_multiple_of(2) { Ok(x) } else { Err(format!("{x} is odd")) }
    }
    async fn even_later(x: u32) -> Result<u32, BoxError> {
        Ok(even(x)?)
    }
    let p = processor(config().max_retry_attempts(0));
    assert_eq!(p.process_stream(0..3, double).collect::<Vec<_>>().await.unwrap(), [0, 2, 4]);
    assert_eq!(p.process_stream(0..3, later).collect::<Vec<_>>().await.unwrap(), [0, 2, 4]);
    assert_eq!(p.try_process_stream(0..3, even).collect::<Vec<_>>().await.unwrap(), [0, 2]);
    assert_eq!(p.try_process_stream(0..3, even_later).collect::<Vec<_>>().await.unwrap(), [0, 2]);
    // Their items are inferred.
    let upper = p.process_stream(["a"], |name| name.to_uppercase() + "!");
    assert_eq!(upper.collect::<Vec<_>>().await.unwrap(), ["A!"]);
    let upper = p.process_stream(["a"], async |name| name.to_uppercase());
    assert_eq!(upper.collect::<Vec<_>>().await.unwrap(), ["A"]);
    let parsed = p.try_process_stream(["7 "], |text| text.trim().parse::<u32>());
    assert_eq!(parsed.collect::<Vec<_>>().await.unwrap(), [7]);
    let parsed = p.try_process_stream(["7"], async |text| text.parse::<u32>());
    assert_eq!(parsed.collect::<Vec<_>>().await.unwrap(), [7]);
    assert_eq!(p.metrics().items_failed, 2);
}

#[tokio::test(start_paused = true)]
async fn starts_by_itself_and_once_and_not_after_a_stop() {
    let p = processor(config());
    assert_eq!((p.start().await, p.start().await), (Ok(()), Ok(())));
    sleep(s(2)).await;
    assert_eq!(p.metrics().elapsed_seconds, 2.0);
    assert_eq!(p.process_stream(0..3, |x| x).count().await.unwrap(), 3);
    assert!(p.stop().await.is_clean());
    assert_eq!(p.start().await, Err(Stopped));
    let late = StreamExt::collect::<Vec<_>>(p.process_stream(0..3, |x| x)).await;
    assert!(matches!(late[..], [Err(ProcessError::Stopped)]));
    sleep(s(2)).await;
    assert_eq!(p.metrics().elapsed_seconds, 2.0);
}

#[tokio::test(start_paused = true)]
async fn does_nothing_before_it_is_polled() {
    let p = processor(config());
    let calls = Cell::new(0);
    let stream = p.process_stream(0..3, |_| calls.set(calls.get() + 1));
    sleep(s(1)).await;
    assert_eq!((calls.get(), p.metrics()), (0, ProcessorMetrics::default()));
    drop(stream);
    assert_eq!(p.metrics(), ProcessorMetrics::default());
}

#[tokio::test(start_paused = true)]
async fn runs_as_many_operations_as_it_may_in_order() {
    let (p, running, start) =
        (processor(config().max_concurrent_operations(4)), Running::default(), Instant::now());
    let results = p.process_stream(0..20, |x| running.work(x)).collect::<Vec<_>>().await;
    assert!(results.unwrap().into_iter().eq(0..20));
    assert_eq!((running.most.get(), start.elapsed()), (4, ms(50)));
}

#[tokio::test(start_paused = true)]
async fn streams_at_the_same_time_share_its_limits() {
    let (p, running, start) =
        (processor(config().max_concurrent_operations(3)), Running::default(), Instant::now());
    let stream = || p.process_stream(0..10, |x| running.work(x)).collect::<Vec<_>>();
    let all = futures::future::join_all([stream(), stream(), stream()]).await;
    assert!(all.into_iter().all(|results| results.unwrap().into_iter().eq(0..10)));
    assert_eq!((running.most.get(), start.elapsed()), (3, ms(100)));
}

#[tokio::test(start_paused = true)]
async fn streams_that_compete_have_their_turns() {
    for limit in [1, 2, 5] {
        let p = processor(config().max_concurrent_operations(limit));
        let order = RefCell::new(Vec::new());
        let stream = |name: char| {
            let order = &order;
            let work = p.process_stream(0..40, move |_| async move {
                sleep(ms(10)).await;
                order.borrow_mut().push(name);
            });
            work.count()
        };
        let long = p.process_stream(0..400, async |_| {
            sleep(ms(10)).await;
            order.borrow_mut().push('l');
        });
        let _ = tokio::join!(long.count(), stream('a'), stream('b'));
        let last = order.borrow().iter().rposition(|name| *name != 'l').unwrap();
        // In turns, the short ones are through after thrice their length, and what begins first.
        assert!(last < 160, "{limit}: {last}");
    }
}

#[tokio::test(start_paused = true)]
async fn values_that_are_there_at_once_share_its_limits_too() {
    let p = processor(config().max_concurrent_operations(1).batch_size(10));
    let order = RefCell::new(Vec::new());
    let stream = |name: char| {
        let order = &order;
        p.process_stream(0..100, move |_| order.borrow_mut().push(name)).count()
    };
    let _ = tokio::join!(stream('a'), stream('b'));
    let first = order.borrow().iter().position(|name| *name == 'b').unwrap();
    assert_eq!(first, 10);
}

/// To forget the waker of a task may drop the task, and with it another stream of the same processor.
#[tokio::test(start_paused = true)]
async fn forgets_a_waker_that_holds_another_of_its_streams() {
    struct Holds(#[expect(dead_code, reason = "it is only dropped")] Mutex<Box<dyn std::any::Any + Send>>);
    impl std::task::Wake for Holds {
        fn wake(self: Arc<Self>) {}
    }
    let p = processor(config());
    let pending = || Pipe::from_stream(futures::stream::pending::<u32>());
    let mut other = p.process_stream(pending(), |x| x);
    assert!(futures::poll!(other.next()).is_pending());
    let holder = Arc::new(Holds(Mutex::new(Box::new(other))));
    let waker = std::task::Waker::from(holder);
    let mut stream = p.process_stream(pending(), |x| x);
    assert!(stream.poll_next_unpin(&mut std::task::Context::from_waker(&waker)).is_pending());
    drop(waker);
    // The source keeps no waker; the processor does, and now has another one.
    assert!(futures::poll!(stream.next()).is_pending());
    assert_eq!(p.metrics().streams, 1);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_dropped_gives_its_places_back() {
    let p = processor(config().max_concurrent_operations(2).buffer_size(7));
    let mut held = p.process_stream(0..100, async |_| std::future::pending::<()>().await);
    assert!(futures::poll!(held.next()).is_pending());
    let metrics = p.metrics();
    assert_eq!((metrics.items_taken, metrics.items_buffered, metrics.concurrent_operations), (9, 7, 2));
    assert_eq!((metrics.buffer_usage_percent, metrics.under_pressure), (100.0, true));
    let mut other = std::pin::pin!(p.process_stream(0..10, async |x| x).count());
    assert!(futures::poll!(&mut other).is_pending());
    drop(held);
    assert_eq!(other.await.unwrap(), 10);
    let metrics = p.metrics();
    assert_eq!((metrics.items_taken, metrics.items_cancelled, metrics.items_processed), (19, 9, 10));
    assert_eq!((metrics.items_buffered, metrics.concurrent_operations), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn reads_ahead_while_all_places_are_taken() {
    let p = processor(config().max_concurrent_operations(2).buffer_size(5));
    let taken = Cell::new(0);
    let source = || Pipe::new(0..100).inspect(|_| taken.set(taken.get() + 1));
    let mut streams = [0, 1].map(|_| p.process_stream(source(), async |_| sleep(s(1)).await));
    for stream in &mut streams {
        assert!(futures::poll!(stream.next()).is_pending());
    }
    assert_eq!((taken.get(), p.metrics().items_buffered), (2 + 5, 5));
}

#[tokio::test(start_paused = true)]
async fn never_waits_for_a_batch() {
    let p = processor(config().batch_size(1000));
    let start = Instant::now();
    let mut late = p.process_stream(interval(ms(10)), |_| Instant::now());
    for tick in 0..5 {
        assert_eq!(late.next().await.unwrap().unwrap(), start + ms(10) * tick);
    }
}

#[tokio::test(start_paused = true)]
async fn times_each_attempt() {
    let (p, start, tries) = (processor(config().processing_timeout(s(2))), Instant::now(), Cell::new(0));
    let slow_at_first = async |x: u32| {
        tries.set(tries.get() + 1);
        sleep(if tries.get() < 3 { s(60) } else { s(1) }).await;
        x
    };
    assert_eq!(p.process_stream([7], slow_at_first).collect::<Vec<_>>().await.unwrap(), [7]);
    assert_eq!(start.elapsed(), s(2 + 1 + 2 + 1 + 1));
    assert_eq!((p.metrics().retries, p.metrics().max_processing_time_ms), (2, 7000.0));
}

#[tokio::test(start_paused = true)]
async fn tries_again_as_it_is_told() {
    let tries_until_given_up = async |p: StreamProcessor| {
        let (start, begun) = (Instant::now(), RefCell::new(Vec::new()));
        let fails = |_: u32| {
            begun.borrow_mut().push(start.elapsed());
            Err::<u32, _>("down")
        };
        assert_eq!(p.try_process_stream([7], fails).count().await.unwrap(), 0);
        begun.into_inner()
    };
    let fixed = processor(config().max_retry_attempts(2).retry_delay(ms(300)));
    assert_eq!(tries_until_given_up(fixed).await, [ms(0), ms(300), ms(600)]);
    let never = processor(config().max_retry_attempts(0));
    assert_eq!(tries_until_given_up(never).await, [ms(0)]);
    let retry = Retry::exponential(ms(100)).max_retries(3);
    let given = processor(config()).with_retry(retry);
    assert_eq!(tries_until_given_up(given).await, [ms(0), ms(100), ms(300), ms(700)]);
    let backoff = processor(config().retry_backoff(RetryBackoff::Exponential));
    let begun = tries_until_given_up(backoff).await;
    let delays = begun.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect::<Vec<_>>();
    assert!(
        delays.iter().zip([1.0, 2.0, 4.0]).all(|(d, least)| (least..=2.0 * least + 0.01).contains(d)),
        "{delays:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn tries_only_worthy_errors_again() {
    let p = processor(config());
    let fails = |x: u32| Err::<u32, _>(if x == 1 { "busy" } else { "never" });
    let results = Pipe::new([1, 2]).with(|i| i.try_process(&p, fails).retry_if(|error| *error == "busy"));
    assert_eq!(results.count().await.unwrap(), 0);
    assert_eq!((p.metrics().items_failed, p.metrics().retries), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn tells_every_handler_and_then_the_sink_and_goes_on() {
    let p = processor(config().max_retry_attempts(1).retry_delay(s(1)));
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = |name: &'static str| {
        let told = told.clone();
        move |failure: Failure| told.lock().unwrap().push((name, failure.to_string()))
    };
    p.add_error_handler(tell("first"));
    let second = tell("second");
    p.add_error_handler(move |failure| {
        second(failure);
        sleep(s(5))
    });
    p.add_error_handler(tell("third"));
    let (sink, start) = (tell("sink"), Instant::now());
    let results = Pipe::new([1, 2, 3]).with(|i| {
        i.try_process(&p, async |x: u32| if x == 2 { Err("two") } else { Ok(x) }).dead_letters(|letter| {
            assert_eq!((letter.item, letter.failure.attempts), (2, 2));
            assert_eq!(letter.failure.failed.duration_since(letter.failure.began).unwrap(), s(1));
            sink(letter.failure);
            sleep(s(7))
        })
    });
    assert_eq!(results.collect::<Vec<_>>().await.unwrap(), [1, 3]);
    assert_eq!(start.elapsed(), s(1 + 5 + 7));
    let message = "`process` failed after 2 attempts: two".to_owned();
    let expected = ["first", "second", "third", "sink"].map(|name| (name, message.clone()));
    assert_eq!(*told.lock().unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn fails_in_the_place_of_the_item_if_so_configured() {
    let p = processor(config().max_retry_attempts(0).on_failure(OnFailure::Fail));
    let odd = async |x: u32| {
        sleep(ms(u64::from(10 - x))).await;
        if x == 2 { Err("two") } else { Ok(x) }
    };
    let results = StreamExt::collect::<Vec<_>>(p.try_process_stream(0..5, odd)).await;
    assert_eq!(results.len(), 3);
    let Err(ProcessError::Failed(letter)) = &results[2] else { panic!("{results:?}") };
    assert_eq!((letter.item, letter.failure.error.to_string()), (2, "two".to_owned()));
    let skipping = Pipe::new(0..5).try_process(&p, odd).catch(|_| Recover::Skip);
    assert_eq!(skipping.collect::<Vec<_>>().await, [0, 1, 3, 4]);
    assert_eq!(p.metrics().items_failed, 2);
}

#[tokio::test(start_paused = true)]
async fn gives_results_as_they_come_if_told_so() {
    let p = processor(config());
    let sleepy = async |x: u64| {
        sleep(ms(x)).await;
        x
    };
    let results = Pipe::new([30, 10, 20]).with(|i| i.process(&p, sleepy).unordered());
    assert_eq!(results.collect::<Vec<_>>().await.unwrap(), [10, 20, 30]);
}

#[tokio::test(start_paused = true)]
async fn what_is_queued_when_a_stream_is_dropped_is_cancelled() {
    let config = config().max_concurrent_operations(1);
    let p = processor(config).with_backpressure(strategy(BackpressureStrategy::Block, 3)).unwrap();
    let mut stream = p.process_stream(0..10, async |x| {
        sleep(ms(10)).await;
        x
    });
    assert_eq!(stream.next().await.unwrap().unwrap(), 0);
    let before = p.metrics();
    assert_eq!((before.items_taken, before.items_buffered), (4, 3));
    drop(stream);
    let after = p.metrics();
    assert_eq!((after.items_taken, after.items_processed, after.items_dropped), (4, 1, 0));
    assert_eq!((after.items_cancelled, after.items_buffered, after.items_in_flight), (3, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_panic_counts_its_item_as_failed_and_leaves_the_processor_whole() {
    let p = processor(config().max_concurrent_operations(1));
    let mut at_once = p.process_stream(0..3, |x| assert_ne!(x, 1));
    let mut later = p.process_stream(0..3, async |x| assert_ne!(x, 1));
    for panics in [AssertUnwindSafe(&mut at_once).map_panics(), AssertUnwindSafe(&mut later).map_panics()] {
        assert_eq!(panics, [false, true, false]);
    }
    drop((at_once, later));
    assert_eq!((p.metrics().items_processed, p.metrics().items_failed), (2, 2));
    assert_eq!(p.process_stream(0..3, |x| x).count().await.unwrap(), 3);
    assert!(p.stop().await.is_clean());
}

trait MapPanics {
    fn map_panics(self) -> [bool; 3];
}

impl<S: futures::Stream + Unpin> MapPanics for AssertUnwindSafe<&mut S> {
    /// Whether each of three polls panics.
    fn map_panics(self) -> [bool; 3] {
        let AssertUnwindSafe(stream) = self;
        [0; 3].map(|_| catch_unwind(AssertUnwindSafe(|| stream.next().now_or_never())).is_err())
    }
}

#[tokio::test(start_paused = true)]
async fn tells_how_it_does() {
    let p = processor(config().max_concurrent_operations(1));
    let work = async |x: u64| {
        sleep(ms(x)).await;
        x
    };
    assert_eq!(p.process_stream(1..=100, work).count().await.unwrap(), 100);
    let metrics = p.metrics_summary();
    assert_eq!(metrics.elapsed_seconds, 5.05);
    assert_eq!(metrics.throughput_per_second, 100.0 / 5.05);
    assert_eq!((metrics.average_processing_time_ms, metrics.max_processing_time_ms), (50.5, 100.0));
    assert!((50.0..=50.5).contains(&metrics.p50_processing_time_ms), "{metrics:?}");
    assert!((99.0..=100.0).contains(&metrics.p99_processing_time_ms), "{metrics:?}");
    assert_eq!(
        metrics.to_string(),
        "100 processed, 0 failed, 19.8 items/s, 50.500 ms on average (p99 99.090 ms), buffer 0 % full"
    );
}

#[tokio::test(start_paused = true)]
async fn counts_without_metrics_and_measures_nothing() {
    let p = processor(config().enable_metrics(false));
    assert_eq!(p.process_stream(0..10u64, async |x| sleep(ms(x)).await).count().await.unwrap(), 10);
    let metrics = p.metrics();
    assert_eq!((metrics.items_processed, metrics.max_processing_time_ms), (10, 0.0));
}

#[tokio::test(start_paused = true)]
async fn keeps_account_of_every_item_at_every_moment() {
    let p = processor(config().max_concurrent_operations(3).buffer_size(4).max_retry_attempts(1));
    let checked = Cell::new(0);
    let check = || {
        let m = p.metrics();
        let known = m.items_processed
            + m.items_failed
            + m.items_dropped
            + m.items_cancelled
            + m.items_buffered
            + m.items_in_flight;
        assert_eq!(m.items_taken, known, "{m:?}");
        checked.set(checked.get() + 1);
    };
    let work = async |x: u64| {
        check();
        sleep(ms(x % 7)).await;
        check();
        if x.is_multiple_of(3) { Err("no") } else { Ok(x) }
    };
    let source = || Pipe::new(0..50).inspect(|_| check());
    let mut early = p.try_process_stream(source(), work);
    let late = p.try_process_stream(source(), work);
    let read = async {
        for _ in 0..5 {
            assert!(early.next().await.is_some());
            check();
        }
        drop(early);
        check();
    };
    let (count, ()) = tokio::join!(late.inspect(|_| check()).count(), read);
    check();
    assert_eq!((count.unwrap(), p.metrics().streams), (33, 0));
    assert!(checked.get() > 200);
}

fn strategy(strategy: BackpressureStrategy, buffer_size: usize) -> BackpressureConfig {
    BackpressureConfig { strategy, buffer_size, ..Default::default() }
}

#[tokio::test(start_paused = true)]
async fn a_strategy_decides_what_is_queued_and_all_is_counted() {
    let config = config().max_concurrent_operations(1).buffer_size(500);
    let p = processor(config).with_backpressure(strategy(BackpressureStrategy::DropOldest, 3)).unwrap();
    let mut stream = p.process_stream(interval(ms(10)).enumerate().take(20), async |(i, _)| {
        sleep(ms(45)).await;
        i
    });
    let mut results = Vec::new();
    while let Some(i) = stream.next().await {
        results.push(i.unwrap());
        let m = p.metrics();
        let known = m.items_processed + m.items_dropped + m.items_buffered + m.items_in_flight;
        assert_eq!(m.items_taken, known, "{m:?}");
        assert!(m.items_buffered <= 3);
    }
    assert_eq!(results[..2], [0, 2]);
    assert_eq!(results[results.len() - 3..], [17, 18, 19]);
    let metrics = p.metrics();
    assert_eq!((metrics.items_taken, metrics.items_dropped), (20, 20 - results.len() as u64));
    assert_eq!(metrics.backpressure.unwrap().dropped_items.total(), metrics.items_dropped);
}

#[tokio::test(start_paused = true)]
async fn a_strategy_may_fail() {
    let config = config().max_concurrent_operations(1);
    let p = processor(config).with_backpressure(strategy(BackpressureStrategy::Fail, 2)).unwrap();
    let results = Pipe::new(0..10).process(&p, async |x| {
        sleep(ms(10)).await;
        x
    });
    let error = results.collect::<Vec<_>>().await.unwrap_err();
    assert!(matches!(error, ProcessError::Overloaded(3)), "{error:?}");
    // One is refused; what was queued came before the error.
    let metrics = p.metrics();
    assert_eq!((metrics.items_taken, metrics.items_processed, metrics.items_failed), (4, 3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_circuit_breaker_opens_on_failures_and_loses_nothing() {
    let config = config().max_concurrent_operations(1).max_retry_attempts(0);
    let breaker = strategy(BackpressureStrategy::CircuitBreaker, 10);
    let p = processor(config).with_backpressure(breaker).unwrap();
    let (start, open) = (Instant::now(), Cell::new(0));
    // It is down for a second.
    let store = async |x: u32| {
        sleep(ms(10)).await;
        open.set(open.get() + u32::from(p.metrics().backpressure.unwrap().circuit_open));
        if start.elapsed() < s(1) { Err("down") } else { Ok(x) }
    };
    let stored = p.try_process_stream(0..50, store).collect::<Vec<_>>().await.unwrap();
    let failed = p.metrics().items_failed;
    // Five failures open it for 30 s; the items that were queued then are tried, and no others.
    assert!((5..=16).contains(&failed), "{failed}");
    assert!(stored.into_iter().eq(failed as u32..50));
    assert!(start.elapsed() > s(30) && start.elapsed() < s(62), "{:?}", start.elapsed());
    assert!(open.get() > 0);
}

#[tokio::test(start_paused = true)]
async fn goes_on_while_the_body_of_a_terminal_waits() {
    let (p, start) = (processor(config().max_concurrent_operations(1)), Instant::now());
    let sleepy = async |x: u32| {
        sleep(ms(100)).await;
        x
    };
    let each =
        Pipe::new(0..6u32).process(&p, sleepy).with(|i| i.for_each_async(async |_| sleep(ms(100)).await));
    each.await.unwrap();
    assert_eq!(start.elapsed(), ms(700));
}

#[tokio::test(start_paused = true)]
async fn works_on_another_task_and_on_items_that_are_not_clone() {
    struct Item(u32);
    let p = processor(config());
    let items = Pipe::from_iter((0..10).map(Item));
    let sum = p.process_stream(items, |item| item.0).sum::<u32>();
    assert_eq!(tokio::spawn(sum).await.unwrap().unwrap(), 45);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn streams_on_several_threads_share_a_processor_and_its_stop() {
    for round in 0..20 {
        let p = processor(config().max_concurrent_operations(3).buffer_size(10).batch_size(5));
        let most = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let running = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let streams = (0..4).map(|_| {
            let (most, running) = (most.clone(), running.clone());
            let work = move |x: u64| {
                let (most, running) = (most.clone(), running.clone());
                async move {
                    most.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
                    tokio::task::yield_now().await;
                    running.fetch_sub(1, SeqCst);
                    x
                }
            };
            tokio::spawn(p.process_stream(0..u64::MAX, work).count())
        });
        let streams = streams.collect::<Vec<_>>();
        let enough = 100 * (round + 1);
        while p.metrics().items_processed < enough || p.metrics().streams < 4 {
            tokio::task::yield_now().await;
        }
        let report = p.stop().await;
        assert!(report.is_clean(), "{report}");
        let mut given = 0;
        for stream in streams {
            given += stream.await.unwrap().unwrap() as u64;
        }
        let metrics = p.metrics();
        assert_eq!((metrics.items_processed, metrics.items_taken, metrics.streams), (given, given, 0));
        assert_eq!(report.metrics.items_processed, given);
        assert!(most.load(SeqCst) <= 3);
    }
}
