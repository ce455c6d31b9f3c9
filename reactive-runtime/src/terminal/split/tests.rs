use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::{pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Wake, Waker};

use futures::channel::mpsc;
use futures::executor::block_on;
use futures::{FutureExt, StreamExt};
use proptest::prelude::*;
use tokio::time::{sleep, timeout};

use super::*;
use crate::flow::{Bounded, Driven};
use crate::operator::IntoFailed;
use crate::pipe::Pipe;
use crate::pipeline;
use crate::source::Lagged;
use crate::units::ms;

#[test]
fn gives_all_results_to_tuples_and_arrays() {
    let all = pipeline! {
        0..1000u64 |> broadcast(|[a, b, c]| (
            pipeline!(a |> sum::<u64>()),
            pipeline!(b |> filter(|x| x % 2 == 0) |> count()),
            c.map(|x| x + 1).last(),
        ))
    };
    assert_eq!(block_on(all), (499_500, 500, Some(1000)));

    let each = Pipe::new(0..10u64).broadcast(|branches: [_; 4]| branches.map(|branch| branch.sum::<u64>()));
    assert_eq!(block_on(each), [45; 4]);
    assert_eq!(block_on(Pipe::new(0..0u8).broadcast(|[only]| (only.count(),))), (0,));
}

#[test]
fn partitions_and_routes_in_order() {
    let two =
        Pipe::new(0..10).partition(|x| *x < 3, |[yes, no]| (yes.collect::<Vec<_>>(), no.collect::<Vec<_>>()));
    assert_eq!(block_on(two), (vec![0, 1, 2], vec![3, 4, 5, 6, 7, 8, 9]));

    let three = pipeline! {
        0..6usize |> route(|x| x % 3, |[a, b, c]| (a.collect::<Vec<_>>(), b.count(), pipeline!(c |> first())), lag = 2)
    };
    assert_eq!(block_on(three), (vec![0, 3], 2, Some(2)));
}

#[test]
#[should_panic(expected = "`route` gave the index 2, and there are 2 branches")]
fn a_route_to_nowhere_panics() {
    block_on(Pipe::new(0..3usize).route(|x| *x, |[a, b]| (a.drain(), b.drain())));
}

#[test]
#[should_panic(expected = "branches that may lag 0 items behind get none")]
fn refuses_a_lag_of_0() {
    drop(Pipe::new(0..3).with(|items| items.broadcast(|[a]| (a.count(),)).lag(0)));
}

/// A source that counts what is taken of it.
fn counting(taken: &Cell<usize>) -> Pipe<impl Flow<Item = usize, Error = Infallible>> {
    Pipe::new(0..1000usize).inspect(|_| taken.set(taken.get() + 1))
}

#[test]
fn no_branch_lags_more_than_it_may() {
    for lag in [1, 2, 16, 100] {
        let (taken, given) = (Cell::new(0), Cell::new(0));
        let (taken, given) = (&taken, &given);
        let split = counting(taken).with(|items| {
            items
                .broadcast(|[fast, mut slow]| {
                    let slow = async move {
                        while slow.next().await.is_some() {
                            assert!(taken.get() - given.get() <= lag);
                            given.set(given.get() + 1);
                            // Not before the next poll.
                            yield_once().await;
                        }
                    };
                    (fast.count(), slow)
                })
                .lag(lag)
        });
        assert_eq!(block_on(split), (1000, ()));
        assert_eq!(given.get(), 1000);
    }
}

async fn yield_once() {
    let mut yielded = false;
    poll_fn(|cx| if std::mem::replace(&mut yielded, true) { Poll::Ready(()) } else { yield_now(cx) }).await;
}

#[test]
fn a_branch_that_never_asks_holds_up_the_source_after_its_lag() {
    let taken = Cell::new(0);
    let mut split = Box::pin(counting(&taken).broadcast(|[fast, stuck]| {
        (fast.count(), async move {
            pending::<()>().await;
            drop(stuck);
        })
    }));
    assert!(split.as_mut().now_or_never().is_none());
    assert_eq!(taken.get(), 16);
}

#[test]
fn branches_that_end_early_hold_up_nobody() {
    let taken = Cell::new(0);
    let split = counting(&taken).broadcast(|[all, few, none, unused]| {
        drop(unused);
        (all.count(), few.take(3).collect::<Vec<_>>(), none.take(0).count())
    });
    assert_eq!(block_on(split), (1000, vec![0, 1, 2], 0));

    let split = Pipe::new(0..100usize).route(|x| x % 2, |[even, odd]| (even.take(1).count(), odd.count()));
    assert_eq!(block_on(split), (1, 50));
}

#[test]
fn the_source_is_dropped_when_nobody_wants_more() {
    let source = Rc::new(());
    let held = source.clone();
    let endless = Pipe::new(0..).inspect(move |_| {
        let _ = &held;
    });
    let mut split = Box::pin(endless.broadcast(|[a, b]| {
        let then_wait = async {
            let first = a.first().await;
            pending::<()>().await;
            first
        };
        (then_wait, b.take(20).count())
    }));
    assert!(split.as_mut().now_or_never().is_none());
    assert_eq!(Rc::strong_count(&source), 1);

    assert_eq!(block_on(Pipe::new(0..).broadcast(|[a, b]| (a.first(), b.take(20).count()))), (Some(0), 20));
}

