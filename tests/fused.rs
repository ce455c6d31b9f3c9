//! The fused form of a chain against its methods, and both against what the operators do to a `Vec`.
//!
//! A pipeline is static, so macros write the chains out; proptest draws what the operators are given, what the source
//! does, and how the result is taken.

mod seeded;

use std::cell::{Cell, RefCell};
use std::collections::{HashSet, VecDeque};
use std::convert::Infallible;
use std::future::poll_fn;
use std::ops::{ControlFlow, RangeInclusive};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake};

use futures::future::{FutureExt, LocalBoxFuture};
use futures::stream::{FusedStream, Stream, StreamExt};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use reactive_runtime::prelude::*;
use reactive_runtime::{Downstream, Drive, Fault};
use seeded::seeded;

/// A chain, named by its source and its operators: each is written as a stage and as a method.
macro_rules! chain {
    (stream $($op:ident)*) => {
        chain!(@ run { [run.stream()] [Pipe::from_stream(run.stream())] [stream] } $($op)*)
    };
    (vec $($op:ident)*) => {
        chain!(@ run { [run.vec()] [Pipe::new(run.vec())] [vec] } $($op)*)
    };
    (results $($op:ident)*) => {
        chain!(@ run {
            [run.results() |> or_fail()] [Pipe::from_stream(run.results()).or_fail()] [results]
        } $($op)*)
    };

    (@ $r:ident $c:tt map $($op:ident)*) => { chain!(@add $r $c map [map($r.linear())] $($op)*) };
    (@ $r:ident $c:tt filter $($op:ident)*) => { chain!(@add $r $c filter [filter($r.keeps())] $($op)*) };
    (@ $r:ident $c:tt filter_map $($op:ident)*) => {
        chain!(@add $r $c filter_map [filter_map($r.linear_if_kept())] $($op)*)
    };
    (@ $r:ident $c:tt inspect $($op:ident)*) => { chain!(@add $r $c inspect [inspect($r.look())] $($op)*) };
    (@ $r:ident $c:tt enumerate $($op:ident)*) => {
        chain!(@add $r $c enumerate [enumerate() map($r.add_index())] $($op)*)
    };
    (@ $r:ident $c:tt take $($op:ident)*) => { chain!(@add $r $c take [take($r.count())] $($op)*) };
    (@ $r:ident $c:tt skip $($op:ident)*) => { chain!(@add $r $c skip [skip($r.count())] $($op)*) };
    (@ $r:ident $c:tt scan $($op:ident)*) => { chain!(@add $r $c scan [scan(0, $r.accumulate())] $($op)*) };
    (@ $r:ident $c:tt batch $($op:ident)*) => {
        chain!(@add $r $c batch [batch($r.size()) flat_map($r.unpack())] $($op)*)
    };
    (@ $r:ident $c:tt take_while $($op:ident)*) => { chain!(@add $r $c take_while [take_while($r.keeps())] $($op)*) };
    (@ $r:ident $c:tt skip_while $($op:ident)*) => { chain!(@add $r $c skip_while [skip_while($r.keeps())] $($op)*) };
    (@ $r:ident $c:tt map_while $($op:ident)*) => {
        chain!(@add $r $c map_while [map_while($r.linear_if_kept())] $($op)*)
    };
    (@ $r:ident $c:tt skip_last $($op:ident)*) => { chain!(@add $r $c skip_last [skip_last($r.count())] $($op)*) };
    (@ $r:ident $c:tt take_last $($op:ident)*) => { chain!(@add $r $c take_last [take_last($r.count())] $($op)*) };
    (@ $r:ident $c:tt step_by $($op:ident)*) => { chain!(@add $r $c step_by [step_by($r.one_size())] $($op)*) };
    (@ $r:ident $c:tt distinct $($op:ident)*) => { chain!(@add $r $c distinct [map($r.residue()) distinct()] $($op)*) };
    (@ $r:ident $c:tt changes $($op:ident)*) => {
        chain!(@add $r $c changes [map($r.residue()) distinct_until_changed()] $($op)*)
    };
    (@ $r:ident $c:tt pairwise $($op:ident)*) => { chain!(@add $r $c pairwise [pairwise() map($r.join())] $($op)*) };
    (@ $r:ident $c:tt reduce $($op:ident)*) => { chain!(@add $r $c reduce [reduce($r.add())] $($op)*) };
    (@ $r:ident $c:tt intersperse $($op:ident)*) => {
        chain!(@add $r $c intersperse [intersperse(7) inspect($r.look())] $($op)*)
    };
    (@ $r:ident $c:tt start_with $($op:ident)*) => {
        chain!(@add $r $c start_with [start_with([1, 2, 3]) inspect($r.look())] $($op)*)
    };
    (@ $r:ident $c:tt default_if_empty $($op:ident)*) => {
        chain!(@add $r $c default_if_empty [default_if_empty(9) inspect($r.look())] $($op)*)
    };
    (@ $r:ident $c:tt batch_while $($op:ident)*) => {
        chain!(@add $r $c batch_while [batch_while(alike) flat_map($r.unpack())] $($op)*)
    };
    (@ $r:ident $c:tt window $($op:ident)*) => {
        chain!(@add $r $c window [window($r.size()) map(|window| window.to_vec()) flat_map($r.unpack())] $($op)*)
    };

    (@ $r:ident $c:tt question $($op:ident)*) => {
        chain!(@add $r $c question [map($r.attempt::<Failure>())?] $($op)*)
    };
    (@ $r:ident $c:tt other_question $($op:ident)*) => {
        chain!(@add $r $c other_question [map($r.attempt::<Other>())?] $($op)*)
    };
    (@ $r:ident $c:tt try_map $($op:ident)*) => {
        chain!(@add $r $c try_map [try_map($r.attempt::<Failure>())] $($op)*)
    };
    (@ $r:ident $c:tt fails_with $($op:ident)*) => {
        chain!(@add $r $c fails_with [fails_with::<Failure>() inspect($r.look())] $($op)*)
    };
    (@ $r:ident $c:tt catch $($op:ident)*) => { chain!(@add $r $c catch [catch($r.recover())] $($op)*) };
    (@ $r:ident $c:tt catch_or_fail $($op:ident)*) => {
        chain!(@add $r $c catch_or_fail [catch($r.recover_or_fail())] $($op)*)
    };

    (@add $r:ident { [$($stages:tt)*] [$($methods:tt)*] [$($done:ident)*] } $name:ident
        [$call:ident($($arg:tt)*)?] $($op:ident)*
    ) => {
        chain!(@ $r {
            [$($stages)* |> $call($($arg)*)?] [$($methods)*.$call($($arg)*).or_fail()] [$($done)* $name]
        } $($op)*)
    };
    (@add $r:ident { [$($stages:tt)*] [$($methods:tt)*] [$($done:ident)*] } $name:ident
        [$($call:ident $(::<$type:ty>)? ($($arg:tt)*))+] $($op:ident)*
    ) => {
        chain!(@ $r {
            [$($stages)* $(|> $call $(::<$type>)? ($($arg)*))+]
            [$($methods)* $(.$call $(::<$type>)? ($($arg)*))+]
            [$($done)* $name]
        } $($op)*)
    };

    (@ $r:ident { [$($stages:tt)*] [$($methods:tt)*] [$($done:ident)*] }) => {
        Chain {
            names: &[$(stringify!($done)),*],
            fused: |$r| consume(pipeline! { $($stages)* }, $r),
            methods: |$r| consume($($methods)*, $r),
        }
    };
}

