//! Random pipelines of all that may hold work in flight, whose stages, sides, inner sources and bodies share locks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::stream::{self, StreamExt};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use reactive_runtime::prelude::*;
use reactive_runtime::units::ms;

use super::item_by_item::{ItemByItem, item_by_item};
use super::work::{Locks, Stage, Steps, ends, in_virtual_time, stage, steps, work};
use crate::seeded::seeded;

/// A pipeline: its source gives the numbers from 0 on.
#[derive(Clone, Debug)]
struct Graph {
    items: u32,
    source: Source,
    operators: Vec<Operator>,
    end: End,
}

#[derive(Clone, Debug)]
enum Source {
    Range,
    /// Fed by a task that does some work for each item.
    Feed {
        capacity: usize,
        steps: Steps,
    },
}

#[derive(Clone, Debug)]
enum Operator {
    Work(Stage),
    // Each with another source of the same items, and stages of its own.
    Zip(Vec<Stage>),
    Merge(Vec<Stage>),
    MergePreferLeft(Vec<Stage>),
    Concat(Vec<Stage>),
    CombineLatest(Vec<Stage>),
    WithLatestFrom(Vec<Stage>),
    // Each with sources of two items.
    SwitchMap(Stage),
    FlatMapStream(Stage),
    FlatMapStreamAhead(usize, Stage),
    FlatMapStreamUnordered(usize, Stage),
    TakeUntil(Steps),
    Buffer(usize),
    Spawn(usize),
    Parallel(usize),
    Batch(usize),
    BatchMaxWait(usize, u64),
    Delay(usize, u64),
    Throttle(u64),
    ThrottlePerKey(u64),
    Boxed,
}

/// Bodies, and the stages above them.
#[derive(Clone, Debug)]
enum End {
    Body(Stage),
    Broadcast([Vec<Stage>; 2], [Stage; 2]),
    Partition([Vec<Stage>; 2], [Stage; 2]),
    Route([Vec<Stage>; 3], [Stage; 3]),
}

fn graph() -> impl Strategy<Value = Graph> {
    let source = prop_oneof![
        2 => Just(Source::Range),
        1 => (1..5usize, steps()).prop_map(|(capacity, steps)| Source::Feed { capacity, steps }),
    ];
    (0..20u32, source, prop::collection::vec(operator(), 1..5), end())
        .prop_map(|(items, source, operators, end)| Graph { items, source, operators, end })
}

fn operator() -> impl Strategy<Value = Operator> {
    let side = || prop::collection::vec(stage(), 1..4);
    prop_oneof![
        8 => stage().prop_map(Operator::Work),
        2 => side().prop_map(Operator::Zip),
        2 => side().prop_map(Operator::Merge),
        1 => side().prop_map(Operator::MergePreferLeft),
        1 => side().prop_map(Operator::Concat),
        2 => side().prop_map(Operator::CombineLatest),
        2 => side().prop_map(Operator::WithLatestFrom),
        2 => stage().prop_map(Operator::SwitchMap),
        1 => stage().prop_map(Operator::FlatMapStream),
        1 => (1..4usize, stage()).prop_map(|(n, stage)| Operator::FlatMapStreamAhead(n, stage)),
        1 => (1..4usize, stage()).prop_map(|(n, stage)| Operator::FlatMapStreamUnordered(n, stage)),
        1 => steps().prop_map(Operator::TakeUntil),
        1 => (1..5usize).prop_map(Operator::Buffer),
        2 => (1..5usize).prop_map(Operator::Spawn),
        1 => (1..4usize).prop_map(Operator::Parallel),
        1 => (1..4usize).prop_map(Operator::Batch),
        1 => (1..4usize, 1..9u64).prop_map(|(n, wait)| Operator::BatchMaxWait(n, wait)),
        1 => (1..4usize, 0..9u64).prop_map(|(capacity, by)| Operator::Delay(capacity, by)),
        1 => (1..6u64).prop_map(Operator::Throttle),
        1 => (1..6u64).prop_map(Operator::ThrottlePerKey),
        1 => Just(Operator::Boxed),
    ]
}

