//! The ways in which the laws drive a flow, and what they look at on the way.

use std::fmt::Debug;
use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures::Stream;
use tokio::runtime::{Builder, Runtime};

use super::script::{ALIVE, Probe};
use crate::flow::{Downstream, Drive, Flow, OneItem};
use crate::operator::left_off::Note;
use crate::pipe::Pipe;

/// For `break_at`: at every item.
pub(super) const EVERY: usize = usize::MAX;

thread_local! {
    /// For operators that run something on a task of its own: it runs in [`turn`].
    static RUNTIME: Runtime = Builder::new_current_thread().enable_all().build().unwrap();
}

const TURNS: usize = 1_000_000;

/// Lets tasks run until each has had its turn.
pub(super) fn turn() {
    RUNTIME.with(|runtime| runtime.block_on(tokio::task::yield_now()));
}

fn entered<R>(poll: impl FnOnce() -> R) -> R {
    RUNTIME.with(|runtime| {
        let _entered = runtime.enter();
        poll()
    })
}

/// Polls; where that is pending, lets the source and tasks go on.
pub(super) fn in_turns<R>(poll: impl FnOnce() -> Poll<R>) -> Poll<R> {
    let polled = entered(poll);
    if polled.is_pending() {
        if let Some(probe) = Probe::last() {
            probe.wake();
        }
        turn();
    }
    polled
}

pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = in_turns(|| future.as_mut().poll(&mut cx)) {
            return output;
        }
    }
}

/// A task that counts how often it was woken.
#[derive(Default)]
struct Task(AtomicUsize);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Breaks at some item, and checks that no item comes after a break.
struct Breaking {
    said: Vec<String>,
    break_at: Option<usize>,
    broke: bool,
}

