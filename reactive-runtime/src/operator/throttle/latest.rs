use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::pacing::{Allowance, Pacing};
use super::weight::{One, Weigh};
use super::{CLOCK_EACH, Delaying, Throttle};
use crate::backpressure::{Counted, Ledger, OnDrop, Reason, shut_down};
use crate::event;
use crate::fault::Fault;
use crate::flow::{Budget, Downstream, Drive, Driven, Flow, Tail, yield_now};
use crate::items::{Stage, Staged};
use crate::operator::MayDrop;

impl<W, T, K> Staged<Throttle<W>, T, K> {
    /// Keeps the newest of the items that come faster than the rate, where the throttle would delay them.
    ///
    /// An item passes at once when none passed in the `d` before it. Of those that come later in that time the newest passes
    /// at its end, and opens the next. So the last item always comes. At the end and before an error, what is held comes
    /// when it is due. It holds one item.
    ///
    /// # Data loss
    ///
    /// An item that is held is dropped when a newer one comes, or with the pipeline, and offered to
    /// [`on_drop`](Staged::on_drop).
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let kept = pipeline! { interval(10ms) |> enumerate() |> take(7) |> throttle(25ms).latest() |> map(|(i, _)| i) };
    /// assert_eq!(kept.collect::<Vec<_>>().await, [0, 2, 4, 6]);
    /// # }
    /// ```
    #[doc(alias = "throttle_latest")]
    pub fn latest(self) -> Staged<Throttle<W, Latest>, T, K> {
        self.map_op(|op: Throttle<W, Delaying>| op.with_mode(Latest { on_drop: () }))
    }
}

impl<W, T, K> Staged<Throttle<W, Latest>, T, K> {
    /// Hands each item that is dropped to `f`, with the reason: for [`Reason::Displaced`] when the newer one comes, and for
    /// [`Reason::Shutdown`] when the pipeline is dropped.
    pub fn on_drop<D: FnMut(T, Reason)>(self, f: D) -> Staged<Throttle<W, Latest<D>>, T, K> {
        self.map_op(|op| op.with_mode(Latest { on_drop: f }))
    }
}

/// Of the items that come faster than the rate the newest passes: made by [`Staged::latest`]. `D` is told of the others.
#[derive(Clone, Copy, Debug)]
pub struct Latest<D = ()> {
    pub(super) on_drop: D,
}

impl<F: Flow, W: Weigh<F::Item>, D: OnDrop<F::Item>> Stage<F> for Throttle<W, Latest<D>> {
    type Flow = LatestFlow<F, F::Item, W, F::Error, D>;

    fn attach(self, upstream: F) -> Self::Flow {
        let (pacing, on_drop) = (Pacing::new(self.pace), self.mode.on_drop);
        LatestFlow { upstream, pacing, weigh: self.weigh, newest: None, tail: Tail::Open, on_drop }
    }
}

impl<W, D> MayDrop for Throttle<W, Latest<D>> {
    type Counted = Throttle<W, Latest<Counted<D>>>;
    type Weigh = One;

    const NAME: &'static str = "latest";

    fn counted(self, ledger: &Ledger) -> Self::Counted {
        self.map_mode(|mode| mode.counted(ledger))
    }
}

impl<D> Latest<D> {
    pub(super) fn counted(self, ledger: &Ledger) -> Latest<Counted<D>> {
        Latest { on_drop: Counted::new(self.on_drop, ledger) }
    }
}

pin_project! {
    /// The flow below a [`Throttle`] that keeps the newest; `K` is what upstream fails with.
    #[derive(Debug)]
    pub struct LatestFlow<F, T, W, K, L: OnDrop<T>> {
        #[pin]
        upstream: F,
        pacing: Pacing,
        weigh: W,
        // What passes at the end of the period, and what it counts.
        newest: Option<(T, u64)>,
        // While it is not open, upstream is not driven.
        tail: Tail<K>,
        on_drop: L,
    }

    impl<F, T, W, K, L: OnDrop<T>> PinnedDrop for LatestFlow<F, T, W, K, L> {
        fn drop(flow: Pin<&mut Self>) {
            let me = flow.project();
            shut_down(me.on_drop, me.newest.take().map(|(item, _)| item).into_iter());
        }
    }
}