fn end() -> impl Strategy<Value = End> {
    let branch = || (prop::collection::vec(stage(), 0..3), stage());
    prop_oneof![
        3 => stage().prop_map(End::Body),
        1 => (branch(), branch()).prop_map(|(a, b)| End::Broadcast([a.0, b.0], [a.1, b.1])),
        1 => (branch(), branch()).prop_map(|(a, b)| End::Partition([a.0, b.0], [a.1, b.1])),
        1 => (branch(), branch(), branch()).prop_map(|(a, b, c)| End::Route([a.0, b.0, c.0], [a.1, b.1, c.1])),
    ]
}

impl Source {
    fn open(&self, items: u32, locks: &Locks) -> ItemByItem {
        match self {
            Self::Range => item_by_item(Pipe::new(0..items)),
            Self::Feed { capacity, steps } => {
                let (feeder, pipe) = feed(*capacity);
                let (steps, locks) = (steps.clone(), locks.clone());
                tokio::spawn(async move {
                    for x in 0..items {
                        work(steps.clone(), locks.clone()).await;
                        // A side that ends may have ended the pipeline.
                        let _ = feeder.push(x).await;
                    }
                });
                item_by_item(pipe)
            }
        }
    }
}

impl Operator {
    fn attach(&self, above: ItemByItem, items: u32, locks: &Locks) -> ItemByItem {
        let side = |stages: &[Stage]| through(stages, item_by_item(Pipe::new(0..items)), locks);
        let inner = |stage: &Stage| {
            let (stage, locks) = (stage.clone(), locks.clone());
            move |x| stage.attach(item_by_item(Pipe::new([x, x])), &locks)
        };
        match self {
            Self::Work(stage) => stage.attach(above, locks),
            Self::Zip(stages) => item_by_item(above.zip(side(stages)).map(|(x, _)| x)),
            Self::Merge(stages) => item_by_item(above.merge(side(stages))),
            Self::MergePreferLeft(stages) => {
                let other = side(stages);
                item_by_item(above.with(|i| i.merge(other).prefer_left()))
            }
            Self::Concat(stages) => item_by_item(above.concat(side(stages))),
            Self::CombineLatest(stages) => item_by_item(above.combine_latest(side(stages)).map(|(x, _)| x)),
            Self::WithLatestFrom(stages) => {
                item_by_item(above.with_latest_from(side(stages)).map(|(x, _)| x))
            }
            Self::SwitchMap(stage) => item_by_item(above.switch_map(inner(stage))),
            Self::FlatMapStream(stage) => item_by_item(above.flat_map_stream(inner(stage))),
            Self::FlatMapStreamAhead(n, stage) => {
                let inner = inner(stage);
                item_by_item(above.with(|i| i.flat_map_stream(inner).concurrency(*n)))
            }
            Self::FlatMapStreamUnordered(n, stage) => {
                let inner = inner(stage);
                item_by_item(above.with(|i| i.flat_map_stream(inner).unordered().concurrency(*n)))
            }
            Self::TakeUntil(steps) => {
                let working = work(steps.clone(), locks.clone());
                item_by_item(above.take_until(async {
                    working.await;
                    std::future::pending::<()>().await;
                }))
            }
            Self::Buffer(capacity) => item_by_item(above.buffer(*capacity)),
            Self::Spawn(capacity) => item_by_item(above.with(|i| i.spawn().capacity(*capacity))),
            Self::Parallel(threads) => item_by_item(above.parallel(*threads, |x| x)),
            Self::Batch(n) => item_by_item(above.batch(*n).flatten()),
            Self::BatchMaxWait(n, wait) => {
                item_by_item(above.with(|i| i.batch(*n).max_wait(ms(*wait))).flatten())
            }
            Self::Delay(capacity, by) => item_by_item(above.with(|i| i.delay(ms(*by)).capacity(*capacity))),
            Self::Throttle(every) => item_by_item(above.throttle(ms(*every))),
            Self::ThrottlePerKey(every) => {
                item_by_item(above.with(|i| i.throttle(ms(*every)).per_key(|x| x % 3)))
            }
            Self::Boxed => item_by_item(above.boxed()),
        }
    }

    /// How many items come out of so many, where that does not depend on the time.
    fn count(&self, above: usize, items: usize) -> Option<usize> {
        match self {
            Self::Zip(_) => Some(above.min(items)),
            Self::Merge(_) | Self::MergePreferLeft(_) | Self::Concat(_) => Some(above + items),
            Self::FlatMapStream(_) | Self::FlatMapStreamAhead(..) | Self::FlatMapStreamUnordered(..) => {
                Some(2 * above)
            }
            Self::CombineLatest(_) | Self::WithLatestFrom(_) | Self::SwitchMap(_) => None,
            _ => Some(above),
        }
    }
}

