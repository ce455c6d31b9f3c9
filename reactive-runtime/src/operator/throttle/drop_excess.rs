use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use pin_project_lite::pin_project;

use super::pacing::{Allowance, Pacing};
use super::weight::{One, Weigh};
use super::{CLOCK_EACH, Delaying, Throttle};
use crate::backpressure::{Counted, Ledger, OnDrop, Reason};
use crate::event;
use crate::flow::{Downstream, Driven, Flow};
use crate::items::{Stage, Staged};
use crate::operator::MayDrop;

impl<W, T, K> Staged<Throttle<W>, T, K> {
    /// Drops items that come faster than the rate, where the throttle would delay them.
    ///
    /// An item passes when none passed in the `d` before it; with a [`burst`](Self::burst), when there is some of it left. It
    /// holds nothing, so the end and errors pass at once. Items come when they are asked for: what a busy reader leaves
    /// waiting upstream comes later, and is not dropped here.
    ///
    /// # Data loss
    ///
    /// Items that come too fast are dropped when they come, and offered to [`on_drop`](Staged::on_drop).
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let kept = pipeline! { interval(10ms) |> enumerate() |> take(7) |> throttle(25ms).drop_excess() |> map(|(i, _)| i) };
    /// assert_eq!(kept.collect::<Vec<_>>().await, [0, 3, 6]);
    /// # }
    /// ```
    #[doc(alias = "throttle_first")]
    #[doc(alias = "sample_first")]
    pub fn drop_excess(self) -> Staged<Throttle<W, DropExcess>, T, K> {
        self.map_op(|op: Throttle<W, Delaying>| op.with_mode(DropExcess { on_drop: () }))
    }
}

impl<W, T, K> Staged<Throttle<W, DropExcess>, T, K> {
    /// Hands each item that is dropped to `f`, when it comes, for [`Reason::RateExceeded`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let mut dropped = Vec::new();
    /// let ticks = pipeline! { interval(10ms) |> enumerate() |> map(|(i, _)| i) |> take(7) };
    /// let kept = pipeline! { ticks |> throttle(25ms).drop_excess().on_drop(|i, _| dropped.push(i)) |> collect::<Vec<_>>() };
    /// assert_eq!(kept.await, [0, 3, 6]);
    /// assert_eq!(dropped, [1, 2, 4, 5]);
    /// # }
    /// ```
    pub fn on_drop<D: FnMut(T, Reason)>(self, f: D) -> Staged<Throttle<W, DropExcess<D>>, T, K> {
        self.map_op(|op| op.with_mode(DropExcess { on_drop: f }))
    }
}

/// Items that come faster than the rate are dropped: made by [`Staged::drop_excess`]. `D` is told of them.
#[derive(Clone, Copy, Debug)]
pub struct DropExcess<D = ()> {
    pub(super) on_drop: D,
}

impl<F: Flow, W: Weigh<F::Item>, D: OnDrop<F::Item>> Stage<F> for Throttle<W, DropExcess<D>> {
    type Flow = DropExcessFlow<F, W, D>;

    fn attach(self, upstream: F) -> Self::Flow {
        let pacing = Pacing::new(self.pace);
        DropExcessFlow { upstream, pacing, weigh: self.weigh, on_drop: self.mode.on_drop }
    }
}

impl<W, D> MayDrop for Throttle<W, DropExcess<D>> {
    type Counted = Throttle<W, DropExcess<Counted<D>>>;
    type Weigh = One;

    const NAME: &'static str = "drop_excess";

    fn counted(self, ledger: &Ledger) -> Self::Counted {
        self.map_mode(|mode| mode.counted(ledger))
    }
}

impl<D> DropExcess<D> {
    pub(super) fn counted(self, ledger: &Ledger) -> DropExcess<Counted<D>> {
        DropExcess { on_drop: Counted::new(self.on_drop, ledger) }
    }
}

pin_project! {
    /// The flow below a [`Throttle`] that drops.
    #[derive(Debug)]
    pub struct DropExcessFlow<F, W, L> {
        #[pin]
        upstream: F,
        pacing: Pacing,
        weigh: W,
        on_drop: L,
    }
}

impl<F: Flow, W: Weigh<F::Item>, L: OnDrop<F::Item>> Flow for DropExcessFlow<F, W, L> {
    type Item = F::Item;
    type Error = F::Error;
    type Bound = F::Bound;

    #[inline(always)]
    fn poll_drive<D: Downstream<F::Item>>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<F::Error> {
        let me = self.project();
        let now = me.pacing.now();
        let allowance = Allowance::new(&me.pacing.pacer, now, now);
        let (pacing, weigh, on_drop) = (&mut *me.pacing, me.weigh, me.on_drop);
        let mut sieve = Sieve { now, allowance, pacing, dropped: 0, weigh, on_drop, down };
        let driven = me.upstream.poll_drive(cx, &mut sieve);
        sieve.settle();
        me.pacing.drove(&driven, cx);
        driven
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        self.project().upstream.poll_progress(cx);
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.upstream.size_hint().1)
    }
}

struct Sieve<'a, W, L, D> {
    now: Duration,
    allowance: Allowance,
    pacing: &'a mut Pacing,
    dropped: usize,
    weigh: &'a mut W,
    on_drop: &'a mut L,
    down: &'a mut D,
}

impl<W, L, D> Sieve<'_, W, L, D> {
    /// Counts what has passed.
    #[inline(always)]
    fn settle(&mut self) {
        self.pacing.pacer.take(self.now, self.allowance.used());
    }

    // Not a call of its own: the state of the loop would have to stand in memory for it.
    #[inline(always)]
    fn look_at_the_clock(&mut self) {
        self.settle();
        self.now = self.pacing.now();
        self.allowance = Allowance::new(&self.pacing.pacer, self.now, self.now);
    }
}

impl<T, W: Weigh<T>, L: OnDrop<T>, D: Downstream<T>> Downstream<T> for Sieve<'_, W, L, D> {
    #[inline(always)]
    fn push(&mut self, item: T) -> ControlFlow<()> {
        let weight = self.weigh.weigh(&item);
        if self.allowance.spend(weight) {
            return self.down.push(item);
        }
        event::dropped(Reason::RateExceeded);
        self.on_drop.dropped(item, Reason::RateExceeded);
        self.dropped += 1;
        if self.dropped.is_multiple_of(CLOCK_EACH) {
            self.look_at_the_clock();
        }
        ControlFlow::Continue(())
    }
}
