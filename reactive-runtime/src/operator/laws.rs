//! The laws of all operators: a row an operator, a test a law.
//!
//! A row says how the operator is put below a pipeline of `u32`s. Where a law cannot hold for one, the row says so and why.

mod driving;
mod script;

use std::fmt::Debug;
use std::future::ready;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::StreamExt;

use self::driving::{
    EVERY, Seen, block_on, drive, drive_to_the_end, drive_with, drop_after, ends_for_good, hints_honestly,
    in_turns, lets_go_on, outputs_and_inputs, turn, wakes_whoever_waits,
};
use self::script::{ALIVE, Event, FALTERING, STEADY, Script, Slow};
use super::left_off::LeftOff;
use super::{Off, Recover};
use crate::backpressure::{
    Adaptive, Block, BlockFor, Conflate, DropAll, DropIncoming, DropLate, DropLowest, DropNewest, DropOldest,
    Fail, Latest, Overloaded, Sample, TripOnOverload,
};
use crate::circuit_breaker::CircuitBreaker;
use crate::fault::Fault;
use crate::flow::{BUDGET, Drive, Flow};
use crate::flow_control::{FlowControlConfig, adaptive};
use crate::pipe::Pipe;
use crate::processor::{OnFailure, ProcessError, StreamConfig, StreamProcessor};
use crate::rate::Rate;
use crate::retry::Retry;
use crate::units::{d, h, ms};

/// So that a strategy which fails has its place behind whatever else does.
impl From<Overloaded<Self>> for u32 {
    fn from(Overloaded(item): Overloaded<Self>) -> Self {
        item
    }
}

fn odd(x: u32) -> Result<u32, u32> {
    if x % 2 == 1 { Ok(x) } else { Err(x) }
}

/// Flow control at a pace that holds nothing back.
fn unpaced() -> FlowControlConfig {
    let fast = 1e12;
    FlowControlConfig { initial_rate: fast, min_rate: fast, max_rate: fast, ..FlowControlConfig::default() }
}

fn odd_text(x: u32) -> Result<u32, String> {
    odd(x).map_err(|x| x.to_string())
}

fn processor(config: StreamConfig) -> StreamProcessor {
    StreamProcessor::new(config).expect("the config is right")
}

/// An error of a pipeline with a processor: the item.
#[derive(Debug)]
struct Told(u32);

impl From<u32> for Told {
    fn from(item: u32) -> Self {
        Self(item)
    }
}

impl From<ProcessError<u32>> for Told {
    fn from(error: ProcessError<u32>) -> Self {
        match error {
            ProcessError::Failed(letter) => Self(letter.item),
            error => panic!("{error}"),
        }
    }
}

/// The source that an item starts: once.
fn only<F: Flow>(p: Pipe<F>) -> impl FnMut(u32) -> Pipe<F> {
    let mut p = Some(p);
    move |_| p.take().expect("there is one item")
}

