//! Settings that change while the pipeline runs, operator by operator: what holds at once, what goes on as it was, and who is
//! woken. All in virtual time.

#[path = "live/memory.rs"]
mod memory;
#[path = "live/throttle.rs"]
mod throttle;
#[path = "live/windows.rs"]
mod windows;

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::Future;
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use futures::StreamExt;
use futures::future::join;
use futures::stream;
use reactive_runtime::backpressure::Strategy;
use reactive_runtime::prelude::*;
use reactive_runtime::testing::in_virtual_time;
use reactive_runtime::units::{h, ms, s};
use tokio::time::{Instant, sleep, timeout};

/// Runs to its end while `value` is set to each of `changes` at its time. Who is not woken is found out by an hour.
fn run<T, R>(live: &Live<T>, changes: &[(u64, T)], run: impl AsyncFnOnce() -> R) -> R
where
    T: Copy,
{
    in_virtual_time(async {
        let change = async {
            let start = Instant::now();
            for (at, value) in changes {
                tokio::time::sleep_until(start + ms(*at)).await;
                live.set(*value);
            }
        };
        timeout(h(1), join(run(), change)).await.expect("it is woken").0
    })
}

/// Notes when each call begins.
struct Calls {
    start: Instant,
    begun: RefCell<Vec<u64>>,
}

impl Calls {
    fn new() -> Self {
        Self { start: Instant::now(), begun: RefCell::default() }
    }

    /// A call that takes 10 ms.
    fn call(&self) -> impl Future<Output = ()> + use<> {
        self.begun.borrow_mut().push(self.start.elapsed().as_millis() as u64);
        sleep(ms(10))
    }
}

/// How an operator with a `concurrency` is run over six items.
macro_rules! concurrent {
    ($($name:ident: |$limit:ident, $call:ident| $pipeline:expr;)*) => {$(
        #[test]
        fn $name() {
            let begun = |first: usize, changes: &[(u64, usize)]| {
                let $limit = &Live::new(first);
                run($limit, changes, async || {
                    let calls = Calls::new();
                    let $call = || calls.call();
                    $pipeline.await;
                    calls.begun.into_inner()
                })
            };
            assert_eq!(begun(2, &[]), [0, 0, 10, 10, 20, 20]);
            // It is woken, and begins with two more.
            assert_eq!(begun(2, &[(5, 4)]), [0, 0, 5, 5, 10, 10]);
            // Those that were begun go on, and no other begins before less than one is in flight.
            assert_eq!(begun(4, &[(5, 1)]), [0, 0, 0, 0, 10, 20]);
            assert_eq!(begun(1, &[(3, usize::MAX)]), [0, 3, 3, 3, 3, 3]);
            assert_eq!(begun(3, &[(3, 1), (4, 2), (12, 1), (13, 3)]), [0, 0, 0, 10, 10, 13]);
        }
    )*};
}

concurrent! {
    map_async: |limit, call| pipeline! { 0..6 |> map_async(|_| call(), concurrency = limit) |> drain() };
    map_async_unordered: |limit, call| {
        pipeline! { 0..6 |> map_async(|_| call()).unordered().concurrency(limit) |> drain() }
    };
    map_async_per_key: |limit, call| {
        pipeline! { 0..6 |> map_async(|_| call(), concurrency = limit, per_key = |x| *x) |> drain() }
    };
    filter_async: |limit, call| {
        pipeline! { 0..6 |> filter_async(|_| { let call = call(); async { call.await; true } }, concurrency = limit) |> drain() }
    };
    for_each_async: |limit, call| pipeline! { 0..6 |> for_each_async(|_| call(), concurrency = limit) };
    flat_map_stream: |limit, call| {
        let source = |_| { let call = call(); pipeline! { once(call) |> map_async(|call| call) } };
        pipeline! { 0..6 |> flat_map_stream(source, concurrency = limit) |> drain() }
    };
    flat_map_stream_unordered: |limit, call| {
        let source = |_| { let call = call(); pipeline! { once(call) |> map_async(|call| call) } };
        pipeline! { 0..6 |> flat_map_stream(source).unordered().concurrency(limit) |> drain() }
    };
}

