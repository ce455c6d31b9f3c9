//! Stages that drop items: what is given and what is offered to `on_drop` is all that came, each once and in its order. In
//! virtual time, on random timelines with items at the same instant and errors.

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use proptest::prelude::*;
use reactive_runtime::prelude::*;
use reactive_runtime::testing::{Timeline, in_virtual_time};
use reactive_runtime::units::ms;
use tokio::time::{Instant, sleep};

/// Items at their milliseconds, and after how many each the consumer is busy for a while.
#[derive(Clone, Debug)]
struct Case {
    items: Vec<(u64, u32)>,
    end: u64,
    pauses: Vec<u64>,
}

prop_compose! {
    fn cases()(
        gaps in prop::collection::vec(0..6u64, 0..30),
        end in 0..9u64,
        pauses in prop::collection::vec(prop_oneof![2 => Just(0), 1 => 0..15u64], 1..6),
    ) -> Case {
        let mut at = 0;
        let items: Vec<_> = (0..).zip(gaps).map(|(item, gap)| { at += gap; (at, item) }).collect();
        Case { items, end: at + end, pauses }
    }
}

impl Case {
    fn source(&self, keep: impl Fn(u32) -> bool) -> Timeline<u32> {
        let items = self.items.iter().filter(|(_, item)| keep(*item)).map(|(at, item)| (ms(*at), *item));
        Timeline::of(items).ends_at(ms(self.end))
    }
}

type Log = Rc<RefCell<Vec<u32>>>;

/// A consumer that takes its time, and what it is given and what is dropped.
fn accounts<F: Flow<Item = u32, Error = std::convert::Infallible>>(
    case: &Case,
    dropped: &Log,
    pipe: Pipe<F>,
) -> Result<(), TestCaseError> {
    let mut given = Vec::new();
    in_virtual_time(async {
        let (mut pauses, mut pipe) = (case.pauses.iter().cycle(), pin!(pipe));
        while let Some(item) = pipe.next().await {
            given.push(item);
            sleep(ms(*pauses.next().expect("there is a pause"))).await;
        }
    });
    let dropped = dropped.take();
    prop_assert!(given.is_sorted() && dropped.is_sorted(), "{given:?} {dropped:?}");
    let mut all = [given, dropped].concat();
    all.sort_unstable();
    prop_assert!(all.iter().copied().eq(0..case.items.len() as u32), "{all:?}");
    Ok(())
}

