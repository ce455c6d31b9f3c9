//! Chunks: what the strategy does with each of their items is what it does with one that comes alone.

use std::fmt::Debug;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use futures::{FutureExt, StreamExt};

use crate::backpressure::{
    Accounting, BackpressureMetrics, Conflate, DropAll, DropIncoming, DropNewest, DropOldest, Fail, Latest,
    Reason, Sample, Strategy,
};
use crate::fault::Fault;
use crate::prelude::*;
use crate::source::{Closed, TryPushError};

type Dropped = Vec<(u32, Reason)>;

/// What comes out, or fails, what was dropped, and the account.
fn fed<S>(
    strategy: S,
    feed_all: impl Fn(&SheddingFeeder<u32>, std::ops::Range<u32>),
) -> (Vec<String>, Dropped, Accounting)
where
    S: Strategy<u32, Fault: Send + Fault<Of<u32>: Debug>> + Send + 'static,
{
    let dropped = Arc::new(Mutex::new(Dropped::new()));
    let handed = dropped.clone();
    let on_drop = move |item, reason| handed.lock().unwrap().push((item, reason));
    let (feeder, mut items) = Feed::new(5).backpressure(strategy).on_drop(on_drop).open();
    let mut cx = Context::from_waker(Waker::noop());
    let mut seen = Vec::new();
    for chunk in [0..0, 0..1, 1..4, 4..10, 10..150] {
        feed_all(&feeder, chunk);
        for _ in 0..2 {
            match items.poll_next_unpin(&mut cx) {
                Poll::Ready(Some(item)) => seen.push(format!("{item:?}")),
                Poll::Ready(None) | Poll::Pending => {}
            }
        }
    }
    let BackpressureMetrics { accounting, .. } = feeder.metrics();
    drop(items);
    let dropped = std::mem::take(&mut *dropped.lock().unwrap());
    (seen, dropped, accounting)
}

fn chunks_are_as_items<S>(strategy: impl Fn() -> S)
where
    S: Strategy<u32, Fault: Send + Fault<Of<u32>: Debug>> + Send + 'static,
{
    let one_by_one = fed(strategy(), |feeder, items| items.for_each(|item| _ = feeder.try_push(item)));
    let in_chunks = fed(strategy(), |feeder, items| _ = feeder.try_push_all(items));
    assert_eq!(in_chunks, one_by_one);
    assert!(in_chunks.2.balances());
}

#[test]
fn a_chunk_is_shed_item_by_item() {
    chunks_are_as_items(|| DropOldest);
    chunks_are_as_items(|| DropNewest);
    chunks_are_as_items(|| DropIncoming);
    chunks_are_as_items(|| DropAll);
    chunks_are_as_items(|| Latest);
    chunks_are_as_items(|| Sample(0.5));
    chunks_are_as_items(|| Conflate(|sum: &mut u32, item| *sum += item));
    chunks_are_as_items(|| Fail);
}

#[test]
fn what_has_to_wait_comes_back_with_all_behind_it() {
    let (feeder, items) = Feed::new(70).backpressure(Block).open();
    let Err(TryPushError::Full(rest)) = feeder.try_push_all(0..200) else { panic!("there is room for 70") };
    assert!(rest.eq(70..200));
    assert_eq!(feeder.metrics().accounting.offered, 70, "who comes back was not offered");
    drop(items);
    let Err(TryPushError::Closed(rest)) = feeder.try_push_all(0..200) else { panic!("nobody is there") };
    assert!(rest.eq(0..200));
}

#[tokio::test(start_paused = true)]
async fn those_who_push_chunks_wait_for_room() {
    let (feeder, items) = Feed::new(3).backpressure(Block).open();
    let feeding = async move { assert!(feeder.push_all(0..200).await.is_ok()) };
    let (seen, ()) = tokio::join!(pipeline! { items |> collect::<Vec<_>>() }, feeding);
    assert!(seen.into_iter().eq(0..200));
}

#[tokio::test(start_paused = true)]
async fn a_push_of_chunks_that_is_dropped_leaves_no_trace() {
    let (feeder, mut items) = Feed::new(3).backpressure(Block).open();
    {
        let mut feeding = std::pin::pin!(feeder.push_all(0..200));
        assert!(futures::poll!(feeding.as_mut()).is_pending());
    }
    let metrics = feeder.metrics();
    assert_eq!((metrics.accounting.offered, metrics.accounting.buffered), (3, 3));
    assert_eq!(items.next().await, Some(0));
    // Its place in the line is free.
    assert_eq!(feeder.push(7).await, Ok(()));

    let mut feeding = std::pin::pin!(feeder.push_all(10..200));
    assert!(futures::poll!(feeding.as_mut()).is_pending());
    drop(items);
    let Err(Closed(rest)) = feeding.await else { panic!("nobody is there") };
    assert!(rest.eq(10..200));
}

/// As the iterator is not asked under the lock.
#[test]
fn an_iterator_may_feed_itself() {
    let (feeder, mut items) = Feed::new(100).backpressure(DropOldest).open();
    let pushing = feeder.clone();
    let echo = (0..3).inspect(move |x| pushing.try_push(x + 10).unwrap());
    assert!(feeder.try_push_all(echo).is_ok());
    drop(feeder);
    let mut seen = Vec::new();
    while let Poll::Ready(Some(item)) = items.poll_next_unpin(&mut Context::from_waker(Waker::noop())) {
        seen.push(item);
    }
    assert_eq!(seen, [10, 11, 12, 0, 1, 2]);
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn the_pipeline_is_woken_once_for_a_chunk() {
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(wakes.clone());
    let (feeder, mut items) = Feed::new(9).backpressure(DropOldest).open();
    assert!(items.poll_next_unpin(&mut Context::from_waker(&waker)).is_pending());
    assert!(feeder.try_push_all(0..64).is_ok());
    assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
    assert_eq!(items.poll_next_unpin(&mut Context::from_waker(&waker)), Poll::Ready(Some(55)));
}

fn panics(f: impl FnOnce()) -> bool {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).is_err()
}

#[test]
fn the_pipeline_is_woken_though_a_listener_panics() {
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(wakes.clone());
    let (feeder, mut items) = Feed::new(1).backpressure(DropOldest).on_drop(|_, _| panic!("told")).open();
    assert!(items.poll_next_unpin(&mut Context::from_waker(&waker)).is_pending());
    assert!(panics(|| _ = feeder.try_push_all(0..3)));
    assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
    assert_eq!(items.poll_next_unpin(&mut Context::from_waker(&waker)), Poll::Ready(Some(2)));
}

#[test]
fn who_waits_for_room_is_woken_though_a_listener_panics() {
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(wakes.clone());
    let (feeder, items) = Feed::new(1).backpressure(Block).on_drop(|_, _| panic!("told")).open();
    assert!(feeder.try_push(0).is_ok());
    let mut push = feeder.push(1);
    assert!(push.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
    assert!(panics(|| drop(items)));
    assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
    assert_eq!(push.poll_unpin(&mut Context::from_waker(&waker)), Poll::Ready(Err(Closed(1))));
}

#[tokio::test(start_paused = true)]
async fn a_push_of_many_chunks_lets_others_run() {
    let (feeder, items) = Feed::new(3).backpressure(DropOldest).open();
    let mut feeding = std::pin::pin!(feeder.push_all(0..5000));
    assert!(futures::poll!(feeding.as_mut()).is_pending());
    assert_eq!(feeder.metrics().accounting.offered, 4096);
    assert!(feeding.await.is_ok());
    drop(items);
}