#[test]
fn each_branch_gets_what_came_before_an_error() {
    let rows = Pipe::new(0..10).try_map(|x| if x == 5 { Err("torn") } else { Ok(x) });
    let flushed = RefCell::new(Vec::new());
    let split =
        rows.broadcast(|[a, b]| (a.batch(3).for_each(|batch| flushed.borrow_mut().push(batch)), b.count()));
    assert_eq!(block_on(split), Err("torn"));
    assert_eq!(*flushed.borrow(), [vec![0, 1, 2], vec![3, 4]]);

    let rows = Pipe::new(0..3).try_map(Ok::<_, &str>);
    assert_eq!(block_on(rows.broadcast(|[a]| (a.count(),))), Ok((3,)));
}

#[test]
fn an_error_within_a_branch_leaves_the_others_alone() {
    let split = pipeline! {
        ["1", "x", "3"] |> broadcast(|[a, b]| (pipeline!(a |> map(str::parse::<u8>)? |> count()), pipeline!(b |> count())))
    };
    let (parsed, all) = block_on(split);
    assert!(parsed.is_err());
    assert_eq!(all, 3);
}

#[test]
fn a_late_branch_fails_where_it_may() {
    let (open, gate) = futures::channel::oneshot::channel::<()>();
    let mut late = Vec::new();
    let split = Pipe::new(0..100).with(|items| {
        items
            .broadcast(|[all, best_effort]| {
                let best_effort = best_effort.fail_late();
                let late = &mut late;
                (all.count(), async move {
                    gate.await.unwrap();
                    best_effort.inspect(|x| late.push(*x)).drain().await
                })
            })
            .lag(4)
    });
    let mut split = Box::pin(split);
    assert!(split.as_mut().now_or_never().is_none());
    open.send(()).unwrap();
    assert_eq!(block_on(split), (100, Err(Lagged(96))));
    assert_eq!(late, [0, 1, 2, 3]);
}

#[test]
fn a_branch_that_keeps_up_is_not_late() {
    let split = Pipe::new(0..10_000).broadcast(|[a, b]| (a.fail_late().count(), b.fail_late().count()));
    assert_eq!(block_on(split), (Ok(10_000), Ok(10_000)));
    // The source waits while nobody has room, and a late one does not hold up the end.
    let split = Pipe::new(0..100).broadcast(|[mut a, b]| {
        (async move { a.next().await }, async move {
            yield_once().await;
            b.fail_late().catch(|_: Lagged| crate::Recover::Skip).count().await
        })
    });
    assert_eq!(block_on(split), (Some(0), 100));
}

/// A source that counts how often it may go on.
struct Progressing<'a>(&'a Cell<usize>);

impl Flow for Progressing<'_> {
    type Item = u32;
    type Error = Infallible;
    type Bound = Bounded;

    fn poll_drive<D: Downstream<u32>>(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<Infallible> {
        while down.push(1).is_continue() {}
        Poll::Ready(Ok(Drive::Paused))
    }

    fn poll_progress(self: Pin<&mut Self>, _: &mut Context<'_>) {
        self.0.set(self.0.get() + 1);
    }
}

#[test]
fn work_in_flight_goes_on_while_a_branch_is_full() {
    let progress = Cell::new(0);
    let source = Pipe::from_flow(Progressing(&progress));
    let mut split = Box::pin(source.broadcast(|[branch]| {
        (async move {
            pending::<()>().await;
            drop(branch);
        },)
    }));
    for polls in 1..4 {
        assert!(split.as_mut().now_or_never().is_none());
        assert_eq!(progress.get(), polls);
    }
}

struct Task;

impl Wake for Task {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn keeps_no_waker_and_no_item_when_it_is_dropped_at_any_poll() {
    for polls in 0..12 {
        let (task, item) = (Arc::new(Task), Arc::new(()));
        let waker = Waker::from(task.clone());
        let (sender, receiver) = mpsc::unbounded();
        let mut moved = None;
        let mut split = Box::pin(Pipe::from_stream(receiver).with(|items| {
            items
                .broadcast(|[a, b, elsewhere]| {
                    moved = Some(elsewhere);
                    let slow = b.for_each(|_| ());
                    (a.collect::<Vec<_>>(), async {
                        yield_once().await;
                        slow.await;
                    })
                })
                .lag(2)
        }));
        for _ in 0..polls {
            sender.unbounded_send(item.clone()).unwrap();
            assert!(split.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        }
        let mut moved = moved.unwrap();
        assert!(polls > 0 || moved.poll_next_unpin(&mut Context::from_waker(&waker)).is_pending());
        drop((split, sender, waker));
        assert_eq!(moved.count().now_or_never(), Some(polls.min(2)), "its end has come");
        assert_eq!((Arc::strong_count(&task), Arc::strong_count(&item)), (1, 1));
    }
}

#[test]
fn can_be_dropped_after_a_panic_in_a_branch() {
    let alive = Rc::new(());
    let held = alive.clone();
    let mut split = Box::pin(Pipe::new(0..10).broadcast(|[a, b]| {
        (a.inspect(move |x| assert!(*x < 5 || Rc::strong_count(&held) == 0, "five")).count(), b.count())
    }));
    assert!(catch_unwind(AssertUnwindSafe(|| split.as_mut().now_or_never())).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| split.as_mut().now_or_never())).is_err(), "it is over");
    drop(split);
    assert_eq!(Rc::strong_count(&alive), 1);
}

