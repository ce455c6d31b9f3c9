use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{FARTHEST, Windows, nanos};
use crate::backpressure::{Ledger, Reason};
use crate::event::{self, event};
use crate::gather::{Flush, Gather};
use crate::live::Setting;

/// When something happened, by a clock of the items.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no time of an item",
    label = "expected a `SystemTime`, an `Instant`, a `Duration` since an epoch, or a `u64` or `i64` of milliseconds",
    note = "for a time of another crate give its milliseconds since the epoch, such as `timestamp_millis()`"
)]
pub trait EventTime {
    /// Nanoseconds since the epoch; since `first`, the first time that was seen, where the clock has no epoch. What is farther
    /// than 146 years from it counts as just as far.
    fn nanos(&self, first: &Self) -> i64;
}

impl EventTime for Duration {
    fn nanos(&self, _: &Self) -> i64 {
        nanos(*self)
    }
}

impl EventTime for SystemTime {
    fn nanos(&self, _: &Self) -> i64 {
        self.duration_since(UNIX_EPOCH).map_or_else(|before| -nanos(before.duration()), nanos)
    }
}

impl EventTime for std::time::Instant {
    fn nanos(&self, first: &Self) -> i64 {
        self.checked_duration_since(*first).map_or_else(|| -nanos(*first - *self), nanos)
    }
}

impl EventTime for tokio::time::Instant {
    fn nanos(&self, first: &Self) -> i64 {
        self.into_std().nanos(&first.into_std())
    }
}

/// Milliseconds.
impl EventTime for u64 {
    fn nanos(&self, _: &Self) -> i64 {
        nanos(Duration::from_millis(*self))
    }
}

/// Milliseconds.
impl EventTime for i64 {
    fn nanos(&self, _: &Self) -> i64 {
        self.saturating_mul(1_000_000).clamp(-FARTHEST, FARTHEST)
    }
}

/// The time of an item is one that it has.
#[derive(Clone, Debug)]
pub struct ByTime<X, E, L> {
    time: X,
    // As a value, so that what is no time is told once, where it is given.
    nanos: fn(&E, &E) -> i64,
    lateness: Setting<Duration>,
    on_late: L,
    count_late: Option<Arc<AtomicU64>>,
    ledger: Option<Ledger>,
}

impl<X, E: EventTime, T> ByTime<X, E, fn(T)> {
    pub(super) fn new(time: X) -> Self {
        Self {
            time,
            nanos: E::nanos,
            lateness: Setting::fixed(Duration::ZERO),
            on_late: drop,
            count_late: None,
            ledger: None,
        }
    }
}

impl<X, E, L> ByTime<X, E, L> {
    pub(super) fn lateness(self, lateness: Setting<Duration>) -> Self {
        Self { lateness, ..self }
    }

    pub(super) fn on_late<M>(self, on_late: M) -> ByTime<X, E, M> {
        let Self { time, nanos, lateness, count_late, ledger, .. } = self;
        ByTime { time, nanos, lateness, on_late, count_late, ledger }
    }

    pub(super) fn count_late(self, counter: Arc<AtomicU64>) -> Self {
        Self { count_late: Some(counter), ..self }
    }

    pub(super) fn ledger(self, ledger: &Ledger) -> Self {
        Self { ledger: Some(ledger.clone()), ..self }
    }
}

/// Windows that follow the times of the items.
#[derive(Debug)]
pub struct Timed<W, X, E, L> {
    windows: W,
    op: ByTime<X, E, L>,
    first: Option<E>,
    // The greatest time seen.
    newest: i64,
    lateness: i64,
    // That time, less the lateness; it does not go back.
    watermark: i64,
    // All are to be given.
    all: bool,
}

impl<W, X, E, L> Timed<W, X, E, L> {
    pub(super) fn new(windows: W, op: ByTime<X, E, L>) -> Self {
        let lateness = nanos(op.lateness.get());
        Self { windows, op, first: None, newest: -FARTHEST, lateness, watermark: i64::MIN, all: false }
    }

    /// Nothing has come at that time, nor later.
    fn from(&self) -> i64 {
        if self.first.is_none() { i64::MIN } else { self.newest + 1 }
    }

    fn set_lateness(&mut self, lateness: Duration) {
        self.lateness = nanos(lateness);
        self.watermark = self.watermark.max(self.newest - self.lateness);
    }
}

impl<T, W, X, E, L> Gather<T> for Timed<W, X, E, L>
where
    W: Windows<T>,
    X: FnMut(&T) -> E,
    L: FnMut(T),
{
    type Out = Vec<T>;

    #[inline(always)]
    fn add(&mut self, item: T) -> Option<Vec<T>> {
        let time = (self.op.time)(&item);
        let at = (self.op.nanos)(&time, self.first.as_ref().unwrap_or(&time));
        if self.first.is_none() {
            self.first = Some(time);
        }
        let at = at.clamp(-FARTHEST, FARTHEST);
        self.newest = self.newest.max(at);
        self.watermark = self.watermark.max(self.newest - self.lateness);
        if let Err(late) = self.windows.put(item, at, self.watermark) {
            event!(
                tracing::Level::DEBUG,
                behind_ns = self.watermark.saturating_sub(at),
                "an item came too late"
            );
            event::count_drop(Reason::Deadline);
            if let Some(counter) = &self.op.count_late {
                counter.fetch_add(1, Ordering::Relaxed);
            }
            if let Some(ledger) = &self.op.ledger {
                ledger.dropped(Reason::Deadline);
            }
            (self.op.on_late)(late);
        }
        self.more()
    }

    #[inline(always)]
    fn more(&mut self) -> Option<Vec<T>> {
        let closed = self.windows.next_end().is_some_and(|end| end <= self.watermark);
        if !closed && !self.all {
            return None;
        }
        let window = self.windows.close();
        self.all &= window.is_some();
        window
    }

    fn follow(&mut self) -> Option<Vec<T>> {
        self.windows.follow(self.from(), self.watermark);
        if let Some(lateness) = self.op.lateness.changed() {
            self.set_lateness(lateness);
        }
        self.more()
    }

    fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let windows = self.windows.poll_changed(self.from(), cx);
        if let Poll::Ready(lateness) = self.op.lateness.poll_changed(cx) {
            self.set_lateness(lateness);
            return Poll::Ready(());
        }
        windows
    }

    fn flush(&mut self, _: Flush) -> Option<Vec<T>> {
        self.all = true;
        self.more()
    }

    fn size_hint(&self, (_, at_most): (usize, Option<usize>), _: bool) -> (usize, Option<usize>) {
        self.windows.held().with(at_most)
    }
}
