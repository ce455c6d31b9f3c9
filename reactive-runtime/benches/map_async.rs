//! map_async over futures that are ready at once, and over futures that are woken once: beside awaiting one after the
//! other, `futures`, futures-buffered, futures-concurrency and tokio's `JoinSet`, with 10, 100 and 1000 in flight.
//!
//! `cargo bench --bench map_async` measures time per run of [`ITEMS`] items.
//! `cargo bench --bench map_async -- --instructions` counts instructions per item, which needs valgrind; it fails if
//! `pipeline!` takes more than it may. With `--features tracing` it has a row for spans that nobody subscribes to.

use std::cell::Cell;
use std::future::ready;
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::process::Command;
use std::rc::Rc;

use divan::Bencher;
use divan::counter::ItemsCount;
use futures::{StreamExt, stream};
use futures_buffered::BufferedStreamExt;
use futures_concurrency::prelude::*;
use reactive_runtime::prelude::*;
use tokio::runtime::Runtime;
use tokio::task::{JoinSet, yield_now};

const ITEMS: u64 = 100_000;
const LIMITS: [usize; 3] = [10, 100, 1000];
/// In place of a variant: the runtime alone.
const NOTHING: &str = "nothing";
/// How much it samples depends on the clock, and valgrind's is slow: its instructions say nothing.
const WATCHED: &str = "pipeline watched";
/// How many instructions an item may take in `pipeline!`, and how much more of them at the highest limit.
const READY_MAX: f64 = 60.0;
const WOKEN_MAX: f64 = 280.0;
const GROWTH_MAX: f64 = 1.5;

type Variant = fn(Work, u64, usize) -> u64;

const VARIANTS: &[(&str, Variant)] = &[
    ("sequential", by_await),
    ("pipeline", by_pipeline),
    ("pipeline unordered", by_pipeline_unordered),
    (WATCHED, by_pipeline_watched),
    #[cfg(feature = "tracing")]
    ("traced, no subscriber", by_pipeline_traced),
    ("futures", by_futures),
    ("futures unordered", by_futures_unordered),
    ("futures-buffered", by_futures_buffered),
    ("futures-buffered unordered", by_futures_buffered_unordered),
    ("futures-concurrency", by_futures_concurrency),
    ("JoinSet", by_join_set),
];

/// What is done for an item.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Work {
    /// A future that is ready when it is first polled.
    Ready,
    /// One that is woken once.
    Woken,
}

#[inline(always)]
async fn work_ready(x: u64) -> u64 {
    x ^ (x >> 3)
}

#[inline(always)]
async fn work_woken(x: u64) -> u64 {
    yield_now().await;
    x ^ (x >> 3)
}

/// The same function for both kinds of work, so that each is compiled for its own future.
macro_rules! for_both {
    ($kind:expr, |$work:ident| $run:expr) => {
        match $kind {
            Work::Ready => {
                let $work = work_ready;
                $run
            }
            Work::Woken => {
                let $work = work_woken;
                $run
            }
        }
    };
}

/// In a task: to wake the root future of a runtime costs more than all that is measured here.
fn in_task<F: Future<Output = u64> + Send + 'static>(future: F) -> u64 {
    runtime().block_on(async { tokio::spawn(future).await.expect("no panic") })
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime")
}

fn add(sum: u64, x: u64) -> u64 {
    sum.wrapping_add(x)
}

#[inline(never)]
fn by_await(kind: Work, items: u64, _: usize) -> u64 {
    for_both!(kind, |work| in_task(async move {
        let mut sum = 0;
        for x in 0..items {
            sum = add(sum, work(x).await);
        }
        sum
    }))
}

#[inline(never)]
fn by_pipeline(kind: Work, items: u64, limit: usize) -> u64 {
    for_both!(kind, |work| in_task(
        pipeline! { 0..items |> map_async(work, concurrency = limit) |> fold(0, add) }
    ))
}

#[inline(never)]
fn by_pipeline_unordered(kind: Work, items: u64, limit: usize) -> u64 {
    for_both!(kind, |work| in_task(
        pipeline! { 0..items |> map_async(work, concurrency = limit).unordered() |> fold(0, add) }
    ))
}

#[inline(never)]
fn by_pipeline_watched(kind: Work, items: u64, limit: usize) -> u64 {
    let profiler = Profiler::new();
    for_both!(kind, |work| in_task(
        pipeline! { watch = &profiler: 0..items |> map_async(work, concurrency = limit) |> fold(0, add) }
    ))
}

#[cfg(feature = "tracing")]
#[inline(never)]
fn by_pipeline_traced(kind: Work, items: u64, limit: usize) -> u64 {
    use reactive_runtime::watch::Tracing;
    for_both!(kind, |work| in_task(
        pipeline! { watch = Tracing: 0..items |> map_async(work, concurrency = limit) |> fold(0, add) }
    ))
}

#[inline(never)]
fn by_futures(kind: Work, items: u64, limit: usize) -> u64 {
    for_both!(kind, |work| in_task(
        stream::iter(0..items).map(work).buffered(limit).fold(0, |sum, x| ready(add(sum, x)))
    ))
}

#[inline(never)]
fn by_futures_unordered(kind: Work, items: u64, limit: usize) -> u64 {
    for_both!(kind, |work| in_task(
        stream::iter(0..items).map(work).buffer_unordered(limit).fold(0, |sum, x| ready(add(sum, x)))
    ))
}

