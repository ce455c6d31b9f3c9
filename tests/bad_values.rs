//! Values that make no sense, or are larger than any memory: a clear panic where they are given, or no harm.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::executor::block_on;
use futures::{Stream, StreamExt};
use reactive_runtime::prelude::*;
use reactive_runtime::units::s;

/// The message of the panic of `f`.
fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    let panic = catch_unwind(AssertUnwindSafe(f)).err().expect("a panic");
    match panic.downcast::<String>() {
        Ok(message) => *message,
        Err(panic) => (*panic.downcast::<&str>().expect("a message")).to_owned(),
    }
}

#[test]
fn zero_where_it_has_no_meaning_is_told_by_name() {
    // Not as literals, which do not compile.
    let zero = usize::default();
    let (time, no_time) = (Duration::from_secs(1), Duration::ZERO);
    let pipe = || Pipe::new(0..9u32);
    let breaker = || CircuitBreaker::consecutive(1);
    for (message, says) in [
        (panic_of(|| pipe().batch(zero)), "`batch` takes a size of at least 1"),
        (panic_of(|| pipe().batch_by(|x| *x, zero)), "`batch_by` takes a size of at least 1"),
        (panic_of(|| pipe().with(|i| i.batch_by(|x| *x, 1).max_keys(zero))), "`max_keys` takes at least 1"),
        (panic_of(|| pipe().with(|i| i.batch_while(|_, _| true).max(zero))), "`max` takes at least 1"),
        (panic_of(|| pipe().window(zero)), "`window` takes a size of at least 1"),
        (panic_of(|| pipe().with(|i| i.window(1).step(zero))), "`step` takes at least 1"),
        (panic_of(|| pipe().step_by(zero)), "`step_by` takes a count of at least 1"),
        (panic_of(|| pipe().with(|i| i.distinct().capacity(zero))), "`capacity` takes at least 1"),
        (panic_of(|| pipe().buffer_time(Duration::ZERO)), "`buffer_time` takes a time such as `100ms`"),
        (panic_of(|| pipe().with(|i| i.buffer_time(s(1)).capacity(zero))), "`capacity` takes at least 1"),
        (panic_of(|| pipe().window_time(Duration::ZERO)), "`window_time` takes a size such as `100ms`"),
        (panic_of(|| pipe().with(|i| i.window_time(s(1)).slide(Duration::ZERO))), "`slide` takes a time"),
        (panic_of(|| pipe().with(|i| i.delay(Duration::ZERO).capacity(zero))), "`capacity` takes at least 1"),
        (
            panic_of(|| pipe().with(|i| i.window_time(s(1)).by(|x| *x).max_keys(zero))),
            "`max_keys` takes at least 1",
        ),
        (panic_of(|| pipe().session_window(Duration::ZERO)), "`session_window` takes a gap such as `100ms`"),
        (
            panic_of(|| pipe().with(|i| i.session_window(s(1)).max(Duration::ZERO))),
            "`max` takes a time such as `1min`",
        ),
        (panic_of(|| pipe().with(|i| i.window(2).by(|x| *x).max_keys(zero))), "`max_keys` takes at least 1"),
        (
            panic_of(|| pipe().with(|i| i.scan_by(|x| *x, 0, |_, x| x).idle(Duration::ZERO))),
            "`idle` takes a time",
        ),
        (panic_of(|| pipe().with(|i| i.distinct().ttl(Duration::ZERO))), "`ttl` takes a time such as `1min`"),
        (panic_of(|| pipe().throttle(Duration::ZERO)), "one item each zero seconds has no meaning"),
        (panic_of(|| pipe().with(|i| i.throttle(Rate::per_second(1)).burst(0))), "`burst` takes at least 1"),
        (
            panic_of(|| pipe().with(|i| i.throttle(Rate::per_second(1)).per_key(|x| *x).max_keys(zero))),
            "`max_keys` takes at least 1",
        ),
        (
            panic_of(|| pipe().with(|i| i.throttle(Rate::per_second(1)).per_key(|x| *x).capacity(zero))),
            "`capacity` takes at least 1",
        ),
        (panic_of(|| interval(no_time)), "give it a period such as `100ms`"),
        (panic_of(|| pipe().audit(no_time)), "give it a period such as `100ms`"),
        (panic_of(|| pipe().debounce(no_time)), "give it a quiet time such as `100ms`"),
        (panic_of(|| pipe().with(|i| i.debounce(time).max_wait(no_time))), "give it a time such as `1s`"),
        (panic_of(|| pipe().sample(no_time)), "give it a period such as `100ms`"),
        (panic_of(|| pipe().timeout(no_time)), "give it a time such as `5s`"),
        (panic_of(|| pipe().with(|i| i.timeout(time).first(no_time))), "give it a time such as `5s`"),
        (panic_of(|| pipe().with(|i| i.timeout(time).total(no_time))), "give it a time such as `5s`"),
        (panic_of(|| pipe().buffer(zero)), "`buffer` takes a capacity of at least 1"),
        (panic_of(|| pipe().with(|i| i.spawn().capacity(zero))), "`capacity` takes at least 1"),
        (panic_of(|| pipe().parallel(zero, |x| x)), "`parallel` takes at least 1"),
        (panic_of(|| feed::<u32>(zero)), "`feed` takes a capacity of at least 1"),
        (panic_of(|| Feed::new(zero)), "`Feed` takes a capacity of at least 1"),
        (
            panic_of(|| pipe().with(|i| i.spawn().backpressure(Block).capacity(zero))),
            "`capacity` takes at least 1",
        ),
        (panic_of(|| Adaptive::new(no_time)), "`max_delay` is more than zero"),
        (panic_of(|| TripOnOverload::<u32>::new(breaker()).after(no_time)), "`after` takes a time"),
        (panic_of(|| CircuitBreaker::consecutive(0)), "it takes at least 1"),
        (panic_of(|| breaker().recovery_timeout(no_time)), "`recovery_timeout` takes a time such as `30s`"),
        (panic_of(|| breaker().lease(no_time)), "`lease` takes a time such as `30s`"),
        (panic_of(|| breaker().probes(0)), "it takes at least 1"),
        (
            panic_of(|| pipe().with(|i| i.map_async(async |x| x).concurrency(zero))),
            "`concurrency` takes at least 1",
        ),
        (
            panic_of(|| pipe().with(|i| i.filter_async(|_| async { true }).concurrency(zero))),
            "`concurrency` takes at least 1",
        ),
        (
            panic_of(|| pipe().with(|i| i.for_each_async(async |_| ()).concurrency(zero))),
            "`concurrency` takes at least 1",
        ),
    ] {
        assert!(message.contains(says), "{message}");
    }
}

