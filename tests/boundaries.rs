//! Boundaries between tasks and threads: order, bounds, errors, panics, and what is left when the pipeline is dropped.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Waker};

use futures::executor::block_on;
use futures::{FutureExt, SinkExt, StreamExt};
use reactive_runtime::prelude::*;
use reactive_runtime::source::{Closed, TryPushError};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::yield_now;

fn runtimes() -> [Runtime; 2] {
    [
        Builder::new_current_thread().build().unwrap(),
        Builder::new_multi_thread().worker_threads(2).build().unwrap(),
    ]
}

fn alive_tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// Lets each other task run until it waits for something.
async fn turns() {
    for _ in 0..10 {
        yield_now().await;
    }
}

/// Counts what passes it.
fn counting() -> (Arc<AtomicUsize>, impl FnMut(&u32) + Clone + Send + 'static) {
    let count = Arc::<AtomicUsize>::default();
    let counter = count.clone();
    (count, move |_: &u32| {
        counter.fetch_add(1, Ordering::Relaxed);
    })
}

fn panic_of(panic: Box<dyn std::any::Any + Send>) -> String {
    match panic.downcast::<String>() {
        Ok(message) => *message,
        Err(panic) => (*panic.downcast::<&str>().expect("a message")).to_owned(),
    }
}

#[test]
fn give_every_item_in_order_on_both_kinds_of_runtime() {
    for runtime in runtimes() {
        let items = runtime.block_on(async {
            let (feeder, numbers) = feed(100);
            tokio::spawn(async move { feeder.push_all(0..50_000u32).await.unwrap() });
            let chain = pipeline! {
                numbers
                    |> map(|x| x + 1)
                    |> spawn()
                    |> buffer(10)
                    |> batch(100)
                    |> parallel(2, |batch| batch)
                    |> flatten()
                    |> spawn(capacity = 7)
                    |> collect::<Vec<_>>()
            };
            tokio::spawn(chain).await.unwrap()
        });
        assert!(items.into_iter().eq(1..=50_000));
    }
}

#[tokio::test]
async fn spawn_runs_ahead_by_its_capacity() {
    for capacity in [1, 2, 3, 10, 64, 100, 1000] {
        let (made, count) = counting();
        let mut pipe = pipeline! { 0..10_000 |> inspect(count) |> spawn(capacity = capacity) };
        turns().await;
        assert_eq!(made.load(Ordering::Relaxed), 0, "before the first poll");
        for taken in 1..300 {
            pipe.next().await;
            turns().await;
            assert_eq!(made.load(Ordering::Relaxed), taken + capacity);
        }
    }
}

#[tokio::test]
async fn spawn_lets_an_item_that_comes_alone_go_at_once() {
    let (feeder, numbers) = feed(100);
    let mut pipe = pipeline! { numbers |> spawn() |> map(|x: u32| x + 1) };
    for x in 0..10 {
        assert_eq!(futures::poll!(pipe.next()), Poll::Pending);
        turns().await;
        feeder.try_push(x).unwrap();
        turns().await;
        assert_eq!(futures::poll!(pipe.next()), Poll::Ready(Some(x + 1)));
    }
}

#[tokio::test]
async fn spawn_keeps_errors_in_their_places_and_runs_ahead_of_none() {
    let (made, count) = counting();
    let mut errors = Vec::new();
    let mut pipe = pipeline! {
        0..10
            |> inspect(count)
            |> map(|x| if x % 4 == 3 { Err(x) } else { Ok(x) })?
            |> spawn()
            |> catch(|error| { errors.push(error); Recover::With(100 + error) })
    };
    assert_eq!(pipe.next().await, Some(0));
    turns().await;
    assert_eq!(made.load(Ordering::Relaxed), 4);
    assert_eq!(pipe.collect::<Vec<_>>().await, [1, 2, 103, 4, 5, 6, 107, 8, 9]);
    assert_eq!(errors, [3, 7]);
}

#[tokio::test]
async fn a_panic_on_the_task_comes_out_behind_its_items() {
    let mut pipe = pipeline! { 0..10 |> inspect(|x| assert!(*x < 3, "three")) |> spawn() };
    for x in 0..3 {
        assert_eq!(pipe.next().await, Some(x));
    }
    let panic = AssertUnwindSafe(pipe.next()).catch_unwind().await.unwrap_err();
    assert_eq!(panic_of(panic), "three");
    assert_eq!(pipe.next().await, None);
    assert_eq!(alive_tasks(), 0);
}

