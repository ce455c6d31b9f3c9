use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use pin_project_lite::pin_project;

use super::PerKey;
use crate::backpressure::{OnDrop, Reason};
use crate::event;
use crate::flow::{Downstream, Driven, Flow};
use crate::operator::Key;
use crate::operator::throttle::keys::Keys;
use crate::operator::throttle::pacing::Wait;
use crate::operator::throttle::weight::Weigh;
use crate::operator::throttle::{CLOCK_EACH, DropExcess};

pin_project! {
    /// The flow below a throttle [`per_key`](crate::Staged::per_key) that drops.
    #[derive(Debug)]
    pub struct PerKeyDropFlow<F, W, G, Q, L> {
        #[pin]
        upstream: F,
        keys: Keys<Q>,
        wait: Wait,
        weigh: W,
        key: G,
        on_drop: L,
    }
}

impl<F, W, G, Q, L> PerKeyDropFlow<F, W, G, Q, L> {
    pub(super) fn new(
        upstream: F,
        keys: Keys<Q>,
        wait: Wait,
        weigh: W,
        op: PerKey<G, DropExcess<L>>,
    ) -> Self {
        Self { upstream, keys, wait, weigh, key: op.key, on_drop: op.mode.on_drop }
    }
}

impl<F, W, Q, G, L> Flow for PerKeyDropFlow<F, W, G, Q, L>
where
    F: Flow,
    W: Weigh<F::Item>,
    Q: Key,
    G: FnMut(&F::Item) -> Q,
    L: OnDrop<F::Item>,
{
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
        let now = me.wait.now();
        if let Some(pace) = me.wait.pace.changed() {
            me.keys.set_pace(now, pace);
        }
        me.keys.follow();
        let (keys, wait) = (&mut *me.keys, &mut *me.wait);
        let (weigh, key, on_drop) = (me.weigh, me.key, me.on_drop);
        let mut sieve = Sieve { now, keys, wait, weigh, key, on_drop, dropped: 0, down };
        let driven = me.upstream.poll_drive(cx, &mut sieve);
        if let Some(pace) = me.wait.drove(&driven, cx) {
            me.keys.set_pace(me.wait.now(), pace);
        }
        driven
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        self.project().upstream.poll_progress(cx);
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.upstream.size_hint().1)
    }
}

struct Sieve<'a, W, G, Q, L, D> {
    now: Duration,
    keys: &'a mut Keys<Q>,
    wait: &'a mut Wait,
    weigh: &'a mut W,
    key: &'a mut G,
    on_drop: &'a mut L,
    dropped: usize,
    down: &'a mut D,
}

impl<T, W, Q, G, L, D> Downstream<T> for Sieve<'_, W, G, Q, L, D>
where
    W: Weigh<T>,
    Q: Key,
    G: FnMut(&T) -> Q,
    L: OnDrop<T>,
    D: Downstream<T>,
{
    fn push(&mut self, item: T) -> ControlFlow<()> {
        let (key, weight) = ((self.key)(&item), self.weigh.weigh(&item));
        let paid = self.keys.paid(&key, self.now);
        if let Some(paid) = paid.filter(|paid| self.keys.pace.due(*paid, weight) <= self.now) {
            self.keys.pay(key, self.keys.pace.after(paid, self.now, weight));
            return self.down.push(item);
        }
        event::dropped(Reason::RateExceeded);
        self.on_drop.dropped(item, Reason::RateExceeded);
        self.dropped += 1;
        if self.dropped.is_multiple_of(CLOCK_EACH) {
            self.now = self.wait.now();
        }
        ControlFlow::Continue(())
    }
}