macro_rules! laws {
    ($($name:ident($p:ident) => $row:expr $(, except $law:ident = $reason:literal)*;)*) => {$(
        mod $name {
            use super::*;

            const EXCEPT: &[(&str, &str)] = &[$((stringify!($law), $reason)),*];

            /// Nothing is polled before the first poll, and progress is none.
            #[test]
            fn is_lazy() {
                let (source, probe) = Script::of(&STEADY);
                let $p = Pipe::new(source);
                let mut pipe = Box::pin($row);
                pipe.as_mut().poll_progress(&mut Context::from_waker(Waker::noop()));
                assert_eq!(probe.polls(), 0);
            }

            /// The contract of `poll_drive`: `Paused` when and only when downstream broke, no item after a break; and
            /// whatever breaks and wherever the source is pending, the same items and errors come in the same order.
            #[test]
            fn loses_nothing_when_downstream_breaks_at_any_item() {
                let run = |script: &[Event], break_at: Option<usize>| {
                    let $p = Pipe::new(Script::that_wakes(script));
                    drive_to_the_end($row, break_at)
                };
                let expected = run(&STEADY, None);
                for break_at in 0..expected.len() {
                    assert_same(run(&STEADY, Some(break_at)), &expected);
                }
                assert_same(run(&STEADY, Some(EVERY)), &expected);
                assert_same(run(&FALTERING, None), &expected);
                assert_same(run(&FALTERING, Some(EVERY)), &expected);
            }

            /// Work in flight may go on between any two items: the same items and errors come in the same order.
            #[test]
            fn loses_nothing_while_work_goes_on() {
                if !holds("no_loss") {
                    return;
                }
                let run = |script: &[Event], break_at: Option<usize>, progress: usize| {
                    let $p = Pipe::new(Script::of(script).0).try_map(|x| if x % 5 == 3 { Err(x) } else { Ok(x) });
                    drive($row, break_at, progress)
                };
                for script in [&STEADY[..], &FALTERING] {
                    for break_at in [None, Some(EVERY)] {
                        assert_same(run(script, break_at, 2), &run(script, break_at, 0));
                    }
                }
            }

            /// Whoever lets its reader wait, or is not asked, lets what is above it go on.
            #[test]
            fn leaves_no_work_asleep() {
                if !holds("one_task") {
                    return;
                }
                for script in [&STEADY[..], &FALTERING] {
                    for break_at in [None, Some(EVERY)] {
                        let (source, note) = LeftOff::watch(Script::of(script).0);
                        let $p = source.try_map(|x| if x % 5 == 3 { Err(x) } else { Ok(x) });
                        lets_go_on($row, &note, break_at);
                    }
                }
            }

            /// The same with errors that come from above: each stays at its place.
            #[test]
            fn passes_errors_at_their_places() {
                let run = |break_at: Option<usize>| {
                    let $p = Pipe::new(Script::of(&STEADY).0).try_map(|x| if x % 5 == 3 { Err(x) } else { Ok(x) });
                    drive_to_the_end($row, break_at)
                };
                let expected = run(None);
                for break_at in 0..expected.len() {
                    assert_same(run(Some(break_at)), &expected);
                }
                assert_same(run(Some(EVERY)), &expected);
            }

            /// After the end the end comes again, and the source is not polled.
            #[test]
            fn ends_once() {
                let (source, probe) = Script::of(&STEADY);
                let $p = Pipe::new(source);
                ends_for_good($row, &probe);
            }

            /// Who gets `Pending` is woken: by the source, or by the pipeline itself.
            #[test]
            fn wakes() {
                let (source, probe) = Script::of(&FALTERING);
                let $p = Pipe::new(source);
                wakes_whoever_waits($row, &probe);
            }

            /// What stops early frees its source with the item at which it stops.
            #[test]
            fn drops_its_source_on_an_early_stop() {
                let (source, probe) = Script::of(&STEADY);
                let $p = Pipe::new(source);
                let mut first = $row.take(1);
                let _ = block_on(first.next());
                turn();
                assert_eq!(probe.drops(), 1);
            }

            /// Dropped after any number of polls, it drops its source once and keeps no waker.
            #[test]
            fn can_be_dropped_at_any_poll() {
                for polls in 0..3 * FALTERING.len() {
                    let (source, probe) = Script::of(&FALTERING);
                    let $p = Pipe::new(source);
                    drop_after(polls, $row, &probe);
                }
            }

            /// What remains lies between the bounds of `size_hint`, after every item.
            #[test]
            fn has_an_honest_size_hint() {
                for script in [&STEADY[..], &FALTERING, &[]] {
                    let $p = Pipe::new(Script::that_wakes(script));
                    hints_honestly($row);
                }
            }

            /// It asks for no item more than it needs for those that were taken.
            #[test]
            fn does_not_look_ahead() {
                if !holds("no_look_ahead") {
                    return;
                }
                let taken_after = |script: &[Event]| {
                    let (source, probe) = Script::of(script);
                    let $p = Pipe::new(source);
                    outputs_and_inputs($row, &probe)
                };
                for (outputs, inputs) in taken_after(&STEADY) {
                    // One item less, then nothing for ever: it cannot have given as much.
                    let Some(fewer) = inputs.checked_sub(1).filter(|_| inputs < STEADY.len()) else { continue };
                    let mut short = STEADY[..fewer].to_vec();
                    short.push(Event::Never);
                    let reached = taken_after(&short).len();
                    assert!(reached < outputs, "{inputs} items were taken for {outputs}, {fewer} give {reached}");
                }
            }

            /// Ten million ready items go through a small stack; of slow ones, which cost much more, some fewer.
            #[test]
            fn has_a_flat_stack() {
                if !holds("many_items") {
                    return;
                }
                let run = || {
                    let $p = Pipe::new(0..if holds("ready") { 10_000_000 } else { 300_000u32 });
                    let mut pipe = Box::pin($row);
                    let mut seen = Seen { items: 0 };
                    drive_with(pipe.as_mut(), &mut seen);
                };
                std::thread::Builder::new().stack_size(128 * 1024).spawn(run).unwrap().join().unwrap();
            }

            /// However much is ready, a poll takes and gives a bounded number of items.
            #[test]
            fn does_bounded_work_in_a_poll() {
                if !holds("bounded_work") {
                    return;
                }
                let taken = Arc::new(AtomicUsize::new(0));
                let counter = taken.clone();
                let count = move |_: &u32| { counter.fetch_add(1, Ordering::Relaxed); };
                let items = if holds("many_items") { 200_000u32 } else { 20_000 };
                let $p = Pipe::new(0..items).inspect(count);
                let mut pipe = Box::pin($row);
                let mut cx = Context::from_waker(Waker::noop());
                let ended = Poll::Ready(Ok(Drive::Ended));
                loop {
                    let mut seen = Seen { items: 0 };
                    let before = taken.load(Ordering::Relaxed);
                    let driven = in_turns(|| pipe.as_mut().poll_drive(&mut cx, &mut seen)).map_err(drop);
                    assert!(taken.load(Ordering::Relaxed) - before <= 2 * BUDGET && seen.items <= 4 * BUDGET);
                    if driven == ended {
                        break;
                    }
                }
            }

            /// A panic in a closure downstream passes through, and everything is dropped once.
            #[test]
            fn can_be_dropped_after_a_panic_below() {
                let (source, probe) = Script::of(&STEADY);
                let $p = Pipe::new(source);
                let mut pipe = Box::pin($row.inspect(|_| panic!("below")));
                let drive = || drive_with(pipe.as_mut(), &mut Seen { items: 0 });
                let panicked = catch_unwind(AssertUnwindSafe(drive)).is_err();
                drop(pipe);
                turn();
                assert!(panicked || probe.polls() == 0);
                assert_eq!((probe.drops(), ALIVE.get()), (1, 0));
            }

            /// It is `Send` where its parts are.
            #[test]
            fn is_send() {
                fn assert_send<T: Send>(_: &T) {}
                let $p = Pipe::new(0..3u32);
                assert_send(&$row);
                // Also in a future that awaits it, where a closure takes borrowed items.
                assert_send(&async {
                    let $p = Pipe::new(&[1u32, 2, 3]).map(|x| *x);
                    $row.count().await
                });
            }

            fn assert_same(mut said: Vec<String>, expected: &[String]) {
                let mut expected = expected.to_vec();
                if !holds("one_order") {
                    said.sort_unstable();
                    expected.sort_unstable();
                }
                if holds("one_result") {
                    assert_eq!(said, expected);
                }
            }

            fn holds(law: &str) -> bool {
                EXCEPT.iter().all(|(except, _)| *except != law)
            }
        }
    )*};
}