#[test]
fn more_is_begun_at_once_while_the_body_is_busy() {
    let limit = &Live::new(1);
    let body = async |()| sleep(ms(100)).await;
    for by_map in [true, false] {
        limit.set(1);
        let begun = run(limit, &[(50, 4)], async || {
            let calls = Calls::new();
            let call = |_| calls.call();
            if by_map {
                let called = pipeline! { 0..5 |> map_async(call, concurrency = limit) };
                timeout(ms(90), pipeline! { called |> for_each_async(body) }).await.unwrap_err();
            } else {
                let source = |_| pipeline! { once(calls.call()) |> map_async(|call| call) };
                let called = pipeline! { 0..5 |> flat_map_stream(source, concurrency = limit) };
                timeout(ms(90), pipeline! { called |> for_each_async(body) }).await.unwrap_err();
            }
            calls.begun.into_inner()
        });
        // The second result waits for the body, in its place.
        assert_eq!(begun, if by_map { [0, 10, 50, 50, 50].to_vec() } else { [0, 50, 50, 50].to_vec() });
    }
}

/// What a pipeline gives, and at which millisecond.
async fn told<F: Flow<Error = Infallible>>(pipe: Pipe<F>) -> Vec<(u64, F::Item)> {
    let start = Instant::now();
    pipeline! { pipe |> map(|item| (start.elapsed().as_millis() as u64, item)) |> collect::<Vec<_>>() }.await
}

/// Numbers, one each 10 ms from 0 on, and nothing more behind the last one until 100 ms.
fn numbers(count: u32) -> Pipe<impl Flow<Item = u32, Error = Infallible>> {
    let ticks = pipeline! { interval(ms(10)) |> take(count as usize) |> scan(0, |n, _| { *n += 1; *n - 1 }) };
    let quiet = stream::once(async { sleep(ms(100)).await }).filter_map(async |()| None);
    pipeline! { ticks |> merge(Pipe::from_stream(Box::pin(quiet))) }
}

#[test]
fn a_batch_that_is_full_for_a_smaller_size_is_given_at_once() {
    let size = &Live::new(9);
    let batches = run(size, &[(35, 3), (36, 2)], async || told(numbers(6).batch(size)).await);
    assert_eq!(batches, [(35, vec![0, 1, 2, 3]), (50, vec![4, 5])]);
    size.set(2);
    let batches = run(size, &[(15, 4)], async || told(numbers(6).batch(size)).await);
    assert_eq!(batches, [(10, vec![0, 1]), (50, vec![2, 3, 4, 5])]);
}

#[test]
fn the_size_of_a_batch_may_be_changed_by_who_takes_it() {
    let size = Live::new(1);
    let grow = |batch: Vec<u32>| {
        size.set(2 * batch.len());
        batch
    };
    let batches = in_virtual_time(pipeline! { 0..10u32 |> batch(&size) |> map(grow) |> collect::<Vec<_>>() });
    assert_eq!(batches.iter().map(Vec::len).sum::<usize>(), 10);
    assert_eq!(size.get(), 2 * batches.last().unwrap().len());
}

#[test]
fn a_heavy_batch_is_given_at_once_when_the_limit_sinks() {
    let limit = &Live::new(1000);
    let batches = run(limit, &[(35, 4)], async || {
        told(numbers(6).with(|i| i.batch(9).max_weight(limit, |x| *x as usize))).await
    });
    assert_eq!(batches, [(35, vec![0, 1, 2, 3]), (40, vec![4]), (50, vec![5])]);
}

