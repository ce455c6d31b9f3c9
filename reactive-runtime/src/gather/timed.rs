//! Stages that hold items until a deadline: [`Gather`]s that are told the time.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tokio::time::Instant;

use super::{Filling, Flush, Gather};
use crate::fault::Fault;
use crate::flow::{Downstream, Drive, Driven, Flow, Tail};
use crate::timer::Timer;

/// What a stage does that holds items until a deadline.
///
/// It has no clock: it is told the time once a poll, at the first poll before anything else, and everything that is added
/// until it is told the next comes at that time.
pub trait TimedGather<T>: Gather<T> {
    /// It is `now`.
    fn advance(&mut self, now: Instant);

    /// What is due at the time that it was told last, and was held before. Asked until there is nothing more, and before the
    /// items that come at that time are added.
    fn due(&mut self) -> Option<Self::Out>;

    /// When something is due that is held, unless more items come: later than the time that it was told last, once
    /// [`due`](Self::due) has given all.
    fn deadline(&self) -> Option<Instant>;

    /// Whether it takes items while nobody asks for any. Once it has made something ready, it is asked for none.
    fn has_room(&self) -> bool;
}

pin_project! {
    /// The flow below a stage that holds items until a deadline; `O` is what it gives, `K` what upstream fails with.
    ///
    /// Its timer is armed only when it waits. While nobody asks for an item it goes on taking them, until the first thing is
    /// ready; that is kept, and given first.
    pub struct TimedGatherFlow<F, G, O, K> {
        #[pin]
        upstream: F,
        gather: G,
        timer: Timer,
        // Progress before the first drive starts nothing.
        started: bool,
        // What became ready while nobody asked.
        kept: Option<O>,
        more: bool,
        tail: Tail<K>,
    }
}

impl<F: Flow, G: Gather<F::Item>> TimedGatherFlow<F, G, G::Out, F::Error> {
    pub(crate) fn new(upstream: F, gather: G) -> Self {
        let timer = Timer::default();
        Self { upstream, gather, timer, started: false, kept: None, more: false, tail: Tail::Open }
    }
}

impl<F, G, O, K> Flow for TimedGatherFlow<F, G, O, K>
where
    F: Flow<Error = K>,
    G: TimedGather<F::Item, Out = O>,
    K: Fault,
{
    type Item = O;
    type Error = K;
    type Bound = F::Bound;

    #[inline(always)]
    fn poll_drive<D: Downstream<O>>(self: Pin<&mut Self>, cx: &mut Context<'_>, down: &mut D) -> Driven<K> {
        let me = self.project();
        *me.started = true;
        let mut filling = Filling::new(me.gather, me.more, down);
        if filling.give_kept(me.kept).is_break() {
            return filling.stopped_above(me.upstream, cx);
        }
        if let Some(told) = me.tail.settle() {
            return Poll::Ready(told);
        }
        let now = Instant::now();
        if filling.give_due(now).is_break() {
            return filling.stopped_above(me.upstream, cx);
        }
        let driven = me.upstream.poll_drive(cx, &mut filling);
        match Flush::cause(&driven) {
            Some(cause) => {
                me.tail.note(driven);
                let held = filling.gather.flush(cause);
                if filling.give_apart(held).is_break() {
                    return filling.stopped(cx);
                }
                Poll::Ready(me.tail.settle().unwrap_or(Ok(Drive::Ended)))
            }
            None if driven.is_ready() => filling.stopped(cx),
            None => {
                ready!(filling.wait(now, me.timer, cx));
                filling.stopped(cx)
            }
        }
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        let mut me = self.project();
        if !*me.started || matches!(me.tail, Tail::Ended) {
            return;
        }
        if me.kept.is_none() && std::mem::take(me.more) {
            *me.kept = me.gather.more();
        }
        let idle = me.kept.is_none() && me.tail.is_open();
        if idle {
            me.gather.advance(Instant::now());
            *me.kept = me.gather.follow();
        }
        if !idle || me.kept.is_some() || !me.gather.has_room() {
            return me.upstream.poll_progress(cx);
        }
        let mut keep = Keep(me.kept);
        let driven = me.upstream.as_mut().poll_drive(cx, &mut Filling::new(me.gather, me.more, &mut keep));
        if driven.is_pending() {
            return;
        }
        if let Some(cause) = Flush::cause(&driven) {
            me.tail.note(driven);
            *me.kept = me.gather.flush(cause);
        }
        // It was not driven to where it waits.
        if !matches!(me.tail, Tail::Ended) {
            me.upstream.poll_progress(cx);
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let ended = matches!(self.tail, Tail::Ended);
        let upstream = if ended { (0, Some(0)) } else { self.upstream.size_hint() };
        let (at_least, at_most) = self.gather.size_hint(upstream, F::Error::FALLIBLE);
        let kept = usize::from(self.kept.is_some());
        (at_least.saturating_add(kept), at_most.and_then(|at_most| at_most.checked_add(kept)))
    }
}

impl<G, D> Filling<'_, G, D> {
    /// Pushes what became ready while nobody asked, and what did so besides.
    #[inline(always)]
    fn give_kept<T>(&mut self, kept: &mut Option<G::Out>) -> ControlFlow<()>
    where
        G: Gather<T>,
        D: Downstream<G::Out>,
    {
        if kept.is_none() && !*self.more {
            return ControlFlow::Continue(());
        }
        let ready = kept.take().or_else(|| self.gather.more());
        self.give_apart(ready)
    }

    /// Pushes what is due `now`.
    #[inline(always)]
    fn give_due<T>(&mut self, now: Instant) -> ControlFlow<()>
    where
        G: TimedGather<T>,
        D: Downstream<G::Out>,
    {
        self.gather.advance(now);
        let followed = self.gather.follow();
        if followed.is_some() {
            self.give_apart(followed)?;
        }
        while let Some(due) = self.gather.due() {
            self.give_apart(Some(due))?;
        }
        ControlFlow::Continue(())
    }

    /// Waits for the deadlines, and pushes what is due at each. Ready when it has to stop, or a setting has changed.
    fn wait<T>(&mut self, mut now: Instant, timer: &mut Timer, cx: &mut Context<'_>) -> Poll<()>
    where
        G: TimedGather<T>,
        D: Downstream<G::Out>,
    {
        if self.gather.poll_changed(cx).is_ready() {
            return Poll::Ready(());
        }
        while let Some(deadline) = self.gather.deadline() {
            if deadline > now {
                ready!(timer.poll_until(deadline, cx));
                now = deadline;
            }
            if self.give_due(now).is_break() {
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }
}

/// Keeps the first thing that is ready.
struct Keep<'a, O>(&'a mut Option<O>);

impl<O> Downstream<O> for Keep<'_, O> {
    fn push(&mut self, ready: O) -> ControlFlow<()> {
        *self.0 = Some(ready);
        ControlFlow::Break(())
    }
}
