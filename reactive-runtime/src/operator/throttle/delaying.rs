use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::pacing::{Allowance, Pacing};
use super::weight::Weigh;
use crate::flow::{Budget, Downstream, Drive, Driven, Flow, yield_now};

pin_project! {
    /// The flow below a [`Throttle`](super::Throttle) that delays.
    #[derive(Debug)]
    pub struct ThrottleFlow<F, T, W> {
        #[pin]
        upstream: F,
        pacing: Pacing,
        weigh: W,
        // The item whose turn it is, and what it counts. While there is one, upstream is not driven; so the end and an
        // error come behind it.
        next: Option<(T, u64)>,
    }
}

impl<F: Flow, W> ThrottleFlow<F, F::Item, W> {
    pub(super) fn new(upstream: F, pacing: Pacing, weigh: W) -> Self {
        Self { upstream, pacing, weigh, next: None }
    }
}

impl<F: Flow<Item = T>, T, W: Weigh<T>> Flow for ThrottleFlow<F, T, W> {
    type Item = T;
    type Error = F::Error;
    type Bound = F::Bound;

    #[inline(always)]
    fn poll_drive<D: Downstream<T>>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<F::Error> {
        let mut me = self.project();
        let mut budget = Budget::drives();
        while budget.spend() {
            match poll_next(me.next, me.pacing, cx) {
                Poll::Ready(None) => {}
                Poll::Ready(Some(item)) => {
                    if down.push(item).is_break() {
                        return Poll::Ready(Ok(Drive::Paused));
                    }
                }
                Poll::Pending => {
                    me.upstream.poll_progress(cx);
                    return Poll::Pending;
                }
            }
            let now = me.pacing.now();
            let since = me.pacing.since(now);
            let mut gate = Gate {
                allowance: Allowance::new(&me.pacing.pacer, since, now),
                weigh: me.weigh,
                next: me.next,
                broke: false,
                down,
            };
            let driven = me.upstream.as_mut().poll_drive(cx, &mut gate);
            let (used, broke) = (gate.allowance.used(), gate.broke);
            me.pacing.pacer.take_since(since, used);
            if broke || me.next.is_none() {
                me.pacing.drove(&driven, cx);
                return driven;
            }
        }
        me.upstream.poll_progress(cx);
        yield_now(cx)
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        self.project().upstream.poll_progress(cx);
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let waiting = usize::from(self.next.is_some());
        let (at_least, at_most) = self.upstream.size_hint();
        (at_least.saturating_add(waiting), at_most.and_then(|items| items.checked_add(waiting)))
    }
}

/// The item whose turn it is, once it is due, if there is one.
fn poll_next<T>(next: &mut Option<(T, u64)>, pacing: &mut Pacing, cx: &mut Context<'_>) -> Poll<Option<T>> {
    let Some((_, weight)) = *next else { return Poll::Ready(None) };
    loop {
        if let Some(since) = pacing.is_due(weight) {
            pacing.pacer.take_since(since, weight);
            return Poll::Ready(next.take().map(|(item, _)| item));
        }
        ready!(pacing.poll_due(weight, cx));
    }
}

/// Lets items pass as far as they are allowed to, keeps the first that is not, and breaks.
struct Gate<'a, T, W, D> {
    allowance: Allowance,
    weigh: &'a mut W,
    next: &'a mut Option<(T, u64)>,
    broke: bool,
    down: &'a mut D,
}

impl<T, W: Weigh<T>, D: Downstream<T>> Downstream<T> for Gate<'_, T, W, D> {
    #[inline(always)]
    fn push(&mut self, item: T) -> ControlFlow<()> {
        let weight = self.weigh.weigh(&item);
        if !self.allowance.spend(weight) {
            *self.next = Some((item, weight));
            return ControlFlow::Break(());
        }
        let pushed = self.down.push(item);
        if pushed.is_break() {
            self.broke = true;
        }
        pushed
    }
}
