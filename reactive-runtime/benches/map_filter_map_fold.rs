//! map, filter, map, fold: `pipeline!` and the methods beside the hand-written loop, std's iterators and `futures`.
//!
//! `cargo bench --bench map_filter_map_fold` measures time per run of [`ITEMS`] items.
//! `cargo bench --bench map_filter_map_fold -- --instructions` counts instructions per item, which needs valgrind; it
//! fails if `pipeline!` takes more than 1.05 x those of the loop.

mod callgrind;

use std::collections::BTreeMap;
use std::future::ready;
use std::hint::black_box;

use divan::Bencher;
use futures::StreamExt;
use futures::executor::block_on;
use reactive_runtime::prelude::*;

use callgrind::per_item;

const ITEMS: u64 = 1_000_000;
const RATIO_MAX: f64 = 1.05;
/// In place of a variant: makes the input, and does nothing with it.
const NOTHING: &str = "nothing";

/// Each variant over a range, and over a slice of random numbers, where no branch can be predicted.
const VARIANTS: &[(&str, fn(Input<'_>) -> u64)] = &[
    ("loop", by_loop),
    ("iterator", by_iterator),
    ("pipeline", by_pipeline),
    ("methods", by_methods),
    ("futures", by_futures),
];

#[derive(Clone, Copy)]
enum Input<'a> {
    Range(u64),
    Slice(&'a [u64]),
}

#[inline(always)]
fn scramble(x: u64) -> u64 {
    x.wrapping_mul(3).wrapping_add(1)
}

#[inline(always)]
fn even(x: &u64) -> bool {
    x.is_multiple_of(2)
}

#[inline(always)]
fn fold_bits(x: u64) -> u64 {
    x ^ (x >> 7)
}

#[inline(never)]
fn by_loop(input: Input<'_>) -> u64 {
    let mut sum = 0u64;
    match input {
        Input::Range(end) => {
            for x in 0..end {
                let y = scramble(x);
                if even(&y) {
                    sum = sum.wrapping_add(fold_bits(y));
                }
            }
        }
        Input::Slice(items) => {
            for x in items {
                let y = scramble(*x);
                if even(&y) {
                    sum = sum.wrapping_add(fold_bits(y));
                }
            }
        }
    }
    sum
}

#[inline(never)]
fn by_iterator(input: Input<'_>) -> u64 {
    match input {
        Input::Range(end) => (0..end).map(scramble).filter(even).map(fold_bits).fold(0, u64::wrapping_add),
        Input::Slice(items) => {
            items.iter().map(|x| scramble(*x)).filter(even).map(fold_bits).fold(0, u64::wrapping_add)
        }
    }
}

#[inline(never)]
fn by_pipeline(input: Input<'_>) -> u64 {
    match input {
        Input::Range(end) => block_on(pipeline! {
            0..end |> map(scramble) |> filter(even) |> map(fold_bits) |> fold(0, u64::wrapping_add)
        }),
        Input::Slice(items) => block_on(pipeline! {
            items |> map(|x| scramble(*x)) |> filter(even) |> map(fold_bits) |> fold(0, u64::wrapping_add)
        }),
    }
}

#[inline(never)]
fn by_methods(input: Input<'_>) -> u64 {
    match input {
        Input::Range(end) => {
            block_on(Pipe::new(0..end).map(scramble).filter(even).map(fold_bits).fold(0, u64::wrapping_add))
        }
        Input::Slice(items) => block_on(
            Pipe::new(items).map(|x| scramble(*x)).filter(even).map(fold_bits).fold(0, u64::wrapping_add),
        ),
    }
}

#[inline(never)]
fn by_futures(input: Input<'_>) -> u64 {
    let add = |sum: u64, x| ready(sum.wrapping_add(x));
    match input {
        Input::Range(end) => block_on(
            futures::stream::iter(0..end)
                .map(scramble)
                .filter(|x| ready(even(x)))
                .map(fold_bits)
                .fold(0, add),
        ),
        Input::Slice(items) => block_on(
            futures::stream::iter(items)
                .map(|x| scramble(*x))
                .filter(|x| ready(even(x)))
                .map(fold_bits)
                .fold(0, add),
        ),
    }
}

/// Numbers whose order no branch predictor learns (SplitMix64).
fn random(count: u64) -> Vec<u64> {
    let mix = |i: u64| {
        let z = i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    (0..count).map(mix).collect()
}

fn variant(name: &str) -> fn(Input<'_>) -> u64 {
    VARIANTS.iter().find(|(known, _)| *known == name).expect("a variant of the table").1
}

const NAMES: [&str; 5] = ["loop", "iterator", "pipeline", "methods", "futures"];

#[divan::bench(args = NAMES)]
fn range(bencher: Bencher<'_, '_>, name: &str) {
    let run = variant(name);
    assert_eq!(run(Input::Range(ITEMS)), by_loop(Input::Range(ITEMS)));
    bencher.bench(|| run(black_box(Input::Range(ITEMS))));
}

#[divan::bench(args = NAMES)]
fn slice(bencher: Bencher<'_, '_>, name: &str) {
    let (run, items) = (variant(name), random(ITEMS));
    assert_eq!(run(Input::Slice(&items)), by_loop(Input::Slice(&items)));
    bencher.bench(|| run(black_box(Input::Slice(&items))));
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    match args.iter().position(|arg| arg.starts_with("--instructions") || arg == "--once") {
        Some(at) if args[at] == "--once" => once(&args[at + 1], &args[at + 2], &args[at + 3]),
        Some(_) => instructions(),
        None => divan::main(),
    }
}

/// One run of one variant, for callgrind.
fn once(name: &str, input: &str, items: &str) {
    let items: u64 = items.parse().expect("a number of items");
    let random = if input == "slice" { random(items) } else { Vec::new() };
    let input = if input == "slice" { Input::Slice(&random) } else { Input::Range(items) };
    let input = black_box(input);
    println!("{}", if name == NOTHING { 0 } else { variant(name)(input) });
}

/// Instructions per item of every variant, as the difference of two runs, and as a multiple of the loop's.
fn instructions() {
    let mut counts = BTreeMap::new();
    for input in ["range", "slice"] {
        let input_alone = per_item(&[NOTHING, input]);
        for (name, _) in VARIANTS {
            let per_item = per_item(&[name, input]) - input_alone;
            counts.insert((input, *name), per_item);
            let ratio = per_item / counts[&(input, "loop")];
            println!("{input:5} {name:8} {per_item:7.2} instructions per item  {ratio:5.2} x the loop");
        }
    }
    for input in ["range", "slice"] {
        let ratio = counts[&(input, "pipeline")] / counts[&(input, "loop")];
        assert!(
            ratio <= RATIO_MAX,
            "`pipeline!` over a {input} takes {ratio:.3} x the instructions of the loop"
        );
    }
}