#[test]
fn fractions_are_from_nothing_to_all() {
    let buffer = || Pipe::new(0..9u32);
    for (message, says) in [
        (panic_of(|| buffer().with(|i| i.buffer(9).backpressure(Sample(1.5)))), "from 0.0 to 1.0, not 1.5"),
        (
            panic_of(|| buffer().with(|i| i.buffer(9).backpressure(Block).high_watermark(0.0))),
            "`high_watermark` takes a fraction such as `80%`",
        ),
        (
            panic_of(|| buffer().with(|i| i.buffer(9).backpressure(Block).low_watermark(f64::NAN))),
            "`low_watermark` takes a fraction such as `30%`",
        ),
        (
            panic_of(|| buffer().with(|i| i.buffer(9).backpressure(Block).low_watermark(0.9))),
            "not high 0.8 and low 0.9",
        ),
        (panic_of(|| Feed::new(9).high_watermark(1.1)), "`high_watermark` takes a fraction such as `80%`"),
        (panic_of(|| Feed::new(9).high_watermark(0.2).open::<u32>()), "not high 0.2 and low 0.3"),
        (panic_of(|| CircuitBreaker::count_window(9, 0.0)), "above 0.0 and at most 1.0, not 0"),
    ] {
        assert!(message.contains(says), "{message}");
    }
}

#[test]
fn zero_where_it_has_a_meaning_is_fine() {
    let zero = usize::default();
    let count = |pipe: Pipe<_>| block_on(pipe.count());
    assert_eq!(count(pipeline! { 0..9 |> take(zero) |> boxed() }), 0);
    assert_eq!(count(pipeline! { 0..9 |> skip(zero) |> boxed() }), 9);
    assert_eq!(count(pipeline! { 0..9 |> take_last(zero) |> boxed() }), 0);
    assert_eq!(count(pipeline! { 0..9 |> skip_last(zero) |> boxed() }), 9);
}

