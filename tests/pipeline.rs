//! `pipeline!` end to end: its grammar, where it can be used, and what it leaves alone.

use std::collections::HashMap;
use std::time::Duration;

use futures::executor::block_on;
use futures::{FutureExt, Stream, StreamExt};
use reactive_runtime::prelude::*;
use reactive_runtime::{Stage, Staged};

/// Notes what it is given, to see what the macro makes of literals: an operator with arguments and options.
trait Noting<T, K> {
    fn note(self, value: impl Into<Noted>) -> Staged<Note, T, K>;
}

impl<T, K> Noting<T, K> for Items<T, K> {
    fn note(self, value: impl Into<Noted>) -> Staged<Note, T, K> {
        let note = Note { value: value.into(), also: Vec::new(), flag: false };
        note.tell();
        self.stage(note)
    }
}

struct Note {
    value: Noted,
    also: Vec<Noted>,
    flag: bool,
}

trait NoteOptions {
    fn also(self, value: impl Into<Noted>) -> Self;
    fn flag(self) -> Self;
}

impl<T, K> NoteOptions for Staged<Note, T, K> {
    fn also(self, value: impl Into<Noted>) -> Self {
        self.map_op(|mut note| {
            note.also.push(value.into());
            note.tell();
            note
        })
    }

    fn flag(self) -> Self {
        self.map_op(|note| {
            let note = Note { flag: true, ..note };
            note.tell();
            note
        })
    }
}

impl<F: Flow> Stage<F> for Note {
    type Flow = F;

