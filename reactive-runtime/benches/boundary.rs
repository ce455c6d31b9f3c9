//! The boundary between two tasks: hops beside the channels of the field, and a channel that feeds a chain of operators.
//!
//! `cargo bench --bench boundary` measures the time of [`ITEMS`] items, all on one thread. Add a name to run only that one.
//! `cargo bench --bench boundary -- --instructions` counts instructions per item, which needs valgrind.

use std::future::poll_fn;
use std::hint::black_box;
use std::pin::Pin;
use std::process::Command;

use divan::Bencher;
use divan::counter::ItemsCount;
use futures::{SinkExt, StreamExt};
use reactive_runtime::prelude::*;
use tokio_stream::wrappers::ReceiverStream;

const ITEMS: u64 = 300_000;
const CAPACITY: usize = 1000;

type Run = fn(u64) -> Pin<Box<dyn Future<Output = u64>>>;

macro_rules! variants {
    ($($name:literal = $run:ident),* $(,)?) => {
        [$(($name, |items| Box::pin($run(items)))),*]
    };
}

/// A sum of items that a task makes, on another task.
const HOPS: [(&str, Run); 13] = variants![
    "none" = no_hop,
    "spawn" = spawned,
    "spawn, capacity = 1000" = spawned_far_ahead,
    "feed, sink" = feed_sink,
    "feed, push_all" = feed_push_all,
    "feed, push" = feed_push,
    "kanal" = kanal,
    "crossfire" = crossfire,
    "flume" = flume,
    "async-channel" = async_channel,
    "tokio mpsc" = tokio_mpsc,
    "tokio mpsc, recv_many" = tokio_mpsc_recv_many,
    "futures mpsc" = futures_mpsc,
];

/// Channels that feed map, filter, map, sum.
const CHAINS: [(&str, Run); 5] = variants![
    "feed, push_all" = chain_feed_push_all,
    "feed, sink" = chain_feed_sink,
    "feed, push" = chain_feed_push,
    "tokio mpsc" = chain_mpsc,
    "ReceiverStream, StreamExt" = chain_stream,
];

const HOP_NAMES: [&str; HOPS.len()] = names(&HOPS);
const CHAIN_NAMES: [&str; CHAINS.len()] = names(&CHAINS);

