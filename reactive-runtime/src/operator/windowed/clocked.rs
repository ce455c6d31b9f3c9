use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use super::{LONG_AGO, Windows, nanos};
use crate::gather::{Flush, Gather, TimedGather};
use crate::timer::after;

/// Windows that follow the clock, whose zero is the first poll.
#[derive(Debug)]
pub struct Clocked<W> {
    windows: W,
    zero: Option<Instant>,
    now: i64,
    // Nothing has come at that time, nor later.
    from: i64,
    // All are to be given.
    all: bool,
}

impl<W> Clocked<W> {
    pub(super) fn new(windows: W) -> Self {
        Self { windows, zero: None, now: 0, from: 0, all: false }
    }
}

impl<T, W: Windows<T>> Gather<T> for Clocked<W> {
    type Out = Vec<T>;

    #[inline(always)]
    fn add(&mut self, item: T) -> Option<Vec<T>> {
        let put = self.windows.put(item, self.now, self.now);
        debug_assert!(put.is_ok(), "what comes now is not late");
        self.more()
    }

    #[inline(always)]
    fn more(&mut self) -> Option<Vec<T>> {
        if !self.all && self.windows.next_end() != Some(LONG_AGO) {
            return None;
        }
        let window = self.windows.close();
        self.all &= window.is_some();
        window
    }

    /// What that makes ready is [`due`](TimedGather::due).
    fn follow(&mut self) -> Option<Vec<T>> {
        self.windows.follow(self.from, self.now);
        // Now something may come.
        self.from = self.now + 1;
        None
    }

    fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.windows.poll_changed(self.from, cx)
    }

    fn flush(&mut self, _: Flush) -> Option<Vec<T>> {
        self.all = true;
        self.more()
    }

    fn size_hint(&self, (_, at_most): (usize, Option<usize>), _: bool) -> (usize, Option<usize>) {
        self.windows.held().with(at_most)
    }
}

impl<T, W: Windows<T>> TimedGather<T> for Clocked<W> {
    fn advance(&mut self, now: Instant) {
        self.now = nanos(now - *self.zero.get_or_insert(now));
        self.from = self.from.max(self.now);
    }

    fn due(&mut self) -> Option<Vec<T>> {
        if self.has_room() { None } else { self.windows.close() }
    }

    fn deadline(&self) -> Option<Instant> {
        let end = Duration::from_nanos(self.windows.next_end()?.try_into().ok()?);
        self.zero.map(|zero| after(zero, end))
    }

    fn has_room(&self) -> bool {
        self.windows.next_end().is_none_or(|end| end > self.now)
    }
}
