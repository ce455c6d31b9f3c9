//! What every concurrent stage promises, shown with `map_async`.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use futures::channel::oneshot;
use futures::executor::block_on;
use futures::{FutureExt, StreamExt};

use crate::flow::{BUDGET, Flow, OneItem};
use crate::operator::Recover;
use crate::pipe::Pipe;

/// Futures that become ready when the test says so.
#[derive(Default)]
struct Gates(RefCell<Vec<Option<oneshot::Sender<()>>>>);

impl Gates {
    /// The future of an item: the gates have the numbers of the calls.
    fn pass<T>(&self, item: T) -> impl Future<Output = T> + use<T> {
        let (sender, receiver) = oneshot::channel();
        self.0.borrow_mut().push(Some(sender));
        receiver.map(|opened| {
            opened.expect("gates are opened, not dropped");
            item
        })
    }

    fn open(&self, gate: usize) {
        let sender = self.0.borrow_mut()[gate].take().expect("a gate opens once");
        sender.send(()).expect("who waits is there");
    }

    /// How many futures were made.
    fn calls(&self) -> usize {
        self.0.borrow().len()
    }
}

fn progress<F: Flow + Unpin>(flow: &mut F) {
    Pin::new(flow).poll_progress(&mut Context::from_waker(Waker::noop()));
}

#[test]
fn a_finished_result_that_waits_counts_as_in_flight() {
    let gates = Gates::default();
    let mut pipe = Pipe::new(0..).with(|i| i.map_async(|x| gates.pass(x)).concurrency(2));
    assert_eq!(pipe.next().now_or_never(), None);
    gates.open(1);
    assert_eq!(pipe.next().now_or_never(), None);
    assert_eq!(gates.calls(), 2);
    gates.open(0);
    assert_eq!(pipe.next().now_or_never(), Some(Some(0)));
    assert_eq!(pipe.next().now_or_never(), Some(Some(1)));
    assert_eq!(gates.calls(), 3);
}

#[test]
fn begins_with_no_more_than_is_wanted() {
    let called = Cell::new(0);
    let pipe = Pipe::new(0..).map_async(|x| {
        called.set(called.get() + 1);
        std::future::ready(x)
    });
    assert_eq!(block_on(pipe.take(2).collect::<Vec<_>>()), [0, 1]);
    assert_eq!(called.get(), 2);
}

#[test]
fn fills_free_places_while_nobody_wants_an_item() {
    let gates = Gates::default();
    let mut pipe = Pipe::new(0..).with(|i| i.map_async(|x| gates.pass(x)).concurrency(2));
    progress(&mut pipe);
    assert_eq!(gates.calls(), 0, "progress before the first poll starts nothing");
    assert_eq!(pipe.next().now_or_never(), None);
    gates.open(0);
    assert_eq!(pipe.next().now_or_never(), Some(Some(0)));
    assert_eq!(gates.calls(), 2);
    progress(&mut pipe);
    assert_eq!(gates.calls(), 3);
    gates.open(1);
    progress(&mut pipe);
    assert_eq!(gates.calls(), 3, "a result that was not taken has its place still");
}

#[test]
fn fills_free_places_before_it_gives_one_result_of_several() {
    let gates = Gates::default();
    let mut pipe = Pipe::new(0..).with(|i| i.map_async(|x| gates.pass(x)).concurrency(3));
    assert_eq!(pipe.next().now_or_never(), None);
    (0..3).for_each(|gate| gates.open(gate));
    assert_eq!(pipe.next().now_or_never(), Some(Some(0)));
    assert_eq!(pipe.next().now_or_never(), Some(Some(1)));
    assert_eq!(gates.calls(), 4);
}

#[test]
fn an_error_from_above_keeps_its_place_behind_what_is_in_flight() {
    let gates = Gates::default();
    let source = || Pipe::from_iter([Ok(0), Ok(1), Err("torn"), Ok(2)]).or_fail();
    let mut pipe = source()
        .with(|i| i.map_async(|x| gates.pass(x)).concurrency(9))
        .map(Ok)
        .catch(|e| Recover::With(Err(e)));
    assert_eq!(pipe.next().now_or_never(), None);
    assert_eq!(gates.calls(), 2, "nothing is taken from behind the error");
    gates.open(1);
    assert_eq!(pipe.next().now_or_never(), None);
    gates.open(0);
    assert_eq!(pipe.next().now_or_never(), Some(Some(Ok(0))));
    assert_eq!(pipe.next().now_or_never(), Some(Some(Ok(1))));
    assert_eq!(pipe.next().now_or_never(), Some(Some(Err("torn"))));
    assert_eq!(pipe.next().now_or_never(), None);
    gates.open(2);
    assert_eq!(pipe.next().now_or_never(), Some(Some(Ok(2))));
    assert_eq!(pipe.next().now_or_never(), Some(None));
}

