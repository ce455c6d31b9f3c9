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

use crate::backpressure::{Counted, Ledger, OnDrop, Reason, shut_down};
use crate::event;
use crate::flow::{Downstream, Drive, Driven, Flow, yield_now};
use crate::items::{Stage, Staged};
use crate::operator::{MayDrop, One};
use crate::timer::Timer;

/// When the newest item is given.
pub trait Release {
    /// Its name in the metrics.
    const NAME: &'static str;

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

/// A stage that holds the newest item, and gives it when `R` says. `D` is told of the items that are dropped.
#[derive(Clone, Debug)]
pub struct HoldNewest<R, D = ()> {
    release: R,
    on_drop: D,
}

impl<R> HoldNewest<R> {
    pub(crate) fn new(release: R) -> Self {
        Self { release, on_drop: () }
    }
}

impl<R, D> HoldNewest<R, D> {
    /// For setters.
    pub(crate) fn map_release(self, f: impl FnOnce(R) -> R) -> Self {
        Self { release: f(self.release), on_drop: self.on_drop }
    }
}

impl<R, T, K> Staged<HoldNewest<R>, T, K> {
    /// Hands each item that is dropped to `f`, with the reason: for [`Reason::Displaced`] when a newer one comes, and for
    /// [`Reason::Shutdown`] what is held when an error drops it, or the end does, or the pipeline is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let mut dropped = 0;
    /// let settled = pipeline! { 0..100 |> debounce(50ms, on_drop = |_, _| dropped += 1) |> collect::<Vec<_>>() };
    /// assert_eq!(settled.await, [99]);
    /// assert_eq!(dropped, 99);
    /// # }
    /// ```
    pub fn on_drop<D: FnMut(T, Reason)>(self, f: D) -> Staged<HoldNewest<R, D>, T, K> {
        self.map_op(|op| HoldNewest { release: op.release, on_drop: f })
    }
}

impl<F: Flow, R: Release, D: OnDrop<F::Item>> Stage<F> for HoldNewest<R, D> {
    type Flow = NewestFlow<F, R, F::Item, D>;

    fn attach(self, upstream: F) -> Self::Flow {
        let Self { release, on_drop } = self;
        let timer = Timer::default();
        NewestFlow {
            upstream: Some(upstream),
            release,
            started: false,
            held: None,
            fresh: None,
            timer,
            on_drop,
        }
    }
}

impl<R: Release, D> MayDrop for HoldNewest<R, D> {
    type Counted = HoldNewest<R, Counted<D>>;
    type Weigh = One;

    const NAME: &'static str = R::NAME;

    fn counted(self, ledger: &Ledger) -> Self::Counted {
        HoldNewest { release: self.release, on_drop: Counted::new(self.on_drop, ledger) }
    }
}

pin_project! {
    /// The flow below a stage that holds the newest item: below [`HoldNewest`].
    #[derive(Debug)]
    pub struct NewestFlow<F, R, T, L: OnDrop<T>> {
        // `None` after the end.
        #[pin]
        upstream: Option<F>,
        release: R,
        started: bool,
        held: Option<Held<T>>,
        // The newest of those that were taken in this poll. Not kept by the poll itself: a panic must not lose it.
        fresh: Option<T>,
        timer: Timer,
        on_drop: L,
    }

    impl<F, R, T, L: OnDrop<T>> PinnedDrop for NewestFlow<F, R, T, L> {
        fn drop(flow: Pin<&mut Self>) {
            let me = flow.project();
            let held = me.held.take().map(|held| held.item);
            shut_down(me.on_drop, held.into_iter().chain(me.fresh.take()));
        }
    }
}

#[derive(Debug)]
struct Held<T> {
    item: T,
    // When it was taken, and when the first of those that it has replaced.
    newest: Instant,
    since: Instant,
}

impl<F: Flow<Item = T>, R: Release, T, L: OnDrop<T>> Flow for NewestFlow<F, R, T, L> {
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
        let since = me.held.as_ref().map(|held| held.since);
        let mut newest = Newest { newest: me.fresh, held: me.held, on_drop: me.on_drop, displaced: 0 };
        let driven = upstream.poll_drive(cx, &mut newest);
        event::dropped_many(Reason::Displaced, newest.displaced);
        match driven {
            Poll::Pending => self.wait(since, cx, down),
            Poll::Ready(Ok(Drive::Ended)) => {
                me.upstream.set(None);
                *me.timer = Timer::default();
                let last = match self.as_mut().take_newest() {
                    Some(last) if R::AT_END => last,
                    last => {
                        self.drop_item(last, Reason::Shutdown);
                        return driven;
                    }
                };
                if down.push(last).is_break() { Poll::Ready(Ok(Drive::Paused)) } else { driven }
            }
            Poll::Ready(Err(_)) => {
                let last = self.as_mut().take_newest();
                self.drop_item(last, Reason::Shutdown);
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

impl<F: Flow<Item = T>, R: Release, T, L: OnDrop<T>> NewestFlow<F, R, T, L> {
    /// Holds nothing any more: gives the newest item, where another is dropped that was held before it.
    fn take_newest(mut self: Pin<&mut Self>) -> Option<T> {
        let me = self.as_mut().project();
        let (held, newest) = (me.held.take().map(|held| held.item), me.fresh.take());
        if newest.is_some() {
            self.drop_item(held, Reason::Displaced);
            return newest;
        }
        held
    }

    fn drop_item(self: Pin<&mut Self>, item: Option<T>, reason: Reason) {
        if let Some(item) = item {
            event::dropped(reason);
            self.project().on_drop.dropped(item, reason);
        }
    }

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

    /// Upstream has no more for now, and gave the newest last, while one was held `since` then: holds it, and waits for
    /// its time.
    fn wait<D: Downstream<T>>(
        self: Pin<&mut Self>,
        since: Option<Instant>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<F::Error> {
        let me = self.project();
        if let Some(item) = me.fresh.take() {
            let now = Instant::now();
            let since = since.unwrap_or(now);
            if let Some(older) = me.held.replace(Held { item, newest: now, since }) {
                event::dropped(Reason::Displaced);
                me.on_drop.dropped(older.item, Reason::Displaced);
            }
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
struct Newest<'a, T, L> {
    newest: &'a mut Option<T>,
    // What was held before.
    held: &'a mut Option<Held<T>>,
    on_drop: &'a mut L,
    // Of those that nobody takes there may be many: they are told together.
    displaced: u64,
}

impl<T, L: OnDrop<T>> Downstream<T> for Newest<'_, T, L> {
    #[inline(always)]
    fn push(&mut self, item: T) -> ControlFlow<()> {
        if !self.on_drop.listens() {
            self.displaced += u64::from(self.newest.replace(item).is_some());
            return ControlFlow::Continue(());
        }
        let older = self.newest.replace(item).or_else(|| self.held.take().map(|held| held.item));
        if let Some(older) = older {
            event::dropped(Reason::Displaced);
            self.on_drop.dropped(older, Reason::Displaced);
        }
        ControlFlow::Continue(())
    }
}
