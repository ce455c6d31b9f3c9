use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::executor::block_on;
use futures::future::LocalBoxFuture;
use futures::{FutureExt, StreamExt};
use tokio::sync::{Mutex, mpsc};
use tokio::time::{Instant, sleep};

use super::*;
use crate::flow::{Bounded, OneItem};
use crate::operator::Recover;
use crate::units::ms;

/// A source of the tests: a future, and then its output, which goes on in `poll_progress` too.
struct InFlight {
    future: Option<LocalBoxFuture<'static, u32>>,
    done: Option<u32>,
    started: bool,
}

impl InFlight {
    fn new(future: impl Future<Output = u32> + 'static) -> Pipe<Self> {
        Pipe::from_flow(Self { future: Some(future.boxed_local()), done: None, started: false })
    }

    fn go_on(&mut self, cx: &mut Context<'_>) {
        if let Some(future) = &mut self.future
            && let Poll::Ready(item) = future.as_mut().poll(cx)
        {
            (self.future, self.done) = (None, Some(item));
        }
    }
}

impl Flow for InFlight {
    type Item = u32;
    type Error = std::convert::Infallible;
    type Bound = Bounded;

    fn poll_drive<D: Downstream<u32>>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<Self::Error> {
        self.started = true;
        self.go_on(cx);
        match self.done.take() {
            Some(item) if down.push(item).is_break() => Poll::Ready(Ok(Drive::Paused)),
            None if self.future.is_some() => Poll::Pending,
            _ => Poll::Ready(Ok(Drive::Ended)),
        }
    }

    fn poll_progress(mut self: Pin<&mut Self>, cx: &mut Context<'_>) {
        if self.started {
            self.go_on(cx);
        }
    }
}

/// Hands each item to `body`, and lets the pipeline go on while that waits, as every consumer must.
async fn consume<F: Flow>(flow: F, mut body: impl AsyncFnMut(F::Item)) {
    let mut flow = pin!(flow);
    loop {
        let mut one = OneItem(None);
        let driven = poll_fn(|cx| flow.as_mut().poll_drive(cx, &mut one).map_err(drop)).await;
        let Some(item) = one.0 else {
            assert_eq!(driven, Ok(Drive::Ended));
            return;
        };
        let mut body = pin!(body(item));
        poll_fn(|cx| {
            let done = body.as_mut().poll(cx);
            if done.is_pending() {
                flow.as_mut().poll_progress(cx);
            }
            done
        })
        .await;
    }
}

/// Each item takes a lock, in the source and in the consumer.
async fn share_a_lock<F: Flow<Item = u32>>(
    make: impl FnOnce(Pipe<crate::source::RangeFlow<u32>>, Arc<Mutex<()>>) -> F,
) {
    let lock = Arc::new(Mutex::new(()));
    let mut seen = 0;
    let all = consume(make(Pipe::new(0..6), lock.clone()), async |_| {
        let _locked = lock.lock().await;
        sleep(ms(10)).await;
        seen += 1;
    });
    tokio::time::timeout(ms(60_000), all).await.expect("nothing hangs");
    assert_eq!(seen, 6);
}

fn locks(x: u32, lock: &Arc<Mutex<()>>) -> Pipe<InFlight> {
    let lock = lock.clone();
    InFlight::new(async move {
        let _locked = lock.lock().await;
        sleep(ms(10)).await;
        x
    })
}