#[test]
fn the_wait_of_an_open_batch_changes() {
    for (changes, given) in
        [(&[][..], [45, 95]), (&[(12, 30)], [30, 60]), (&[(32, 5)], [32, 45]), (&[(5, 60)], [60, 100])]
    {
        let wait = &Live::new(ms(45));
        let changes: Vec<_> = changes.iter().map(|(at, wait)| (*at, ms(*wait))).collect();
        let first_two = |batches: Vec<(u64, Vec<u32>)>| [batches[0].0, batches[1].0];
        wait.set(ms(45));
        let all = run(wait, &changes, async || told(numbers(7).with(|i| i.batch(100).max_wait(wait))).await);
        assert_eq!(first_two(all), given, "batch {changes:?}");
        wait.set(ms(45));
        let all = run(wait, &changes, async || told(numbers(7).buffer_time(wait)).await);
        assert_eq!(first_two(all), given, "buffer_time {changes:?}");
        wait.set(ms(45));
        let all = run(wait, &changes, async || {
            told(numbers(7).with(|i| i.batch_by(|_| 0, 100).max_wait(wait))).await
        });
        assert_eq!(first_two(all), given, "batch_by {changes:?}");
    }
}

#[test]
fn the_batches_of_all_keys_that_are_full_are_given_at_once() {
    let size = &Live::new(9);
    let by_key = || numbers(7).with(|i| i.batch_by(|x| *x % 3, size));
    let expected = [(45, vec![0, 3]), (45, vec![1, 4]), (50, vec![2, 5]), (100, vec![6])];
    assert_eq!(run(size, &[(45, 2)], async || told(by_key()).await), expected);
    size.set(9);
    let timed = || numbers(7).with(|i| i.batch_by(|x| *x % 3, size).max_wait(s(1)));
    assert_eq!(run(size, &[(45, 2)], async || told(timed()).await), expected);
    // One by one, each in a poll of its own.
    size.set(9);
    let streamed = run(size, &[(45, 2)], async || timed().map(|batch| batch).collect::<Vec<_>>().await);
    assert_eq!(streamed, expected.map(|(_, batch)| batch));
}

#[test]
fn a_run_that_is_long_enough_is_given_at_once() {
    let max = &Live::new(100);
    let runs =
        run(max, &[(25, 2)], async || told(numbers(5).with(|i| i.batch_while(|_, _| true).max(max))).await);
    assert_eq!(runs, [(25, vec![0, 1, 2]), (40, vec![3, 4])]);
}

#[test]
fn windows_have_another_size_from_the_next_item_on() {
    let size = Live::new(3);
    let windows = |changes: &[(u32, usize)]| {
        size.set(3);
        let change = |x: &u32| changes.iter().filter(|(at, _)| at == x).for_each(|(_, to)| size.set(*to));
        // Each item in a poll of its own.
        let items = stream::iter(0..9u32).then(async |x| {
            sleep(ms(1)).await;
            x
        });
        let changed = pipeline! { Pipe::from_stream(Box::pin(items)) |> inspect(change) |> batch(1, max_wait = ms(0)) |> flatten() };
        let all =
            pipeline! { changed |> window(&size) |> map(|window| window.to_vec()) |> collect::<Vec<_>>() };
        in_virtual_time(all)
    };
    assert_eq!(windows(&[(5, 1)])[2..], [vec![2, 3, 4], vec![3, 4, 5], vec![6], vec![7], vec![8]]);
    assert_eq!(windows(&[(1, 2)])[..2], [[1, 2], [2, 3]]);
    assert_eq!(
        windows(&[(3, 5)])[1..],
        [vec![1, 2, 3], vec![2, 3, 4, 5, 6], vec![3, 4, 5, 6, 7], vec![4, 5, 6, 7, 8]]
    );
}

