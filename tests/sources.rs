//! What a pipeline can begin with, in plain and in generic functions.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::pin::Pin;

use futures::executor::block_on;
use futures::stream::{FusedStream, Stream, StreamExt};
use reactive_runtime::prelude::*;
use reactive_runtime::{Bounded, Boundedness, Fault, Source, Unbounded};
use tokio::sync::{broadcast, mpsc, watch};

#[test]
fn ranges() {
    assert_eq!(block_on(pipeline! { 0..3 |> collect::<Vec<_>>() }), [0, 1, 2]);
    assert_eq!(block_on(pipeline! { 1..=3u8 |> collect::<Vec<_>>() }), [1, 2, 3]);
    assert_eq!(block_on(pipeline! { 5.. |> take(2) |> collect::<Vec<_>>() }), [5, 6]);
    assert_eq!(block_on(pipeline! { 'a'..='c' |> collect::<String>() }), "abc");
}

#[test]
fn the_type_of_an_integer_is_inferred_from_its_use() {
    let bytes: Vec<u8> = block_on(pipeline! { 0..3 |> map(|x| x + 1) |> collect() });
    assert_eq!(bytes, [1, 2, 3]);
    let words = block_on(pipeline! { 0..2 |> map(|x| x.to_string()) |> collect::<Vec<String>>() });
    assert_eq!(words, ["0", "1"]);
}

#[test]
fn collections_owned_and_borrowed() {
    let words = vec!["a".to_owned(), "bb".to_owned()];
    assert_eq!(block_on(pipeline! { &words |> map(String::len) |> sum::<usize>() }), 3);
    assert_eq!(block_on(pipeline! { &words[1..] |> map(String::len) |> sum::<usize>() }), 2);
    assert_eq!(block_on(pipeline! { words |> map(|s| s + "!") |> collect::<String>() }), "a!bb!");
    assert_eq!(block_on(pipeline! { &[1, 2] |> map(|x| x * 2) |> sum::<i32>() }), 6);
    assert_eq!(block_on(pipeline! { Some(7) |> count() }), 1);
    assert_eq!(block_on(pipeline! { VecDeque::from([1, 2]) |> count() }), 2);
    let map = BTreeMap::from([(1, 'a'), (2, 'b')]);
    assert_eq!(block_on(pipeline! { &map |> map(|(_, letter)| *letter) |> collect::<String>() }), "ab");
}

#[test]
fn iterators_by_value_and_by_reference() {
    let mut lines = "a\nb\nc".lines();
    assert_eq!(block_on(pipeline! { &mut lines |> take(2) |> collect::<Vec<_>>() }), ["a", "b"]);
    assert_eq!(block_on(pipeline! { lines |> collect::<Vec<_>>() }), ["c"]);
    let boxed: Box<dyn Iterator<Item = u8>> = Box::new([1, 2].into_iter());
    assert_eq!(block_on(pipeline! { boxed |> count() }), 2);
}

#[test]
fn iterators_whose_methods_are_named_as_operators() {
    let words = ["ab", "c"];
    assert_eq!(block_on(pipeline! { (0..3).map(|x| x + 1) |> sum::<i32>() }), 6);
    assert_eq!(block_on(pipeline! { words.iter().filter(|s| s.len() > 1) |> count() }), 1);
    assert_eq!(block_on(pipeline! { words.iter().rev().skip(1).copied() |> collect::<String>() }), "ab");
    let lengths = pipeline! { "1 22".split(' ').map(str::len) |> collect::<Vec<_>>() };
    assert_eq!(block_on(lengths), [1, 2]);
    let merged = pipeline! { [1] |> merge(words.iter().map(|_| 2) |> take(1)) |> sum::<i32>() };
    assert_eq!(block_on(merged), 3);
    assert_eq!(block_on(pipeline! { [1] |> concat(words.iter().map(|_| 2)) |> sum::<i32>() }), 5);
}