/// All chains of one operator of each list, behind a source.
macro_rules! chains {
    ($source:ident $([$($op:ident)*])*) => {{
        let mut chains = Vec::new();
        chains!(@ chains [$source] [$([$($op)*])*]);
        chains
    }};
    (@ $chains:ident [$($done:ident)*] []) => {
        $chains.push(chain!($($done)*))
    };
    (@ $chains:ident $done:tt [$list:tt $($lists:tt)*]) => {
        chains!(@each $chains $done $list [$($lists)*])
    };
    (@each $chains:ident $done:tt [$($op:ident)*] $lists:tt) => {
        $(chains!(@one $chains $done $op $lists);)*
    };
    (@one $chains:ident [$($done:ident)*] $op:ident $lists:tt) => {
        chains!(@ $chains [$($done)* $op] $lists)
    };
}

fn pairs() -> Vec<Chain> {
    chains!(stream
        [map filter filter_map inspect enumerate take skip scan batch question]
        [map filter filter_map inspect enumerate take skip scan batch question])
}

fn pairs_that_fail() -> Vec<Chain> {
    chains!(stream [question other_question try_map fails_with] [question other_question try_map fails_with])
}

fn triples() -> Vec<Chain> {
    chains!(vec [take batch question] [skip take batch question] [map take batch question])
}

