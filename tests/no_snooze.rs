//! Work in flight goes on while any later stage, or the body of a terminal, waits: so they may share locks, semaphores
//! and channels, where `buffered` of `futures` hangs.
//!
//! All in virtual time: whoever waits for nothing that will ever come is found at once.

#[path = "no_snooze/graphs.rs"]
mod graphs;
#[path = "no_snooze/item_by_item.rs"]
mod item_by_item;
#[path = "no_snooze/nested.rs"]
mod nested;
mod seeded;
#[path = "no_snooze/work.rs"]
mod work;

use std::collections::BTreeSet;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use reactive_runtime::prelude::*;
use tokio::sync::{Mutex, Semaphore, mpsc};
use tokio::time::Instant;
use work::{ends, pause};

async fn with_lock(lock: &Mutex<()>) {
    let _guard = lock.lock().await;
    pause(5).await;
}

#[tokio::test(start_paused = true)]
async fn stage_and_body_may_share_a_lock() {
    let lock = Mutex::new(());
    for concurrency in [1, 2, 10] {
        assert!(
            ends(pipeline! {
                0..20
                    |> map_async(async |_| with_lock(&lock).await, concurrency = concurrency)
                    |> for_each_async(async |()| with_lock(&lock).await)
            })
            .await
        );
    }
    let buffered = stream::iter(0..20).map(|_| with_lock(&lock)).buffered(2);
    assert!(!ends(buffered.for_each(|()| with_lock(&lock))).await, "`futures` hangs here");
}

#[tokio::test(start_paused = true)]
async fn stage_and_body_may_share_a_semaphore_of_one() {
    let semaphore = Semaphore::new(1);
    let enter = async || {
        let _permit = semaphore.acquire().await.unwrap();
        pause(5).await;
    };
    assert!(
        ends(pipeline! {
            0..20 |> map_async(async |_| enter().await, concurrency = 3).unordered() |> for_each_async(async |()| enter().await)
        })
        .await
    );
    let buffered = stream::iter(0..20).map(|_| enter()).buffer_unordered(3);
    assert!(!ends(buffered.for_each(|()| enter())).await, "`futures` hangs here");
}

/// The body sends two copies of each item back into the queue that the stage reads. Queue and stage together have room for
/// them, the queue alone has not.
#[tokio::test(start_paused = true)]
async fn a_bounded_channel_may_lead_back_into_an_earlier_stage() {
    const ORIGINALS: usize = 3;
    let stage = async |copy: bool| {
        pause(1).await;
        copy
    };
    let (back, queue) = mpsc::channel(3);
    let send_back = async |copy: bool| {
        if !copy {
            back.send(true).await.unwrap();
            back.send(true).await.unwrap();
        }
    };
    assert!(
        ends(pipeline! {
            [false; ORIGINALS]
                |> concat(queue)
                |> take(3 * ORIGINALS)
                |> map_async(stage, concurrency = 3)
                |> for_each_async(send_back)
        })
        .await
    );

    let (back, queue) = mpsc::channel(3);
    let send_back = async |copy: bool| {
        if !copy {
            back.send(true).await.unwrap();
            back.send(true).await.unwrap();
        }
    };
    let items = stream::iter([false; ORIGINALS]).chain(Pipe::new(queue)).take(3 * ORIGINALS);
    assert!(!ends(items.map(stage).buffered(3).for_each(send_back)).await, "`futures` hangs here");
}

#[tokio::test(start_paused = true)]
async fn three_concurrent_stages_and_a_body_may_share_a_lock() {
    let lock = Mutex::new(());
    let pass = async |x: u32| {
        with_lock(&lock).await;
        x
    };
    for concurrency in [1, 2, 5] {
        let mut seen = Vec::new();
        let lock = &lock;
        let run = pipeline! {
            0..30
                |> map_async(pass, concurrency = concurrency)
                |> batch(3)
                |> map_async(async |batch| { with_lock(lock).await; batch }, concurrency = concurrency).unordered()
                |> flatten()
                |> filter_async(|_| async { with_lock(lock).await; true }, concurrency = concurrency)
                |> inspect(|x| seen.push(*x))
                |> for_each_async(async |x| { pass(x).await; })
        };
        assert!(ends(run).await, "with {concurrency} in flight");
        assert_eq!(seen.into_iter().collect::<BTreeSet<_>>().len(), 30);
    }
}

#[tokio::test(start_paused = true)]
async fn both_sides_of_a_zip_and_a_merge_may_share_a_lock() {
    let lock = Mutex::new(());
    let stage = async |x: u32| {
        with_lock(&lock).await;
        x
    };
    assert!(
        ends(pipeline! {
            0..20
                |> map_async(stage, concurrency = 2)
                |> zip(0..20 |> map_async(stage, concurrency = 3))
                |> map(|(a, _)| a)
                |> merge(0..20 |> map_async(stage, concurrency = 2).unordered())
                |> for_each_async(async |x| { stage(x).await; })
        })
        .await
    );
}

/// Read as a `Stream`, a pipeline cannot know that its reader waits for something else: that is in its docs, and this is
/// what they mean.
#[tokio::test(start_paused = true)]
async fn a_reader_that_waits_between_two_items_is_not_known_of() {
    let lock = Mutex::new(());
    let mut pipe = pipeline! { 0..20 |> map_async(async |_| with_lock(&lock).await, concurrency = 2) };
    let run = async {
        while let Some(()) = pipe.next().await {
            with_lock(&lock).await;
        }
    };
    assert!(!ends(run).await);
}

#[tokio::test(start_paused = true)]
async fn stage_and_body_overlap() {
    let work = async |x: u32| {
        pause(100).await;
        x
    };
    let start = Instant::now();
    pipeline! { 0..6 |> map_async(work, concurrency = 2) |> for_each_async(async |x| { work(x).await; }) }
        .await;
    assert!(start.elapsed() <= Duration::from_millis(720), "{:?}", start.elapsed());

    let start = Instant::now();
    stream::iter(0..6)
        .map(work)
        .buffered(2)
        .for_each(async |x| {
            work(x).await;
        })
        .await;
    assert!(start.elapsed() >= Duration::from_millis(800), "`futures` takes longer");
}
