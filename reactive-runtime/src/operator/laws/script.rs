//! What flows through the rows: a source that follows a script, and futures that are pending a few times.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Waker};

use crate::flow::{Bounded, Downstream, Drive, Driven, Flow};
use crate::source::Source;

/// What a scripted source does when it is asked for an item.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    Item(u32),
    /// It has none, and wakes whoever asked when the test says so.
    Later,
    /// It never has one any more.
    Never,
}

/// Items without a wait.
pub(super) const STEADY: [Event; 12] = {
    let mut events = [Event::Item(0); 12];
    let mut i = 0;
    while i < events.len() {
        events[i] = Event::Item(i as u32);
        i += 1;
    }
    events
};

/// The same items, with waits before, between and after them.
pub(super) const FALTERING: [Event; 19] = {
    let mut events = [Event::Later; 19];
    let (mut at, mut item) = (1, 0);
    while item < STEADY.len() {
        events[at] = STEADY[item];
        item += 1;
        at += if item % 3 == 0 { 2 } else { 1 };
        at += if item == 7 { 1 } else { 0 };
    }
    events
};

/// A source that follows a script, and tells a probe what happens to it.
pub(super) struct Script {
    events: VecDeque<Event>,
    ended: bool,
    // It wakes at once whoever it lets wait, and not when the test says so.
    wakes: bool,
    probe: Arc<Probe>,
}

#[derive(Default)]
pub(super) struct Probe {
    polls: AtomicUsize,
    pub(super) pushed: AtomicUsize,
    drops: AtomicUsize,
    waker: Mutex<Option<Waker>>,
}

impl Probe {
    pub(super) fn polls(&self) -> usize {
        self.polls.load(Ordering::Relaxed)
    }

    pub(super) fn drops(&self) -> usize {
        self.drops.load(Ordering::Relaxed)
    }

    /// Of the script that was made last on this thread.
    pub(super) fn last() -> Option<Arc<Self>> {
        LAST.with_borrow(Weak::upgrade)
    }

    pub(super) fn wake(&self) {
        if let Some(waker) = self.waker.lock().unwrap().take() {
            waker.wake();
        }
    }
}

thread_local! {
    static LAST: RefCell<Weak<Probe>> = const { RefCell::new(Weak::new()) };
}

impl Script {
    pub(super) fn of(events: &[Event]) -> (Self, Arc<Probe>) {
        let probe = Arc::<Probe>::default();
        LAST.set(Arc::downgrade(&probe));
        let events = events.iter().copied().collect();
        (Self { events, ended: false, wakes: false, probe: probe.clone() }, probe)
    }

    pub(super) fn that_wakes(events: &[Event]) -> Self {
        let (mut script, _) = Self::of(events);
        script.wakes = true;
        script
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.probe.drops.fetch_add(1, Ordering::Relaxed);
        *self.probe.waker.lock().unwrap() = None;
    }
}

impl Source for Script {
    type Flow = Self;

    fn into_flow(self) -> Self {
        self
    }
}

impl Flow for Script {
    type Item = u32;
    type Error = std::convert::Infallible;
    type Bound = Bounded;

    fn poll_drive<D: Downstream<u32>>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<Self::Error> {
        let Self { events, ended, wakes, probe } = &mut *self;
        assert!(!*ended, "the source is polled after its end");
        probe.polls.fetch_add(1, Ordering::Relaxed);
        while let Some(event) = events.pop_front() {
            let Event::Item(item) = event else {
                *probe.waker.lock().unwrap() = matches!(event, Event::Later).then(|| cx.waker().clone());
                if *wakes {
                    probe.wake();
                }
                return Poll::Pending;
            };
            probe.pushed.fetch_add(1, Ordering::Relaxed);
            if down.push(item).is_break() {
                return Poll::Ready(Ok(Drive::Paused));
            }
        }
        *ended = true;
        Poll::Ready(Ok(Drive::Ended))
    }

    fn poll_progress(self: Pin<&mut Self>, _: &mut Context<'_>) {}

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.events.iter().filter(|event| matches!(event, Event::Item(_))).count();
        (left, Some(left))
    }
}

thread_local! {
    /// How many futures there are.
    pub(super) static ALIVE: Cell<usize> = const { Cell::new(0) };
    static KEPT: RefCell<VecDeque<Waker>> = const { RefCell::new(VecDeque::new()) };
}

/// A future that is pending a few times, each more than the one before it, and leaves its waker where it outlives all.
pub(super) struct Slow<T> {
    value: Option<T>,
    pending: usize,
}

impl<T> Slow<T> {
    pub(super) fn new(value: T) -> Self {
        ALIVE.set(ALIVE.get() + 1);
        Self { value: Some(value), pending: 1 + ALIVE.get() % 3 }
    }
}

impl<T: Unpin> Future for Slow<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        if self.pending == 0 {
            return Poll::Ready(self.value.take().expect("a future is polled until it is ready"));
        }
        self.pending -= 1;
        KEPT.with_borrow_mut(|kept| {
            kept.truncate(9);
            kept.push_front(cx.waker().clone());
        });
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<T> Drop for Slow<T> {
    fn drop(&mut self) {
        ALIVE.set(ALIVE.get() - 1);
    }
}