const fn names<const N: usize>(variants: &[(&'static str, Run); N]) -> [&'static str; N] {
    let mut names = [""; N];
    let mut at = 0;
    while at < N {
        names[at] = variants[at].0;
        at += 1;
    }
    names
}

async fn no_hop(items: u64) -> u64 {
    tokio::spawn(pipeline! { 0..items |> map(black_box) |> fold(0, u64::wrapping_add) }).await.unwrap()
}

async fn spawned(items: u64) -> u64 {
    tokio::spawn(pipeline! { 0..items |> map(black_box) |> spawn() |> fold(0, u64::wrapping_add) })
        .await
        .unwrap()
}

async fn spawned_far_ahead(items: u64) -> u64 {
    tokio::spawn(pipeline! {
        0..items |> map(black_box) |> spawn(capacity = CAPACITY) |> fold(0, u64::wrapping_add)
    })
    .await
    .unwrap()
}

fn sum_of(
    numbers: Pipe<impl Flow<Item = u64, Error = std::convert::Infallible> + Send + 'static>,
) -> tokio::task::JoinHandle<u64> {
    tokio::spawn(pipeline! { numbers |> fold(0, u64::wrapping_add) })
}

async fn push_all(feeder: Feeder<u64>, items: u64) {
    feeder.push_all((0..items).map(black_box)).await.unwrap();
}

async fn feed_each(feeder: Feeder<u64>, items: u64) {
    let mut sink = feeder.sink();
    for x in 0..items {
        sink.feed(black_box(x)).await.unwrap();
    }
}

async fn push_each(feeder: Feeder<u64>, items: u64) {
    for x in 0..items {
        feeder.push(black_box(x)).await.unwrap();
    }
}

async fn feed_push_all(items: u64) -> u64 {
    let (feeder, numbers) = feed(CAPACITY);
    tokio::spawn(push_all(feeder, items));
    sum_of(numbers).await.unwrap()
}

async fn feed_sink(items: u64) -> u64 {
    let (feeder, numbers) = feed(CAPACITY);
    tokio::spawn(feed_each(feeder, items));
    sum_of(numbers).await.unwrap()
}

async fn feed_push(items: u64) -> u64 {
    let (feeder, numbers) = feed(CAPACITY);
    tokio::spawn(push_each(feeder, items));
    sum_of(numbers).await.unwrap()
}

/// A channel of the field, used as its users do: one item after the other.
macro_rules! hop {
    ($name:ident, $channel:expr, ($sender:pat, $receiver:pat), |$item:ident| $send:expr, $receive:expr) => {
        async fn $name(items: u64) -> u64 {
            let ($sender, $receiver) = $channel;
            tokio::spawn(async move {
                for x in 0..items {
                    let $item = black_box(x);
                    $send.await.unwrap();
                }
            });
            let sum = async move {
                let mut sum = 0u64;
                while let Some(x) = $receive {
                    sum = sum.wrapping_add(x);
                }
                sum
            };
            tokio::spawn(sum).await.unwrap()
        }
    };
}

hop!(kanal, kanal::bounded_async(CAPACITY), (s, r), |x| s.send(x), r.recv().await.ok());
hop!(crossfire, crossfire::spsc::bounded_async(CAPACITY), (s, r), |x| s.send(x), r.recv().await.ok());
hop!(flume, flume::bounded(CAPACITY), (s, r), |x| s.send_async(x), r.recv_async().await.ok());
hop!(async_channel, async_channel::bounded(CAPACITY), (s, r), |x| s.send(x), r.recv().await.ok());
hop!(tokio_mpsc, tokio::sync::mpsc::channel(CAPACITY), (s, mut r), |x| s.send(x), r.recv().await);
hop!(futures_mpsc, futures::channel::mpsc::channel(CAPACITY), (mut s, mut r), |x| s.feed(x), r.next().await);

async fn tokio_mpsc_recv_many(items: u64) -> u64 {
    let (sender, mut receiver) = tokio::sync::mpsc::channel(CAPACITY);
    tokio::spawn(send_each(sender, items));
    let sum = async move {
        let (mut sum, mut chunk) = (0u64, Vec::with_capacity(256));
        while poll_fn(|cx| receiver.poll_recv_many(cx, &mut chunk, 256)).await > 0 {
            sum = chunk.drain(..).fold(sum, u64::wrapping_add);
        }
        sum
    };
    tokio::spawn(sum).await.unwrap()
}

async fn send_each(sender: tokio::sync::mpsc::Sender<u64>, items: u64) {
    for x in 0..items {
        sender.send(black_box(x)).await.unwrap();
    }
}

fn scramble(x: u64) -> u64 {
    x.wrapping_mul(3).wrapping_add(1)
}

fn even(x: &u64) -> bool {
    x.is_multiple_of(2)
}

fn fold_bits(x: u64) -> u64 {
    x ^ (x >> 7)
}

macro_rules! chain {
    ($numbers:expr) => {
        tokio::spawn(pipeline! {
            $numbers |> map(scramble) |> filter(even) |> map(fold_bits) |> fold(0, u64::wrapping_add)
        })
        .await
        .unwrap()
    };
}

async fn chain_feed_push_all(items: u64) -> u64 {
    let (feeder, numbers) = feed(CAPACITY);
    tokio::spawn(push_all(feeder, items));
    chain!(numbers)
}

async fn chain_feed_sink(items: u64) -> u64 {
    let (feeder, numbers) = feed(CAPACITY);
    tokio::spawn(feed_each(feeder, items));
    chain!(numbers)
}

async fn chain_feed_push(items: u64) -> u64 {
    let (feeder, numbers) = feed(CAPACITY);
    tokio::spawn(push_each(feeder, items));
    chain!(numbers)
}

async fn chain_mpsc(items: u64) -> u64 {
    let (sender, receiver) = tokio::sync::mpsc::channel(CAPACITY);
    tokio::spawn(send_each(sender, items));
    chain!(receiver)
}

async fn chain_stream(items: u64) -> u64 {
    let (sender, receiver) = tokio::sync::mpsc::channel(CAPACITY);
    tokio::spawn(send_each(sender, items));
    let sum = ReceiverStream::new(receiver)
        .map(scramble)
        .filter(|x| std::future::ready(even(x)))
        .map(fold_bits)
        .fold(0u64, |sum, x| std::future::ready(sum.wrapping_add(x)));
    tokio::spawn(sum).await.unwrap()
}

fn variant(name: &str, variants: &[(&str, Run)]) -> Run {
    variants.iter().find(|(known, _)| *known == name).expect("a variant of the table").1
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

fn measure(bencher: Bencher<'_, '_>, run: Run, expected: u64) {
    let runtime = runtime();
    assert_eq!(runtime.block_on(run(ITEMS)), expected);
    bencher.counter(ItemsCount::new(ITEMS)).bench(|| runtime.block_on(run(ITEMS)));
}

#[divan::bench(args = HOP_NAMES)]
fn hop(bencher: Bencher<'_, '_>, name: &str) {
    measure(bencher, variant(name, &HOPS), ITEMS * (ITEMS - 1) / 2);
}

#[divan::bench(args = CHAIN_NAMES)]
fn chain(bencher: Bencher<'_, '_>, name: &str) {
    let expected = (0..ITEMS).map(scramble).filter(even).map(fold_bits).sum();
    measure(bencher, variant(name, &CHAINS), expected);
}

const CALLS: u64 = 10_000;

/// What `parallel` costs: calls that do nothing, on so many threads; 0 is a `map`.
#[divan::bench(args = [0, 1, 2, 8])]
fn parallel_call(bencher: Bencher<'_, '_>, threads: usize) {
    let runtime = runtime();
    bencher.counter(ItemsCount::new(CALLS)).bench(|| match threads {
        0 => runtime.block_on(pipeline! { 0..CALLS |> map(black_box) |> fold(0, u64::wrapping_add) }),
        _ => runtime.block_on(pipeline! {
            0..CALLS |> parallel(threads, black_box) |> fold(0, u64::wrapping_add)
        }),
    });
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
fn once(group: &str, name: &str, items: &str) {
    let run = if group == "hop" { variant(name, &HOPS) } else { variant(name, &CHAINS) };
    println!("{}", runtime().block_on(run(items.parse().expect("a number of items"))));
}

/// Instructions per item of every variant, as the difference of two runs.
fn instructions() {
    for (group, names) in [("hop", &HOP_NAMES[..]), ("chain", &CHAIN_NAMES)] {
        for name in names {
            let more = callgrind(group, name, 220_000) - callgrind(group, name, 20_000);
            println!("{group:5} {name:25} {:7.1} instructions per item", more / 200_000.0);
        }
    }
}

fn callgrind(group: &str, name: &str, items: u64) -> f64 {
    let this = std::env::current_exe().expect("the path of this program");
    let run = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            concat!("--callgrind-out-file=", env!("CARGO_TARGET_TMPDIR"), "/callgrind.out"),
        ])
        .arg(this)
        .args(["--once", group, name, &items.to_string()])
        .output()
        .expect("valgrind: install it to count instructions");
    let report = String::from_utf8_lossy(&run.stderr);
    let refs = report.lines().find_map(|line| line.split_once("Collected :"));
    refs.expect("a count from callgrind").1.trim().parse().expect("a number of instructions")
}