fn triples_of_a_source_that_fails() -> Vec<Chain> {
    chains!(results [take scan batch] [filter take question] [skip take batch other_question])
}

fn caught() -> Vec<Chain> {
    chains!(stream [question] [map take batch] [catch catch_or_fail] [skip take batch question])
}

fn caught_twice() -> Vec<Chain> {
    chains!(results [take batch] [catch_or_fail] [skip question] [catch] [take other_question])
}

/// The other operators that need no clock, between those that stop, fail, drop and hold.
fn others() -> Vec<Chain> {
    chains!(stream [take question]
        [take_while skip_while map_while skip_last take_last step_by distinct changes pairwise reduce intersperse start_with
            default_if_empty batch_while window]
        [skip batch])
}

fn others_of_a_source_that_fails() -> Vec<Chain> {
    chains!(results
        [take_while skip_while map_while skip_last take_last step_by distinct changes pairwise reduce intersperse start_with
            default_if_empty batch_while window]
        [catch_or_fail] [map])
}

fn long() -> Vec<Chain> {
    let mut long = chains!(
        stream[map][filter][scan][enumerate][inspect][skip][filter_map][question][try_map][map][take]
    );
    long.extend(chains!(
        results[map][skip][filter][question][scan][other_question][catch][enumerate][batch][filter_map]
            [question][take][inspect][catch_or_fail][skip]
    ));
    long
}

proptest! {
    #![proptest_config(config(64))]

    #[test]
    fn pairs_agree(given in given(0..=20)) {
        agree(&pairs(), &given)?;
    }

    #[test]
    fn pairs_that_fail_agree(given in given(0..=20)) {
        agree(&pairs_that_fail(), &given)?;
    }

    #[test]
    fn triples_agree(given in given(0..=20)) {
        agree(&triples(), &given)?;
    }

    #[test]
    fn triples_of_a_source_that_fails_agree(given in given(0..=20)) {
        agree(&triples_of_a_source_that_fails(), &given)?;
    }

    #[test]
    fn chains_that_catch_agree(given in given(0..=40)) {
        agree(&caught(), &given)?;
    }

    #[test]
    fn chains_that_catch_twice_agree(given in given(0..=40)) {
        agree(&caught_twice(), &given)?;
    }

    #[test]
    fn chains_of_the_other_operators_agree(given in given(0..=20)) {
        agree(&others(), &given)?;
    }

    #[test]
    fn chains_of_the_other_operators_behind_errors_agree(given in given(0..=30)) {
        agree(&others_of_a_source_that_fails(), &given)?;
    }

    #[test]
    fn long_chains_agree(given in given(0..=80)) {
        agree(&long(), &given)?;
    }
}

proptest! {
    // Few: they are longer than the budget of a source, and of the drives of a `catch`.
    #![proptest_config(config(2))]

    #[test]
    fn chains_agree_on_many_items(given in given(4000..=9000)) {
        for chains in [pairs(), triples_of_a_source_that_fails(), caught_twice(), long()] {
            agree(&chains, &given)?;
        }
    }
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { max_shrink_iters: 2000, ..seeded(cases) }
}

fn agree(chains: &[Chain], given: &Rc<Given>) -> TestCaseResult {
    assert!(!chains.is_empty());
    for chain in chains {
        let _named = NamedInPanics(chain.names);
        let fused = (chain.fused)(&Run::new(given));
        let methods = (chain.methods)(&Run::new(given));
        prop_assert_eq!(
            &fused,
            &methods,
            "left is the fused form, right the methods: {}",
            chain.names.join(" |> ")
        );
        let (items, error) = model(chain.names, given);
        prop_assert_eq!(
            (fused.items, fused.error),
            (items, error),
            "right is the model: {}",
            chain.names.join(" |> ")
        );
    }
    Ok(())
}

/// Two forms of the same pipeline.
struct Chain {
    names: &'static [&'static str],
    fused: fn(&Run) -> Seen,
    methods: fn(&Run) -> Seen,
}

struct NamedInPanics(&'static [&'static str]);

impl Drop for NamedInPanics {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("in the chain {}", self.0.join(" |> "));
        }
    }
}

