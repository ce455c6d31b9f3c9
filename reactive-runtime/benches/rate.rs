//! Whether a throttle keeps its rate in real time, beside those of `tokio-stream` and `governor`; and what it costs where it
//! never has to wait.
//!
//! `cargo bench --bench rate` runs each for some two seconds at each rate, and prints by how much it missed it; and times hot
//! flows.
//! `cargo bench --bench rate -- --instructions` counts instructions per item of a hot flow, which needs valgrind; it fails
//! if a throttle that never limits adds more than [`ADDED_MAX`] to a loop that may stop at an item.

mod callgrind;

use std::cell::Cell;
use std::hint::black_box;
use std::num::NonZeroU32;
use std::pin::pin;
use std::time::Duration;

use futures::{Stream, StreamExt};
use governor::state::StreamRateLimitExt;
use governor::{Quota, RateLimiter};
use reactive_runtime::prelude::*;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, timeout};

use callgrind::per_item;

/// A nanosecond is four to five instructions.
const ADDED_MAX: f64 = 5.0;
const RATES: [u32; 10] = [1, 10, 100, 500, 1000, 2000, 10_000, 100_000, 500_000, 1_000_000];
const SECONDS: u32 = 2;
/// Who is slower than that is stopped, and what it did till then is its rate.
const PATIENCE: Duration = Duration::from_millis(3000);

fn main() {
    let args: Vec<String> = std::env::args().collect();
    match args.iter().position(|arg| arg == "--instructions" || arg == "--once") {
        Some(at) if args[at] == "--once" => once(&args[at + 1], &args[at + 2]),
        Some(_) => instructions(),
        None => {
            hot_flows();
            accuracy();
        }
    }
}

/// The rate that each reached, in parts of the rate that was asked for.
fn accuracy() {
    println!("{:>10}  {:>12}  {:>12}  {:>12}", "asked", "throttle", "tokio-stream", "governor");
    for rate in RATES {
        let missed = |run: fn(&Runtime, u32, u64) -> f64| {
            let items = u64::from(rate) * u64::from(SECONDS);
            100.0 * (run(&runtime(), rate, items) / f64::from(rate) - 1.0)
        };
        let (ours, tokio_stream, governor) = (missed(throttle), missed(tokio_stream), missed(governor));
        println!("{rate:>8}/s  {ours:>+11.2}%  {tokio_stream:>+11.2}%  {governor:>+11.2}%");
    }
}

fn throttle(runtime: &Runtime, rate: u32, items: u64) -> f64 {
    let passed = Passed::default();
    let pipe = pipeline! { 0..=items |> throttle(Rate::per_second(rate)) |> for_each(|item| passed.note(item, items)) };
    passed.rate(runtime, pipe)
}

fn tokio_stream(runtime: &Runtime, rate: u32, items: u64) -> f64 {
    let passed = Passed::default();
    // It makes its timer at once.
    let _guard = runtime.enter();
    let period = Duration::from_secs(1) / rate;
    let stream = tokio_stream::StreamExt::throttle(futures::stream::iter(0..=items), period);
    passed.rate(runtime, each(stream, |item| passed.note(item, items)))
}

fn governor(runtime: &Runtime, rate: u32, items: u64) -> f64 {
    let passed = Passed::default();
    let rate = NonZeroU32::new(rate).expect("a rate of the table");
    let limiter = RateLimiter::direct(Quota::per_second(rate).allow_burst(NonZeroU32::MIN));
    let stream = futures::stream::iter(0..=items).ratelimit_stream(&limiter);
    passed.rate(runtime, each(stream, |item| passed.note(item, items)))
}

async fn each(stream: impl Stream<Item = u64>, mut note: impl FnMut(u64)) {
    let mut stream = pin!(stream);
    while let Some(item) = stream.next().await {
        note(item);
    }
}

/// The items that have passed, but for the first, which passes at once.
#[derive(Default)]
struct Passed {
    items: Cell<u64>,
    last: Cell<Option<Instant>>,
}

impl Passed {
    fn note(&self, item: u64, last: u64) {
        self.items.set(item);
        if item == last {
            self.last.set(Some(Instant::now()));
        }
    }

