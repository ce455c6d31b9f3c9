//! Stages that hold the newest item until a time: `debounce`, `audit`, `sample`.
//!
//! A [`Release`] decides in plain code until when; [`NewestFlow`] is the one flow around all of those, and the only one that
//! looks at the clock. It does so twice a poll at most, however many items the poll takes: they count as taken together, at
//! its end.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tokio::time::Instant;

use crate::flow::{Downstream, Drive, Driven, Flow, yield_now};
use crate::timer::Timer;

/// When the newest item is given.
pub trait Release {
    /// Whether what is held is given at the end; on an error it never is.
    const AT_END: bool;

    /// The first poll.
    fn start(&mut self, _now: Instant) {}

    /// Until when an item is held that was taken at `newest`, where one has been held `since` then.
    fn due(&self, since: Instant, newest: Instant) -> Instant;

    /// Follows a change of its settings.
    fn follow(&mut self);

    /// Wakes the task when a setting changes; ready if one has.
    fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

pin_project! {
    /// The flow below a stage that holds the newest item.
    #[derive(Debug)]
    pub struct NewestFlow<F, R, T> {
        // `None` after the end.
        #[pin]
        upstream: Option<F>,
        release: R,
        started: bool,
        held: Option<Held<T>>,
        timer: Timer,
    }
}

#[derive(Debug)]
struct Held<T> {
    item: T,
    // When it was taken, and when the first of those that it has replaced.
    newest: Instant,
    since: Instant,
}

impl<F: Flow, R> NewestFlow<F, R, F::Item> {
    pub(crate) fn new(upstream: F, release: R) -> Self {
        Self { upstream: Some(upstream), release, started: false, held: None, timer: Timer::default() }
    }
}

impl<F: Flow<Item = T>, R: Release, T> Flow for NewestFlow<F, R, T> {
    type Item = T;
    type Error = F::Error;
    type Bound = F::Bound;

    fn poll_drive<D: Downstream<T>>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<F::Error> {
        // Before upstream is looked at: at the same instant timers fire before items.
        if let Some(item) = self.as_mut().due()
            && down.push(item).is_break()
        {
            return Poll::Ready(Ok(Drive::Paused));
        }
        let mut me = self.as_mut().project();
        let Some(upstream) = me.upstream.as_mut().as_pin_mut() else { return Poll::Ready(Ok(Drive::Ended)) };
        let mut newest = None;
        let driven = upstream.poll_drive(cx, &mut Newest(&mut newest));
        match driven {
            Poll::Pending => self.wait(newest, cx, down),
            Poll::Ready(Ok(Drive::Ended)) => {
                me.upstream.set(None);
                *me.timer = Timer::default();
                let held = me.held.take().map(|held| held.item);
                if let Some(last) = newest.or(held).filter(|_| R::AT_END)
                    && down.push(last).is_break()
                {
                    return Poll::Ready(Ok(Drive::Paused));
                }
                driven
            }
            Poll::Ready(Err(_)) => {
                *me.held = None;
                driven
            }
            Poll::Ready(Ok(Drive::Paused)) => unreachable!("a flow paused though nothing had broken"),
        }
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        if let Some(upstream) = self.project().upstream.as_pin_mut() {
            upstream.poll_progress(cx);
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (_, at_most) = self.upstream.as_ref().map_or((0, Some(0)), F::size_hint);
        (0, at_most.and_then(|items| items.checked_add(usize::from(self.held.is_some()))))
    }
}

impl<F: Flow<Item = T>, R: Release, T> NewestFlow<F, R, T> {
    /// What is held, if its time has come.
    fn due(self: Pin<&mut Self>) -> Option<T> {
        let me = self.project();
        me.release.follow();
        if *me.started && me.held.is_none() {
            return None;
        }
        let now = Instant::now();
        if !std::mem::replace(me.started, true) {
            me.release.start(now);
        }
        me.held.take_if(|held| me.release.due(held.since, held.newest) <= now).map(|held| held.item)
    }

    /// Upstream has no more for now, and gave `newest` last: holds it, and waits for its time.
    fn wait<D: Downstream<T>>(
        self: Pin<&mut Self>,
        newest: Option<T>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<F::Error> {
        let me = self.project();
        if let Some(item) = newest {
            let now = Instant::now();
            let since = me.held.as_ref().map_or(now, |held| held.since);
            *me.held = Some(Held { item, newest: now, since });
        }
        let Some(held) = &*me.held else { return Poll::Pending };
        if me.release.poll_changed(cx).is_ready() {
            return yield_now(cx);
        }
        let due = me.release.due(held.since, held.newest);
        let Some(held) = me.held.take_if(|_| me.timer.poll_until(due, cx).is_ready()) else {
            return Poll::Pending;
        };
        if down.push(held.item).is_break() { Poll::Ready(Ok(Drive::Paused)) } else { Poll::Pending }
    }
}

/// Keeps the last of the items that are ready: so an item costs no look at the clock.
struct Newest<'a, T>(&'a mut Option<T>);

impl<T> Downstream<T> for Newest<'_, T> {
    #[inline(always)]
    fn push(&mut self, item: T) -> ControlFlow<()> {
        *self.0 = Some(item);
        ControlFlow::Continue(())
    }
}