/// What proptest draws.
#[derive(Debug)]
struct Given {
    source: Vec<Beat>,
    /// What the operators are given, by their place in the chain.
    knobs: Vec<Knobs>,
    /// How many items are taken by `next`.
    by_next: usize,
    /// How many items each drive after that takes before it breaks. The rest goes into a terminal.
    by_chunks: Vec<usize>,
}

#[derive(Clone, Copy, Debug)]
enum Beat {
    Item(i64),
    /// An error, of a source that can fail.
    Error(i64),
    /// Pending once, and awake at once.
    Pending,
}

#[derive(Clone, Copy, Debug)]
struct Knobs {
    factor: i64,
    modulus: i64,
    count: usize,
    size: usize,
    recover: [Decision; 3],
}

#[derive(Clone, Copy, Debug)]
enum Decision {
    Skip,
    With(i64),
    Stop,
    Fail,
}

fn given(length: RangeInclusive<usize>) -> impl Strategy<Value = Rc<Given>> {
    let beat = prop_oneof![
        6 => (-20..20i64).prop_map(Beat::Item),
        1 => (-20..20i64).prop_map(Beat::Error),
        2 => Just(Beat::Pending),
    ];
    let decision = prop_oneof![
        6 => Just(Decision::Skip),
        4 => (100..120i64).prop_map(Decision::With),
        1 => Just(Decision::Stop),
        1 => Just(Decision::Fail),
    ];
    let knobs = (-3..4i64, 1..6i64, 0..8usize, 1..5usize, [decision.clone(), decision.clone(), decision])
        .prop_map(|(factor, modulus, count, size, recover)| Knobs { factor, modulus, count, size, recover });
    (
        prop::collection::vec(beat, length),
        prop::collection::vec(knobs, PLACES),
        prop_oneof![Just(0), 0..6usize, Just(usize::MAX)],
        prop::collection::vec(1..5usize, 0..4),
    )
        .prop_map(|(source, knobs, by_next, by_chunks)| Rc::new(Given { source, knobs, by_next, by_chunks }))
}

/// The longest chain, and its source.
const PLACES: usize = 16;

impl Knobs {
    fn linear(self, x: i64) -> i64 {
        x.wrapping_mul(self.factor).wrapping_add(1)
    }

    fn keeps(self, x: i64) -> bool {
        self.modulus == 1 || x.rem_euclid(self.modulus) != 0
    }

    fn decide(self, failure: Failure) -> Decision {
        self.recover[failure.item.rem_euclid(3) as usize]
    }
}

/// What the operators do, to a `Vec`: the items, and the first error that is left.
fn model(names: &[&str], given: &Given) -> (Vec<i64>, Option<Failure>) {
    let source = given.source.iter().filter_map(|beat| match *beat {
        Beat::Item(item) => Some(Ok(item)),
        Beat::Error(item) if names[0] == "results" => Some(Err(Failure { place: 0, item })),
        Beat::Error(item) => Some(Ok(item)),
        Beat::Pending => None,
    });
    let operators = names.iter().enumerate().skip(1);
    let events = operators.fold(source.collect(), |events, (place, name)| {
        operator_on_vec(name, place, given.knobs[place], events)
    });
    let error = events.iter().find_map(|event| event.err());
    (events.into_iter().map_while(Result::ok).collect(), error)
}

type Event = Result<i64, Failure>;