#[inline(never)]
fn by_futures_buffered(kind: Work, items: u64, limit: usize) -> u64 {
    for_both!(kind, |work| in_task(
        stream::iter(0..items).map(work).buffered_ordered(limit).fold(0, |sum, x| ready(add(sum, x)))
    ))
}

#[inline(never)]
fn by_futures_buffered_unordered(kind: Work, items: u64, limit: usize) -> u64 {
    for_both!(kind, |work| in_task(
        stream::iter(0..items).map(work).buffered_unordered(limit).fold(0, |sum, x| ready(add(sum, x)))
    ))
}

/// In the root future, as it is not `Send` here.
#[inline(never)]
fn by_futures_concurrency(kind: Work, items: u64, limit: usize) -> u64 {
    let sum = Rc::new(Cell::new(0));
    let (all, limit) = (sum.clone(), NonZeroUsize::new(limit));
    for_both!(kind, |work| runtime().block_on(stream::iter(0..items).co().limit(limit).for_each(move |x| {
        let sum = sum.clone();
        async move {
            let y = work(x).await;
            sum.set(add(sum.get(), y));
        }
    })));
    all.get()
}

#[inline(never)]
fn by_join_set(kind: Work, items: u64, limit: usize) -> u64 {
    for_both!(kind, |work| in_task(async move {
        let (mut tasks, mut sum) = (JoinSet::new(), 0);
        for x in 0..items {
            if tasks.len() == limit {
                sum = add(sum, tasks.join_next().await.expect("a task").expect("no panic"));
            }
            tasks.spawn(work(x));
        }
        while let Some(result) = tasks.join_next().await {
            sum = add(sum, result.expect("no panic"));
        }
        sum
    }))
}

fn variant(name: &str) -> Variant {
    VARIANTS.iter().find(|(known, _)| *known == name).expect("a variant of the table").1
}

fn names_and_limits() -> impl Iterator<Item = Case> {
    VARIANTS.iter().flat_map(|(name, _)| LIMITS.map(|limit| Case { name, limit }))
}

#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    limit: usize,
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {}", self.name, self.limit)
    }
}

#[divan::bench(args = names_and_limits())]
fn ready_at_once(bencher: Bencher<'_, '_>, case: Case) {
    measure(bencher, Work::Ready, case);
}

#[divan::bench(args = names_and_limits())]
fn woken_once(bencher: Bencher<'_, '_>, case: Case) {
    measure(bencher, Work::Woken, case);
}

fn measure(bencher: Bencher<'_, '_>, kind: Work, Case { name, limit }: Case) {
    let run = variant(name);
    assert_eq!(run(kind, ITEMS, limit), (0..ITEMS).map(|x| x ^ (x >> 3)).fold(0, add));
    bencher.counter(ItemsCount::new(ITEMS)).bench(|| run(kind, black_box(ITEMS), limit));
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    match args.iter().position(|arg| arg.starts_with("--instructions") || arg == "--once") {
        Some(at) if args[at] == "--once" => once(&args[at + 1..]),
        Some(_) => instructions(),
        None => divan::main(),
    }
}

/// One run of one variant, for callgrind.
fn once(args: &[String]) {
    let number = |at: usize| args[at].parse::<u64>().expect("a number");
    let kind = if args[1] == format!("{:?}", Work::Ready) { Work::Ready } else { Work::Woken };
    let (items, limit) = (number(2), number(3) as usize);
    println!("{}", if args[0] == NOTHING { 0 } else { variant(&args[0])(kind, black_box(items), limit) });
}

/// Instructions per item of every variant, as the difference of two runs.
fn instructions() {
    for kind in [Work::Ready, Work::Woken] {
        for (name, _) in VARIANTS.iter().filter(|(name, _)| *name != WATCHED) {
            let counts = LIMITS.map(|limit| per_item(name, kind, limit));
            println!("{:6} {name:27} {counts:8.1?} instructions per item", format!("{kind:?}"));
            if name.starts_with("pipeline") {
                let most = if kind == Work::Ready { READY_MAX } else { WOKEN_MAX };
                assert!(counts[1] <= most, "`{name}` takes more than {most} instructions per item");
                assert!(counts[2] <= GROWTH_MAX * counts[0], "`{name}` grows with its limit");
            }
        }
    }
}

fn per_item(name: &str, kind: Work, limit: usize) -> f64 {
    (callgrind(name, kind, 60_000, limit) - callgrind(name, kind, 20_000, limit)) / 40_000.0
}

fn callgrind(name: &str, kind: Work, items: u64, limit: usize) -> f64 {
    let this = std::env::current_exe().expect("the path of this program");
    let run = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            concat!("--callgrind-out-file=", env!("CARGO_TARGET_TMPDIR"), "/callgrind.out"),
        ])
        .arg(this)
        .args(["--once", name, &format!("{kind:?}"), &items.to_string(), &limit.to_string()])
        .output()
        .expect("valgrind: install it to count instructions");
    let report = String::from_utf8_lossy(&run.stderr);
    let refs = report.lines().find_map(|line| line.split_once("Collected :"));
    refs.expect("a count from callgrind").1.trim().parse().expect("a number of instructions")
}
