//! Work in flight goes on while any later stage, or the body of a terminal, waits: so they may share locks, semaphores
//! and channels, where `buffered` of `futures` hangs.
//!
//! All in virtual time: whoever waits for nothing that will ever come is found at once.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use reactive_runtime::prelude::*;
use tokio::sync::{Mutex, Semaphore, mpsc};
use tokio::time::{Instant, sleep, timeout};

const LONG: Duration = Duration::from_secs(3600);

async fn pause(ms: u64) {
    sleep(Duration::from_millis(ms)).await;
}

/// Whether it ends. The clock is paused: it jumps as soon as nothing else can run.
async fn ends(run: impl Future<Output = ()>) -> bool {
    timeout(LONG, run).await.is_ok()
}

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

/// What one future does: locks, by number and in rising order, each held to the end of the future, and how long it works
/// when it has it.
type Steps = BTreeSet<(usize, u64)>;

/// A stage of a random pipeline.
#[derive(Clone, Debug)]
struct Stage {
    concurrency: usize,
    kind: Kind,
    /// For the items in turn.
    steps: Vec<Steps>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Ordered,
    Unordered,
    PerKey,
    Filter,
}

const LOCKS: usize = 3;

fn stage() -> impl Strategy<Value = Stage> {
    let steps = prop::collection::btree_set((0..LOCKS, 0..4u64), 0..4);
    let kind = prop::sample::select(vec![Kind::Ordered, Kind::Unordered, Kind::PerKey, Kind::Filter]);
    (1..6usize, kind, prop::collection::vec(steps, 1..4)).prop_map(|(concurrency, kind, steps)| Stage {
        concurrency,
        kind,
        steps,
    })
}

impl Stage {
    /// Takes the locks of an item, works, and gives them back.
    async fn work(&self, item: u32, locks: &[Mutex<()>]) -> u32 {
        let mut held = Vec::new();
        let mut last = None;
        for (lock, ms) in &self.steps[item as usize % self.steps.len()] {
            if last.replace(lock) != Some(lock) {
                held.push(locks[*lock].lock().await);
            }
            pause(*ms).await;
        }
        item
    }

    fn attach<'a>(&'a self, above: LocalBoxPipe<'a, u32>, locks: &'a [Mutex<()>]) -> LocalBoxPipe<'a, u32> {
        let work = move |item| self.work(item, locks);
        let n = self.concurrency;
        match self.kind {
            Kind::Ordered => pipeline! { above |> map_async(work, concurrency = n) |> boxed_local() },
            Kind::Unordered => {
                pipeline! { above |> map_async(work, concurrency = n).unordered() |> boxed_local() }
            }
            Kind::PerKey => {
                pipeline! { above |> map_async(work, concurrency = n).per_key(|x| x % 3) |> boxed_local() }
            }
            Kind::Filter => pipeline! {
                above
                    |> filter_async(move |x| { let work = work(*x); async { work.await; true } }, concurrency = n)
                    |> boxed_local()
            },
        }
    }
}

/// Runs the items through the stages and the body, and gives those that arrived; `None` if it hangs.
fn run(stages: &[Stage], body: &Stage, items: u32) -> Option<Vec<u32>> {
    in_virtual_time(async {
        let locks: Vec<_> = (0..LOCKS).map(|_| Mutex::new(())).collect();
        let arrived = Rc::new(RefCell::new(Vec::new()));
        let mut pipe: LocalBoxPipe<'_, u32> = pipeline! { 0..items |> boxed_local() };
        for stage in stages {
            pipe = stage.attach(pipe, &locks);
        }
        let consume = async |x| {
            body.work(x, &locks).await;
            arrived.borrow_mut().push(x);
        };
        let ended = ends(pipeline! { pipe |> for_each_async(consume, concurrency = body.concurrency) }).await;
        ended.then(|| arrived.take())
    })
}

/// The same by `futures`, with the stages in their order.
fn futures_ends(stages: &[Stage], body: &Stage, items: u32) -> bool {
    in_virtual_time(async {
        let locks: Vec<_> = (0..LOCKS).map(|_| Mutex::new(())).collect();
        let mut pipe = stream::iter(0..items).boxed_local();
        for stage in stages {
            pipe = pipe.map(|x| stage.work(x, &locks)).buffered(stage.concurrency).boxed_local();
        }
        let locks = &locks;
        ends(pipe.for_each_concurrent(body.concurrency, |x| async move {
            body.work(x, locks).await;
        }))
        .await
    })
}

fn in_virtual_time<R>(future: impl Future<Output = R>) -> R {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().unwrap().block_on(future)
}

proptest! {
    /// Whatever locks the stages and the body share, taken in one order and given back within one future, nothing hangs
    /// and every item arrives.
    #[test]
    fn no_random_graph_of_locks_hangs(
        stages in prop::collection::vec(stage(), 1..4),
        body in stage(),
        items in 0..30u32,
    ) {
        let mut arrived = run(&stages, &body, items).expect("it hangs");
        arrived.sort_unstable();
        prop_assert!(arrived.into_iter().eq(0..items));
    }
}

/// The graphs are such that they tell: by `futures` many of them hang.
#[test]
fn random_graphs_of_locks_hang_with_futures() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let graph = (prop::collection::vec(stage(), 1..4), stage());
    let hang = (0..100).filter(|_| {
        let (stages, body) = graph.new_tree(&mut runner).unwrap().current();
        !futures_ends(&stages, &body, 20)
    });
    let hang = hang.count();
    assert!(hang >= 10, "{hang} of 100 hang");
}