proptest! {
    #[test]
    fn what_is_not_given_is_offered(case in cases(), d in 1..12u64) {
        let log = Log::default();
        let gone = || { let log = log.clone(); move |item, _| log.borrow_mut().push(item) };
        let source = || Pipe::new(case.source(|_| true));
        accounts(&case, &log, source().with(|i| i.debounce(ms(d)).on_drop(gone()).max_wait(ms(20))))?;
        accounts(&case, &log, source().with(|i| i.sample(ms(d)).on_drop(gone())))?;
        accounts(&case, &log, source().with(|i| i.audit(ms(d)).on_drop(gone())))?;
        accounts(&case, &log, source().with(|i| i.throttle(ms(d)).drop_excess().on_drop(gone())))?;
        accounts(&case, &log, source().with(|i| i.throttle(ms(d)).latest().on_drop(gone())))?;
        accounts(&case, &log, source().with(|i| i.throttle(ms(d)).drop_excess().per_key(|_| 0).on_drop(gone())))?;
        accounts(&case, &log, source().with(|i| i.throttle(ms(d)).per_key(|_| 0).latest().on_drop(gone())))?;
        // The options stand in any order.
        accounts(&case, &log, source().with(|i| i.throttle(ms(d)).drop_excess().on_drop(gone()).per_key(|_| 0)))?;
        accounts(&case, &log, source().with(|i| i.throttle(ms(d)).latest().on_drop(gone()).per_key(|_| 0)))?;
    }

    /// A pipeline that is dropped drops what it holds.
    #[test]
    fn what_is_held_is_offered_when_the_pipeline_is_dropped(case in cases(), d in 1..12u64, polls in 0..40usize) {
        for which in 0..6 {
            let (source, watch) = case.source(|_| true).watched();
            let (log, source) = (Log::default(), Pipe::new(source));
            let on_drop = { let log = log.clone(); move |item, _| log.borrow_mut().push(item) };
            let monitor = BackpressureMonitor::new();
            let mut all = match which {
                0 => first_polls(polls, &monitor, source.with(|i| i.debounce(ms(d)).on_drop(on_drop).monitor(&monitor))),
                1 => first_polls(polls, &monitor, source.with(|i| i.sample(ms(d)).on_drop(on_drop).monitor(&monitor))),
                2 => first_polls(polls, &monitor, source.with(|i| i.audit(ms(d)).on_drop(on_drop).monitor(&monitor))),
                3 => first_polls(polls, &monitor, source.with(|i| i.throttle(ms(d)).latest().on_drop(on_drop).monitor(&monitor))),
                4 => first_polls(polls, &monitor, source.with(|i| i.throttle(ms(d)).latest().per_key(|x| x % 3).on_drop(on_drop).monitor(&monitor))),
                _ => first_polls(polls, &monitor, source.with(|i| i.buffer(3).backpressure(DropOldest).on_drop(on_drop).monitor(&monitor))),
            };
            let (shown, dropped) = (monitor.accounting(), log.borrow().len());
            prop_assert!(shown.balances(), "{which}: {shown:?}");
            let ends = [shown.delivered, shown.dropped.total(), shown.failed + shown.buffered + shown.in_flight];
            prop_assert_eq!(ends, [all.len() as u64, dropped as u64, 0], "{}: {:?}", which, shown);
            all.extend(log.take());
            all.sort_unstable();
            prop_assert!(all.iter().copied().eq(0..watch.pulled() as u32), "{which}: {all:?} of {}", watch.pulled());
        }
    }

    /// With errors, which `debounce`, `sample` and `audit` drop what they hold for.
    #[test]
    fn what_an_error_drops_is_offered(case in cases(), d in 1..12u64) {
        let check = |x: u32| if x % 5 == 3 { Err(x) } else { Ok(x) };
        let skip = |_| Recover::Skip;
        for which in 0..3 {
            let (gone, mut all) = (RefCell::new(Vec::new()), Vec::new());
            let on_drop = |x, _| gone.borrow_mut().push(x);
            let source = Pipe::new(case.source(|_| true)).try_map(check);
            in_virtual_time(async {
                all = match which {
                    0 => source.with(|i| i.debounce(ms(d)).on_drop(on_drop)).catch(skip).collect().await,
                    1 => source.with(|i| i.sample(ms(d)).on_drop(on_drop)).catch(skip).collect().await,
                    _ => source.with(|i| i.audit(ms(d)).on_drop(on_drop)).catch(skip).collect().await,
                };
            });
            all.extend(gone.into_inner());
            all.sort_unstable();
            let expected = (0..case.items.len() as u32).filter(|x| x % 5 != 3);
            prop_assert!(all.iter().copied().eq(expected), "{which}: {all:?}");
        }
    }

    /// Each key is as if it had a pipeline of its own.
    #[test]
    fn the_newest_of_each_key_is_given_as_if_it_were_alone(
        case in cases(), d in 1..12u64, keys in 1..5u32, burst in 1..3u64, before: bool,
    ) {
        let together = in_virtual_time(async {
            let key = |x: &u32| x % keys;
            let source = Pipe::new(case.source(|_| true));
            if before {
                told(source.with(|i| i.throttle(ms(d)).burst(burst).per_key(key).latest())).await
            } else {
                told(source.with(|i| i.throttle(ms(d)).burst(burst).latest().per_key(key))).await
            }
        });
        for key in 0..keys {
            let alone = in_virtual_time(async {
                let source = Pipe::new(case.source(|x| x % keys == key));
                told(source.with(|i| i.throttle(ms(d)).burst(burst).latest())).await
            });
            let of_key: Vec<_> = together.iter().filter(|(_, x)| x % keys == key).copied().collect();
            prop_assert_eq!(of_key, alone);
        }
    }

    /// The same with costs, where a newer item may be due at another time than the one that it replaces.
    #[test]
    fn the_newest_of_a_key_waits_for_its_own_cost(case in cases(), d in 1..6u64) {
        let cost = |x: &u32| x % 4;
        let together = in_virtual_time(async {
            told(Pipe::new(case.source(|_| true)).with(|i| i.throttle(ms(d)).burst(3).cost(cost).latest().per_key(|_| 0))).await
        });
        let alone = in_virtual_time(async {
            told(Pipe::new(case.source(|_| true)).with(|i| i.throttle(ms(d)).burst(3).cost(cost).latest())).await
        });
        prop_assert_eq!(together, alone);
    }
}

