//! `stage!`: chains without a source, spliced by name into several pipelines.

use futures::executor::block_on;
use reactive_runtime::prelude::*;
use reactive_runtime::{Fragment, Stage};

fn trim(word: &str) -> &str {
    word.trim()
}

fn valid(word: &&str) -> bool {
    !word.is_empty()
}

#[test]
fn a_fragment_stands_in_several_pipelines() {
    let clean = stage! { &str |> map(trim) |> filter(valid) };
    let words = [" a", "", "bb "];
    assert_eq!(block_on(pipeline! { words |> clean |> count() }), 2);
    assert_eq!(block_on(pipeline! { words |> map(|w| w) |> clean |> map(str::len) |> sum::<usize>() }), 3);
    assert_eq!(block_on(Pipe::new(words).with(|items| items.splice(clean)).count()), 2);
}

#[test]
fn the_type_of_its_items_is_inferred_where_it_can_be() {
    let late = stage! { |> map(|x: u32| x + 1) |> filter(|x| x.is_power_of_two()) };
    assert_eq!(block_on(pipeline! { 0..4 |> late |> collect::<Vec<_>>() }), [1, 2, 4]);
    let bare = stage! { |> map(trim) };
    assert_eq!(block_on(pipeline! { [" a"] |> bare |> collect::<String>() }), "a");
}

#[test]
fn it_holds_stages_of_every_kind() {
    let sums =
        stage! { u32 |> batch(2) |> map(|b| b.into_iter().sum::<u32>()) |> merge([100] |> map(|x| x * 2)) };
    let mut items = block_on(pipeline! { 1..6 |> sums |> collect::<Vec<_>>() });
    items.sort_unstable();
    assert_eq!(items, [3, 5, 7, 200]);
    let first = stage! { u32 |> take(2) };
    assert_eq!(block_on(pipeline! { 0.. |> first |> first |> count() }), 2);
    let none = stage! { u32 |> take(0) |> map(|x| x) };
    assert_eq!(block_on(pipeline! { 0.. |> none |> count() }), 0);
}

#[derive(Debug, PartialEq)]
struct NoNumber;

impl From<std::num::ParseIntError> for NoNumber {
    fn from(_: std::num::ParseIntError) -> Self {
        Self
    }
}

#[test]
fn its_error_converts_into_that_of_the_pipeline() {
    let numbers = stage! { &'static str |> map(str::parse::<u8>)? |> filter(|x| *x > 1) };
    let read = |cells: [&'static str; 2]| block_on(pipeline! { cells |> numbers |> collect::<Vec<_>>() });
    assert_eq!(read(["1", "2"]), Ok(vec![2]));
    assert!(read(["1", "x"]).is_err());
    let named = pipeline! { ["x"] |> fails_with::<NoNumber>() |> numbers |> count() };
    assert_eq!(block_on(named), Err(NoNumber));
    let caught = pipeline! { ["x", "7"] |> numbers |> catch(|_| Recover::Skip) |> sum::<u8>() };
    assert_eq!(block_on(caught), 7);
}

/// The chain of a fragment has no name, as a closure has none.
fn doubled<T: Clone + 'static, F: Flow<Item = T>>()
-> Fragment<impl Stage<F, Flow = impl Flow<Item = T, Error = F::Error>>, T, T> {
    stage! { T |> flat_map(|x: T| [x.clone(), x]) }
}

#[test]
fn a_function_gives_one() {
    let items = pipeline! { Pipe::new([1, 2]) |> splice(doubled()) |> collect::<Vec<_>>() };
    assert_eq!(block_on(items), [1, 1, 2, 2]);
}

#[test]
fn fragments_stand_in_fragments() {
    let clean = stage! { &str |> map(trim) |> filter(valid) };
    let lengths = stage! { &str |> clean |> map(str::len) };
    assert_eq!(block_on(pipeline! { [" a", ""] |> lengths |> collect::<Vec<_>>() }), [1]);
}

struct Cleaner<C> {
    clean: C,
}

#[test]
fn a_fragment_is_reached_by_any_expression_and_cloned_where_its_closures_are() {
    let prefix = "a".to_owned();
    let cleaner = Cleaner { clean: stage! { &str |> filter(move |word| word.starts_with(&prefix)) } };
    assert_eq!(block_on(pipeline! { ["b", "ab"] |> cleaner.clean.clone() |> count() }), 1);
    assert_eq!(block_on(pipeline! { ["b", "ab"] |> cleaner.clean |> count() }), 1);
}