impl<F, T, W, K, L> Flow for LatestFlow<F, T, W, K, L>
where
    F: Flow<Item = T, Error = K>,
    W: Weigh<T>,
    K: Fault,
    L: OnDrop<T>,
{
    type Item = T;
    type Error = K;
    type Bound = F::Bound;

    #[inline(always)]
    fn poll_drive<D: Downstream<T>>(self: Pin<&mut Self>, cx: &mut Context<'_>, down: &mut D) -> Driven<K> {
        let mut me = self.project();
        let mut budget = Budget::drives();
        while budget.spend() {
            if let Some(item) = take_due(me.newest, me.pacing)
                && down.push(item).is_break()
            {
                return Poll::Ready(Ok(Drive::Paused));
            }
            if me.newest.is_none()
                && let Some(told) = me.tail.settle()
            {
                return Poll::Ready(told);
            }
            if me.tail.is_open() {
                let now = me.pacing.now();
                let allowance = Allowance::new(&me.pacing.pacer, now, now);
                let (newest, on_drop) = (&mut *me.newest, &mut *me.on_drop);
                let mut slot =
                    Slot { allowance, newest, replaced: 0, weigh: me.weigh, broke: false, on_drop, down };
                let driven = me.upstream.as_mut().poll_drive(cx, &mut slot);
                let (used, broke) = (slot.allowance.used(), slot.broke);
                me.pacing.pacer.take(now, used);
                if broke || me.newest.is_none() {
                    me.pacing.drove(&driven, cx);
                    return driven;
                }
                if matches!(driven, Poll::Ready(Ok(Drive::Paused))) {
                    continue;
                }
                me.tail.note(driven);
            } else {
                me.upstream.as_mut().poll_progress(cx);
            }
            if let Some((_, weight)) = me.newest {
                ready!(me.pacing.poll_due(*weight, cx));
            }
        }
        me.upstream.poll_progress(cx);
        yield_now(cx)
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        self.project().upstream.poll_progress(cx);
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let held = usize::from(self.newest.is_some());
        let above = if matches!(self.tail, Tail::Ended) { Some(0) } else { self.upstream.size_hint().1 };
        (held, above.and_then(|items| items.checked_add(held)))
    }
}

/// The newest item, if its period is over.
fn take_due<T>(newest: &mut Option<(T, u64)>, pacing: &mut Pacing) -> Option<T> {
    let weight = newest.as_ref()?.1;
    let since = pacing.is_due(weight)?;
    pacing.pacer.take_since(since, weight);
    newest.take().map(|(item, _)| item)
}

/// Lets items pass as far as they are allowed to, and then keeps the newest.
struct Slot<'a, T, W, L, D> {
    allowance: Allowance,
    newest: &'a mut Option<(T, u64)>,
    replaced: usize,
    weigh: &'a mut W,
    broke: bool,
    on_drop: &'a mut L,
    down: &'a mut D,
}

impl<T, W: Weigh<T>, L: OnDrop<T>, D: Downstream<T>> Downstream<T> for Slot<'_, T, W, L, D> {
    #[inline(always)]
    fn push(&mut self, item: T) -> ControlFlow<()> {
        let weight = self.weigh.weigh(&item);
        if self.newest.is_none() && self.allowance.spend(weight) {
            let pushed = self.down.push(item);
            self.broke |= pushed.is_break();
            return pushed;
        }
        if let Some((older, _)) = self.newest.replace((item, weight)) {
            event::dropped(Reason::Displaced);
            self.on_drop.dropped(older, Reason::Displaced);
        }
        self.replaced += 1;
        // From time to time it is seen whether the period is over.
        if self.replaced.is_multiple_of(CLOCK_EACH) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}