/// What a pipeline gives, and when.
async fn told<F: Flow<Item = u32, Error = std::convert::Infallible>>(pipe: Pipe<F>) -> Vec<(Duration, u32)> {
    let start = Instant::now();
    pipe.map(|item| (start.elapsed(), item)).collect::<Vec<_>>().await
}

/// What a pipeline gives in its first polls, a millisecond apart. Then it is dropped.
fn first_polls<F>(polls: usize, monitor: &BackpressureMonitor, pipe: Pipe<F>) -> Vec<u32>
where
    F: Flow<Item = u32, Error = std::convert::Infallible>,
{
    in_virtual_time(async {
        let (mut given, mut pipe) = (Vec::new(), pin!(pipe));
        for _ in 0..polls {
            match futures::poll!(pipe.next()) {
                Poll::Ready(Some(item)) => given.push(item),
                Poll::Ready(None) => break,
                Poll::Pending => sleep(ms(1)).await,
            }
            let shown = monitor.accounting();
            assert!(
                shown.balances() && shown.delivered == given.len() as u64 && shown.failed == 0,
                "{shown:?}"
            );
        }
        given
    })
}

#[test]
fn each_item_is_offered_with_its_reason() {
    use Reason::{Displaced, RateExceeded, Shutdown};
    let told = RefCell::new(Vec::new());
    let gone = || |item, reason| told.borrow_mut().push((item, reason));
    in_virtual_time(async {
        pipeline! { [1, 2, 3] |> debounce(1s).on_drop(gone()) |> drain() }.await;
        assert_eq!(told.take(), [(1, Displaced), (2, Displaced)]);
        pipeline! { [1, 2, 3] |> sample(1s, on_drop = gone()) |> drain() }.await;
        assert_eq!(told.take(), [(1, Displaced), (2, Displaced), (3, Shutdown)]);
        let failing = pipeline! { [1, 2, 3] |> try_map(|x| if x < 3 { Ok(x) } else { Err(x) }) |> audit(1s, on_drop = gone()) |> drain() };
        assert_eq!(failing.await, Err(3));
        assert_eq!(told.take(), [(1, Displaced), (2, Shutdown)]);
        pipeline! { [1, 2, 3] |> throttle(1s).drop_excess().on_drop(gone()) |> drain() }.await;
        assert_eq!(told.take(), [(2, RateExceeded), (3, RateExceeded)]);
        pipeline! { [1, 2, 3] |> throttle(1s).latest().on_drop(gone()) |> drain() }.await;
        assert_eq!(told.take(), [(2, Displaced)]);
        pipeline! { [1, 2, 3] |> throttle(1s).drop_excess().per_key(|_| 0).on_drop(gone()) |> drain() }.await;
        assert_eq!(told.take(), [(2, RateExceeded), (3, RateExceeded)]);
    });
}

#[test]
fn a_key_for_which_there_is_no_room_is_dropped_and_offered() {
    let mut dropped = Vec::new();
    let on_drop = |x, reason| dropped.push((x, reason));
    let busy = pipeline! {
        0..1000u32 |> throttle(1h).latest().per_key(|x| *x).max_keys(10).on_drop(on_drop) |> collect::<Vec<_>>()
    };
    assert_eq!(in_virtual_time(busy), (0..10).collect::<Vec<_>>());
    assert_eq!(dropped, (10..1000).map(|x| (x, Reason::QueueFull)).collect::<Vec<_>>());
}

