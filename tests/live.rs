//! Settings that change while the pipeline runs, operator by operator: what holds at once, what goes on as it was, and who is
//! woken. All in virtual time.

use std::cell::RefCell;
use std::future::Future;

use futures::future::join;
use reactive_runtime::prelude::*;
use reactive_runtime::testing::in_virtual_time;
use reactive_runtime::units::{h, ms};
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