fn operator_on_vec(name: &str, place: usize, knobs: Knobs, events: Vec<Event>) -> Vec<Event> {
    let attempt = |item| if knobs.keeps(item) { Ok(item) } else { Err(Failure { place, item }) };
    match name {
        "inspect" | "fails_with" => events,
        "batch" => batched(events, knobs.size),
        "map" => on_items(events, |x| Some(Ok(knobs.linear(x)))),
        "filter" => on_items(events, |x| knobs.keeps(x).then_some(Ok(x))),
        "filter_map" => on_items(events, |x| knobs.keeps(x).then(|| Ok(knobs.linear(x)))),
        "question" | "other_question" | "try_map" => on_items(events, |x| Some(attempt(x))),
        "enumerate" => {
            let mut indices = 0..;
            on_items(events, |x| indices.next().map(|index| Ok(x + index)))
        }
        "scan" => {
            let mut sum = 0i64;
            on_items(events, |x| {
                sum = sum.wrapping_add(x);
                Some(Ok(sum))
            })
        }
        "skip" => {
            let mut left = knobs.count;
            on_items(events, |x| match left {
                0 => Some(Ok(x)),
                _ => {
                    left -= 1;
                    None
                }
            })
        }
        "take" => until_taken(events, knobs.count),
        "take_while" => until_dropped(events, |x| knobs.keeps(x).then_some(x)),
        "map_while" => until_dropped(events, |x| knobs.keeps(x).then(|| knobs.linear(x))),
        "skip_while" => {
            let mut skipping = true;
            on_items(events, |x| {
                skipping = skipping && knobs.keeps(x);
                (!skipping).then_some(Ok(x))
            })
        }
        "step_by" => {
            let mut index = 0..;
            on_items(events, |x| index.next().filter(|at| at % knobs.size == 0).map(|_| Ok(x)))
        }
        "skip_last" => {
            let mut held = VecDeque::new();
            on_items(events, |x| {
                held.push_back(x);
                if held.len() > knobs.count { held.pop_front().map(Ok) } else { None }
            })
        }
        "take_last" => on_runs(events, |run, _| run[run.len().saturating_sub(knobs.count)..].to_vec()),
        "distinct" => {
            let mut seen = HashSet::new();
            on_items(events, |x| seen.insert(residue(x)).then(|| Ok(residue(x))))
        }
        "changes" => {
            let mut last = None;
            on_items(events, |x| (last.replace(residue(x)) != last).then(|| Ok(residue(x))))
        }
        "pairwise" => {
            let mut last = None;
            on_items(events, |x| last.replace(x).map(|previous| Ok(joined((previous, x)))))
        }
        "reduce" => on_runs(events, |run, ends| {
            run.iter().copied().filter(|_| ends).reduce(i64::wrapping_add).into_iter().collect()
        }),
        "intersperse" => {
            let mut first = true;
            let with_separator = |event: Event| match event {
                Ok(x) if !std::mem::take(&mut first) => vec![Ok(7), Ok(x)],
                event => vec![event],
            };
            events.into_iter().flat_map(with_separator).collect()
        }
        "start_with" => [1, 2, 3].map(Ok).into_iter().chain(events).collect(),
        "default_if_empty" => {
            let empty = events.iter().all(Result::is_err);
            events.into_iter().chain(empty.then_some(Ok(9))).collect()
        }
        "batch_while" => on_runs(events, |run, _| {
            let with_length = |batch: &[i64]| [&[batch.len() as i64], batch].concat();
            run.chunk_by(alike).flat_map(with_length).collect()
        }),
        "window" => on_runs(events, |run, _| {
            let with_length = |window: &[i64]| [&[window.len() as i64], window].concat();
            run.windows(knobs.size).flat_map(with_length).collect()
        }),
        "catch" => caught_on_vec(events, place, |failure| match knobs.decide(failure) {
            Decision::Fail => Decision::Skip,
            decision => decision,
        }),
        "catch_or_fail" => caught_on_vec(events, place, |failure| knobs.decide(failure)),
        _ => panic!("the model has no {name}"),
    }
}

/// Operators see no errors.
fn on_items(events: Vec<Event>, mut f: impl FnMut(i64) -> Option<Event>) -> Vec<Event> {
    events.into_iter().filter_map(|event| event.map_or_else(|error| Some(Err(error)), &mut f)).collect()
}

/// What flushes at an error: each run of items between errors, and whether the end follows it.
fn on_runs(events: Vec<Event>, f: impl Fn(&[i64], bool) -> Vec<i64>) -> Vec<Event> {
    let mut out = Vec::new();
    let mut run = Vec::new();
    for event in events {
        match event {
            Ok(item) => run.push(item),
            Err(error) => {
                out.extend(f(&std::mem::take(&mut run), false).into_iter().map(Ok));
                out.push(Err(error));
            }
        }
    }
    out.extend(f(&run, true).into_iter().map(Ok));
    out
}

fn until_dropped(events: Vec<Event>, f: impl Fn(i64) -> Option<i64>) -> Vec<Event> {
    events
        .into_iter()
        .map_while(|event| event.map_or_else(|error| Some(Err(error)), |x| f(x).map(Ok)))
        .collect()
}

fn residue(x: i64) -> i64 {
    x.rem_euclid(5)
}

