mod matching;
mod model;
mod publishing;
mod subscribing;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures::FutureExt;

use super::*;
use crate::flow::Downstream;
use crate::pipe::Pipe;

/// A task that counts its wake-ups.
#[derive(Default)]
struct Task(AtomicUsize);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Task {
    fn new() -> (Arc<Self>, Waker) {
        let task = Arc::new(Self::default());
        (Arc::clone(&task), Waker::from(task))
    }

    fn wakes(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

/// Breaks at each item, or at none.
struct Seen {
    items: Vec<u32>,
    breaks: bool,
}

impl Downstream<u32> for Seen {
    fn push(&mut self, item: u32) -> ControlFlow<()> {
        self.items.push(item);
        if self.breaks { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

fn publish(bus: &EventBus, topic: &str, event: u32) -> usize {
    bus.publish(topic, &event).now_or_never().expect("nobody blocks").unwrap()
}

fn counts(monitor: &InboxMonitor) -> [u64; 5] {
    let InboxCounts { offered, delivered, dropped, abandoned, buffered } = monitor.counts();
    assert_eq!(offered, delivered + dropped + abandoned + buffered);
    [offered, delivered, dropped, abandoned, buffered]
}