#[test]
fn a_million_keys_are_held_to_their_bound() {
    let mut dropped = 0u32;
    let kept = pipeline! {
        0..2_000_000u32
            |> throttle(1s, burst = 1).latest().per_key(|x| *x % 1_000_000).max_keys(1000).on_drop(|_, _| dropped += 1)
            |> count()
    };
    let kept = in_virtual_time(kept) as u32;
    assert_eq!(kept + dropped, 2_000_000);
}

#[test]
fn a_new_rate_holds_for_the_newest_of_each_key() {
    let rate = Live::new(Rate::per_second(1));
    let given = in_virtual_time(async {
        let start = Instant::now();
        let items = pipeline! { [1, 2, 11, 12, 21] |> throttle(&rate).latest().per_key(|x| x % 10) };
        let change = async {
            sleep(ms(500)).await;
            rate.set(Rate::per_second(10));
        };
        let given = items.map(|x| (start.elapsed().as_millis(), x)).collect::<Vec<_>>();
        futures::join!(given, change).0
    });
    assert_eq!(given, [(0, 1), (0, 2), (550, 21), (550, 12)]);
}

#[test]
fn late_items_and_those_that_a_breaker_drops_are_accounted_for() {
    in_virtual_time(async {
        let monitor = BackpressureMonitor::new();
        let windows =
            pipeline! { [1u64, 12, 8, 25, 26] |> window_time(10ms).by_time(|at| *at).monitor(&monitor) };
        let mut windows = pin!(windows);
        assert_eq!(windows.next().await, Some(vec![1]));
        assert_eq!(windows.next().await, Some(vec![12]));
        let shown = monitor.accounting();
        assert_eq!((shown.dropped.by(Reason::Deadline), shown.delivered, shown.buffered), (1, 2, 1));
        assert!(shown.balances());
        assert_eq!(windows.next().await, Some(vec![25, 26]));
        assert_eq!((monitor.accounting().offered, monitor.accounting().delivered), (5, 4));

        let monitor = BackpressureMonitor::new();
        let dropped = pipeline! { [1u64, 12] |> window_time(10ms).by_time(|at| *at).monitor(&monitor) };
        assert_eq!(pin!(dropped).next().await, Some(vec![1]));
        assert_eq!(monitor.accounting().dropped.by(Reason::Shutdown), 1);

        let monitor = BackpressureMonitor::new();
        let stored = pipeline! {
            0..5
                |> map_async(async |row| if row < 2 { Err("down") } else { Ok(row) })
                    .circuit_breaker(CircuitBreaker::consecutive(2))
                    .drop_while_open(drop)
                    .monitor(&monitor)
                |> count()
        };
        assert_eq!(stored.await, 2);
        let shown = monitor.accounting();
        assert_eq!((shown.offered, shown.delivered, shown.dropped.by(Reason::CircuitOpen)), (5, 2, 3));
        assert!(shown.balances());
    });
}

/// The item that a panic was about has failed; what is held besides is dropped with the pipeline.
#[test]
fn what_a_panic_has_lost_has_failed() {
    let (monitor, mut dropped) = (BackpressureMonitor::new(), Vec::new());
    let cost = |item: &u32| if *item == 3 { panic!("three") } else { 1 };
    let on_drop = |item, _| dropped.push(item);
    let pipe = pipeline! { 0..9u32 |> throttle(1s).cost(cost).latest().on_drop(on_drop).monitor(&monitor) };
    let panicked = in_virtual_time(async {
        let mut pipe = Box::pin(pipe);
        assert_eq!(pipe.next().await, Some(0));
        std::panic::AssertUnwindSafe(pipe.next()).catch_unwind().await.is_err()
    });
    let shown = monitor.accounting();
    assert!(panicked && shown.balances(), "{shown:?}");
    assert_eq!((shown.offered, shown.delivered, shown.failed), (4, 1, 1));
    assert_eq!((shown.dropped.by(Reason::Displaced), shown.dropped.by(Reason::Shutdown)), (1, 1));
    assert_eq!(dropped, [1, 2]);
}