fn joined((previous, x): (i64, i64)) -> i64 {
    previous.wrapping_mul(31).wrapping_add(x)
}

fn alike(previous: &i64, x: &i64) -> bool {
    residue(*previous) <= residue(*x)
}

fn until_taken(events: Vec<Event>, count: usize) -> Vec<Event> {
    let mut left = count;
    let taken = events.into_iter().take_while(|event| {
        let goes_on = left > 0;
        left -= usize::from(goes_on && event.is_ok());
        goes_on
    });
    taken.collect()
}

/// Each batch as its length and its items; an error flushes the open one.
fn batched(events: Vec<Event>, size: usize) -> Vec<Event> {
    let same_batch = |a: &Event, b: &Event| a.is_ok() && b.is_ok();
    let batches = events.chunk_by(same_batch).flat_map(|run| run.chunks(size));
    let with_length = |batch: &[Event]| {
        let length = batch[0].is_ok().then_some(Ok(batch.len() as i64));
        length.into_iter().chain(batch.to_vec()).collect::<Vec<_>>()
    };
    batches.flat_map(with_length).collect()
}

fn caught_on_vec(events: Vec<Event>, place: usize, decide: impl Fn(Failure) -> Decision) -> Vec<Event> {
    let mut out = Vec::new();
    for event in events {
        match event.map_err(|failure| (decide(failure), failure.item)) {
            Ok(item) | Err((Decision::With(item), _)) => out.push(Ok(item)),
            Err((Decision::Skip, _)) => {}
            Err((Decision::Stop, _)) => break,
            Err((Decision::Fail, item)) => out.push(Err(Failure { place, item })),
        }
    }
    out
}

/// One run of one form: hands the operators their closures, which note each call.
#[derive(Clone)]
struct Run {
    given: Rc<Given>,
    place: Cell<usize>,
    notes: Rc<RefCell<Vec<Note>>>,
}

/// What happens in a run, in order: it must be the same in both forms.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Note {
    Called { place: usize, item: i64 },
    Got(i64),
    SourceFreed,
}

impl Run {
    fn new(given: &Rc<Given>) -> Self {
        Self { given: given.clone(), place: Cell::new(0), notes: Rc::default() }
    }

    fn got(&self, item: i64) {
        self.notes.borrow_mut().push(Note::Got(item));
    }

    fn stream(&self) -> Beats<impl Fn(Event) -> i64 + use<>> {
        self.beats(|event: Event| event.unwrap_or_else(|failure| failure.item))
    }

    fn results(&self) -> Beats<impl Fn(Event) -> Event + use<>> {
        self.beats(|event| event)
    }

    fn vec(&self) -> Vec<i64> {
        let items = self.given.source.iter().filter_map(|beat| match *beat {
            Beat::Item(item) | Beat::Error(item) => Some(item),
            Beat::Pending => None,
        });
        items.collect()
    }

    fn beats<F>(&self, give: F) -> Beats<F> {
        Beats { given: self.given.clone(), at: 0, give, notes: self.notes.clone() }
    }

    /// What the operator at the next place is given, and what notes its calls.
    fn next(&self) -> (usize, Knobs, impl Fn(i64) + use<>) {
        let place = self.place.get() + 1;
        self.place.set(place);
        let notes = self.notes.clone();
        (place, self.given.knobs[place], move |item| notes.borrow_mut().push(Note::Called { place, item }))
    }

    fn linear(&self) -> impl FnMut(i64) -> i64 + use<> {
        let (_, knobs, note) = self.next();
        move |x| {
            note(x);
            knobs.linear(x)
        }
    }

    fn keeps(&self) -> impl FnMut(&i64) -> bool + use<> {
        let (_, knobs, note) = self.next();
        move |x| {
            note(*x);
            knobs.keeps(*x)
        }
    }

    fn linear_if_kept(&self) -> impl FnMut(i64) -> Option<i64> + use<> {
        let (_, knobs, note) = self.next();
        move |x| {
            note(x);
            knobs.keeps(x).then(|| knobs.linear(x))
        }
    }

    fn look(&self) -> impl FnMut(&i64) + use<> {
        let (.., note) = self.next();
        move |x| note(*x)
    }

    fn add_index(&self) -> impl FnMut((usize, i64)) -> i64 + use<> {
        let (.., note) = self.next();
        move |(index, x)| {
            note(x);
            x + index as i64
        }
    }