#[test]
fn an_error_of_one_item_leaves_the_others_in_flight() {
    let gates = Gates::default();
    let mut pipe = Pipe::from_iter([Ok(0), Err("torn"), Ok(2)])
        .with(|i| i.map_async(|x| gates.pass(x)).concurrency(3))
        .or_fail()
        .catch(|_| Recover::Skip);
    assert_eq!(pipe.next().now_or_never(), None);
    gates.open(1);
    gates.open(0);
    assert_eq!(pipe.next().now_or_never(), Some(Some(0)));
    assert_eq!(pipe.next().now_or_never(), None);
    gates.open(2);
    assert_eq!(pipe.next().now_or_never(), Some(Some(2)));
    assert_eq!(gates.calls(), 3);
}

/// Polled twice each: when it was begun, and when it was woken.
#[test]
fn a_wake_up_polls_one_future_and_not_all() {
    let (gates, polls) = (Gates::default(), Cell::new(0));
    let mut pipe = Pipe::new(0..100).with(|i| {
        let counted = |x| {
            let mut future = Box::pin(gates.pass(x));
            std::future::poll_fn({
                let polls = &polls;
                move |cx| {
                    polls.set(polls.get() + 1);
                    future.poll_unpin(cx)
                }
            })
        };
        i.map_async(counted).concurrency(100).unordered()
    });
    assert_eq!(pipe.next().now_or_never(), None);
    for gate in (0..100).rev() {
        gates.open(gate);
        assert_eq!(pipe.next().now_or_never(), Some(Some(gate)));
    }
    assert_eq!(polls.get(), 200);
    assert_eq!(pipe.next().now_or_never(), Some(None));
}

#[test]
fn unordered_results_come_as_they_are_ready() {
    let gates = Gates::default();
    let mut pipe = Pipe::new(0..4).with(|i| i.map_async(|x| gates.pass(x)).concurrency(9).unordered());
    assert_eq!(pipe.next().now_or_never(), None);
    for item in [2, 0, 3, 1] {
        gates.open(item);
        assert_eq!(pipe.next().now_or_never(), Some(Some(item)));
    }
    assert_eq!(pipe.next().now_or_never(), Some(None));
}

#[test]
fn a_key_has_one_item_at_a_time_and_the_others_hold_their_places() {
    let gates = Gates::default();
    let mut pipe = Pipe::new([10, 11, 12, 20, 30])
        .with(|i| i.map_async(|x| gates.pass(x)).concurrency(4).per_key(|x| x / 10).unordered());
    assert_eq!(pipe.next().now_or_never(), None);
    // 10 and 20; 11 and 12 wait, so there is no place for 30.
    assert_eq!(gates.calls(), 2);
    gates.open(0);
    assert_eq!(pipe.next().now_or_never(), Some(Some(10)));
    // 11, and 30 in the free place.
    assert_eq!(pipe.next().now_or_never(), None);
    assert_eq!(gates.calls(), 4);
    for (gate, item) in [(3, 30), (2, 11), (1, 20), (4, 12)] {
        gates.open(gate);
        assert_eq!(pipe.next().now_or_never(), Some(Some(item)));
    }
    assert_eq!(pipe.next().now_or_never(), Some(None));
}

#[test]
fn a_long_lane_is_worked_off_in_bounded_polls() {
    let items = 3 * BUDGET;
    let (gates, begun) = (Gates::default(), Cell::new(0));
    let mut pipe = Pipe::new(0..items).with(|i| {
        let f = |x| {
            begun.set(begun.get() + 1);
            if x == 0 { gates.pass(x).left_future() } else { std::future::ready(x).right_future() }
        };
        i.map_async(f).concurrency(usize::MAX).per_key(|_| ())
    });
    while pipe.size_hint().0 > 0 && begun.get() == 0 {
        assert_eq!(pipe.next().now_or_never(), None);
    }
    for _ in 0..4 {
        progress(&mut pipe);
    }
    gates.open(0);
    let mut before = begun.get();
    while begun.get() < items {
        progress(&mut pipe);
        assert!((1..=BUDGET).contains(&(begun.get() - before)));
        before = begun.get();
    }
    assert!(block_on(pipe.collect::<Vec<_>>()).into_iter().eq(0..items));
}