laws! {
    batch(p) => p.batch(3);
    batch_weighted(p) => p.with(|i| i.batch(3).max_weight(9, |x| *x as usize));
    batch_by(p) => p.with(|i| i.batch_by(|x| x % 3, 2).max_keys(2));
    batch_while(p) => p.with(|i| i.batch_while(|a, b| a / 4 == b / 4).max(3));
    // `boxed_local` is the same flow, only not `Send`.
    boxed(p) => p.boxed(), except no_look_ahead = "it hands over chunks";
    buffer(p) => p.buffer(3);
    buffer_block(p) => p.with(|i| i.buffer(3).backpressure(Block));
    buffer_drop_oldest(p) => p.with(|i| i.buffer(3).backpressure(DropOldest)),
        except no_loss = "it drops what comes while nobody wants it";
    buffer_drop_newest(p) => p.with(|i| i.buffer(3).backpressure(DropNewest)),
        except no_loss = "it drops what comes while nobody wants it";
    buffer_drop_incoming(p) => p.with(|i| i.buffer(3).backpressure(DropIncoming)),
        except no_loss = "it drops what comes while nobody wants it";
    buffer_drop_all(p) => p.with(|i| i.buffer(3).backpressure(DropAll)),
        except no_loss = "it drops what comes while nobody wants it";
    buffer_fail(p) => p.with(|i| i.buffer(3).backpressure(Fail)),
        except no_loss = "it fails for what comes while nobody wants it";
    buffer_latest(p) => p.with(|i| i.buffer(3).backpressure(Latest)),
        except no_loss = "it drops what comes while nobody wants it";
    buffer_conflate(p) => p.with(|i| i.buffer(3).backpressure(Conflate(|sum: &mut u32, x| *sum += x))),
        except no_loss = "it merges what comes while nobody wants it";
    buffer_sample(p) => p.with(|i| i.buffer(3).backpressure(Sample(0.5))),
        except no_loss = "it drops what comes while nobody wants it";
    buffer_adaptive(p) => p.with(|i| i.buffer(3).backpressure(Adaptive::new(ms(50))));
    buffer_block_for(p) => p.with(|i| i.buffer(3).backpressure(BlockFor(h(1), DropOldest)));
    buffer_drop_lowest(p) => p.with(|i| i.buffer(3).backpressure(DropLowest(|x: &u32| *x))),
        except no_loss = "it drops what comes while nobody wants it";
    buffer_drop_late(p) => p.with(|i| i.buffer(3).backpressure(DropLate::by(|_: &u32| h(1)))),
        except no_loss = "it drops what comes while nobody wants it";
    buffer_trip(p) => p.with(|i| i.buffer(3).backpressure(TripOnOverload::new(CircuitBreaker::consecutive(3)).after(h(1))));
    catch_skip(p) => p.try_map(odd).catch(|_| Recover::Skip);
    catch_with(p) => p.try_map(odd).catch(|e| Recover::With(e * 100));
    catch_fail(p) => p.try_map(odd).catch(|e| if e == 4 { Recover::Fail("four") } else { Ok(Recover::Skip) });
    combine_latest(p) => p.combine_latest([7, 8, 9]),
        except one_result = "which items meet depends on the turns, and a break or a wait ends a turn",
        except no_look_ahead = "the other side gives items too";
    concat(p) => p.concat([7, 8, 9]);
    default_if_empty(p) => p.default_if_empty(7);
    distinct(p) => p.map(|x| x % 5).with(|i| i.distinct().capacity(2));
    distinct_by(p) => p.distinct_by(|x| x % 5);
    distinct_ttl(p) => p.with(|i| i.distinct_by(|x| x % 5).ttl(h(1)));
    distinct_until_changed(p) => p.map(|x| x / 3).distinct_until_changed();
    distinct_until_changed_by(p) => p.distinct_until_changed_by(|x| x / 3);
    enumerate(p) => p.enumerate();
    fails_with(p) => p.fails_with::<u64>();
    filter(p) => p.filter(|x| x % 3 != 1);
    filter_async(p) => p.filter_async(|x| ready(x % 3 != 1));
    filter_async_concurrent(p) => p.with(|i| i.filter_async(|x| Slow::new(x % 3 != 1)).concurrency(3)),
        except ready = "its futures pend",
        except no_look_ahead = "it has three items in flight";
    filter_map(p) => p.filter_map(|x| x.checked_sub(2));
    flat_map(p) => p.flat_map(|x| (0..x % 4).map(move |y| (x, y)));
    flat_map_stream(p) => p.flat_map_stream(|x| 0..x % 4);
    flat_map_stream_ahead(p) => p.batch(3).with(|i| i.flat_map_stream(|x| 0..x[0] % 4).concurrency(3)),
        except no_look_ahead = "three sources run at a time";
    flat_map_stream_unordered(p) => p.batch(3).with(|i| i.flat_map_stream(|x| 0..x[0] % 4).unordered()),
        except one_order = "sources take turns, and errors leave at once",
        except no_look_ahead = "sixteen sources run at a time";
    inner_of_flat_map_stream(p) => Pipe::new([0]).flat_map_stream(only(p));
    inner_of_flat_map_stream_ahead(p) => Pipe::new([0]).with(|i| i.flat_map_stream(only(p)).concurrency(3));
    inner_of_flat_map_stream_unordered(p) => Pipe::new([0]).with(|i| i.flat_map_stream(only(p)).unordered());
    inner_of_switch_map(p) => Pipe::new([0]).switch_map(only(p));
    flatten(p) => p.map(|x| [x, x]).flatten();
    inspect(p) => p.inspect(|_| ());
    inspect_err(p) => p.try_map(odd).inspect_err(|_| ());
    intersperse(p) => p.intersperse(7);
    map(p) => p.map(|x| x.wrapping_mul(3));
    map_async(p) => p.map_async(|x| ready(x.wrapping_mul(3)));
    map_async_slow(p) => p.map_async(Slow::new), except ready = "its futures pend";
    map_async_concurrent(p) => p.with(|i| i.map_async(Slow::new).concurrency(3)),
        except ready = "its futures pend",
        except no_look_ahead = "it has three items in flight";
    map_async_unordered(p) => p.with(|i| i.map_async(Slow::new).concurrency(3).unordered()),
        except ready = "its futures pend",
        except one_order = "results come as they are ready",
        except no_look_ahead = "it has three items in flight";
    map_async_per_key(p) => p.with(|i| i.map_async(Slow::new).concurrency(5).per_key(|x| x / 4)),
        except ready = "its futures pend",
        except no_look_ahead = "it has five items in flight";
    map_async_breaker(p) => p
        .with(|i| i.map_async(|x| Slow::new(odd(x))).concurrency(2).circuit_breaker(CircuitBreaker::consecutive(u32::MAX)))
        .or_fail(),
        except no_look_ahead = "it has two items in flight",
        except ready = "its futures pend";
    map_async_breaker_drops(p) => p
        .with(|i| {
            let calls = i.map_async(|x| Slow::new(odd(x))).concurrency(2);
            calls.circuit_breaker(CircuitBreaker::consecutive(u32::MAX)).drop_while_open(|_| ())
        })
        .or_fail(),
        except no_look_ahead = "it has two items in flight",
        except ready = "its futures pend";
    map_async_fails(p) => p.with(|i| i.map_async(|x| Slow::new(odd(x))).concurrency(2)).or_fail(),
        except ready = "its futures pend",
        except no_look_ahead = "it has two items in flight";
    map_async_retry(p) => p
        .with(|i| i.map_async(|x| Slow::new(odd(x))).concurrency(2).retry(Retry::fixed(Duration::ZERO)))
        .map(|result| result.map_err(|error| error.item))
        .or_fail(),
        except no_look_ahead = "it has two items in flight";
    map_err(p) => p.try_map(odd).map_err(|e| e + 1);
    map_while(p) => p.map_while(|x| x.checked_sub(8).is_none().then_some(x));
    merge(p) => p.merge([7, 8, 9]),
        except one_order = "the sides take turns, and a break or a wait ends a turn",
        except no_look_ahead = "the other side gives items too";
    merge_prefer_left(p) => p.with(|i| i.merge([7, 8, 9]).prefer_left()),
        except one_order = "a wait of the left side gives the right one its turn",
        except no_look_ahead = "the other side gives items too";
    merge_end_with_any(p) => p.with(|i| i.merge([7, 8, 9]).end_with_any()),
        except one_result = "which items come before the end of one side depends on the turns",
        except no_look_ahead = "the other side gives items too";
    metered(p) => p.metered(Off);
    on_end(p) => p.on_end(|_| ());
    or_fail(p) => p.map(odd).or_fail();
    pairwise(p) => p.pairwise();
    parallel(p) => p.parallel(2, |x| x ^ 1),
        except no_look_ahead = "it takes an item for each of its threads",
        except many_items = "some 10 µs for each of ten million items are minutes";
    parallel_unordered(p) => p.with(|i| i.parallel(2, |x| x ^ 1).unordered()),
        except one_order = "results come as they are ready",
        except no_look_ahead = "it takes an item for each of its threads",
        except many_items = "some 10 µs for each of ten million items are minutes";
    process(p) => p
        .fails_with::<Told>()
        .process(&StreamProcessor::default(), |x| x ^ 1)
        .map_err(|Told(x)| x),
        except no_look_ahead = "it reads ahead";
    process_batches(p) => p
        .fails_with::<Told>()
        .process(&processor(StreamConfig::default().batch_size(1).max_concurrent_operations(1)), |x| x ^ 1)
        .map_err(|Told(x)| x),
        except ready = "after each batch others have their turns",
        except no_look_ahead = "it reads ahead";
    try_process(p) => p
        .fails_with::<Told>()
        .try_process(&processor(StreamConfig::default().max_retry_attempts(0).on_failure(OnFailure::Fail)), odd_text)
        .map_err(|Told(x)| x),
        except no_look_ahead = "it reads ahead";
    try_process_retry(p) => p
        .fails_with::<Told>()
        .try_process(&processor(StreamConfig::default().retry_delay(Duration::ZERO)), odd_text)
        .map_err(|Told(x)| x),
        except ready = "what failed is tried again later",
        except no_look_ahead = "it has ten items in flight";
    reduce(p) => p.reduce(u32::wrapping_add);
    right_of_combine_latest(p) => Pipe::new([7, 8, 9]).combine_latest(p),
        except one_result = "which items meet depends on the turns, and a break or a wait ends a turn",
        except no_look_ahead = "the other side gives items too";
    right_of_merge(p) => Pipe::new([7, 8, 9]).merge(p),
        except one_order = "the sides take turns, and a break or a wait ends a turn",
        except no_look_ahead = "the other side gives items too";
    right_of_merge_prefer_left(p) => Pipe::new([7, 8, 9]).with(|i| i.merge(p).prefer_left()),
        except one_order = "an error of the right side is a turn",
        except no_look_ahead = "the other side gives items too";
    right_of_with_latest_from(p) => Pipe::new([7, 8, 9]).with_latest_from(p),
        except one_result = "a break or a wait may come before or after its latest item",
        except no_look_ahead = "it takes all that is ready";
    right_of_zip(p) => Pipe::new(100..).zip(p);
    scan(p) => p.scan(0u32, |sum, x| { *sum = sum.wrapping_add(x); *sum });
    session_window_by_time(p) => p.with(|i| i.session_window(ms(2)).max(ms(3)).by_time(|x| u64::from(x ^ 2)).lateness(ms(1)));
    scan_by(p) => p.with(|i| i.scan_by(|x| x % 3, 0u32, |sum, x| { *sum += x % 7; *sum }).max_keys(2));
    scan_by_idle(p) => p.with(|i| i.scan_by(|x| x % 3, 0u32, |sum, x| { *sum += x % 7; *sum }).idle(h(1)));
    skip(p) => p.skip(4);
    skip_last(p) => p.skip_last(3);
    skip_while(p) => p.skip_while(|x| *x < 4);
    spawn(p) => p.spawn(),
        except one_task = "what is above it runs on a task of its own",
        except no_look_ahead = "its task runs ahead";
    spawn_block(p) => p.with(|i| i.spawn().backpressure(Block).capacity(2)),
        except one_task = "what is above it runs on a task of its own",
        except no_look_ahead = "its task runs ahead",
        except many_items = "the tasks take turns of one item, which is long for ten million";
    spawn_drop_oldest(p) => p.with(|i| i.spawn().backpressure(DropOldest).capacity(2)),
        except one_task = "what is above it runs on a task of its own",
        except no_look_ahead = "its task runs ahead",
        except no_loss = "it drops what comes while nobody wants it",
        except one_result = "how far its task runs ahead between two polls decides what is dropped",
        except bounded_work = "its task never waits, and has many polls for one of the pipeline";
    spawn_small(p) => p.with(|i| i.spawn().capacity(2)),
        except one_task = "what is above it runs on a task of its own",
        except no_look_ahead = "its task runs ahead",
        except many_items = "the tasks take turns of two items, which is long for ten million";
    start_with(p) => p.start_with([7, 8, 9]);
    step_by(p) => p.step_by(3);
    switch_map(p) => p.switch_map(|x| x..x + 3),
        except one_result = "an item that is ready drops what the source before it would have given";
    take(p) => p.take(5);
    take_none(p) => p.take(0);
    take_all(p) => p.take(usize::MAX);
    take_last(p) => p.take_last(3);
    take_last_many(p) => p.take_last(100_000);
    take_until(p) => p.take_until(std::future::pending::<()>());
    take_while(p) => p.take_while(|x| *x < 8);
    try_map(p) => p.try_map(odd);
    via(p) => p.via(|i| i.map(|x| x / 2));
    window(p) => p.window(3);
    window_by(p) => p.with(|i| i.window(2).by(|x| x / 2 % 3).max_keys(2));
    window_by_partial(p) => p.with(|i| i.window(2).step(3).by(|x| x % 3).partial());
    window_partial(p) => p.with(|i| i.window(2).step(3).partial());
    window_time_by_time(p) => p.with(|i| i.window_time(ms(4)).by_time(|x| u64::from(x ^ 5)).lateness(ms(2)));
    window_time_by_all(p) => p.with(|i| i.window_time(ms(4)).slide(ms(3)).by(|x| x / 6 % 2).by_time(|x| u64::from(*x)).max_keys(1));
    with_latest_from(p) => p.with_latest_from([7, 8, 9]);
    zip(p) => p.zip(100..);
}

