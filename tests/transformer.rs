//! What a transformer promises, on whole pipelines.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};

use futures::{FutureExt, StreamExt};
use reactive_runtime::prelude::*;
use reactive_runtime::processor::{OnFailure, ProcessError};
use reactive_runtime::transformer::{CacheMetrics, Invalid, Rules};
use reactive_runtime::units::s;

fn transformer(stream: StreamConfig, transformation: TransformationConfig) -> ReactiveTransformer {
    ReactiveTransformer::new(stream, BackpressureConfig::default(), transformation).unwrap()
}

fn workers(max_workers: usize) -> TransformationConfig {
    TransformationConfig::default().max_workers(max_workers)
}

fn always<U>(_: &U) -> bool {
    true
}

#[test]
fn tells_the_wrong_fields_of_all_its_configs_at_once() {
    let error = ReactiveTransformer::new(
        StreamConfig::default().batch_size(0),
        BackpressureConfig::default().sample_rate(2.0),
        TransformationConfig::default().max_workers(0),
    )
    .unwrap_err();
    let names = error.fields().iter().map(|field| field.name).collect::<Vec<_>>();
    assert_eq!(names, ["batch_size", "sample_rate", "max_workers"]);
}

#[tokio::test]
async fn transforms_on_its_threads_in_the_order_of_the_items() {
    let t = transformer(StreamConfig::default().batch_size(1), workers(3));
    // Each waits until three are there: so three run at the same time.
    let barrier = Arc::new(Barrier::new(3));
    let main = std::thread::current().id();
    let squares = t.transform_stream(
        0..30u32,
        move |x| {
            assert_ne!(std::thread::current().id(), main);
            barrier.wait();
            x * x
        },
        always,
    );
    assert!(squares.collect::<Vec<_>>().await.unwrap().into_iter().eq((0..30).map(|x| x * x)));
    assert_eq!(t.metrics().processor.items_processed, 30);
}

#[tokio::test]
async fn shares_its_threads_between_its_streams() {
    let t = transformer(StreamConfig::default(), workers(2));
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let stream = || {
        let (now, most) = (now.clone(), most.clone());
        let transform = move |x: u32| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::yield_now();
            now.fetch_sub(1, Ordering::SeqCst);
            x
        };
        t.transform_stream(0..100, transform, always).count()
    };
    let counts = tokio::join!(stream(), stream(), stream());
    assert_eq!((counts.0.unwrap(), counts.1.unwrap(), counts.2.unwrap()), (100, 100, 100));
    assert!(most.load(Ordering::SeqCst) <= 2);
}

#[tokio::test]
async fn tells_every_violation_of_an_item_and_goes_on() {
    let t = transformer(StreamConfig::default(), workers(2));
    let told = Arc::new(Mutex::new(Vec::new()));
    let log = told.clone();
    t.add_error_handler(move |failure| {
        assert_eq!((failure.attempts, failure.violations().len()), (1, 2));
        log.lock().unwrap().push(failure.to_string());
    });
    let rules = Rules::new()
        .rule("even", |x: &u32| x.is_multiple_of(2))
        .rule("small", |x| if *x < 5 { Ok(()) } else { Err(format!("{x} is not")) });
    let valid =
        t.transform_stream([1u32, 2, 6], |x| x + 1, move |x| if *x == 7 { rules.check(x) } else { vec![] });
    assert_eq!(valid.collect::<Vec<_>>().await.unwrap(), [2, 3]);
    assert_eq!(*told.lock().unwrap(), ["`transform` failed after 1 attempt: invalid: even; small: 7 is not"]);
    let metrics = t.metrics();
    assert_eq!((metrics.items_invalid, metrics.processor.items_failed, metrics.processor.retries), (1, 1, 0));
}

#[tokio::test]
async fn fails_at_what_is_not_valid_if_so_configured() {
    let t = transformer(StreamConfig::default().on_failure(OnFailure::Fail), workers(1));
    let positive = |x: &i32| if *x > 0 { Ok(()) } else { Err("not positive") };
    let error = t.transform_stream([1, -2, 3], |x| x, positive).collect::<Vec<_>>().await.unwrap_err();
    let ProcessError::Failed(letter) = error else { panic!("{error}") };
    assert_eq!(letter.item, -2);
    assert_eq!(
        letter.failure.error.downcast_ref::<Invalid>().unwrap().to_string(),
        "invalid: validation: not positive"
    );
}