#[test]
fn more_than_any_memory_costs_what_comes() {
    let most = usize::MAX;
    let count = |pipe: BoxPipe<'_, ()>| block_on(pipe.count());
    assert_eq!(count(pipeline! { 0..9 |> batch(most) |> map(|_| ()) |> boxed() }), 1);
    assert_eq!(count(pipeline! { 0..9 |> batch_by(|x| x % 2, most) |> map(|_| ()) |> boxed() }), 2);
    assert_eq!(count(pipeline! { 0..9 |> window(most, step = most).partial() |> map(|_| ()) |> boxed() }), 1);
    assert_eq!(count(pipeline! { 0..9 |> take_last(most) |> map(|_| ()) |> boxed() }), 9);
    assert_eq!(count(pipeline! { 0..9 |> skip_last(most) |> map(|_| ()) |> boxed() }), 0);
    assert_eq!(count(pipeline! { 0..9 |> take(most) |> map(|_| ()) |> boxed() }), 9);
    assert_eq!(count(pipeline! { 0..9 |> skip(most) |> map(|_| ()) |> boxed() }), 0);
    assert_eq!(count(pipeline! { 0..9 |> step_by(most) |> map(|_| ()) |> boxed() }), 1);
    assert_eq!(count(pipeline! { 0..9 |> buffer(most) |> map(|_| ()) |> boxed() }), 9);
    let spawned = pipeline! { 0..9 |> spawn(capacity = most) |> parallel(most, |x| x) |> count() };
    assert_eq!(tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(spawned), 9);
    let (feeder, numbers) = feed::<u32>(most);
    assert_eq!(feeder.try_push(1), Ok(()));
    drop(feeder);
    assert_eq!(block_on(numbers.count()), 1);
    assert_eq!(
        count(pipeline! { 0..9 |> buffer(most, backpressure = DropOldest) |> map(|_| ()) |> boxed() }),
        9
    );
    let (feeder, numbers) = Feed::new(most).backpressure(DropLate::by(|_| Duration::MAX)).open::<u32>();
    assert_eq!(feeder.try_push(1), Ok(()));
    drop(feeder);
    assert_eq!(block_on(numbers.count()), 1);
    assert_eq!(
        count(pipeline! { 0..9 |> map_async(async |x| x, concurrency = most) |> map(|_| ()) |> boxed() }),
        9
    );
    assert_eq!(count(pipeline! { 0..9 |> distinct().capacity(most) |> map(|_| ()) |> boxed() }), 9);
}

#[test]
fn an_empty_source_gives_what_it_should() {
    let none = || empty::<u32>();
    assert_eq!(block_on(pipeline! { none() |> batch(3) |> window(2).partial() |> count() }), 0);
    assert_eq!(block_on(pipeline! { none() |> reduce(|a, b| a + b) |> count() }), 0);
    assert_eq!(block_on(pipeline! { none() |> default_if_empty(7) |> collect::<Vec<_>>() }), [7]);
    assert_eq!(
        block_on(pipeline! { none() |> intersperse(7) |> start_with([1]) |> collect::<Vec<_>>() }),
        [1]
    );
    assert_eq!(block_on(pipeline! { none() |> zip(0..) |> count() }), 0);
    assert_eq!(block_on(pipeline! { none() |> sum::<u32>() }), 0);
    assert_eq!(block_on(pipeline! { none() |> first() }), None);
    assert!(block_on(pipeline! { none() |> all(|_| false) }));
}

/// A source that lies about how many items it has.
struct Liar(std::ops::Range<u32>);

impl Iterator for Liar {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::MAX, Some(0))
    }
}

#[test]
fn a_source_that_lies_about_its_size_is_read_all_the_same() {
    let items = pipeline! {
        Liar(0..9) |> intersperse(100) |> batch(2) |> concat(Liar(0..3) |> map(|x| vec![x])) |> window(2).partial() |> count()
    };
    assert_eq!(block_on(items), 11);
    let pipe = pipeline! { Liar(0..9) |> merge(Liar(0..9)) |> zip(Liar(0..9)) |> take_last(2) |> start_with([(1, 1)]) };
    let _ = Stream::size_hint(&pipe);
    assert_eq!(block_on(pipe.count()), 3);
}