    /// Items per second till the last one, or as far as it came.
    fn rate(&self, runtime: &Runtime, run: impl Future<Output = ()>) -> f64 {
        let start = Instant::now();
        let _ = runtime.block_on(async { timeout(PATIENCE, run).await });
        let end = self.last.get().unwrap_or_else(Instant::now);
        self.items.get() as f64 / (end - start).as_secs_f64()
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime without I/O")
}

type Variant = (&'static str, fn(&[u64]) -> u64);

/// A hot flow, first without a throttle, and without one but with a stage that may stop at an item.
const VARIANTS: &[Variant] = &[
    ("none", hot),
    ("take", hot_take),
    ("throttle", hot_throttle),
    ("throttle_live", hot_throttle_live),
    ("drop_excess", hot_drop_excess),
    ("latest", hot_latest),
];

fn scramble(x: &u64) -> u64 {
    x.wrapping_mul(3) ^ (x >> 7)
}

/// Each step needs the one before it, so that no loop of it takes several items at once.
fn hash(hash: u64, x: u64) -> u64 {
    (hash ^ x).wrapping_mul(0x100_0000_01b3)
}

#[inline(never)]
fn hot(items: &[u64]) -> u64 {
    runtime().block_on(pipeline! { items |> map(scramble) |> fold(0, hash) })
}

/// What may stop at an item keeps the compiler from unrolling the loop: the throttle does, and this does too.
#[inline(never)]
fn hot_take(items: &[u64]) -> u64 {
    runtime().block_on(pipeline! { items |> map(scramble) |> take(black_box(usize::MAX)) |> fold(0, hash) })
}

#[inline(never)]
fn hot_throttle(items: &[u64]) -> u64 {
    runtime().block_on(pipeline! {
        items |> map(scramble) |> throttle(1/s, burst = u64::MAX) |> fold(0, hash)
    })
}

#[inline(never)]
fn hot_throttle_live(items: &[u64]) -> u64 {
    let rate = Live::new(Rate::per_second(1));
    runtime().block_on(pipeline! {
        items |> map(scramble) |> throttle(&rate, burst = u64::MAX) |> fold(0, hash)
    })
}

#[inline(never)]
fn hot_drop_excess(items: &[u64]) -> u64 {
    runtime().block_on(pipeline! {
        items |> map(scramble) |> throttle(1/s, burst = u64::MAX).drop_excess() |> fold(0, hash)
    })
}

#[inline(never)]
fn hot_latest(items: &[u64]) -> u64 {
    runtime().block_on(pipeline! {
        items |> map(scramble) |> throttle(1/s, burst = u64::MAX).latest() |> fold(0, hash)
    })
}

/// One run of one variant, for callgrind.
fn once(name: &str, items: &str) {
    let items: u64 = items.parse().expect("a number of items");
    let items: Vec<_> = (0..items).map(|x| x.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
    let (_, run) = VARIANTS.iter().find(|(known, _)| *known == name).expect("a variant of the table");
    assert_eq!(run(black_box(&items)), hot(&items));
}

fn instructions() {
    // Each run also makes the items, and checks itself against the plain one.
    let counts: Vec<_> = VARIANTS.iter().map(|(name, _)| per_item(&[name])).collect();
    let (none, take) = (counts[0], counts[1]);
    for ((name, _), count) in VARIANTS.iter().zip(counts) {
        println!(
            "{name:14} {:+6.2} instructions per item over none, {:+6.2} over take",
            count - none,
            count - take
        );
        assert!(count - take <= ADDED_MAX, "`{name}` adds {:.2} instructions to an item", count - take);
    }
}

/// The shortest time per item of a hot flow, of many runs.
fn hot_flows() {
    let items: Vec<_> = (0..1_000_000u64).map(|x| x.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
    for (name, run) in VARIANTS {
        let time = || {
            let start = Instant::now();
            black_box(run(black_box(&items)));
            start.elapsed().as_secs_f64() * 1e9 / items.len() as f64
        };
        let shortest = (0..50).map(|_| time()).fold(f64::INFINITY, f64::min);
        println!("{name:14} {shortest:5.2} ns per item");
    }
}
