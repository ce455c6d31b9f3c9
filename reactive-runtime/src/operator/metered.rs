use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::flow::{Downstream, Drive, Driven, Flow};
use crate::items::{Items, Stage, Staged};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Tells `meter` whenever control enters what is above it, comes back with an item, and leaves.
    ///
    /// With [`Off`] it is nothing: no size, no instruction.
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
        self.stage(Metered { meter })
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
    /// Control enters what is above: somebody wants items.
    #[inline(always)]
    fn enter(&mut self) {}

    /// An item comes down.
    #[inline(always)]
    fn item(&mut self) {}

    /// Control leaves what is above.
    #[inline(always)]
    fn leave(&mut self, why: Leave) {
        let _ = why;
    }
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
}

/// The meter that watches nothing, and costs nothing.
#[derive(Clone, Copy, Debug)]
pub struct Off;

impl Meter for Off {}

/// Watches a place of a pipeline: made by [`Items::metered`].
#[derive(Clone, Copy, Debug)]
pub struct Metered<M> {
    meter: M,
}

impl<F: Flow, M: Meter> Stage<F> for Metered<M> {
    type Flow = MeteredFlow<F, M>;

    fn attach(self, upstream: F) -> MeteredFlow<F, M> {
        MeteredFlow { upstream, meter: self.meter }
    }
}

pin_project! {
    /// The flow below [`Metered`].
    #[derive(Debug)]
    pub struct MeteredFlow<F, M> {
        #[pin]
        upstream: F,
        meter: M,
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
        let me = self.project();
        me.meter.enter();
        let driven = me.upstream.poll_drive(cx, &mut Tell { meter: me.meter, down });
        me.meter.leave(match &driven {
            Poll::Pending => Leave::Pending,
            Poll::Ready(Ok(Drive::Paused)) => Leave::Paused,
            Poll::Ready(Ok(Drive::Ended)) => Leave::Ended,
            Poll::Ready(Err(_)) => Leave::Failed,
        });
        driven
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        self.project().upstream.poll_progress(cx);
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.upstream.size_hint()
    }
}

struct Tell<'a, M, D> {
    meter: &'a mut M,
    down: &'a mut D,
}

impl<T, M: Meter, D: Downstream<T>> Downstream<T> for Tell<'_, M, D> {
    #[inline(always)]
    fn push(&mut self, item: T) -> ControlFlow<()> {
        self.meter.item();
        self.down.push(item)
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    #[derive(Default)]
    struct Log(Vec<&'static str>);

    impl Meter for &mut Log {
        fn enter(&mut self) {
            self.0.push("enter");
        }

        fn item(&mut self) {
            self.0.push("item");
        }

        fn leave(&mut self, why: Leave) {
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