#[test]
fn the_items_of_one_side_tell_those_of_the_other() {
    assert_eq!(block_on(pipeline! { [1u8] |> merge(empty()) |> concat(vec![]) |> collect::<Vec<_>>() }), [1]);
    assert_eq!(block_on(pipeline! { vec![] |> merge([1u8]) |> concat(empty()) |> collect::<Vec<_>>() }), [1]);
    assert_eq!(block_on(pipeline! { 0..2 |> concat([2u8]) |> collect::<Vec<u8>>() }), [0, 1, 2]);
    assert_eq!(block_on(Pipe::new([0u8]).concat(1..3).collect::<Vec<_>>()), [0, 1, 2]);
}

#[test]
fn streams_by_value_by_reference_and_boxed() {
    let mut stream = futures::stream::iter(0..4);
    assert_eq!(block_on(pipeline! { &mut stream |> take(1) |> collect::<Vec<_>>() }), [0]);
    let boxed: Pin<Box<dyn Stream<Item = i32>>> = stream.boxed_local();
    assert_eq!(block_on(pipeline! { boxed |> collect::<Vec<_>>() }), [1, 2, 3]);
    assert_eq!(block_on(Pipe::from_stream(futures::stream::iter([1, 2])).count()), 2);
}

#[test]
fn a_stream_that_borrows_and_is_not_unpin() {
    let words = ["a", "b"];
    let stream = futures::stream::unfold(0, |i| {
        let words = &words;
        async move { words.get(i).map(|word| (*word, i + 1)) }
    });
    assert_eq!(block_on(pipeline! { stream |> collect::<String>() }), "ab");
}

#[test]
fn pipelines_go_on_in_others() {
    let mut numbers = pipeline! { 0..5 |> map(|x| x * 2) };
    assert_eq!(block_on(pipeline! { &mut numbers |> take(2) |> collect::<Vec<_>>() }), [0, 2]);
    assert_eq!(block_on(numbers.next()), Some(4));
    let failing = pipeline! { numbers |> map(|x| if x < 8 { Ok(x) } else { Err("eight") })? };
    assert_eq!(block_on(pipeline! { failing |> batch(5) |> collect::<Vec<_>>() }), Err("eight"));
}

#[test]
fn receivers() {
    let (sender, receiver) = mpsc::channel(4);
    sender.try_send(1).unwrap();
    drop(sender);
    assert_eq!(block_on(pipeline! { receiver |> collect::<Vec<_>>() }), [1]);

    let (sender, mut receiver) = mpsc::unbounded_channel();
    sender.send(2).unwrap();
    assert_eq!(block_on(pipeline! { &mut receiver |> take(1) |> collect::<Vec<_>>() }), [2]);

    let (sender, receiver) = broadcast::channel(1);
    sender.send(3).unwrap();
    sender.send(4).unwrap();
    assert_eq!(block_on(pipeline! { receiver |> collect::<Vec<i32>>() }), Err(Lagged(1)));

    let (sender, receiver) = watch::channel(5);
    drop(sender);
    assert_eq!(block_on(pipeline! { receiver |> collect::<Vec<_>>() }), [5]);
}

/// What `$opens` gives for 2, 1 and 3 begins with 0, and is so many numbers long.
macro_rules! opens_what_counts_to {
    ($($opens:tt)*) => {
        let items = pipeline! { [2u32, 1, 3] |> flat_map_stream($($opens)*) |> collect::<Vec<u32>>() };
        assert_eq!(block_on(items), [0, 1, 0, 0, 1, 2]);
    };
}

fn stream_to(n: u32) -> impl Stream<Item = u32> {
    futures::stream::iter(0..n)
}

#[test]
fn whatever_a_closure_gives_for_an_item() {
    opens_what_counts_to!(|n| stream_to(n));
    opens_what_counts_to!(|n| stream_to(n).boxed(), concurrency = 2);
    opens_what_counts_to!(move |n: u32| (0..n).filter(|_| true));
    opens_what_counts_to!(|n| (0..n).collect::<VecDeque<_>>());
    opens_what_counts_to!(|n| match n {
        1 => vec![0],
        n => (0..n).collect(),
    });
    opens_what_counts_to!(|n| pipeline! { stream_to(n) |> map(|x| x) });
    opens_what_counts_to!(|n| stream_to(n) |> map(|x| x));
    let mut opened = Vec::new();
    opens_what_counts_to!(|n| {
        opened.push(n);
        stream_to(n)
    });
    assert_eq!(opened, [2, 1, 3]);
}