#[test]
fn is_woken_from_other_threads() {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..2000).map(|_| oneshot::channel::<usize>()).unzip();
    let waker = std::thread::spawn(|| {
        let mut senders: Vec<_> = senders.into_iter().enumerate().collect();
        // Every seventh, over and over, so that they come out of order.
        let mut at = 0;
        while !senders.is_empty() {
            at = (at + 7) % senders.len();
            let (i, sender) = senders.swap_remove(at);
            if sender.is_canceled() || i % 50 == 0 {
                std::thread::yield_now();
            }
            sender.send(i).expect("who waits is there");
        }
    });
    let pipe = Pipe::new(receivers).with(|i| i.map_async(|receiver| receiver).concurrency(64));
    let received = block_on(pipe.map(|received| received.expect("it was sent")).collect::<Vec<_>>());
    assert!(received.into_iter().eq(0..2000));
    waker.join().unwrap();
}

/// Where the user's code panics.
#[derive(Clone, Copy, Debug, PartialEq)]
enum At {
    Call,
    FirstPoll,
    LaterPoll,
}

#[test]
fn a_panic_surfaces_once_and_everything_is_dropped_once() {
    for at in [At::Call, At::FirstPoll, At::LaterPoll] {
        for in_progress in [false, true] {
            for per_key in [false, true] {
                panics(at, in_progress, per_key);
            }
        }
    }
}

fn panics(at: At, in_progress: bool, per_key: bool) {
    let (item, future) = (Rc::new(()), Rc::new(()));
    let source: Vec<_> = (0..9).map(|i| (i, item.clone())).collect();
    let f = |(i, item): (u32, Rc<()>)| {
        assert!(i != 4 || at != At::Call, "a call");
        let (mut polls, held) = (0, future.clone());
        std::future::poll_fn(move |cx| {
            let _ = (&item, &held);
            polls += 1;
            assert!(i != 4 || at != At::FirstPoll, "a first poll");
            assert!(i != 4 || polls == 1, "a later poll");
            cx.waker().wake_by_ref();
            if polls > 2 { Poll::Ready(i) } else { Poll::Pending }
        })
    };
    let key = |(i, _): &(u32, Rc<()>)| if per_key { i / 3 } else { *i };
    let mut pipe = Pipe::new(source).with(|i| i.map_async(f).concurrency(3).per_key(key));
    let mut given = Vec::new();
    let mut panicked = 0;
    for _ in 0..100 {
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let polled = pipe.next().now_or_never();
            if in_progress {
                progress(&mut pipe);
                progress(&mut pipe);
            }
            polled
        }));
        match polled {
            Ok(Some(Some(i))) => given.push(i),
            Ok(Some(None)) => break,
            Ok(None) => {}
            Err(_) => panicked += 1,
        }
    }
    assert_eq!(panicked, 1, "{at:?}");
    assert!(given.iter().all(|i| *i < 4), "{at:?} {given:?}");
    assert_eq!(pipe.next().now_or_never(), Some(None));
    drop(pipe);
    assert_eq!((Rc::strong_count(&item), Rc::strong_count(&future)), (1, 1), "{at:?}");
}

struct Task;

impl Wake for Task {
    fn wake(self: Arc<Self>) {}
}

/// Dropped after any number of polls: each item that was taken was given or dropped, and no waker is kept, though the
/// futures are woken afterwards.
#[test]
fn dropped_at_any_poll_every_item_is_accounted_for() {
    for polls in 0..40 {
        let (item, gates) = (Rc::new(()), Gates::default());
        let task = Arc::new(Task);
        let waker = Waker::from(task.clone());
        let mut given = Vec::new();
        {
            let source = vec![item.clone(); 12];
            let mut pipe = Pipe::new(source).with(|i| i.map_async(|x| gates.pass(x)).concurrency(3));
            for poll in 0..polls {
                let mut one = OneItem(None);
                let _ = Pin::new(&mut pipe).poll_drive(&mut Context::from_waker(&waker), &mut one);
                given.extend(one.0);
                let gate = [1, 0, 2][poll % 3] + poll / 3 * 3;
                if gate < gates.calls() {
                    gates.open(gate);
                }
            }
        }
        drop(waker);
        assert_eq!(Rc::strong_count(&item), 1 + given.len(), "after {polls} polls");
        assert_eq!(Arc::strong_count(&task), 1, "after {polls} polls");
        assert!(gates.0.borrow().iter().flatten().all(oneshot::Sender::is_canceled));
    }
}