    fn attach(self, upstream: F) -> F {
        upstream
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Noted {
    Time(Duration),
    Count(u64),
    Share(f64),
    Rate(Rate),
}

macro_rules! noted {
    ($($variant:ident($type:ty))*) => {$(
        impl From<$type> for Noted {
            fn from(value: $type) -> Self {
                Self::$variant(value)
            }
        }
    )*};
}

noted! { Time(Duration) Count(u64) Share(f64) Rate(Rate) }

thread_local! {
    static TOLD: std::cell::RefCell<(Vec<Noted>, bool)> = const { std::cell::RefCell::new((Vec::new(), false)) };
}

impl Note {
    fn tell(&self) {
        let values = std::iter::once(&self.value).chain(&self.also).cloned().collect();
        TOLD.set((values, self.flag));
    }
}

/// What the last `note` of this thread was given.
macro_rules! noted_by {
    ($($pipeline:tt)*) => {{
        let _ = pipeline! { $($pipeline)* };
        TOLD.with_borrow(|told| told.clone())
    }};
}

fn time(duration: Duration) -> (Vec<Noted>, bool) {
    (vec![Noted::Time(duration)], false)
}

#[test]
fn units_are_what_they_say() {
    assert_eq!(noted_by!(0..1 |> note(5ns)), time(Duration::from_nanos(5)));
    assert_eq!(noted_by!(0..1 |> note(5us)), time(Duration::from_micros(5)));
    assert_eq!(noted_by!(0..1 |> note(5µs)), time(Duration::from_micros(5)));
    assert_eq!(noted_by!(0..1 |> note(5ms)), time(Duration::from_millis(5)));
    assert_eq!(noted_by!(0..1 |> note(1.5s)), time(Duration::from_millis(1500)));
    assert_eq!(noted_by!(0..1 |> note(5min)), time(Duration::from_secs(300)));
    assert_eq!(noted_by!(0..1 |> note(1h30min)), time(Duration::from_secs(5400)));
    assert_eq!(noted_by!(0..1 |> note(2d)), time(Duration::from_secs(172_800)));
    assert_eq!(noted_by!(0..1 |> note({ 5ms * 2 })), time(Duration::from_millis(10)));
    assert_eq!(noted_by!(0..1 |> note(64KiB)), (vec![Noted::Count(65_536)], false));
    assert_eq!(noted_by!(0..1 |> note(20k)), (vec![Noted::Count(20_000)], false));
    assert_eq!(noted_by!(0..1 |> note(5%)), (vec![Noted::Share(0.05)], false));
    assert_eq!(noted_by!(0..1 |> note(20/s)), (vec![Noted::Rate(Rate::per_second(20))], false));
    assert_eq!(noted_by!(0..1 |> note(90/min)), (vec![Noted::Rate(Rate::per_second(1.5))], false));
}

#[test]
fn options_stand_behind_the_arguments_and_flags_behind_the_call() {
    let expected = vec![Noted::Count(1), Noted::Rate(Rate::per_second(2)), Noted::Share(0.5)];
    assert_eq!(noted_by!(0..1 |> note(1u64).also(2/s).also(50%).flag()), (expected.clone(), true));
    assert_eq!(noted_by!(0..1 |> note(1u64, also = 2/s)), (expected[..2].to_vec(), false));
}

#[test]
fn any_delimiters_and_spacing_will_do() {
    assert_eq!(block_on(pipeline! { 0..3 |> sum::<i32>() }), 3);
    assert_eq!(block_on(pipeline!(0..3 |> sum::<i32>())), 3);
    assert_eq!(block_on(pipeline![0..3 |> sum::<i32>()]), 3);
    #[rustfmt::skip]
    let spaced = pipeline!(0..3|>map(|x|x+1)| >sum::<i32>( ));
    assert_eq!(block_on(spaced), 6);
}

#[test]
fn comments_docs_and_lints_stand_between_stages() {
    let doubled = pipeline! {
        0..3 // the source
            /// doubles
            |> map(|x| x * 2)
            /* and */
            |> #[allow(clippy::identity_op)] map(|x| x + 0)
            |> collect::<Vec<_>>()
    };
    assert_eq!(block_on(doubled), [0, 2, 4]);
}

#[test]
fn a_source_alone_is_a_pipeline() {
    assert_eq!(block_on(pipeline! { [1, 2] }.collect::<Vec<_>>()), [1, 2]);
}

#[test]
fn pipelines_nest_in_arguments_and_in_closures() {
    let merged = pipeline! { [1, 2] |> concat([3] |> map(|x| x * 10) |> concat([4])) |> collect::<Vec<_>>() };
    assert_eq!(block_on(merged), [1, 2, 30, 4]);
    let sums = pipeline! {
        0..4
            |> map(|n| pipeline! { 0..n |> sum::<i32>() }.now_or_never().expect("ready"))
            |> collect::<Vec<_>>()
    };
    assert_eq!(block_on(sums), [0, 0, 1, 3]);
    let pipes = pipeline! { 1..3 |> map(|n| 0..n |> map(move |x| x + n)) |> collect::<Vec<_>>() };
    let counted = block_on(pipes).into_iter().map(|pipe| block_on(pipe.collect::<Vec<_>>()));
    assert!(counted.eq([vec![1], vec![2, 3]]));
}

#[test]
fn fused_and_unfused_stages_mix() {
    let items = pipeline! {
        0..20
            |> map(|x| x + 1)
            |> filter(|x| x % 2 == 0)
            |> batch(3)
            |> enumerate()
            |> skip(1)
            |> flat_map(|(i, batch)| batch.into_iter().map(move |x| (i, x)))
            |> take(4)
            |> collect::<Vec<_>>()
    };
    assert_eq!(block_on(items), [(1, 8), (1, 10), (1, 12), (2, 14)]);
}

#[test]
fn steps_take_options_in_a_run() {
    let items = pipeline! { [1, 2, 3, 1] |> map(|x| x) |> distinct(capacity = 1) |> map(|x| x) |> collect::<Vec<_>>() };
    assert_eq!(block_on(items), [1, 2, 3, 1]);
    let items = pipeline! { [1, 2, 1] |> distinct().unbounded() |> collect::<Vec<_>>() };
    assert_eq!(block_on(items), [1, 2]);
}

#[test]
fn a_struct_literal_is_a_source() {
    struct Rows {
        rows: Vec<u8>,
    }
    impl IntoIterator for Rows {
        type Item = u8;
        type IntoIter = std::vec::IntoIter<u8>;

        fn into_iter(self) -> Self::IntoIter {
            self.rows.into_iter()
        }
    }
    assert_eq!(block_on(pipeline! { Rows { rows: vec![1] } |> merge(Rows { rows: vec![2] }) |> count() }), 2);
}

#[test]
fn a_pipeline_over_borrowed_items_can_be_spawned() {
    fn assert_send<T: Send>(_: T) {}
    assert_send(async {
        let words = ["1", "x"];
        pipeline! { &words |> map(|word| word.parse::<u8>())? |> catch(|_| Recover::Skip) |> batch(2) |> zip(0..) |> count() }
            .await
    });
}

#[test]
fn a_trait_of_the_user_hides_nothing() {
    trait Meddling {
        fn items(&self) {}
        fn attach(&self) {}
        fn make(&self) {}
        fn kind(&self) {}
    }
    impl<T> Meddling for T {}
    const PLAN: usize = 2;
    assert_eq!(block_on(pipeline! { 0..9 |> map(|x| x + 1) |> take(PLAN) |> batch(1) |> count() }), 2);
    0.items();
    0.attach();
    0.make();
    0.kind();
}

#[test]
fn arguments_borrow_from_their_surroundings() {
    let words = ["a".to_owned(), "bb".to_owned()];
    let least = 2;
    let mut seen = 0;
    let long =
        pipeline! { &words |> inspect(|_| seen += 1) |> filter(|word| word.len() >= least) |> count() };
    assert_eq!(block_on(long), 1);
    assert_eq!(seen, 2);
}

struct Service {
    step: u32,
    seen: HashMap<u32, u32>,
}

impl Service {
    async fn run(&mut self, items: &[u32]) -> u32 {
        let step = self.step;
        pipeline! {
            items |> map(|x| *x + step) |> inspect(|x| *self.seen.entry(*x).or_default() += 1) |> sum()
        }
        .await
    }

    fn view<'a>(&'a self, items: &'a [u32]) -> impl Stream<Item = u32> + 'a {
        pipeline! { items |> map(move |x| *x + self.step) }
    }
}

#[test]
fn methods_use_their_self() {
    let mut service = Service { step: 1, seen: HashMap::new() };
    assert_eq!(block_on(service.run(&[1, 2])), 5);
    assert_eq!(service.seen.len(), 2);
    assert_eq!(block_on(service.view(&[1, 2]).collect::<Vec<_>>()), [2, 3]);
}

async fn limit() -> usize {
    2
}

async fn control_flow(count: &str) -> Result<Vec<u32>, std::num::ParseIntError> {
    let items = pipeline! {
        0..10u32
            |> take(count.parse()?)
            |> take(limit().await)
            |> take(if count == "7" { return Ok(vec![7]) } else { 5 })
            |> collect()
    };
    Ok(items.await)
}

#[test]
fn arguments_use_the_control_flow_around_them() {
    assert_eq!(block_on(control_flow("3")), Ok(vec![0, 1]));
    assert_eq!(block_on(control_flow("7")), Ok(vec![7]));
    assert!(block_on(control_flow("x")).is_err());
}

fn chunks<const N: usize, T: Clone>(items: [T; N]) -> impl Stream<Item = Vec<T>> {
    pipeline! { items |> batch(N) }
}

struct Wrapper<I>(I);

impl<I: Iterator<Item = u32>> Wrapper<I> {
    fn doubled(self) -> impl Stream<Item = u32> {
        pipeline! { self.0 |> map(|x| x * 2) }
    }
}

#[test]
fn generic_code_holds_pipelines() {
    assert_eq!(block_on(chunks([1, 2]).collect::<Vec<_>>()), [[1, 2]]);
    assert_eq!(block_on(Wrapper([3].into_iter()).doubled().collect::<Vec<_>>()), [6]);
}

macro_rules! batched {
    ($source:expr, $f:expr, $size:literal) => {
        pipeline! { $source |> map($f) |> batch($size) |> note(1s) |> collect::<Vec<_>>() }
    };
}

macro_rules! noting {
    ($literal:literal) => {
        pipeline! { 0..1 |> note($literal) }
    };
}

macro_rules! forwarded {
    ($source:expr; $($stages:tt)*) => {
        pipeline! { $source $($stages)* }
    };
}

macro_rules! options {
    ($source:ident, $other:expr, $operator:ident, $option:ident = $value:literal, $rate:literal) => {
        pipeline! {
            $source
                |> merge($other |> map(|x| x * $value)).prefer_left()
                |> $operator(|x| std::future::ready(x + 1), $option = $value)
                |> note($rate/s)
                |> collect::<Vec<_>>()
        }
    };
}

#[test]
fn macros_of_the_user_hold_pipelines() {
    assert_eq!(block_on(batched!(0..3, |x| x + 1, 2)), [vec![1, 2], vec![3]]);
    let _ = noting!(250ms);
    assert_eq!(TOLD.with_borrow(|told| told.0.clone()), [Noted::Time(Duration::from_millis(250))]);
    let items = forwarded!([1, 2]; |> map(|x| x * 2) |> collect::<Vec<_>>());
    assert_eq!(block_on(items), [2, 4]);
    let numbers = [1, 2];
    assert_eq!(block_on(options!(numbers, [3], map_async, concurrency = 2, 20)), [2, 3, 7]);
    assert_eq!(TOLD.with_borrow(|told| told.0.clone()), [Noted::Rate(Rate::per_second(20))]);
}

#[test]
fn raw_identifiers_are_names() {
    let r#type = [1, 2];
    let r#fn = |r#match: i32| r#match + 1;
    assert_eq!(block_on(pipeline! { r#type |> r#map(r#fn) |> collect::<Vec<_>>() }), [2, 3]);
}

#[test]
fn names_of_the_expansion_are_not_seen_and_do_not_hide() {
    let (__flow, __items0, __op0, __item, __source, __run, __control) = (1, 2, 3, 4, 5, 6, 7);
    let items = pipeline! {
        [0] |> map(|x| x + __flow + __items0 + __op0) |> map(|x| x + __item + __source + __run + __control) |> sum::<i32>()
    };
    assert_eq!(block_on(items), 28);
}

#[test]
fn the_operators_win_over_an_imported_stream_ext() {
    let pipe = pipeline! { 0..4 |> map(|x| x + 1) };
    // `StreamExt` is imported, and has a `map`, a `filter` and a `collect` too.
    assert_eq!(block_on(pipe.map(|x| x * 2).filter(|x| x % 4 == 0).collect::<Vec<_>>()), [4, 8]);
}

mod reexported {
    pub(super) use reactive_runtime as streams;
}

#[test]
fn the_crate_can_have_another_name() {
    use reexported::streams::pipeline as stream_of;
    assert_eq!(
        block_on(stream_of! { 0..3 |> map(|x| x + 1) |> note(1s) |> merge([10]) |> sum::<i32>() }),
        16
    );
    assert_eq!(block_on(reexported::streams::pipeline! { 0..3 |> sum::<i32>() }), 3);
}

#[test]
fn errors_convert_into_that_of_the_first_question() {
    #[derive(Debug, PartialEq)]
    enum Failure {
        Number,
        Letter(&'static str),
    }
    impl From<std::num::ParseIntError> for Failure {
        fn from(_: std::num::ParseIntError) -> Self {
            Self::Number
        }
    }
    impl From<&'static str> for Failure {
        fn from(text: &'static str) -> Self {
            Self::Letter(text)
        }
    }
    let letter = |x| char::from_u32(x).ok_or("no letter");
    let read = |cells: [&'static str; 2]| {
        block_on(pipeline! {
            cells |> fails_with::<Failure>() |> map(str::parse::<u32>)? |> map(letter)? |> collect::<String>()
        })
    };
    assert_eq!(read(["97", "98"]), Ok("ab".to_owned()));
    assert_eq!(read(["97", "x"]), Err(Failure::Number));
    assert_eq!(read(["97", "4294967295"]), Err(Failure::Letter("no letter")));
}

#[test]
fn one_question_for_each_layer_of_results() {
    let nested: [Result<Result<u8, String>, String>; 2] = [Ok(Ok(1)), Ok(Err("inner".to_owned()))];
    let read = pipeline! { nested |> map(|x| x)?? |> collect::<Vec<_>>() };
    assert_eq!(block_on(read), Err("inner".to_owned()));
}

#[test]
fn a_pipeline_knows_its_plan() {
    let pipe = pipeline! {
        1..9
            |> map(|x| if x < 5 { Ok(x) } else { Err(x) })?
            |> batch(2)
    };
    let plan = pipe.plan().expect("a plan");
    assert_eq!(plan.source, "1..9");
    assert!(plan.file.ends_with("pipeline.rs"));
    let stages: Vec<_> =
        plan.stages.iter().map(|stage| (stage.name, stage.source, stage.line - plan.line)).collect();
    assert_eq!(
        stages,
        [("map", "map(|x| if x < 5 { Ok(x) } else { Err(x) })?", 1), ("batch", "batch(2)", 2),]
    );
}

#[test]
fn pipelines_are_send_and_unpin_where_their_parts_are() {
    fn assert_send<T: Send>(_: &T) {}
    fn assert_unpin<T: Unpin>(_: &T) {}
    let pipe = pipeline! { 0..3 |> map(|x| x + 1) |> batch(2) |> flat_map(|b| b) |> merge([7]) |> zip(0..) };
    assert_send(&pipe);
    assert_unpin(&pipe);
    let future = pipeline! { 0..3 |> map(|x| if x < 9 { Ok(x) } else { Err("nine") })? |> sum::<i32>() };
    assert_send(&future);
}

/// What its stages hold, and at most 64 bytes more.
#[track_caller]
fn assert_state<F>(pipe: &Pipe<F>, parts: usize) {
    let size = size_of_val(pipe);
    assert!(size <= parts + 64, "{size} bytes for {parts}");
}

#[test]
fn the_state_of_a_pipeline_is_that_of_its_operators() {
    const WORD: usize = size_of::<usize>();
    const RANGE: usize = size_of::<std::ops::Range<u64>>();
    let steps = pipeline! { 0..9u64 |> map(|x| x + 1) |> filter(|x| x % 2 == 0) |> take(3) |> skip(1) };
    assert_state(&steps, RANGE + 2 * WORD);

    // Sixty stages are no nest of sixty states.
    let [a, b, c] = [1u64, 2, 3];
    let captures = pipeline! {
        0..9u64
            |> map(move |x| x + a) |> map(move |x| x + b) |> map(move |x| x + c) |> enumerate()
            |> filter(move |(_, x)| *x > a) |> step_by(2) |> map(|(_, x)| x) |> scan(7u64, |s, x| { *s += x; *s })
            |> map(move |x| x + a) |> map(move |x| x + b) |> map(move |x| x + c) |> enumerate()
            |> filter(move |(_, x)| *x > b) |> step_by(2) |> map(|(_, x)| x) |> scan(7u64, |s, x| { *s += x; *s })
    };
    assert_state(&captures, RANGE + 2 * (4 * WORD + WORD + 2 * WORD + WORD));

    let fallible = pipeline! { 0..9u64 |> map(|x| if x < 5 { Ok(x) } else { Err(x) })? |> pairwise() };
    assert_state(&fallible, RANGE + size_of::<Option<u64>>());

    let batches = pipeline! { 0..9u64 |> batch(3) |> flat_map(|b| b) };
    assert_state(&batches, RANGE + size_of::<Vec<u64>>() + WORD + size_of::<std::vec::IntoIter<u64>>());

    let other = pipeline! { [(1u64, 2u64)] |> map(|pair| pair) };
    let parts = 2 * RANGE + 2 * size_of::<Option<u64>>() + size_of_val(&other);
    assert_state(&pipeline! { 0..9u64 |> zip(0..9u64) |> merge(other) }, parts);
}

#[test]
fn a_function_of_a_source_may_be_named_as_a_terminal_is() {
    use std::cmp::max;
    assert_eq!(block_on(pipeline! { 0..1 | max(2, 4) |> count() }), 5);
}