#[tokio::test]
async fn the_task_is_gone_one_turn_after_the_pipeline() {
    for polls in 0..30 {
        let source = Arc::new(());
        let held = source.clone();
        let (feeder, numbers) = feed(3);
        let mut pipe = pipeline! {
            numbers |> inspect(move |_| drop(held.clone())) |> spawn(capacity = 2) |> map(|x: u32| x + 1) |> spawn()
        };
        for x in 0..polls {
            let _ = feeder.try_push(x);
            let _ = futures::poll!(pipe.next());
            if x % 2 == 0 {
                yield_now().await;
            }
        }
        drop(pipe);
        // The second task is dropped with the first.
        yield_now().await;
        yield_now().await;
        assert_eq!((alive_tasks(), Arc::strong_count(&source)), (0, 1), "after {polls} polls");
        assert_eq!(feeder.try_push(7), Err(TryPushError::Closed(7)));
    }
}

#[tokio::test]
async fn an_early_stop_ends_the_task() {
    assert_eq!(pipeline! { 0.. |> spawn() |> take(3) |> sum::<u32>() }.await, 3);
    yield_now().await;
    assert_eq!(alive_tasks(), 0);
}

#[test]
fn outside_of_a_runtime_it_says_so() {
    let spawned = pipeline! { 0..3 |> spawn() |> count() };
    let panic = catch_unwind(AssertUnwindSafe(|| block_on(spawned))).unwrap_err();
    assert!(panic_of(panic).contains("`spawn` runs on a tokio runtime"));
    let parallel = pipeline! { 0..3 |> parallel(2, |x| x) |> count() };
    let panic = catch_unwind(AssertUnwindSafe(|| block_on(parallel))).unwrap_err();
    assert!(panic_of(panic).contains("`parallel` runs on the threads of a tokio runtime"));
}

#[test]
fn a_runtime_that_is_shut_down_is_no_silent_end() {
    let [runtime, _] = runtimes();
    let (feeder, numbers) = feed::<u32>(3);
    let mut pipe = pipeline! { numbers |> spawn() };
    feeder.try_push(1).unwrap();
    assert_eq!(runtime.block_on(pipe.next()), Some(1));
    drop(runtime);
    let panic = catch_unwind(AssertUnwindSafe(|| block_on(pipe.next()))).unwrap_err();
    assert!(panic_of(panic).contains("the runtime of a spawned pipeline was shut down"));
}

#[tokio::test]
async fn parallel_makes_at_most_so_many_calls_and_keeps_order() {
    let running = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let (taken, count) = counting();
    let call = {
        let (running, most) = (running.clone(), most.clone());
        move |x: u32| {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::yield_now();
            running.fetch_sub(1, Ordering::SeqCst);
            x
        }
    };
    let mut pipe = pipeline! { 0..500 |> inspect(count) |> parallel(3, call) };
    for x in 0..500 {
        assert_eq!(pipe.next().await, Some(x));
        let in_flight = taken.load(Ordering::Relaxed) - (x as usize + 1);
        assert!(in_flight <= 2, "{in_flight} in flight beside the one that was taken");
    }
    assert_eq!(pipe.next().await, None);
    assert!(most.load(Ordering::SeqCst) <= 3);
}

#[tokio::test]
async fn parallel_unordered_gives_what_is_ready() {
    let (go, wait) = mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let call = move |x: u32| {
        if x == 0 {
            wait.lock().unwrap().recv().unwrap();
        }
        x
    };
    let mut pipe = pipeline! { 0..3 |> parallel(2, call).unordered() };
    assert_eq!((pipe.next().await, pipe.next().await), (Some(1), Some(2)));
    go.send(()).unwrap();
    assert_eq!((pipe.next().await, pipe.next().await), (Some(0), None));
}

#[tokio::test]
async fn a_call_that_has_begun_ends_and_its_result_is_dropped() {
    let (begun, has_begun) = mpsc::channel();
    let (go, wait) = mpsc::channel::<()>();
    let (dropped, is_dropped) = mpsc::channel();
    struct Result(mpsc::Sender<()>);
    impl Drop for Result {
        fn drop(&mut self) {
            self.0.send(()).unwrap();
        }
    }
    let wait = std::sync::Mutex::new(wait);
    let call = move |_: u32| {
        begun.send(()).unwrap();
        wait.lock().unwrap().recv().unwrap();
        Result(dropped.clone())
    };
    let mut pipe = pipeline! { 0.. |> parallel(1, call) };
    assert!(futures::poll!(pipe.next()).is_pending());
    has_begun.recv().unwrap();
    drop(pipe);
    go.send(()).unwrap();
    is_dropped.recv().unwrap();
}