    fn count(&self) -> usize {
        self.next().1.count
    }

    /// The size of a batch; [`unpack`](Self::unpack) is given to the same place.
    fn size(&self) -> usize {
        self.given.knobs[self.place.get() + 1].size
    }

    fn one_size(&self) -> usize {
        self.next().1.size
    }

    fn residue(&self) -> impl FnMut(i64) -> i64 + use<> {
        let (.., note) = self.next();
        move |x| {
            note(x);
            residue(x)
        }
    }

    fn join(&self) -> impl FnMut((i64, i64)) -> i64 + use<> {
        let (.., note) = self.next();
        move |pair| {
            note(pair.1);
            joined(pair)
        }
    }

    fn add(&self) -> impl FnMut(i64, i64) -> i64 + use<> {
        let (.., note) = self.next();
        move |sum, x| {
            note(x);
            sum.wrapping_add(x)
        }
    }

    fn unpack(&self) -> impl FnMut(Vec<i64>) -> Vec<i64> + use<> {
        let (.., note) = self.next();
        move |mut batch| {
            let length = batch.len() as i64;
            note(length);
            batch.insert(0, length);
            batch
        }
    }

    fn accumulate(&self) -> impl FnMut(&mut i64, i64) -> i64 + use<> {
        let (.., note) = self.next();
        move |sum, x| {
            note(x);
            *sum = sum.wrapping_add(x);
            *sum
        }
    }

    fn attempt<E: From<Failure>>(&self) -> impl FnMut(i64) -> Result<i64, E> + use<E> {
        let (place, knobs, note) = self.next();
        move |item| {
            note(item);
            if knobs.keeps(item) { Ok(item) } else { Err(Failure { place, item }.into()) }
        }
    }

    fn recover<E: Into<Failure>>(&self) -> impl FnMut(E) -> Recover<i64> + use<E> {
        let (_, knobs, note) = self.next();
        move |error| {
            let failure = error.into();
            note(failure.item);
            match knobs.decide(failure) {
                Decision::Skip | Decision::Fail => Recover::Skip,
                Decision::With(item) => Recover::With(item),
                Decision::Stop => Recover::Stop,
            }
        }
    }

    fn recover_or_fail<E: Into<Failure>>(&self) -> impl FnMut(E) -> Result<Recover<i64>, Other> + use<E> {
        let (place, knobs, note) = self.next();
        move |error| {
            let Failure { item, .. } = error.into();
            note(item);
            match knobs.decide(Failure { place, item }) {
                Decision::Skip => Ok(Recover::Skip),
                Decision::With(item) => Ok(Recover::With(item)),
                Decision::Stop => Ok(Recover::Stop),
                Decision::Fail => Recover::Fail(Other(Failure { place, item })),
            }
        }
    }
}

/// Where an error was made, and of which item.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Failure {
    place: usize,
    item: i64,
}

/// A second type of error, so that `?` has something to convert.
struct Other(Failure);

impl From<Other> for Failure {
    fn from(other: Other) -> Self {
        other.0
    }
}

impl From<Failure> for Other {
    fn from(failure: Failure) -> Self {
        Self(failure)
    }
}

/// The source as a stream.
struct Beats<F> {
    given: Rc<Given>,
    at: usize,
    give: F,
    notes: Rc<RefCell<Vec<Note>>>,
}

impl<F> Unpin for Beats<F> {}

impl<T, F: Fn(Event) -> T> Stream for Beats<F> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let beat = self.given.source.get(self.at).copied();
        assert!(self.at <= self.given.source.len(), "the source was polled after its end");
        self.at += 1;
        Poll::Ready(match beat {
            Some(Beat::Item(item)) => Some((self.give)(Ok(item))),
            Some(Beat::Error(item)) => Some((self.give)(Err(Failure { place: 0, item }))),
            Some(Beat::Pending) => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            None => None,
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let items =
            self.given.source.iter().skip(self.at).filter(|beat| !matches!(beat, Beat::Pending)).count();
        (items, Some(items))
    }
}

impl<F> Drop for Beats<F> {
    fn drop(&mut self) {
        self.notes.borrow_mut().push(Note::SourceFreed);
    }
}

/// Everything that a run gave and did.
#[derive(Debug, PartialEq)]
struct Seen {
    items: Vec<i64>,
    error: Option<Failure>,
    notes: Vec<Note>,
}

