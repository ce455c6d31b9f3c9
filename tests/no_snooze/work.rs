//! What futures do that share locks: random steps, and the stages that they are the work of.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use reactive_runtime::prelude::*;
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use super::item_by_item::{ItemByItem, item_by_item};

const LONG: Duration = Duration::from_secs(36_000);

pub(crate) async fn pause(ms: u64) {
    sleep(Duration::from_millis(ms)).await;
}

/// Whether it ends. The clock is paused: it jumps as soon as nothing else can run.
pub(crate) async fn ends(run: impl Future) -> bool {
    timeout(LONG, run).await.is_ok()
}

pub(crate) fn in_virtual_time<R>(future: impl Future<Output = R>) -> R {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().unwrap().block_on(future)
}

const LOCKS: usize = 3;

pub(crate) type Locks = Arc<[Mutex<()>; LOCKS]>;

/// What one future does: locks, by number and in rising order, each held to the end of the future, and how long it works
/// when it has it.
pub(crate) type Steps = BTreeSet<(usize, u64)>;

pub(crate) fn steps() -> impl Strategy<Value = Steps> {
    prop::collection::btree_set((0..LOCKS, 0..4u64), 0..4)
}

/// Takes the locks, works, and gives them back.
pub(crate) async fn work(steps: Steps, locks: Locks) {
    let mut held = Vec::new();
    let mut last = None;
    for (lock, ms) in steps {
        if last.replace(lock) != Some(lock) {
            held.push(locks[lock].lock().await);
        }
        pause(ms).await;
    }
}

/// A stage of a random pipeline.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    pub(crate) concurrency: usize,
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
    /// Every third call fails, and a `catch` gives its item.
    Caught,
}

pub(crate) fn stage() -> impl Strategy<Value = Stage> {
    let kind =
        prop::sample::select(vec![Kind::Ordered, Kind::Unordered, Kind::PerKey, Kind::Filter, Kind::Caught]);
    (1..6usize, kind, prop::collection::vec(steps(), 1..4)).prop_map(|(concurrency, kind, steps)| Stage {
        concurrency,
        kind,
        steps,
    })
}

impl Stage {
    pub(crate) fn work(&self, item: u32, locks: &Locks) -> impl Future<Output = u32> + Send + use<> {
        let (steps, locks) = (self.steps[item as usize % self.steps.len()].clone(), locks.clone());
        async move {
            work(steps, locks).await;
            item
        }
    }

    pub(crate) fn attach(&self, above: ItemByItem, locks: &Locks) -> ItemByItem {
        let (stage, locks, n) = (self.clone(), locks.clone(), self.concurrency);
        let work = move |item| stage.work(item, &locks);
        match self.kind {
            Kind::Ordered => item_by_item(pipeline! { above |> map_async(work, concurrency = n) }),
            Kind::Unordered => {
                item_by_item(pipeline! { above |> map_async(work, concurrency = n).unordered() })
            }
            Kind::PerKey => {
                item_by_item(pipeline! { above |> map_async(work, concurrency = n).per_key(|x| x % 3) })
            }
            Kind::Filter => item_by_item(pipeline! {
                above |> filter_async(
                    move |x| { let work = work(*x); async { work.await; true } },
                    concurrency = n,
                )
            }),
            Kind::Caught => item_by_item(pipeline! {
                above
                    |> map_async(
                        move |x| { let work = work(x); async move { work.await; if x % 3 == 0 { Err(x) } else { Ok(x) } } },
                        concurrency = n,
                    )?
                    |> boxed()
                    |> catch(Recover::With)
            }),
        }
    }
}