#[tokio::test]
async fn a_panic_in_a_call_comes_out_in_its_place() {
    let mut pipe = pipeline! { 0..9 |> parallel(4, |x| if x == 2 { panic!("two") } else { x }) };
    assert_eq!((pipe.next().await, pipe.next().await), (Some(0), Some(1)));
    let panic = AssertUnwindSafe(pipe.next()).catch_unwind().await.unwrap_err();
    assert_eq!(panic_of(panic), "two");
    assert_eq!(pipe.next().await, None);
}

#[tokio::test]
async fn parallel_gives_the_results_before_an_error_first() {
    let results = pipeline! {
        [Ok(1), Ok(2), Err("torn"), Ok(3)]
            |> or_fail()
            |> parallel(2, |x| x * 10)
            |> map_err(|_| 0)
            |> catch(Recover::With)
            |> collect::<Vec<_>>()
    };
    assert_eq!(results.await, [10, 20, 0, 30]);
}

#[tokio::test]
async fn a_feeder_gets_its_items_back() {
    let (feeder, mut numbers) = feed(2);
    assert_eq!((feeder.try_push(1), feeder.try_push(2)), (Ok(()), Ok(())));
    assert_eq!(feeder.try_push(3), Err(TryPushError::Full(3)));
    let mut waiting = pin!(feeder.push(3));
    assert!(futures::poll!(waiting.as_mut()).is_pending());
    assert_eq!(numbers.next().await, Some(1));
    assert_eq!(waiting.await, Ok(()));
    let mut sink = feeder.sink();
    assert_eq!(numbers.next().await, Some(2));
    sink.feed(4).await.unwrap();
    let mut late = pin!(feeder.push(5));
    assert!(futures::poll!(late.as_mut()).is_pending());
    assert!(!feeder.is_closed());
    drop(numbers);
    assert!(feeder.is_closed());
    assert_eq!(late.await, Err(Closed(5)));
    assert_eq!(feeder.try_push(6), Err(TryPushError::Closed(6)));
    assert_eq!(sink.feed(7).await, Err(Closed(7)));
    let Err(Closed(rest)) = feeder.push_all(8..11).await else { panic!("it took something") };
    assert_eq!(rest.collect::<Vec<_>>(), [8, 9, 10]);
}

#[tokio::test]
async fn push_all_gives_back_what_was_not_put_in() {
    let (feeder, numbers) = feed(3);
    let mut first = pipeline! { numbers |> take(2) |> collect::<Vec<_>>() };
    let mut feeding = pin!(feeder.push_all(0..10));
    assert!(futures::poll!(feeding.as_mut()).is_pending());
    assert_eq!(futures::poll!(&mut first), Poll::Ready(vec![0, 1]));
    drop(first);
    let Err(Closed(rest)) = feeding.await else { panic!("all were taken") };
    // What was put in is dropped with the pipeline.
    assert!(rest.eq(3..10));
}

#[tokio::test]
async fn what_a_sink_gathers_is_seen_at_a_flush_at_64_and_when_it_is_dropped() {
    let (feeder, mut numbers) = feed(100);
    let mut sink = feeder.sink();
    drop(feeder);
    sink.feed(0).await.unwrap();
    assert_eq!(futures::poll!(numbers.next()), Poll::Pending);
    sink.flush().await.unwrap();
    assert_eq!(futures::poll!(numbers.next()), Poll::Ready(Some(0)));
    for x in 1..=64 {
        assert_eq!(futures::poll!(numbers.next()), Poll::Pending);
        sink.feed(x).await.unwrap();
    }
    assert_eq!(numbers.by_ref().take(64).collect::<Vec<_>>().await, Vec::from_iter(1..=64));
    sink.feed(65).await.unwrap();
    drop(sink);
    assert_eq!(numbers.collect::<Vec<_>>().await, [65]);
}

#[tokio::test]
async fn a_sink_is_a_sink_of_futures() {
    let (feeder, numbers) = feed(5);
    let mut sink = feeder.sink();
    drop(feeder);
    let feeding = async move {
        SinkExt::send(&mut sink, 0).await.unwrap();
        sink.send_all(&mut futures::stream::iter((1..100).map(Ok))).await.unwrap();
        sink.close().await.unwrap();
    };
    let (items, ()) = tokio::join!(numbers.collect::<Vec<_>>(), feeding);
    assert!(items.into_iter().eq(0..100));
}

#[tokio::test]
async fn a_sink_that_is_closed_and_kept_lets_the_pipeline_end() {
    let (feeder, numbers) = feed(5);
    let mut sink = feeder.sink();
    drop(feeder);
    sink.feed(1).await.unwrap();
    SinkExt::close(&mut sink).await.unwrap();
    assert_eq!(numbers.collect::<Vec<_>>().now_or_never(), Some(vec![1]));
    assert_eq!(sink.feed(2).await, Err(Closed(2)));
    assert_eq!(SinkExt::close(&mut sink).await, Ok(()));
}