impl<T: Debug> Downstream<T> for Breaking {
    fn push(&mut self, item: T) -> ControlFlow<()> {
        assert!(!self.broke, "{item:?} was pushed after a break");
        let at = self.said.len();
        self.said.push(format!("{item:?}"));
        self.broke = self.break_at.is_some_and(|break_at| break_at == at || break_at == EVERY);
        if self.broke { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

pub(super) struct Seen {
    pub(super) items: usize,
}

impl<T> Downstream<T> for Seen {
    fn push(&mut self, _: T) -> ControlFlow<()> {
        self.items += 1;
        ControlFlow::Continue(())
    }
}

/// What the flow says, in order, until its end: items and errors.
pub(super) fn drive_to_the_end<F: Flow<Item: Debug>>(flow: F, break_at: Option<usize>) -> Vec<String> {
    drive(flow, break_at, 0)
}

/// The same, where work in flight goes on so many times between two calls.
pub(super) fn drive<F: Flow<Item: Debug>>(flow: F, break_at: Option<usize>, progress: usize) -> Vec<String> {
    let mut flow = Box::pin(flow);
    let mut down = Breaking { said: Vec::new(), break_at, broke: false };
    let waker = Waker::noop();
    loop {
        down.broke = false;
        let driven = in_turns(|| flow.as_mut().poll_drive(&mut Context::from_waker(waker), &mut down));
        let paused = matches!(driven, Poll::Ready(Ok(Drive::Paused)));
        assert_eq!(paused, down.broke, "`Paused` is for a break of downstream, and for nothing else");
        match driven {
            Poll::Ready(Ok(Drive::Ended)) => return down.said,
            Poll::Ready(Err(_)) => down.said.push("error".to_owned()),
            Poll::Ready(Ok(Drive::Paused)) | Poll::Pending => {}
        }
        for _ in 0..progress {
            entered(|| flow.as_mut().poll_progress(&mut Context::from_waker(waker)));
        }
    }
}

pub(super) fn lets_go_on<F: Flow<Item: Debug>>(flow: F, note: &Note, break_at: Option<usize>) {
    let mut flow = Box::pin(flow);
    let mut down = Breaking { said: Vec::new(), break_at, broke: false };
    let task = Arc::<Task>::default();
    let waker = Waker::from(task.clone());
    loop {
        down.broke = false;
        note.begin();
        let woken = task.0.load(Ordering::Relaxed);
        let mut polls_again = false;
        let driven = in_turns(|| {
            let driven = flow.as_mut().poll_drive(&mut Context::from_waker(&waker), &mut down);
            polls_again = task.0.load(Ordering::Relaxed) > woken;
            driven
        });
        match driven {
            Poll::Ready(Ok(Drive::Ended)) => return,
            Poll::Pending if !polls_again => assert!(!note.is_left_off(), "while it waits"),
            _ => {}
        }
        note.begin();
        entered(|| flow.as_mut().poll_progress(&mut Context::from_waker(&waker)));
        assert!(!note.is_left_off(), "while nobody asks, after {:?}", down.said);
    }
}

pub(super) fn drive_with<F: Flow>(mut flow: Pin<&mut F>, seen: &mut Seen) {
    let mut cx = Context::from_waker(Waker::noop());
    while !matches!(in_turns(|| flow.as_mut().poll_drive(&mut cx, seen)), Poll::Ready(Ok(Drive::Ended))) {}
}

pub(super) fn ends_for_good<F: Flow>(flow: F, probe: &Probe) {
    let mut flow = Box::pin(flow);
    drive_with(flow.as_mut(), &mut Seen { items: 0 });
    let polls = probe.polls();
    for _ in 0..3 {
        let mut seen = Seen { items: 0 };
        drive_with(flow.as_mut(), &mut seen);
        assert_eq!((seen.items, probe.polls()), (0, polls));
    }
}

pub(super) fn wakes_whoever_waits<F: Flow>(flow: F, probe: &Probe) {
    let mut flow = Box::pin(flow);
    let task = Arc::<Task>::default();
    let waker = Waker::from(task.clone());
    loop {
        let woken = task.0.load(Ordering::Relaxed);
        let mut seen = Seen { items: 0 };
        match entered(|| flow.as_mut().poll_drive(&mut Context::from_waker(&waker), &mut seen)) {
            Poll::Ready(Ok(Drive::Ended)) => return,
            Poll::Ready(_) => {}
            Poll::Pending => {
                let is_woken = || task.0.load(Ordering::Relaxed) > woken;
                // What is above may run on another task or thread, which is woken first.
                let mut turns = 0..TURNS;
                while !is_woken() && turns.next().is_some() {
                    probe.wake();
                    turn();
                }
                assert!(is_woken(), "pending, and nobody will wake it");
            }
        }
    }
}

pub(super) fn drop_after<F: Flow>(polls: usize, flow: F, probe: &Probe) {
    let mut flow = Box::pin(flow);
    let task = Arc::<Task>::default();
    let waker = Waker::from(task.clone());
    for _ in 0..polls {
        let mut one = OneItem(None);
        let _ = in_turns(|| flow.as_mut().poll_drive(&mut Context::from_waker(&waker), &mut one));
    }
    drop((flow, waker));
    turn();
    assert_eq!(probe.drops(), 1);
    assert!(is_let_go(&task), "a waker is kept after {polls} polls");
    assert_eq!(ALIVE.get(), 0, "a future is kept after {polls} polls");
}

/// Whether nobody keeps a waker of the task any more. A call on another thread, which runs to its end, holds one until then.
fn is_let_go(task: &Arc<Task>) -> bool {
    (0..TURNS).any(|_| {
        let alone = Arc::strong_count(task) == 1;
        if !alone {
            std::thread::yield_now();
        }
        alone
    })
}

pub(super) fn hints_honestly<F: Flow>(pipe: Pipe<F>) {
    let mut pipe = Box::pin(pipe);
    let mut hints = Vec::new();
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        hints.push((hints.len(), Stream::size_hint(&pipe)));
        loop {
            match in_turns(|| pipe.as_mut().poll_next(&mut cx)) {
                Poll::Ready(Some(_)) => break,
                Poll::Ready(None) => {
                    let all = hints.len() - 1;
                    for (before, (at_least, at_most)) in hints {
                        let left = all - before;
                        assert!(at_least <= left && at_most.is_none_or(|at_most| left <= at_most));
                    }
                    return;
                }
                Poll::Pending => {}
            }
        }
    }
}

/// After each item that comes out: how many have come out, and how many were taken in.
pub(super) fn outputs_and_inputs<F: Flow>(pipe: Pipe<F>, probe: &Probe) -> Vec<(usize, usize)> {
    let mut pipe = Box::pin(pipe);
    let mut counts = Vec::new();
    let mut cx = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(_)) = pipe.as_mut().poll_next(&mut cx) {
        counts.push((counts.len() + 1, probe.pushed.load(Ordering::Relaxed)));
    }
    counts
}