#[tokio::test(start_paused = true)]
async fn sources_and_the_consumer_may_share_a_lock() {
    share_a_lock(|items, lock| items.flat_map_stream(move |x| locks(x, &lock))).await;
    share_a_lock(|items, lock| {
        items.with(|items| items.flat_map_stream(move |x| locks(x, &lock)).concurrency(3))
    })
    .await;
    share_a_lock(|items, lock| {
        items.with(|items| items.flat_map_stream(move |x| locks(x, &lock)).unordered().concurrency(3))
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn sources_go_on_while_the_consumer_is_busy() {
    let slow = |x| {
        InFlight::new(async move {
            sleep(ms(100)).await;
            x
        })
    };
    let start = Instant::now();
    consume(Pipe::new(0..6).with(|i| i.flat_map_stream(slow).concurrency(2)), async |_| sleep(ms(100)).await)
        .await;
    assert_eq!(start.elapsed(), ms(700));
}

#[test]
fn one_runs_at_a_time() {
    let started = Cell::new(0);
    let mut pipe = Pipe::new([2, 0, 1]).flat_map_stream(|n| {
        started.set(started.get() + 1);
        0..n
    });
    for (expected, starts) in [(0, 1), (1, 1), (0, 3)] {
        assert_eq!(pipe.next().now_or_never(), Some(Some(expected)));
        assert_eq!(started.get(), starts);
    }
    assert_eq!(pipe.next().now_or_never(), Some(None));
}

#[test]
fn yields_between_many_long_sources() {
    let mut polls = 0;
    let mut count = Pipe::new(0..100).flat_map_stream(|_| 0..1000).count();
    let counted = poll_fn(|cx| {
        polls += 1;
        count.poll_unpin(cx)
    });
    assert_eq!(block_on(counted), 100_000);
    assert!(polls >= 10, "{polls} polls");
}

fn fails_at(at: u32) -> impl Fn(u32) -> Result<u32, String> {
    move |x| if x == at { Err(format!("bad {x}")) } else { Ok(x) }
}

#[test]
fn errors_keep_their_places_in_order() {
    let items = || Pipe::new([1, 2, 3]).try_map(fails_at(2));
    let f = |x: u32| Pipe::new([10 * x, 10 * x + 1]).try_map(fails_at(30));
    let skipped = RefCell::new(Vec::new());
    let skip = |error| {
        skipped.borrow_mut().push(error);
        Recover::Skip
    };
    let one_by_one = block_on(items().flat_map_stream(f).catch(skip).collect::<Vec<_>>());
    let ahead = items().with(|items| items.flat_map_stream(f).concurrency(3)).catch(skip);
    assert_eq!(one_by_one, [10, 11, 31]);
    assert_eq!(block_on(ahead.collect::<Vec<_>>()), one_by_one);
    assert_eq!(*skipped.borrow(), ["bad 2", "bad 30", "bad 2", "bad 30"]);
}

#[test]
fn errors_leave_at_once_without_an_order() {
    let never = |_| Pipe::from_stream(futures::stream::pending::<u32>());
    let mut pipe =
        Pipe::new([1, 2]).try_map(fails_at(2)).with(|items| items.flat_map_stream(never).unordered());
    assert_eq!(pipe.next().now_or_never(), Some(Some(Err("bad 2".to_owned()))));
}

#[test]
fn inner_errors_convert_into_the_pipelines() {
    let pipe = Pipe::new([1u32, 2])
        .fails_with::<Box<dyn std::error::Error>>()
        .flat_map_stream(|x| Pipe::new([x]).try_map(|_| "many".parse::<u32>()));
    let error = block_on(pipe.collect::<Vec<_>>()).expect_err("no number");
    assert_eq!(error.to_string(), "invalid digit found in string");
}

#[test]
fn runs_ahead_within_its_bounds() {
    let (started, taken) = (Cell::new(0), Cell::new(0));
    let endless = |x: u32| {
        started.set(started.get() + 1);
        Pipe::new(0..).inspect(|_: &u32| taken.set(taken.get() + 1)).map(move |y| (x, y))
    };
    let mut pipe = Pipe::new(0..100).with(|items| items.flat_map_stream(endless).concurrency(3));
    for y in 0..1000 {
        assert_eq!(pipe.next().now_or_never(), Some(Some((0, y))));
        assert_eq!(started.get(), 3);
        assert_eq!(taken.get(), y + 1 + 2 * 16);
    }
}

#[test]
fn is_fair_between_sources_and_to_new_items() {
    let (sender, receiver) = mpsc::unbounded_channel();
    let endless = |x| Pipe::new(0..).map(move |_: u64| x);
    let mut pipe = Pipe::new(receiver).with(|items| items.flat_map_stream(endless).unordered());
    for sources in 1..4 {
        sender.send(sources - 1).unwrap();
        let mut counts = vec![0; sources];
        for _ in 0..100 * sources {
            counts[pipe.next().now_or_never().flatten().unwrap()] += 1;
        }
        assert!(counts.iter().all(|count| (90..=110).contains(count)), "{counts:?}");
    }
}

/// Polls of each of 100 sources, of which one gets an item.
fn polls_for_one_item<F: Flow<Item = u32>>(
    make: impl FnOnce(Pipe<crate::source::RangeFlow<usize>>, Vec<Pipe<Counted>>) -> F,
) -> Vec<usize> {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..100).map(|_| mpsc::unbounded_channel()).unzip();
    let polls: Vec<_> = (0..100).map(|_| Rc::new(Cell::new(0))).collect();
    let sources = receivers.into_iter().zip(polls.clone());
    let sources = sources.map(|(receiver, polls)| Pipe::from_flow(Counted { receiver, polls })).collect();
    let mut flow = pin!(make(Pipe::new(0..100), sources));
    let mut next = || {
        let mut one = OneItem(None);
        let driven = flow.as_mut().poll_drive(&mut Context::from_waker(std::task::Waker::noop()), &mut one);
        (one.0, driven.is_pending())
    };
    while !next().1 {}
    polls.iter().for_each(|polls| polls.set(0));
    senders[0].send(7).unwrap();
    assert_eq!(next(), (Some(7), false));
    assert_eq!(next(), (None, true));
    polls.iter().map(|polls| polls.get()).collect()
}

struct Counted {
    receiver: mpsc::UnboundedReceiver<u32>,
    polls: Rc<Cell<usize>>,
}

impl Flow for Counted {
    type Item = u32;
    type Error = std::convert::Infallible;
    type Bound = Bounded;

    fn poll_drive<D: Downstream<u32>>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<Self::Error> {
        self.polls.set(self.polls.get() + 1);
        while let Poll::Ready(item) = self.receiver.poll_recv(cx) {
            let Some(item) = item else { return Poll::Ready(Ok(Drive::Ended)) };
            if down.push(item).is_break() {
                return Poll::Ready(Ok(Drive::Paused));
            }
        }
        Poll::Pending
    }

    fn poll_progress(self: Pin<&mut Self>, _: &mut Context<'_>) {}
}

#[test]
fn polls_only_sources_that_were_woken() {
    let expected: Vec<_> = std::iter::once(2).chain(std::iter::repeat_n(0, 99)).collect();
    let take = |mut sources: Vec<Pipe<Counted>>| move |_| sources.remove(0);
    let ahead = polls_for_one_item(|items, sources| {
        items.with(|items| items.flat_map_stream(take(sources)).concurrency(usize::MAX))
    });
    assert_eq!(ahead, expected);
    let merged = polls_for_one_item(|items, sources| {
        items.with(|items| items.flat_map_stream(take(sources)).unordered().concurrency(usize::MAX))
    });
    assert_eq!(merged, expected);
}

#[test]
fn can_be_dropped_after_a_panic_in_the_closure_and_in_a_source() {
    let alive = Rc::new(());
    let source = |panics: u32| {
        let alive = alive.clone();
        move |x: u32| {
            assert!(x != panics, "in the closure");
            let alive = alive.clone();
            Pipe::new(0..3)
                .inspect(move |y| assert!(Rc::strong_count(&alive) > 0 && x + y < 103, "in a source"))
        }
    };
    let panicked = |run: &mut dyn FnMut()| catch_unwind(AssertUnwindSafe(run)).is_err();
    for (items, panics) in [([1, 2, 3], 2), ([1, 101, 2], 99)] {
        let f = || source(panics);
        assert!(panicked(&mut || assert!(block_on(Pipe::new(items).flat_map_stream(f()).count()) > 0)));
        let ahead = || Pipe::new(items).with(|items| items.flat_map_stream(f()).concurrency(2));
        assert!(panicked(&mut || assert!(block_on(ahead().count()) > 0)));
        let merged = || Pipe::new(items).with(|items| items.flat_map_stream(f()).unordered());
        assert!(panicked(&mut || assert!(block_on(merged().count()) > 0)));
    }
    assert_eq!(Rc::strong_count(&alive), 1);
}

#[test]
#[should_panic(expected = "0 sources at a time have no meaning")]
fn refuses_a_concurrency_of_0() {
    let _ = Pipe::new(0..3).with(|items| items.flat_map_stream(|x| 0..x).unordered().concurrency(0));
}