#[test]
fn whatever_a_closure_returns_that_says_so() {
    opens_what_counts_to!(|n| {
        if n == 1 {
            return stream_to(1);
        }
        stream_to(n)
    });
    opens_what_counts_to!(|n| -> Pin<Box<dyn Stream<Item = u32>>> { Box::pin(stream_to(n)) });
    opens_what_counts_to!(|n| -> Vec<u32> { (0..n).collect() });
}

macro_rules! or_return {
    ($option:expr, $otherwise:expr) => {
        match $option {
            Some(value) => value,
            None => return $otherwise,
        }
    };
}

#[test]
fn whatever_a_closure_returns_from_its_midst() {
    let odd = |n: u32| if n % 2 == 1 { Some(n) } else { None };
    let half = pipeline! { [2, 1, 3] |> flat_map_stream(|n| Some(odd(n)? / 2)) |> collect::<Vec<_>>() };
    assert_eq!(block_on(half), [0, 1]);
    let odds = pipeline! {
        [2, 1, 3]
            |> flat_map_stream(|n| {
                let n = or_return!(odd(n), VecDeque::new());
                VecDeque::from([n, n])
            })
            |> collect::<Vec<_>>()
    };
    assert_eq!(block_on(odds), [1, 1, 3, 3]);
}

#[test]
fn whatever_an_expression_gives_that_opens() {
    fn opening(less: u32) -> impl FnMut(u32) -> Box<dyn Iterator<Item = u32>> {
        move |n| Box::new(0..n - less)
    }
    macro_rules! of_the_user {
        ($opens:expr) => {
            opens_what_counts_to!($opens);
        };
    }
    struct Open {
        open: fn(u32) -> VecDeque<u32>,
    }
    let by_field = Open { open: |n| (0..n).collect() };
    opens_what_counts_to!(opening(0));
    opens_what_counts_to!(by_field.open);
    opens_what_counts_to!({
        let more = 0;
        move |n| stream_to(n + more)
    });
    of_the_user!(|n| stream_to(n));
    of_the_user!(stream_to);
}

#[test]
fn whatever_a_function_gives_for_an_item() {
    struct Pages;
    impl Pages {
        fn open(n: u32) -> VecDeque<u32> {
            (0..n).collect()
        }
    }
    opens_what_counts_to!(stream_to);
    opens_what_counts_to!(Pages::open);
    let mut calls = 0;
    let counted = |n| {
        calls += 1;
        stream_to(n)
    };
    opens_what_counts_to!(counted);
    assert_eq!(calls, 3);
    let receivers = (1..3).map(|n| {
        let (sender, receiver) = mpsc::unbounded_channel();
        (0..n).for_each(|x| sender.send(x).unwrap());
        receiver
    });
    let items = pipeline! { receivers |> flat_map_stream(std::convert::identity) |> collect::<Vec<_>>() };
    assert_eq!(block_on(items), [0, 0, 1]);
}

#[test]
fn what_an_item_opens_in_a_fragment_and_by_the_latest_item() {
    let counted = stage! { u32 |> flat_map_stream(|n| stream_to(n)) };
    assert_eq!(block_on(pipeline! { [2, 1] |> counted |> count() }), 3);
    assert_eq!(block_on(pipeline! { [3] |> counted |> count() }), 3);
    let latest = pipeline! { [2, 1, 3] |> switch_map(stream_to) |> collect::<Vec<_>>() };
    assert_eq!(block_on(latest), [0, 1, 2]);
}

#[test]
fn a_stream_behind_a_pointer_by_method() {
    let boxed = |n: u32| stream_to(n).boxed();
    let items = Pipe::new([2, 1]).flat_map_stream(boxed).merge(boxed(1));
    assert_eq!(block_on(items.count()), 4);
}

#[test]
fn flows() {
    assert_eq!(block_on(pipeline! { (0..3).into_flow() |> collect::<Vec<_>>() }), [0, 1, 2]);
    assert_eq!(block_on(Pipe::from_flow((0..3).into_flow()).count()), 3);
}