/// A closure panics at an item: what came before is there, the pipeline has ended, and its source is dropped once.
#[test]
fn a_panic_in_a_closure_ends_the_pipeline() {
    type Row = (&'static str, fn(BoxPipe<'static, u32>) -> BoxPipe<'static, u32>);
    fn at_four(x: u32) -> u32 {
        if x == 4 { panic!("at four") } else { x }
    }
    let rows: &[Row] = &[
        ("map", |p| pipeline! { p |> map(at_four) |> boxed() }),
        ("filter", |p| pipeline! { p |> filter(|x| at_four(*x) < 9) |> boxed() }),
        ("filter_map", |p| pipeline! { p |> filter_map(|x| Some(at_four(x))) |> boxed() }),
        ("inspect", |p| pipeline! { p |> inspect(|x| drop(at_four(*x).to_string())) |> boxed() }),
        ("scan", |p| pipeline! { p |> scan(0, |_, x| at_four(x)) |> boxed() }),
        ("flat_map", |p| pipeline! { p |> flat_map(|x| [at_four(x)]) |> boxed() }),
        (
            "try_map",
            |p| pipeline! { p |> try_map(|x| Ok::<_, ()>(at_four(x))) |> catch(|_| Recover::Skip) |> boxed() },
        ),
        ("catch", |p| {
            pipeline! { p |> map(|x| if x == 4 { Err(x) } else { Ok(x) })? |> catch(|x| Recover::With(at_four(x))) |> boxed() }
        }),
        ("take_while", |p| pipeline! { p |> take_while(|x| at_four(*x) < 9) |> boxed() }),
        ("distinct_by", |p| pipeline! { p |> distinct_by(|x| at_four(*x)) |> boxed() }),
        ("batch_while", |p| pipeline! { p |> batch_while(|_, b| at_four(*b) > 99) |> flatten() |> boxed() }),
        ("batch_by", |p| pipeline! { p |> batch_by(|x| at_four(*x), 1) |> flatten() |> boxed() }),
        ("scan_by", |p| pipeline! { p |> scan_by(|x| at_four(*x), 0, |_, x| x) |> boxed() }),
        ("window by", |p| pipeline! { p |> window(1).by(|x| at_four(*x)) |> map(|w| w[0]) |> boxed() }),
        (
            "window_time",
            |p| pipeline! { p |> window_time(1ms).by_time(|x| u64::from(at_four(*x))) |> flatten() |> boxed() },
        ),
        ("map_async", |p| pipeline! { p |> map_async(async |x| at_four(x), concurrency = 3) |> boxed() }),
        (
            "filter_async",
            |p| pipeline! { p |> filter_async(|x| std::future::ready(at_four(*x) < 9)) |> boxed() },
        ),
        (
            "per_key",
            |p| pipeline! { p |> map_async(async |x| x, concurrency = 3).per_key(|x| at_four(*x)) |> boxed() },
        ),
        ("reduce", |p| pipeline! { p |> reduce(|_, b| at_four(b)) |> boxed() }),
    ];
    for (name, row) in rows {
        let (dropped, held) = drop_counter();
        let source = (0..9).inspect(move |_| {
            let _ = &held;
        });
        let mut pipe = row(pipeline! { source |> boxed() });
        let taken = catch_unwind(AssertUnwindSafe(|| while block_on(pipe.next()).is_some() {}));
        assert!(taken.is_err(), "{name}: no panic");
        assert_eq!(block_on(pipe.next()), None, "{name}: it goes on");
        drop(pipe);
        assert_eq!(dropped.load(Ordering::Relaxed), 1, "{name}: its source");
    }
}

struct CountsDrop(Arc<AtomicUsize>);

impl Drop for CountsDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn drop_counter() -> (Arc<AtomicUsize>, CountsDrop) {
    let count = Arc::default();
    (Arc::clone(&count), CountsDrop(count))
}

#[test]
fn items_are_dropped_once_wherever_the_pipeline_stops() {
    for taken in 0..12 {
        let item = Rc::new(());
        let items = vec![item.clone(); 10];
        let mut pipe = pipeline! { items |> batch(3) |> flat_map(|batch| batch) |> pairwise() |> skip_last(2) |> take_last(4) };
        for _ in 0..taken {
            block_on(pipe.next());
        }
        drop(pipe);
        assert_eq!(Rc::strong_count(&item), 1, "after {taken}");
    }
}
