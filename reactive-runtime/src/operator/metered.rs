use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::flow::{Activity, Downstream, Drive, Driven, Flow};
use crate::items::{Items, Stage, Staged};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Tells `meter` whenever control enters what is above it, comes back with an item, and leaves.
    ///
    /// With [`Off`] it is nothing: no size, no instruction. `pipeline!` puts a meter at each place with `watch = ..`: see
    /// [`watch`](crate::watch).
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::{prelude::*, operator::Meter};
    /// # use futures::executor::block_on;
    /// #[derive(Default)]
    /// struct Items(u64);
    ///
    /// impl Meter for &mut Items {
    ///     fn item(&mut self) {
    ///         self.0 += 1;
    ///     }
    /// }
    ///
    /// let mut items = Items::default();
    /// block_on(pipeline! { 0..5 |> metered(&mut items) |> count() });
    /// assert_eq!(items.0, 5);
    /// ```
    pub fn metered<M: Meter>(self, meter: M) -> Staged<Metered<M>, T, K> {
        self.stage(Metered::new(meter))
    }
}

impl<F: Flow> Pipe<F> {
    /// Tells `meter` of each item and each call. See [`Items::metered`].
    #[track_caller]
    pub fn metered<M: Meter>(self, meter: M) -> Pipe<MeteredFlow<F, M>> {
        self.with(|items| items.metered(meter))
    }
}

/// What watches a place of a pipeline. Every method does nothing unless it is written.
pub trait Meter {
    /// Whether it wants to know the [`Activity`] of what is above, which may take a look to tell.
    const SEES_ACTIVITY: bool = false;

    /// Control enters what is above.
    #[inline(always)]
    fn enter(&mut self, why: Enter) {
        let _ = why;
    }

    /// An item comes down.
    #[inline(always)]
    fn item(&mut self) {}

    /// Hands an item on: for a meter that has to know when that comes back. It calls [`item`](Self::item) too.
    #[inline(always)]
    fn push<T, D: Downstream<T>>(&mut self, item: T, down: &mut D) -> ControlFlow<()> {
        self.item();
        down.push(item)
    }

    /// Control leaves what is above, which goes on by itself with `activity`.
    #[inline(always)]
    fn leave(&mut self, why: Leave, activity: Activity) {
        let _ = (why, activity);
    }
}

/// Why control enters what is above a [`Meter`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enter {
    /// Somebody wants items.
    Drive,
    /// Nobody does, but work in flight goes on.
    Progress,
}

/// Why control leaves what is above a [`Meter`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// Nothing is ready there.
    Pending,
    /// Whoever is below wants no more for now.
    Paused,
    /// There is no more.
    Ended,
    /// An error came.
    Failed,
    /// It was there for work in flight only.
    Progress,
}

/// The meter that watches nothing, and costs nothing.
#[derive(Clone, Copy, Debug)]
pub struct Off;

impl Meter for Off {}

/// Both of two watch a place: the first one from further away.
impl<A: Meter, B: Meter> Meter for (A, B) {
    const SEES_ACTIVITY: bool = A::SEES_ACTIVITY || B::SEES_ACTIVITY;

    #[inline(always)]
    fn enter(&mut self, why: Enter) {
        self.0.enter(why);
        self.1.enter(why);
    }

    #[inline(always)]
    fn push<T, D: Downstream<T>>(&mut self, item: T, down: &mut D) -> ControlFlow<()> {
        self.1.push(item, &mut Tell { meter: &mut self.0, down })
    }

    #[inline(always)]
    fn leave(&mut self, why: Leave, activity: Activity) {
        self.1.leave(why, activity);
        self.0.leave(why, activity);
    }
}

/// Watches a place of a pipeline: made by [`Items::metered`].
#[derive(Clone, Copy, Debug)]
pub struct Metered<M> {
    meter: M,
}

impl<M> Metered<M> {
    pub(crate) fn new(meter: M) -> Self {
        Self { meter }
    }
}

impl<F: Flow, M: Meter> Stage<F> for Metered<M> {
    type Flow = MeteredFlow<F, M>;

    fn attach(self, upstream: F) -> MeteredFlow<F, M> {
        MeteredFlow::new(upstream, self.meter)
    }
}

pin_project! {
    /// The flow below [`Metered`].
    #[derive(Debug)]
    pub struct MeteredFlow<F, M> {
        // Before the meter: what is dropped here is still watched.
        #[pin]
        upstream: F,
        meter: M,
    }
}

impl<F, M> MeteredFlow<F, M> {
    pub(crate) fn new(upstream: F, meter: M) -> Self {
        Self { upstream, meter }
    }
}

impl<F: Flow, M: Meter> Flow for MeteredFlow<F, M> {
    type Item = F::Item;
    type Error = F::Error;
    type Bound = F::Bound;

    #[inline(always)]
    fn poll_drive<D: Downstream<F::Item>>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<F::Error> {
        let mut me = self.project();
        me.meter.enter(Enter::Drive);
        let driven = me.upstream.as_mut().poll_drive(cx, &mut Tell { meter: me.meter, down });
        let why = match &driven {
            Poll::Pending => Leave::Pending,
            Poll::Ready(Ok(Drive::Paused)) => Leave::Paused,
            Poll::Ready(Ok(Drive::Ended)) => Leave::Ended,
            Poll::Ready(Err(_)) => Leave::Failed,
        };
        me.meter.leave(why, activity::<F, M>(&me.upstream));
        driven
    }

    #[inline]
    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        let mut me = self.project();
        me.meter.enter(Enter::Progress);
        me.upstream.as_mut().poll_progress(cx);
        me.meter.leave(Leave::Progress, activity::<F, M>(&me.upstream));
    }

    fn activity(&self) -> Activity {
        self.upstream.activity()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.upstream.size_hint()
    }
}

#[inline(always)]
fn activity<F: Flow, M: Meter>(flow: &Pin<&mut F>) -> Activity {
    if M::SEES_ACTIVITY { flow.activity() } else { Activity::Unknown }
}

struct Tell<'a, M, D> {
    meter: &'a mut M,
    down: &'a mut D,
}

impl<T, M: Meter, D: Downstream<T>> Downstream<T> for Tell<'_, M, D> {
    #[inline(always)]
    fn push(&mut self, item: T) -> ControlFlow<()> {
        self.meter.push(item, self.down)
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    #[derive(Default)]
    struct Log(Vec<&'static str>);

    impl Meter for &mut Log {
        fn enter(&mut self, _: Enter) {
            self.0.push("enter");
        }

        fn item(&mut self) {
            self.0.push("item");
        }

        fn leave(&mut self, why: Leave, _: Activity) {
            self.0.push(if why == Leave::Ended { "ended" } else { "left" });
        }
    }

    #[test]
    fn tells_of_each_call_and_each_item() {
        let mut log = Log::default();
        block_on(Pipe::new([1, 2]).metered(&mut log).count());
        assert_eq!(log.0, ["enter", "item", "item", "ended"]);
    }

    #[test]
    fn is_nothing_when_off() {
        let plain = Pipe::new(0..3u64);
        let off = Pipe::new(0..3u64).metered(Off);
        assert_eq!(size_of_val(&plain), size_of_val(&off));
    }
}