fn through(stages: &[Stage], above: ItemByItem, locks: &Locks) -> ItemByItem {
    stages.iter().fold(above, |above, stage| stage.attach(above, locks))
}

impl Graph {
    /// Runs it, and gives how many items arrived; `None` if it hangs.
    fn run(&self) -> Option<usize> {
        in_virtual_time(async {
            let locks = Locks::default();
            let above = self.source.open(self.items, &locks);
            let pipe = self.operators.iter().fold(above, |above, op| op.attach(above, self.items, &locks));
            let arrived = Arc::<AtomicUsize>::default();
            let ended = self.end.run(pipe, &locks, &arrived).await;
            ended.then(|| arrived.load(Ordering::Relaxed))
        })
    }

    fn count(&self) -> Option<usize> {
        let items = self.items as usize;
        let copies = if matches!(self.end, End::Broadcast(..)) { 2 } else { 1 };
        let out = self.operators.iter().try_fold(items, |above, op| op.count(above, items))?;
        Some(out * copies)
    }
}

impl End {
    async fn run(&self, pipe: ItemByItem, locks: &Locks, arrived: &Arc<AtomicUsize>) -> bool {
        let consume = |pipe, body: &Stage| {
            let (work, locks, arrived) = (body.clone(), locks.clone(), arrived.clone());
            let body_of = move |x| {
                let (work, arrived) = (work.work(x, &locks), arrived.clone());
                async move {
                    work.await;
                    arrived.fetch_add(1, Ordering::Relaxed);
                }
            };
            pipeline! { pipe |> for_each_async(body_of, concurrency = body.concurrency) }
        };
        let branch =
            |pipe, stages: &[Stage], body: &Stage| consume(through(stages, item_by_item(pipe), locks), body);
        match self {
            Self::Body(body) => ends(consume(pipe, body)).await,
            Self::Broadcast([above_a, above_b], [body_a, body_b]) => ends(pipeline! {
                pipe |> broadcast(|[a, b]| (branch(a, above_a, body_a), branch(b, above_b, body_b))).lag(2)
            })
            .await,
            Self::Partition([above_a, above_b], [body_a, body_b]) => {
                ends(pipeline! {
                    pipe |> partition(
                        |x| x % 2 == 0,
                        |[a, b]| (branch(a, above_a, body_a), branch(b, above_b, body_b)),
                    ).lag(2)
                })
                .await
            }
            Self::Route([above_a, above_b, above_c], [body_a, body_b, body_c]) => {
                ends(pipeline! {
                    pipe |> route(
                        |x| *x as usize % 3,
                        |[a, b, c]| (
                            branch(a, above_a, body_a),
                            branch(b, above_b, body_b),
                            branch(c, above_c, body_c),
                        ),
                    ).lag(1)
                })
                .await
            }
        }
    }
}

proptest! {
    #![proptest_config(seeded(1000))]

    /// Whatever locks the parts of a pipeline share, taken in one order and given back within one future, nothing hangs and
    /// every item arrives.
    #[test]
    fn no_random_graph_of_locks_hangs(graph in graph()) {
        let arrived = graph.run();
        prop_assert!(arrived.is_some(), "it hangs");
        if let Some(count) = graph.count() {
            prop_assert_eq!(arrived, Some(count));
        }
    }
}

/// The graphs are such that they tell: by `futures` many chains of the same stages hang.
#[test]
fn random_graphs_of_locks_hang_with_futures() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let chain = (prop::collection::vec(stage(), 1..4), stage());
    let hang = (0..100).filter(|_| {
        let (stages, body) = chain.new_tree(&mut runner).unwrap().current();
        !futures_ends(&stages, &body, 20)
    });
    let hang = hang.count();
    assert!(hang >= 10, "{hang} of 100 hang");
}

fn futures_ends(stages: &[Stage], body: &Stage, items: u32) -> bool {
    in_virtual_time(async {
        let locks = &Locks::default();
        let mut pipe = stream::iter(0..items).boxed_local();
        for stage in stages {
            pipe = pipe.map(|x| stage.work(x, locks)).buffered(stage.concurrency).boxed_local();
        }
        ends(pipe.for_each_concurrent(body.concurrency, |x| async move {
            body.work(x, locks).await;
        }))
        .await
    })
}