// What follows the clock, where it does not move: nothing has to wait. What does is tested beside each operator.
laws! {
    delay(p) => p.with(|i| i.delay(Duration::ZERO).capacity(3)),
        except no_look_ahead = "it takes items to delay them";
    map_async_flow_control(p) => p.with(|i| i.map_async(Slow::new).flow_control(unpaced()).concurrency(3)),
        except ready = "its futures pend",
        except no_look_ahead = "it has three items in flight";
    map_async_adaptive(p) => p.with(|i| i.map_async(Slow::new).concurrency(adaptive(2..=3)).unordered()),
        except ready = "its futures pend",
        except one_order = "results come as they are ready",
        except no_look_ahead = "it has three items in flight";
    throttle(p) => p.with(|i| i.throttle(Rate::per_second(1)).burst(u64::MAX));
    throttle_by_cost(p) => p.with(|i| i.throttle(Rate::per_second(1)).cost(|x| *x).burst(u64::MAX));
    // At one item in thirty years the first passes, and the rest is dropped.
    throttle_drop_excess(p) => p.with(|i| i.throttle(d(10_000)).drop_excess());
    throttle_latest(p) => p.with(|i| i.throttle(Rate::per_second(1)).burst(u64::MAX).latest());
    throttle_per_key(p) => p.with(|i| i.throttle(Rate::per_second(1)).burst(u64::MAX).per_key(|x| x % 3));
    throttle_per_key_drop_excess(p) =>
        p.with(|i| i.throttle(d(10_000)).per_key(|x| x % 3).drop_excess());
    throttle_per_key_latest(p) =>
        p.with(|i| i.throttle(Rate::per_second(1)).burst(u64::MAX).per_key(|x| x % 3).latest());
}

/// The fault of the rows; asked for so that a row which can fail is seen to be one.
#[test]
fn rows_that_can_fail_say_so() {
    fn fallible<F: Flow>(_: &Pipe<F>) -> bool {
        F::Error::FALLIBLE
    }
    assert!(fallible(&Pipe::new(0..3u32).try_map(odd)));
    assert!(!fallible(&Pipe::new(0..3u32).try_map(odd).catch(|_| Recover::Skip)));
}