fn consume<F: Flow<Item = i64, Error: Told> + Unpin + 'static>(pipe: Pipe<F>, run: &Run) -> Seen {
    let (at_least, at_most) = Stream::size_hint(&pipe);
    let error = block_on(consume_in_three_ways(Box::new(pipe), run)).err();
    let notes = run.notes.take();
    let items = notes.iter().filter_map(|note| if let Note::Got(item) = *note { Some(item) } else { None });
    let items: Vec<_> = items.collect();
    let given = items.len() + usize::from(error.is_some());
    assert!(at_least <= given && at_most.is_none_or(|most| given <= most), "an honest size hint");
    Seen { items, error, notes }
}

/// First by `next`, then by drives that break, the rest by a terminal.
async fn consume_in_three_ways(mut pipe: Box<dyn Handle>, run: &Run) -> Result<(), Failure> {
    for _ in 0..run.given.by_next {
        match poll_fn(|cx| pipe.poll_item(cx)).await {
            Some(Ok(item)) => run.got(item),
            end => {
                let again = poll_fn(|cx| pipe.poll_item(cx)).await;
                assert!(again.is_none() && pipe.is_terminated(), "ended stays ended");
                return end.map_or(Ok(()), |error| error.map(drop));
            }
        }
    }
    for size in &run.given.by_chunks {
        let mut chunk = Chunk { left: *size, run };
        let driven = poll_fn(|cx| pipe.poll_chunk(cx, &mut chunk)).await;
        assert_eq!(chunk.left == 0, driven == Ok(Drive::Paused), "paused when and only when down broke");
        if driven? == Drive::Ended {
            return Ok(());
        }
    }
    let run = run.clone();
    pipe.for_each(Box::new(move |item| run.got(item))).await
}

/// A pipeline without its type, so that little is compiled for each chain.
trait Handle {
    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<i64, Failure>>>;

    fn is_terminated(&self) -> bool;

    fn poll_chunk(&mut self, cx: &mut Context<'_>, chunk: &mut Chunk<'_>) -> Poll<Result<Drive, Failure>>;

    fn for_each(self: Box<Self>, got: Box<dyn FnMut(i64)>) -> LocalBoxFuture<'static, Result<(), Failure>>;
}

impl<F: Flow<Item = i64, Error: Told> + Unpin + 'static> Handle for Pipe<F> {
    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<i64, Failure>>> {
        self.poll_next_unpin(cx).map(|item| item.map(F::Error::told))
    }

    fn is_terminated(&self) -> bool {
        FusedStream::is_terminated(self)
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>, chunk: &mut Chunk<'_>) -> Poll<Result<Drive, Failure>> {
        Pin::new(self).poll_drive(cx, chunk).map_err(Told::failure)
    }

    fn for_each(self: Box<Self>, got: Box<dyn FnMut(i64)>) -> LocalBoxFuture<'static, Result<(), Failure>> {
        Self::for_each(*self, got).map(F::Error::told).boxed_local()
    }
}

/// Breaks after some items.
struct Chunk<'a> {
    left: usize,
    run: &'a Run,
}

impl Downstream<i64> for Chunk<'_> {
    fn push(&mut self, item: i64) -> ControlFlow<()> {
        assert!(self.left > 0, "pushed after a break");
        self.run.got(item);
        self.left -= 1;
        if self.left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// The same of a pipeline that can fail and of one that cannot.
trait Told: Fault {
    fn told<T>(of: Self::Of<T>) -> Result<T, Failure>;

    fn failure(self) -> Failure;
}

impl Told for Infallible {
    fn told<T>(of: T) -> Result<T, Failure> {
        Ok(of)
    }

    fn failure(self) -> Failure {
        match self {}
    }
}

impl<E: Into<Failure>> Told for Failed<E> {
    fn told<T>(of: Result<T, E>) -> Result<T, Failure> {
        of.map_err(E::into)
    }

    fn failure(self) -> Failure {
        self.0.into()
    }
}

/// Polls only who was woken, so that a lost wake-up is a failure and not a test that never ends.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    let woken = Arc::new(Woken(AtomicBool::new(true)));
    let waker = woken.clone().into();
    let mut future = pin!(future);
    while woken.0.swap(false, Ordering::Relaxed) {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
    }
    panic!("pending, and nobody will wake it");
}