#[test]
fn windows_have_another_step_from_the_next_one_on() {
    let step = &Live::new(1);
    let windows = |first: usize, changes: &[(u64, usize)]| {
        step.set(first);
        let windows = run(step, changes, async || told(numbers(10).with(|i| i.window(3).step(step))).await);
        windows.into_iter().map(|(_, window)| window[0]).collect::<Vec<_>>()
    };
    assert_eq!(windows(1, &[]), [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(windows(2, &[]), [0, 2, 4, 6]);
    // The next one begins where it would have.
    assert_eq!(windows(1, &[(45, 2)]), [0, 1, 2, 3, 5, 7]);
    assert_eq!(windows(2, &[(45, 1)]), [0, 2, 4, 5, 6, 7]);
    assert_eq!(windows(5, &[(35, 1)]), [0, 5, 6, 7]);
    assert_eq!(windows(1, &[(35, 5)]), [0, 1, 2, 7]);
}

#[test]
fn a_buffer_takes_more_while_the_body_is_busy_or_less() {
    for (changes, ahead) in [
        (&[][..], [(0, 0), (0, 1), (0, 2)].to_vec()),
        (&[(20, 4)], vec![(0, 0), (0, 1), (0, 2), (20, 3), (20, 4)]),
    ] {
        let capacity = &Live::new(2);
        let taken = run(capacity, changes, async || {
            let (start, taken) = (Instant::now(), RefCell::new(Vec::new()));
            let note = |x: &u32| taken.borrow_mut().push((start.elapsed().as_millis(), *x));
            let body = async |_| sleep(ms(1000)).await;
            let all = pipeline! { 0..100u32 |> inspect(note) |> buffer(capacity) |> for_each_async(body) };
            timeout(ms(900), all).await.unwrap_err();
            taken.into_inner()
        });
        assert_eq!(taken, ahead);
    }
    let capacity = Live::new(5);
    let body = async |x| {
        if x == 0 {
            capacity.set(1);
        }
    };
    in_virtual_time(pipeline! { 0..100u32 |> buffer(&capacity) |> for_each_async(body) });
}

/// Which items are queued, or wait for a place, by when, while the body is busy.
fn queued_by(strategy: impl Strategy<u32, Fault = Infallible>, changes: &[(u64, usize)]) -> Vec<(u128, u32)> {
    let capacity = &Live::new(2);
    run(capacity, changes, async || {
        let (start, taken) = (Instant::now(), RefCell::new(Vec::new()));
        let note = |x: &u32| taken.borrow_mut().push((start.elapsed().as_millis(), *x));
        let body = async |_| sleep(ms(1000)).await;
        let all = pipeline! {
            0..100u32 |> inspect(note) |> buffer(capacity, backpressure = strategy) |> for_each_async(body)
        };
        timeout(ms(900), all).await.unwrap_err();
        taken.into_inner()
    })
}

#[test]
fn a_strategy_has_another_capacity_at_once() {
    let ahead = [(0, 0), (0, 1), (0, 2), (0, 3)];
    // One is worked on, and two are queued. It does not ask for what would wait.
    assert_eq!(queued_by(Block, &[]), ahead[..3]);
    assert_eq!(queued_by(Block, &[(20, 1)]), ahead[..3]);
    assert_eq!(queued_by(Block, &[(20, 4)])[3..], [(20, 3), (20, 4)]);
    let adaptive = || Adaptive::new(ms(100));
    assert_eq!(queued_by(adaptive(), &[]), ahead[..3]);
    assert_eq!(queued_by(adaptive(), &[(20, 1), (30, 3)])[3..], [(30, 3)]);
    // Here one waits that it has seen: it is taken when there is room.
    let patient = || BlockFor(s(10), DropIncoming);
    assert_eq!(queued_by(patient(), &[]), ahead);
    assert_eq!(queued_by(patient(), &[(20, 1)]), ahead);
    assert_eq!(queued_by(patient(), &[(20, 4)])[4..], [(20, 4), (20, 5)]);
    assert_eq!(queued_by(patient(), &[(20, 1), (30, 3)])[4..], [(30, 4)]);
}

#[test]
fn a_strategy_that_drops_keeps_to_a_lower_capacity() {
    let (capacity, dropped) = (&Live::new(5), RefCell::new(Vec::new()));
    let monitor = BackpressureMonitor::new();
    let given = run(capacity, &[(35, 2)], async || {
        let gone = |x: u32, reason| dropped.borrow_mut().push((x, reason));
        let work = async |x| {
            sleep(ms(100)).await;
            x
        };
        // At 0, 10, 20, ..
        pipeline! {
            numbers(6)
                |> buffer(capacity, backpressure = DropOldest, on_drop = gone, monitor = &monitor)
                |> map_async(work)
                |> collect::<Vec<_>>()
        }
        .await
    });
    let dropped = dropped.into_inner();
    assert!(dropped.iter().all(|(_, reason)| *reason == Reason::QueueFull), "{dropped:?}");
    assert_eq!(given, [0, 4, 5]);
    assert_eq!(dropped.iter().map(|(x, _)| *x).collect::<Vec<_>>(), [1, 2, 3]);
    let accounting = monitor.accounting();
    assert!(accounting.balances());
    assert_eq!((accounting.offered, accounting.delivered), (6, 3));
}

/// Which items a task has taken, by when, while the body is busy; a strategy decides at a queue of its own, or nothing.
fn taken_by_task(with_queue: bool, changes: &[(u64, usize)]) -> Vec<(u128, u32)> {
    let capacity = &Live::new(2);
    run(capacity, changes, async || {
        let (start, taken) = (Instant::now(), Arc::<Mutex<Vec<_>>>::default());
        let log = taken.clone();
        let note = move |x: &u32| log.lock().unwrap().push((start.elapsed().as_millis(), *x));
        let numbers = pipeline! { 0..100u32 |> inspect(note) };
        let body = async |_| sleep(ms(1000)).await;
        let cut_off = if with_queue {
            let spawned = pipeline! { numbers |> spawn(capacity = capacity, backpressure = Block) };
            timeout(ms(900), pipeline! { spawned |> for_each_async(body) }).await
        } else {
            let spawned = pipeline! { numbers |> spawn(capacity = capacity) };
            timeout(ms(900), pipeline! { spawned |> for_each_async(body) }).await
        };
        cut_off.unwrap_err();
        let taken = taken.lock().unwrap();
        taken.clone()
    })
}

#[test]
fn a_task_runs_ahead_by_more_or_less() {
    let ahead = [(0, 0), (0, 1), (0, 2), (0, 3)];
    // One is worked on. A queue has one more item between the tasks.
    for (with_queue, first) in [(false, 3), (true, 4)] {
        let taken = |changes| taken_by_task(with_queue, changes);
        assert_eq!(taken(&[]), ahead[..first]);
        assert_eq!(taken(&[(20, 1)]), ahead[..first]);
        assert_eq!(taken(&[(20, 1), (30, 2)]), ahead[..first]);
        let next = first as u32;
        assert_eq!(taken(&[(20, 4)])[first..], [(20, next), (20, next + 1)]);
        assert_eq!(taken(&[(20, 1), (30, 3)])[first..], [(30, next)]);
    }
}

/// One branch takes all that comes; the other one works for 100 ms on each item.
#[test]
fn a_branch_lags_by_more_or_less() {
    let taken = |changes: &[(u64, usize)]| {
        let lag = &Live::new(2);
        run(lag, changes, async || {
            let (start, taken) = (Instant::now(), RefCell::new(Vec::new()));
            let note = |x: &u32| taken.borrow_mut().push((start.elapsed().as_millis(), *x));
            pipeline! {
                0..6u32 |> inspect(note) |> broadcast(|[fast, slow]| (
                    fast.count(),
                    pipeline!(slow |> for_each_async(async |_| sleep(ms(100)).await)),
                ), lag = lag)
            }
            .await;
            taken.into_inner()
        })
    };
    // One is worked on.
    assert_eq!(taken(&[]), [(0, 0), (0, 1), (0, 2), (100, 3), (200, 4), (300, 5)]);
    assert_eq!(taken(&[(20, 4)]), [(0, 0), (0, 1), (0, 2), (20, 3), (20, 4), (100, 5)]);
    assert_eq!(taken(&[(20, 1)]), [(0, 0), (0, 1), (0, 2), (200, 3), (300, 4), (400, 5)]);
    assert_eq!(taken(&[(20, 1), (30, 3)]), [(0, 0), (0, 1), (0, 2), (30, 3), (100, 4), (200, 5)]);
}

#[test]
fn an_open_session_ends_by_its_new_gap_or_length() {
    let gap = &Live::new(ms(30));
    let sessions = |changes: &[(u64, u64)]| {
        gap.set(ms(30));
        let changes: Vec<_> = changes.iter().map(|(at, to)| (*at, ms(*to))).collect();
        run(gap, &changes, async || told(numbers(3).session_window(gap)).await)
    };
    assert_eq!(sessions(&[]), [(50, vec![0, 1, 2])]);
    assert_eq!(sessions(&[(35, 12)]), [(35, vec![0, 1, 2])]);
    assert_eq!(sessions(&[(30, 60)]), [(80, vec![0, 1, 2])]);
    assert_eq!(sessions(&[(5, 5)]), [(5, vec![0]), (15, vec![1]), (25, vec![2])]);
    assert_eq!(sessions(&[(25, 6)]), [(26, vec![0, 1, 2])]);

    let max = &Live::new(ms(45));
    let sessions = |changes: &[(u64, u64)]| {
        max.set(ms(45));
        let changes: Vec<_> = changes.iter().map(|(at, to)| (*at, ms(*to))).collect();
        run(max, &changes, async || told(numbers(9).with(|i| i.session_window(s(1)).max(max))).await)
    };
    assert_eq!(sessions(&[]), [(45, vec![0, 1, 2, 3, 4]), (95, vec![5, 6, 7, 8])]);
    assert_eq!(sessions(&[(12, 30)]), [(30, vec![0, 1, 2]), (60, vec![3, 4, 5]), (90, vec![6, 7, 8])]);
}

#[test]
fn the_open_sessions_of_all_keys_end_by_their_new_gap() {
    let gap = &Live::new(ms(50));
    let sessions = |changes: &[(u64, Duration)]| {
        gap.set(ms(50));
        run(gap, changes, async || told(numbers(4).with(|i| i.session_window(gap).by(|x| x % 2))).await)
    };
    assert_eq!(sessions(&[]), [(70, vec![0, 2]), (80, vec![1, 3])]);
    assert_eq!(sessions(&[(45, ms(20))]), [(45, vec![0, 2]), (50, vec![1, 3])]);
    assert_eq!(sessions(&[(55, ms(5))]), [(55, vec![0, 2]), (55, vec![1, 3])]);
}

#[test]
fn windows_of_event_time_that_have_ended_by_a_new_setting_are_given_at_once() {
    let event_time = |x: &u32| 10 * u64::from(*x);
    let lateness = &Live::new(ms(50));
    let windows = |first: u64, changes: &[(u64, Duration)]| {
        lateness.set(ms(first));
        run(lateness, changes, async || {
            told(numbers(5).with(|i| i.window_time(ms(20)).by_time(event_time).lateness(lateness))).await
        })
    };
    let at = |times: [u64; 3]| times.into_iter().zip([vec![0, 1], vec![2, 3], vec![4]]).collect::<Vec<_>>();
    assert_eq!(windows(50, &[]), at([100, 100, 100]));
    assert_eq!(windows(50, &[(45, ms(5))]), at([45, 100, 100]));
    assert_eq!(windows(50, &[(45, ms(0))]), at([45, 45, 100]));
    assert_eq!(windows(0, &[]), at([20, 40, 100]));
    // The watermark does not go back; nor does it go on before it is so much behind.
    assert_eq!(windows(0, &[(25, ms(20))]), at([20, 100, 100]));

    let gap = &Live::new(ms(30));
    let sessions = run(gap, &[(60, ms(12))], async || {
        let some = numbers(6).filter(|x| *x < 2 || *x == 5);
        told(some.with(|i| i.session_window(gap).by_time(event_time).lateness(ms(25)))).await
    });
    assert_eq!(sessions, [(60, vec![0, 1]), (100, vec![5])]);
}

#[test]
fn an_attempt_takes_as_long_as_it_may_when_it_begins() {
    let limit = &Live::new(ms(50));
    let elapsed = |changes: &[(u64, Duration)]| {
        limit.set(ms(50));
        run(limit, changes, async || {
            let start = Instant::now();
            let hangs = async |_| std::future::pending::<Result<(), ()>>().await;
            let retry = Retry::fixed(ms(1)).max_retries(1);
            let called =
                pipeline! { once(0) |> map_async(hangs, retry = retry, attempt_timeout = limit)? |> drain() };
            let error = called.await.unwrap_err();
            (start.elapsed().as_millis(), error.cause)
        })
    };
    use reactive_runtime::retry::Cause;
    assert_eq!(elapsed(&[]), (101, Cause::TimedOut(ms(50))));
    assert_eq!(elapsed(&[(20, ms(10))]), (61, Cause::TimedOut(ms(10))));
    assert_eq!(elapsed(&[(20, ms(10)), (55, ms(200))]), (61, Cause::TimedOut(ms(10))));
}

#[test]
fn the_newest_item_is_given_at_its_new_time() {
    type Given = Vec<(u64, u32)>;
    let given =
        |period: u64, changes: &[(u64, u64)], with: fn(&Live<Duration>) -> BoxPipe<'static, u32>| -> Given {
            let live = &Live::new(ms(period));
            let changes: Vec<_> = changes.iter().map(|(at, to)| (*at, ms(*to))).collect();
            run(live, &changes, async || told(with(live)).await)
        };
    let debounce = |quiet: &Live<Duration>| numbers(3).debounce(quiet).boxed();
    assert_eq!(given(50, &[], debounce), [(70, 2)]);
    assert_eq!(given(50, &[(30, 15)], debounce), [(35, 2)]);
    assert_eq!(given(50, &[(40, 15)], debounce), [(40, 2)]);
    assert_eq!(given(50, &[(40, 60)], debounce), [(80, 2)]);
    let max_wait = |max: &Live<Duration>| numbers(9).with(|i| i.debounce(ms(15)).max_wait(max)).boxed();
    assert_eq!(given(1000, &[], max_wait), [(95, 8)]);
    assert_eq!(given(1000, &[(35, 22)], max_wait), [(35, 3), (62, 6), (92, 8)]);
    let audit = |period: &Live<Duration>| numbers(5).audit(period).boxed();
    assert_eq!(given(25, &[], audit), [(25, 2), (55, 4)]);
    assert_eq!(given(25, &[(12, 35)], audit), [(35, 3), (75, 4)]);
    assert_eq!(given(90, &[(12, 11)], audit), [(12, 1), (31, 3), (51, 4)]);
    let sample = |period: &Live<Duration>| numbers(5).sample(period).boxed();
    assert_eq!(given(25, &[], sample), [(25, 2), (50, 4)]);
    assert_eq!(given(25, &[(12, 40)], sample), [(40, 3), (80, 4)]);
    assert_eq!(given(1000, &[(12, 7)], sample), [(12, 1), (21, 2), (35, 3), (42, 4)]);
}

#[test]
fn a_wait_for_upstream_gets_another_limit() {
    let elapsed = |changes: &[(u64, u64)], which: usize| {
        let wait = &Live::new(ms(50));
        let changes: Vec<_> = changes.iter().map(|(at, to)| (*at, ms(*to))).collect();
        run(wait, &changes, async || {
            let start = Instant::now();
            let silent = Pipe::from_stream(stream::pending::<u32>());
            let error = match which {
                0 => pipeline! { silent |> timeout(wait) |> drain() }.await,
                1 => pipeline! { silent |> timeout(1h, first = wait) |> drain() }.await,
                _ => pipeline! { silent |> timeout(1h, total = wait) |> drain() }.await,
            };
            assert_eq!(error, Err(Elapsed));
            start.elapsed().as_millis()
        })
    };
    for which in 0..3 {
        assert_eq!(elapsed(&[], which), 50);
        assert_eq!(elapsed(&[(30, 70)], which), 70);
        assert_eq!(elapsed(&[(30, 40)], which), 40);
        assert_eq!(elapsed(&[(30, 10)], which), 30);
        assert_eq!(elapsed(&[(30, 1000), (31, 60)], which), 60);
    }
}

#[test]
fn the_next_tick_is_the_new_period_after_the_last() {
    let ticks = |changes: &[(u64, u64)]| {
        let period = &Live::new(ms(20));
        let changes: Vec<_> = changes.iter().map(|(at, to)| (*at, ms(*to))).collect();
        let ticks = run(period, &changes, async || told(interval(period).take(5)).await);
        ticks.into_iter().map(|(at, _)| at).collect::<Vec<_>>()
    };
    assert_eq!(ticks(&[]), [0, 20, 40, 60, 80]);
    assert_eq!(ticks(&[(30, 50)]), [0, 20, 70, 120, 170]);
    assert_eq!(ticks(&[(30, 15)]), [0, 20, 35, 50, 65]);
    // It is late for a shorter one: the newest of those, and no burst.
    assert_eq!(ticks(&[(30, 3)]), [0, 20, 30, 32, 35]);
}

#[test]
fn more_items_may_be_on_their_way() {
    let capacity = &Live::new(2);
    let given = run(capacity, &[(5, 4)], async || {
        told(Pipe::new(0..6).with(|i| i.delay(ms(20)).capacity(capacity))).await
    });
    assert_eq!(given, [(20, 0), (20, 1), (25, 2), (25, 3), (40, 4), (40, 5)]);
    capacity.set(4);
    let given = run(capacity, &[(5, 1)], async || {
        told(Pipe::new(0..6).with(|i| i.delay(ms(20)).capacity(capacity))).await
    });
    assert_eq!(given, [(20, 0), (20, 1), (20, 2), (20, 3), (40, 4), (60, 5)]);
}

/// Not in virtual time: the threads are real ones.
#[tokio::test]
async fn more_threads_are_used_at_once() {
    let threads = Live::new(1);
    let all_begun = Arc::new(Barrier::new(3));
    let call = move |_: u32| {
        all_begun.wait();
    };
    // Each call waits for two others, which begin when they may.
    let mut calls = Box::pin(pipeline! { 0..3u32 |> parallel(&threads, call) |> count() });
    assert!(futures::poll!(&mut calls).is_pending());
    threads.set(3);
    assert_eq!(calls.await, 3);
}

#[test]
fn a_stage_refuses_what_it_can_do_nothing_with() {
    let (size, time) = (Live::new(1usize), Live::new(ms(1)));
    let numbers = || Pipe::new(0..3u32);
    let refuses = |live: &Live<usize>| {
        let set = std::panic::AssertUnwindSafe(|| live.set(0));
        std::panic::catch_unwind(set).is_err() && live.get() == 1
    };
    let refuses_time = || {
        let set = std::panic::AssertUnwindSafe(|| time.set(Duration::ZERO));
        std::panic::catch_unwind(set).is_err() && time.get() == ms(1)
    };
    let _pipe = numbers().batch(&size);
    assert!(refuses(&size));
    drop(_pipe);
    let _pipe = numbers().window(&size);
    assert!(refuses(&size));
    drop(_pipe);
    let _pipe = numbers().buffer(&size);
    assert!(refuses(&size));
    drop(_pipe);
    let _pipe = numbers().parallel(&size, |x| x);
    assert!(refuses(&size));
    drop(_pipe);
    let _pipe = numbers().with(|i| i.map_async(async |x| x).concurrency(&size));
    assert!(refuses(&size));
    drop(_pipe);
    let _pipe = numbers().debounce(&time);
    assert!(refuses_time());
    drop(_pipe);
    let _pipe = numbers().timeout(&time);
    assert!(refuses_time());
    drop(_pipe);
    let _pipe = interval(&time);
    assert!(refuses_time());
    drop(_pipe);
    let _pipe = numbers().session_window(&time);
    assert!(refuses_time());
    drop(_pipe);
    let _pipe = numbers().with(|i| i.spawn().capacity(&size));
    assert!(refuses(&size));
    drop(_pipe);
    let _split = numbers().with(|i| i.broadcast(|[a]| (a.count(),)).lag(&size));
    assert!(refuses(&size));
    drop(_split);
    size.set(0);
    time.set(Duration::ZERO);
}
