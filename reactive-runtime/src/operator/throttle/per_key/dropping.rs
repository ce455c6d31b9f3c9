use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use pin_project_lite::pin_project;

use crate::flow::{Downstream, Driven, Flow};
use crate::operator::Key;
use crate::operator::throttle::CLOCK_EACH;
use crate::operator::throttle::keys::Keys;
use crate::operator::throttle::pacing::Wait;
use crate::operator::throttle::weight::Weigh;

pin_project! {
    /// The flow below a throttle [`per_key`](crate::Staged::per_key) that drops.
    #[derive(Debug)]
    pub struct PerKeyDropFlow<F, W, G, Q> {
        #[pin]
        upstream: F,
        keys: Keys<Q>,
        wait: Wait,
        weigh: W,
        key: G,
    }
}

impl<F, W, G, Q> PerKeyDropFlow<F, W, G, Q> {
    pub(super) fn new(upstream: F, keys: Keys<Q>, wait: Wait, weigh: W, key: G) -> Self {
        Self { upstream, keys, wait, weigh, key }
    }
}

impl<F, W, Q, G> Flow for PerKeyDropFlow<F, W, G, Q>
where
    F: Flow,
    W: Weigh<F::Item>,
    Q: Key,
    G: FnMut(&F::Item) -> Q,
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
        if let Some(rate) = me.wait.rate.changed() {
            me.keys.set_rate(now, rate);
        }
        let (keys, wait) = (me.keys, me.wait);
        me.upstream
            .poll_drive(cx, &mut Sieve { now, keys, wait, weigh: me.weigh, key: me.key, dropped: 0, down })
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        self.project().upstream.poll_progress(cx);
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.upstream.size_hint().1)
    }
}

struct Sieve<'a, W, G, Q, D> {
    now: Duration,
    keys: &'a mut Keys<Q>,
    wait: &'a mut Wait,
    weigh: &'a mut W,
    key: &'a mut G,
    dropped: usize,
    down: &'a mut D,
}

impl<T, W, Q, G, D> Downstream<T> for Sieve<'_, W, G, Q, D>
where
    W: Weigh<T>,
    Q: Key,
    G: FnMut(&T) -> Q,
    D: Downstream<T>,
{
    fn push(&mut self, item: T) -> ControlFlow<()> {
        let (key, weight) = ((self.key)(&item), self.weigh.weigh(&item));
        let paid = self.keys.paid(&key, self.now);
        if let Some(paid) = paid.filter(|paid| self.keys.pace.due(*paid, weight) <= self.now) {
            self.keys.pay(key, self.keys.pace.after(paid, self.now, weight));
            return self.down.push(item);
        }
        self.dropped += 1;
        if self.dropped.is_multiple_of(CLOCK_EACH) {
            self.now = self.wait.now();
        }
        ControlFlow::Continue(())
    }
}
