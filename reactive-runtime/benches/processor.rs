//! The performance test of the original Python design: 100,000 items of an id and a text, which is put in upper case, with a
//! buffer of 10,000, 20 operations at a time and batches of 1000. Beside a loop, `futures`, and tokio's tasks.
//!
//! `cargo bench --bench processor` measures time per run of [`ITEMS`] items.
//! `cargo bench --bench processor -- --instructions` counts instructions per item, which needs valgrind; it fails if
//! `StreamProcessor` is not as much cheaper than `buffered(20)` as it should be.

use std::future::ready;
use std::hint::black_box;

use divan::Bencher;
use divan::counter::ItemsCount;
use futures::{StreamExt, stream};
use reactive_runtime::prelude::*;
use tokio::runtime::Runtime;

const ITEMS: u64 = 100_000;
const MAKING: &str = "making items";
/// How many times as many instructions `buffered(20)` takes at least besides making items, with metrics and without. In time it
/// is more, as its instructions are slower ones.
const BY_METRICS: f64 = 1.6;
const BY_NO_METRICS: f64 = 1.8;

type Variant = fn(u64) -> u64;

const VARIANTS: [(&str, Variant); 6] = [
    (MAKING, by_making),
    ("loop", by_loop),
    ("processor", by_processor),
    ("processor without metrics", by_processor_without_metrics),
    ("buffered", by_buffered),
    ("tasks", by_tasks),
];

struct Item {
    #[expect(dead_code, reason = "the items of the test have an id")]
    id: u64,
    data: String,
}

fn items(count: u64) -> impl Iterator<Item = Item> {
    (0..count).map(|id| Item { id, data: format!("item_{id}") })
}

#[inline(always)]
fn upper(item: Item) -> String {
    item.data.to_uppercase()
}

fn by_making(count: u64) -> u64 {
    items(count).map(|item| black_box(item).data.len() as u64).sum()
}

fn by_loop(count: u64) -> u64 {
    let mut letters = 0;
    for item in items(count) {
        letters += black_box(upper(item)).len() as u64;
    }
    letters
}

fn by_processor(count: u64) -> u64 {
    processed(count, true)
}

fn by_processor_without_metrics(count: u64) -> u64 {
    processed(count, false)
}

fn processed(count: u64, metrics: bool) -> u64 {
    let config = StreamConfig::default()
        .buffer_size(10_000)
        .max_concurrent_operations(20)
        .batch_size(1000)
        .enable_metrics(metrics);
    let processor = StreamProcessor::new(config).expect("the config is right");
    block_on(async {
        let results = Pipe::from_iter(items(count)).process(&processor, upper);
        let letters = results.fold(0, |letters, text| letters + black_box(text).len() as u64).await;
        processor.stop().await;
        letters.expect("nothing fails")
    })
}

fn by_buffered(count: u64) -> u64 {
    let results = stream::iter(items(count)).map(|item| ready(upper(item))).buffered(20);
    block_on(results.fold(0, |letters, text| ready(letters + black_box(text).len() as u64)))
}

fn by_tasks(count: u64) -> u64 {
    let results = stream::iter(items(count))
        .map(|item| tokio::spawn(async { upper(item) }))
        .buffered(20)
        .fold(0, |letters, text| ready(letters + black_box(text.expect("no panic")).len() as u64));
    block_on(results)
}

fn block_on<F: Future>(future: F) -> F::Output {
    runtime().block_on(future)
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime")
}

#[divan::bench(args = VARIANTS.iter().map(|(name, _)| *name))]
fn upper_case(bencher: Bencher<'_, '_>, name: &str) {
    let run = variant(name);
    bencher.counter(ItemsCount::new(ITEMS)).bench_local(|| checked(run, ITEMS));
}

fn variant(name: &str) -> Variant {
    VARIANTS.iter().find(|(known, _)| *known == name).expect("a variant of the table").1
}

fn checked(run: Variant, count: u64) -> u64 {
    let letters = run(black_box(count));
    assert_eq!(
        letters,
        (0..count).map(|id| 5 + u64::from(id.checked_ilog10().unwrap_or(0)) + 1).sum::<u64>()
    );
    letters
}

#[path = "callgrind/mod.rs"]
mod callgrind;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--once", name, count] => {
            let count = count.parse().expect("a number");
            println!("{}", variant(name)(black_box(count)));
        }
        ["--instructions", ..] => instructions(),
        _ => divan::main(),
    }
}

/// Instructions per item of every variant, as the difference of two runs.
fn instructions() {
    let counts = VARIANTS.map(|(name, _)| (name, callgrind::per_item(&[name])));
    for (name, count) in counts {
        println!("{name:25} {count:8.1} instructions per item");
    }
    let of = |name| counts.iter().find(|(known, _)| *known == name).expect("it was counted").1;
    for (name, least) in [("processor", BY_METRICS), ("processor without metrics", BY_NO_METRICS)] {
        let (ours, theirs) = (of(name) - of(MAKING), of("buffered") - of(MAKING));
        println!("buffered takes {:.2} times as many as {name}, besides making items", theirs / ours);
        assert!(theirs / ours >= least, "`{name}` is not {least} times as cheap as `buffered`");
    }
}