/// What returns has room: so it goes round, however it is taken.
#[tokio::test]
async fn a_pipeline_that_feeds_itself_does_not_fall_asleep() {
    for capacity in [1, 2, 8, 200] {
        let (feeder, mut numbers) = feed(capacity);
        for x in 0..capacity {
            feeder.try_push(x).unwrap();
        }
        for _ in 0..10 * capacity {
            let x = numbers.next().await.unwrap();
            feeder.push(x + 1).await.unwrap();
        }
        drop(feeder);
        assert_eq!(numbers.count().await, capacity);
    }
}

#[tokio::test]
async fn many_feeders_get_their_turns() {
    let (feeder, numbers) = feed(4);
    for _ in 0..100 {
        let feeder = feeder.clone();
        tokio::spawn(async move {
            for x in 0..100u64 {
                feeder.push(x).await.unwrap();
            }
        });
    }
    drop(feeder);
    assert_eq!(numbers.sum::<u64>().await, 100 * 4950);
}

/// Nobody is polled but by wake-ups: the pipeline on one thread, what feeds it on another.
#[test]
fn feeds_from_another_thread() {
    for capacity in [1, 3, 64, 1000] {
        let (feeder, numbers) = feed(capacity);
        let feeding = std::thread::spawn(move || {
            block_on(async move {
                let mut sink = feeder.sink();
                for x in 0..20_000u64 {
                    match x % 3 {
                        0 => sink.feed(x).await.unwrap(),
                        _ => {
                            sink.flush().await.unwrap();
                            feeder.push(x).await.unwrap();
                        }
                    }
                }
            });
        });
        assert!(block_on(numbers.collect::<Vec<_>>()).into_iter().eq(0..20_000));
        feeding.join().unwrap();
    }
}

#[test]
fn a_dropped_pipeline_keeps_no_waker_of_a_feeder() {
    let (feeder, numbers) = feed(1);
    feeder.try_push(0).unwrap();
    let task = Arc::new(Nothing);
    let waker = Waker::from(task.clone());
    let mut push = pin!(feeder.push(1));
    assert!(push.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop((numbers, waker));
    assert_eq!(Arc::strong_count(&task), 1);
}

struct Nothing;

impl std::task::Wake for Nothing {
    fn wake(self: Arc<Self>) {}
}

/// As a terminal whose body waits does it: takes one item, then lets what is above go on.
async fn one_then_progress<F: Flow<Item = u32>>(mut flow: Pin<&mut Pipe<F>>) -> Option<u32> {
    let item = poll_fn(|cx| {
        let mut one = reactive_runtime::flow::OneItem(None);
        let driven = flow.as_mut().poll_drive(cx, &mut one);
        if let Some(item) = one.0 {
            return Poll::Ready(Some(item));
        }
        driven.map(|_| None)
    })
    .await;
    poll_fn(|cx| {
        flow.as_mut().poll_progress(cx);
        Poll::Ready(())
    })
    .await;
    item
}

#[tokio::test]
async fn buffer_runs_ahead_by_its_capacity_while_nobody_wants_an_item() {
    for capacity in [1, 2, 10, 1000] {
        let (made, count) = counting();
        let mut pipe = pin!(pipeline! { 0..5000 |> inspect(count) |> buffer(capacity) });
        pipe.as_mut().poll_progress(&mut Context::from_waker(Waker::noop()));
        assert_eq!(made.load(Ordering::Relaxed), 0, "before the first poll");
        for taken in 1..20 {
            assert_eq!(one_then_progress(pipe.as_mut()).await, Some(taken as u32 - 1));
            assert_eq!(made.load(Ordering::Relaxed), taken + capacity);
        }
    }
}

#[tokio::test]
async fn buffer_gives_what_it_holds_before_an_error_and_runs_ahead_of_none() {
    let (made, count) = counting();
    let mut pipe = pin!(pipeline! {
        0..6
            |> inspect(count)
            |> map(|x| if x == 3 { Err(x) } else { Ok(x) })?
            |> buffer(100)
            |> catch(|error| Recover::With(100 + error))
    });
    assert_eq!(one_then_progress(pipe.as_mut()).await, Some(0));
    assert_eq!(made.load(Ordering::Relaxed), 4);
    for expected in [1, 2, 103, 4, 5] {
        assert_eq!(one_then_progress(pipe.as_mut()).await, Some(expected));
    }
    assert_eq!(one_then_progress(pipe.as_mut()).await, None);
}