#[test]
fn can_be_dropped_after_a_panic_in_a_clone() {
    struct Touchy(u8);
    impl Clone for Touchy {
        fn clone(&self) -> Self {
            assert!(self.0 < 2, "two");
            Self(self.0)
        }
    }
    let split = || Pipe::new(0..5).map(Touchy).broadcast(|[a, b]| (a.count(), b.count()));
    assert!(catch_unwind(AssertUnwindSafe(|| block_on(split()))).is_err());
}

#[tokio::test]
async fn a_branch_may_run_on_another_task() {
    let split = Pipe::new(0..1000u64).broadcast(|[here, there]| {
        let there = tokio::spawn(there.sum::<u64>());
        (here.count(), there)
    });
    let (count, sum) = tokio::spawn(split).await.unwrap();
    assert_eq!((count, sum.unwrap()), (1000, 499_500));
}

#[test]
fn is_send_where_its_parts_are() {
    fn assert_send<T: Send>(_: T) {}
    assert_send(Pipe::new(0..3).broadcast(|[a, b]| (a.count(), b.collect::<Vec<_>>())));
    assert_send(async {
        let rows = [1, 2, 3];
        pipeline! { &rows |> partition(|x| **x > 1, |[a, b]| (a.count(), pipeline!(b |> map(|x| *x) |> sum::<i32>()))) }.await
    });
}

/// What a branch does: how long it works on each item, how many it takes, and whether it may be late.
#[derive(Clone, Debug)]
struct Plan {
    pauses: Vec<u8>,
    take: usize,
    may_be_late: bool,
}

fn plan() -> impl Strategy<Value = Plan> {
    (prop::collection::vec(0..4u8, 1..6), prop_oneof![0..40usize, Just(usize::MAX)], any::<bool>())
        .prop_map(|(pauses, take, may_be_late)| Plan { pauses, take, may_be_late })
}

async fn follow<F: Flow<Item = usize>>(branch: Pipe<F>, plan: Plan) -> (Vec<usize>, bool)
where
    F::Error: IntoFailed<Lagged>,
{
    let mut seen = Vec::new();
    let mut branch = std::pin::pin!(branch.take(plan.take).fails_with::<Lagged>());
    while let Some(item) = branch.next().await {
        let Ok(item) = item else { return (seen, true) };
        seen.push(item);
        match plan.pauses[item % plan.pauses.len()] {
            0 => {}
            1 => yield_once().await,
            pause => sleep(ms(u64::from(pause))).await,
        }
    }
    (seen, false)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever the branches do, none waits for ever, and each sees the items in order without a gap.
    #[test]
    fn never_dead_locks(
        plans in prop::array::uniform3(plan()),
        lag in 1..6usize,
        pauses in prop::collection::vec(0..3u8, 1..4),
        items in 0..60usize,
        routed in any::<bool>(),
    ) {
        let source = futures::stream::iter(0..items).then(|item| {
            let pause = pauses[item % pauses.len()];
            async move {
                if pause > 0 {
                    sleep(ms(u64::from(pause))).await;
                }
                item
            }
        });
        let run = |branch: Branch<usize>, plan: Plan| async move {
            if plan.may_be_late { follow(branch.fail_late(), plan).await } else { follow(branch, plan).await }
        };
        let branches = |[a, b, c]: [Branch<usize>; 3]| {
            let [p, q, r] = plans.clone();
            (run(a, p), run(b, q), run(c, r))
        };
        let source = Pipe::from_stream(source);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let all = runtime.block_on(async {
            if routed {
                timeout(ms(100_000), source.with(|items| items.route(|x| x % 3, branches).lag(lag))).await
            } else {
                timeout(ms(100_000), source.with(|items| items.broadcast(branches).lag(lag))).await
            }
        });
        let (a, b, c) = all.expect("no branch waits for ever");
        for ((index, (seen, late)), plan) in [a, b, c].into_iter().enumerate().zip(plans.clone()) {
            let all = (0..items).filter(|item| !routed || item % 3 == index).collect::<Vec<_>>();
            prop_assert!(all.starts_with(&seen));
            prop_assert!(late || seen.len() == all.len().min(plan.take));
            prop_assert!(!late || plan.may_be_late);
        }
    }
}

#[test]
fn a_ready_branch_needs_no_item() {
    let split = Pipe::from_stream(futures::stream::pending::<u8>()).broadcast(|[a, b]| {
        drop((a, b));
        (ready(1), ready(2))
    });
    assert_eq!(split.now_or_never(), Some((1, 2)));
}