#[test]
fn functions() {
    assert_eq!(block_on(pipeline! { once(7) |> collect::<Vec<_>>() }), [7]);
    assert_eq!(block_on(pipeline! { empty::<u8>() |> count() }), 0);
    assert_eq!(block_on(pipeline! { repeat_with(|| 1) |> take(3) |> sum::<i32>() }), 3);
    let countdown = unfold(3, async |n| (n > 0).then_some((n, n - 1)));
    assert_eq!(block_on(pipeline! { countdown |> collect::<Vec<_>>() }), [3, 2, 1]);
}

#[tokio::test(start_paused = true)]
async fn the_clock() {
    let start = tokio::time::Instant::now();
    let ticks = pipeline! { interval(1h30min) |> map(|due| (due - start).as_secs()) |> take(3) |> collect::<Vec<_>>() };
    assert_eq!(ticks.await, [0, 5400, 10_800]);
}

fn of_a_stream<S: Stream<Item = u32>>(stream: S) -> impl Stream<Item = u32> {
    pipeline! { stream |> map(|x| x + 1) }
}

fn of_an_iterator<I: IntoIterator<Item = u32>>(iter: I) -> impl Stream<Item = u32> {
    pipeline! { iter |> map(|x| x + 1) |> batch(2) |> flat_map(|batch| batch) }
}

fn of_a_source<S: Source>(source: S) -> impl Stream<Item = <<S::Flow as Flow>::Error as Fault>::Of<usize>>
where
    S::Flow: Flow<Item = u32>,
{
    pipeline! { source |> map(|x| x as usize) }
}

fn of_a_pipe<F: Flow<Item = u32>>(pipe: Pipe<F>) -> impl Stream<Item = <F::Error as Fault>::Of<Vec<u32>>> {
    pipeline! { pipe |> filter(|x| x % 2 == 0) |> batch(2) }
}

async fn total<F: Flow<Item = u32, Error = Infallible>>(pipe: Pipe<F>) -> u32 {
    pipeline! { pipe |> sum() }.await
}

#[test]
fn generic_functions() {
    assert_eq!(block_on(of_a_stream(futures::stream::iter([1])).collect::<Vec<_>>()), [2]);
    assert_eq!(block_on(of_an_iterator(vec![1, 2, 3]).collect::<Vec<_>>()), [2, 3, 4]);
    assert_eq!(block_on(of_a_source(1..3).collect::<Vec<_>>()), [1, 2]);
    assert_eq!(block_on(of_a_pipe(Pipe::new(1..5)).collect::<Vec<_>>()), [[2, 4]]);
    assert_eq!(block_on(total(Pipe::new(1..5))), 10);
}

#[test]
fn a_pipe_knows_that_it_has_ended() {
    let mut pipe = pipeline! { [1] |> map(|x| x) };
    assert!(!pipe.is_terminated());
    block_on(async { while pipe.next().await.is_some() {} });
    assert!(pipe.is_terminated());
}

#[test]
fn types_tell_what_never_ends() {
    trait Is<B> {}
    impl Is<Self> for Bounded {}
    impl Is<Self> for Unbounded {}
    fn assert_bound<B: Boundedness>(_: &Pipe<impl Flow<Bound: Is<B>>>) {}

    assert_bound::<Bounded>(&pipeline! { 0..3 |> map(|x| x) });
    assert_bound::<Unbounded>(&pipeline! { repeat_with(|| 1) |> map(|x| x) |> filter(|_| true) |> batch(2) });
    assert_bound::<Bounded>(&pipeline! { repeat_with(|| 1) |> map(|x| x) |> take(3) |> inspect(|_| ()) });
    assert_bound::<Bounded>(&pipeline! { 0.. |> zip([1]) });
    assert_bound::<Unbounded>(&pipeline! { [1] |> merge(0..) });
    assert_bound::<Bounded>(&pipeline! { [1] |> merge(0..).end_with_any() });
    assert_bound::<Unbounded>(&pipeline! { [1] |> concat(0..) |> skip(1) });
}