#[tokio::test]
async fn validates_nothing_if_told_so() {
    let t = transformer(StreamConfig::default(), workers(1).enable_validation(false));
    let results = t.transform_stream(0..3, |x| x, |_| -> bool { unreachable!() });
    assert_eq!(results.collect::<Vec<_>>().await.unwrap(), [0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn tries_what_fails_again() {
    let t = transformer(StreamConfig::default().retry_delay(s(1)), workers(1));
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = calls.clone();
    let flaky = move |x: u32| match counter.fetch_add(1, Ordering::SeqCst) {
        0 | 1 => Err("busy"),
        _ => Ok(x),
    };
    let start = tokio::time::Instant::now();
    assert_eq!(t.try_transform_stream([7], flaky, always).collect::<Vec<_>>().await.unwrap(), [7]);
    assert_eq!((calls.load(Ordering::SeqCst), start.elapsed()), (3, s(2)));
}

#[tokio::test]
async fn computes_equal_items_once() {
    let t = transformer(StreamConfig::default(), workers(4).enable_caching(true));
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = calls.clone();
    let square = move |x: u32| {
        counter.fetch_add(1, Ordering::SeqCst);
        x * x
    };
    let items = (0..1000).map(|x| x % 10).collect::<Vec<_>>();
    let squares = t.transform_stream(items.clone(), square, always).collect::<Vec<_>>().await.unwrap();
    assert!(squares.into_iter().eq(items.iter().map(|x| x * x)));
    assert_eq!(calls.load(Ordering::SeqCst), 10);
    let cache = t.metrics().cache;
    assert_eq!(cache, CacheMetrics { hits: 990, misses: 10, evictions: 0, expired: 0 });
    assert_eq!(cache.hit_ratio(), 0.99);
}

#[tokio::test]
async fn keeps_nothing_without_caching_or_of_unique_items() {
    #[derive(Debug)]
    struct NoHash;
    let calls = Arc::new(AtomicUsize::new(0));
    let count = |calls: &Arc<AtomicUsize>| {
        let calls = calls.clone();
        move |_: u32| {
            calls.fetch_add(1, Ordering::SeqCst);
            NoHash
        }
    };
    let t = transformer(StreamConfig::default(), workers(2).enable_caching(true));
    assert_eq!(t.transform_unique_stream([1; 20], count(&calls), always).count().await.unwrap(), 20);
    assert_eq!((calls.swap(0, Ordering::SeqCst), t.metrics().cache), (20, CacheMetrics::default()));
    let t = transformer(StreamConfig::default(), workers(2));
    let doubled = move |x: u32| {
        calls.fetch_add(1, Ordering::SeqCst);
        (2 * x, calls.load(Ordering::SeqCst))
    };
    let last = t.transform_stream([1; 20], doubled, always).max_by_key(|(_, calls)| *calls).await.unwrap();
    assert_eq!(last, Some((2, 20)));
    assert_eq!(t.metrics().cache, CacheMetrics::default());
}

#[tokio::test]
async fn works_under_flow_control() {
    let config = FlowControlConfig::default().initial_rate(1000.0);
    let t = transformer(StreamConfig::default(), workers(2)).with_flow_control(config);
    assert_eq!(t.transform_stream(0..200, |x| x, always).count().await.unwrap(), 200);
    let flow_control = t.metrics().processor.flow_control;
    assert!(flow_control.unwrap().current_rate > 0.0);
}

#[tokio::test]
async fn a_panic_comes_out_once() {
    let t = transformer(StreamConfig::default(), workers(2));
    let mut results = t.transform_stream(0..5, |x| assert_ne!(x, 2), always);
    // It may come before those results that another thread is still at work on.
    let all = async {
        while let Some(result) = results.next().await {
            result.unwrap();
        }
    };
    assert!(std::panic::AssertUnwindSafe(all).catch_unwind().await.is_err());
    assert!(results.next().await.is_none());
    drop(results);
    assert_eq!(t.metrics().processor.items_failed, 1);
    assert_eq!(t.transform_stream(0..5, |x| x, always).count().await.unwrap(), 5);
    assert!(t.stop().await.is_clean());
}

#[tokio::test]
async fn works_on_another_task() {
    let t = transformer(StreamConfig::default(), workers(2));
    let source = Pipe::new(0..100);
    let sum = t.transform_stream(source, |x| 2 * x, always).sum::<u32>();
    drop(t);
    assert_eq!(tokio::spawn(sum).await.unwrap().unwrap(), 9900);
}
