//! What watching the clock costs where it never has to act: a hot flow with a timer beside the same without one, and beside
//! `tokio-stream`.
//!
//! `cargo bench --bench timers` measures time per run of [`ITEMS`] items.
//! `cargo bench --bench timers -- --instructions` counts instructions per item, which needs valgrind; it fails if an operator
//! adds more than [`ADDED_MAX`] to an item.

mod callgrind;

use std::hint::black_box;
use std::pin::pin;
use std::time::Duration;

use divan::Bencher;
use reactive_runtime::prelude::*;
use tokio::runtime::{Builder, Runtime};
use tokio_stream::StreamExt;

use callgrind::per_item;

const ITEMS: usize = 1_000_000;
/// A nanosecond is about four instructions.
const ADDED_MAX: f64 = 4.0;
const LONG: Duration = Duration::from_secs(3600);

type Variant = (&'static str, fn(&Runtime, &[u64]) -> u64);

const NONE: Variant = ("none", by_none);

/// A variant, what the same takes without a timer, and how many instructions it may add.
///
/// Read one by one, a timeout must look after each item whether it waits; that is counted, but not bounded.
const VARIANTS: &[(Variant, Variant, f64)] = &[
    (("timeout", by_timeout), NONE, ADDED_MAX),
    (("timeout_total", by_timeout_total), NONE, ADDED_MAX),
    (("debounce", by_debounce), NONE, ADDED_MAX),
    (("debounce_max_wait", by_debounce_max_wait), NONE, ADDED_MAX),
    (("audit", by_audit), NONE, ADDED_MAX),
    (("sample", by_sample), NONE, ADDED_MAX),
    (("batch_max_wait", by_batch_max_wait), ("batch", by_batch), f64::INFINITY),
    (("timeout_one_by_one", by_timeout_one_by_one), ("one_by_one", by_one_by_one), f64::INFINITY),
    (("tokio_stream", by_tokio_stream), ("tokio_stream_none", by_tokio_stream_none), f64::INFINITY),
];

fn scramble(x: &u64) -> u64 {
    x.wrapping_mul(3) ^ (x >> 7)
}

#[inline(never)]
fn by_none(runtime: &Runtime, items: &[u64]) -> u64 {
    runtime.block_on(pipeline! { items |> map(scramble) |> fold(0, u64::wrapping_add) })
}

#[inline(never)]
fn by_timeout(runtime: &Runtime, items: &[u64]) -> u64 {
    let sum = pipeline! { items |> map(scramble) |> timeout(LONG) |> fold(0, u64::wrapping_add) };
    runtime.block_on(sum).expect("in time")
}

#[inline(never)]
fn by_timeout_total(runtime: &Runtime, items: &[u64]) -> u64 {
    let sum =
        pipeline! { items |> map(scramble) |> timeout(LONG, total = LONG) |> fold(0, u64::wrapping_add) };
    runtime.block_on(sum).expect("in time")
}

#[inline(never)]
fn by_debounce(runtime: &Runtime, items: &[u64]) -> u64 {
    runtime.block_on(pipeline! { items |> map(scramble) |> debounce(LONG) |> fold(0, u64::wrapping_add) })
}

#[inline(never)]
fn by_debounce_max_wait(runtime: &Runtime, items: &[u64]) -> u64 {
    let sum = pipeline! {
        items |> map(scramble) |> debounce(LONG, max_wait = LONG) |> fold(0, u64::wrapping_add)
    };
    runtime.block_on(sum)
}

#[inline(never)]
fn by_audit(runtime: &Runtime, items: &[u64]) -> u64 {
    runtime.block_on(pipeline! { items |> map(scramble) |> audit(LONG) |> fold(0, u64::wrapping_add) })
}

#[inline(never)]
fn by_sample(runtime: &Runtime, items: &[u64]) -> u64 {
    runtime.block_on(pipeline! { items |> map(scramble) |> sample(LONG) |> fold(0, u64::wrapping_add) })
}

/// Batches of ten, as ten times as many as there would be of a hundred: what is paid is paid for each batch.
#[inline(never)]
fn by_batch(runtime: &Runtime, items: &[u64]) -> u64 {
    let sum = pipeline! {
        items |> map(scramble) |> batch(10) |> fold(0, |sum: u64, batch| batch.into_iter().fold(sum, u64::wrapping_add))
    };
    runtime.block_on(sum)
}

#[inline(never)]
fn by_batch_max_wait(runtime: &Runtime, items: &[u64]) -> u64 {
    let sum = pipeline! {
        items
            |> map(scramble)
            |> batch(10, max_wait = LONG)
            |> fold(0, |sum: u64, batch| batch.into_iter().fold(sum, u64::wrapping_add))
    };
    runtime.block_on(sum)
}

#[inline(never)]
fn by_one_by_one(runtime: &Runtime, items: &[u64]) -> u64 {
    runtime.block_on(async {
        let (mut pipe, mut sum) = (pin!(pipeline! { items |> map(scramble) }), 0u64);
        while let Some(item) = pipe.next().await {
            sum = sum.wrapping_add(item);
        }
        sum
    })
}

#[inline(never)]
fn by_timeout_one_by_one(runtime: &Runtime, items: &[u64]) -> u64 {
    runtime.block_on(async {
        let (mut pipe, mut sum) = (pin!(pipeline! { items |> map(scramble) |> timeout(LONG) }), 0u64);
        while let Some(item) = pipe.next().await {
            sum = sum.wrapping_add(item.expect("in time"));
        }
        sum
    })
}

#[inline(never)]
fn by_tokio_stream_none(runtime: &Runtime, items: &[u64]) -> u64 {
    runtime.block_on(tokio_stream::iter(items).map(scramble).fold(0, u64::wrapping_add))
}

#[inline(never)]
fn by_tokio_stream(runtime: &Runtime, items: &[u64]) -> u64 {
    runtime.block_on(async {
        let timed = tokio_stream::iter(items).map(scramble).timeout(LONG);
        timed.fold(0, |sum: u64, item| sum.wrapping_add(item.expect("in time"))).await
    })
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime without I/O needs nothing")
}

fn items(count: usize) -> Vec<u64> {
    (0..count as u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect()
}

fn variant(name: &str) -> fn(&Runtime, &[u64]) -> u64 {
    let all = VARIANTS.iter().flat_map(|(timed, none, _)| [timed, none]);
    all.into_iter().find(|(known, _)| *known == name).expect("a variant of the table").1
}

const NAMES: [&str; 9] = [
    "none",
    "timeout",
    "debounce",
    "audit",
    "sample",
    "one_by_one",
    "timeout_one_by_one",
    "tokio_stream_none",
    "tokio_stream",
];

#[divan::bench(args = NAMES)]
fn hot(bencher: Bencher<'_, '_>, name: &str) {
    let (run, runtime, items) = (variant(name), runtime(), items(ITEMS));
    let expected = match name {
        "debounce" | "audit" => scramble(items.last().expect("there are items")),
        "sample" => 0,
        _ => by_none(&runtime, &items),
    };
    assert_eq!(run(&runtime, &items), expected);
    bencher.bench_local(|| run(&runtime, black_box(&items)));
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    match args.iter().position(|arg| arg == "--instructions" || arg == "--once") {
        Some(at) if args[at] == "--once" => once(&args[at + 1], &args[at + 2]),
        Some(_) => instructions(),
        None => divan::main(),
    }
}

/// One run of one variant, for callgrind.
fn once(name: &str, count: &str) {
    let items = items(count.parse().expect("a number of items"));
    println!("{}", variant(name)(&runtime(), black_box(&items)));
}

/// Instructions per item of every variant, and how many more that are than without a timer.
fn instructions() {
    let mut too_many = Vec::new();
    for ((name, _), (without, _), added_max) in VARIANTS {
        let (with, without) = (per_item(&[name]), per_item(&[without]));
        let added = with - without;
        println!("{name:18} {with:7.2} instructions per item, {added:7.2} more than without");
        if added > *added_max {
            too_many.push(name);
        }
    }
    assert!(too_many.is_empty(), "more than {ADDED_MAX} instructions per item: {too_many:?}");
}
