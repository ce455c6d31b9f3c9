//! Stages that hold items and give something else of them: batches, windows, the last ones, one at the end.
//!
//! A [`Gather`] decides in plain code what to hold and what to give; [`GatherFlow`] is the one flow around all of them,
//! and keeps the contract: the rest on a break, the flush before the end and before an error.

#[cfg(feature = "time")]
mod timed;

use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

#[cfg(feature = "time")]
pub use self::timed::{TimedGather, TimedGatherFlow};
use crate::fault::Fault;
use crate::flow::{Budget, Downstream, Drive, Driven, Flow, Tail, yield_now};

/// What a stage does that holds items.
pub trait Gather<T> {
    /// What it gives.
    type Out;

    /// Takes an item, and gives what that makes ready.
    fn add(&mut self, item: T) -> Option<Self::Out>;

    /// What the same item, or the same flush, makes ready besides. Asked until there is nothing more.
    fn more(&mut self) -> Option<Self::Out> {
        None
    }

    /// Follows a change of its settings, and gives what that makes ready, the rest of it by [`more`](Self::more). Asked
    /// before upstream is driven.
    fn follow(&mut self) -> Option<Self::Out> {
        None
    }

    /// Wakes the task when a setting changes that may make something ready; ready if one has.
    fn poll_changed(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }

    /// Upstream has ended or failed: gives what is held, the rest of it by [`more`](Self::more).
    fn flush(&mut self, cause: Flush) -> Option<Self::Out>;

    /// How many it will give, for this many items that are still to come, where each flush may come sooner if upstream is
    /// `fallible`.
    fn size_hint(&self, upstream: (usize, Option<usize>), fallible: bool) -> (usize, Option<usize>);
}

/// Why a stage gives what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    /// Upstream has ended.
    End,
    /// Upstream has failed; there may be more items behind the error.
    Error,
}

impl Flush {
    /// Why what is held is given after this call of upstream, if it is.
    #[inline(always)]
    fn cause<E>(driven: &Driven<E>) -> Option<Self> {
        match driven {
            Poll::Ready(Ok(Drive::Ended)) => Some(Self::End),
            Poll::Ready(Err(_)) => Some(Self::Error),
            Poll::Ready(Ok(Drive::Paused)) | Poll::Pending => None,
        }
    }
}

pin_project! {
    /// The flow below a stage that holds items; `K` is what upstream fails with.
    ///
    // `K`, and not `F::Error`: a field of a projected type would keep the compiler from seeing that a future which
    // holds the pipeline is `Send`.
    pub struct GatherFlow<F, G, K> {
        #[pin]
        upstream: F,
        gather: G,
        // Downstream broke at one of several that were ready, or a poll had given enough of them.
        more: bool,
        tail: Tail<K>,
    }
}

impl<F: Flow, G> GatherFlow<F, G, F::Error> {
    pub(crate) fn new(upstream: F, gather: G) -> Self {
        Self { upstream, gather, more: false, tail: Tail::Open }
    }
}

impl<F: Flow<Error = K>, G: Gather<F::Item>, K: Fault> Flow for GatherFlow<F, G, K> {
    type Item = G::Out;
    type Error = K;
    type Bound = F::Bound;

    #[inline(always)]
    fn poll_drive<D: Downstream<G::Out>>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<F::Error> {
        let me = self.project();
        let mut filling = Filling::new(me.gather, me.more, down);
        if *filling.more {
            let next = filling.gather.more();
            if filling.give(next).is_break() {
                return filling.stopped_above(me.upstream, cx);
            }
        }
        if let Some(told) = me.tail.settle() {
            return Poll::Ready(told);
        }
        let followed = filling.gather.follow();
        if followed.is_some() && filling.give_apart(followed).is_break() {
            return filling.stopped_above(me.upstream, cx);
        }
        let driven = me.upstream.poll_drive(cx, &mut filling);
        let Some(cause) = Flush::cause(&driven) else {
            let stops = driven.is_ready() || filling.gather.poll_changed(cx).is_ready();
            return if stops { filling.stopped(cx) } else { Poll::Pending };
        };
        me.tail.note(driven);
        let held = filling.gather.flush(cause);
        if filling.give(held).is_break() {
            return filling.stopped(cx);
        }
        Poll::Ready(me.tail.settle().unwrap_or(Ok(Drive::Ended)))
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        self.project().upstream.poll_progress(cx);
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let upstream =
            if matches!(self.tail, Tail::Ended) { (0, Some(0)) } else { self.upstream.size_hint() };
        self.gather.size_hint(upstream, F::Error::FALLIBLE)
    }
}

struct Filling<'a, G, D> {
    gather: &'a mut G,
    more: &'a mut bool,
    budget: Budget,
    broke: bool,
    down: &'a mut D,
}

impl<'a, G, D> Filling<'a, G, D> {
    #[inline(always)]
    fn new(gather: &'a mut G, more: &'a mut bool, down: &'a mut D) -> Self {
        Self { gather, more, budget: Budget::items(), broke: false, down }
    }

    /// Pushes what is ready. After a break there may be more, which is asked for when the flow is driven again.
    #[inline(always)]
    fn give<T>(&mut self, mut ready: Option<G::Out>) -> ControlFlow<()>
    where
        G: Gather<T>,
        D: Downstream<G::Out>,
    {
        *self.more = false;
        while let Some(out) = ready {
            self.broke = self.down.push(out).is_break();
            if self.broke || !self.budget.spend() {
                *self.more = true;
                return ControlFlow::Break(());
            }
            ready = self.gather.more();
        }
        ControlFlow::Continue(())
    }

    /// As `give`, but not where items flow: what is below is inlined once, into the loop of the source.
    #[inline(never)]
    fn give_apart<T>(&mut self, ready: Option<G::Out>) -> ControlFlow<()>
    where
        G: Gather<T>,
        D: Downstream<G::Out>,
    {
        self.give(ready)
    }

    /// What a call tells that stops: downstream broke, or there is more to do in another call.
    #[inline(always)]
    fn stopped<E>(&self, cx: &Context<'_>) -> Driven<E> {
        if self.broke { Poll::Ready(Ok(Drive::Paused)) } else { yield_now(cx) }
    }

    /// The same, before it drove upstream.
    fn stopped_above<F: Flow>(&self, upstream: Pin<&mut F>, cx: &mut Context<'_>) -> Driven<F::Error> {
        if !self.broke {
            upstream.poll_progress(cx);
        }
        self.stopped(cx)
    }
}

impl<T, G: Gather<T>, D: Downstream<G::Out>> Downstream<T> for Filling<'_, G, D> {
    #[inline(always)]
    fn push(&mut self, item: T) -> ControlFlow<()> {
        let ready = self.gather.add(item);
        // Most items make nothing ready.
        if ready.is_none() { ControlFlow::Continue(()) } else { self.give(ready) }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::pin::pin;
    use std::rc::Rc;
    use std::task::Waker;

    use super::*;
    use crate::flow::{BUDGET, Bounded};
    use crate::items::{Items, Stage};

    /// Gives many items and an error, and counts how often work in flight could go on.
    struct Above {
        items: std::ops::Range<usize>,
        progress: Rc<Cell<usize>>,
    }

    impl Flow for Above {
        type Item = usize;
        type Error = crate::Failed<()>;
        type Bound = Bounded;

        fn poll_drive<D: Downstream<usize>>(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            down: &mut D,
        ) -> Driven<Self::Error> {
            for item in self.items.by_ref() {
                if down.push(item).is_break() {
                    return Poll::Ready(Ok(Drive::Paused));
                }
            }
            Poll::Ready(Err(crate::Failed(())))
        }

        fn poll_progress(self: Pin<&mut Self>, _: &mut Context<'_>) {
            self.progress.set(self.progress.get() + 1);
        }
    }

    struct Taken(usize);

    impl<T> Downstream<T> for Taken {
        fn push(&mut self, _: T) -> ControlFlow<()> {
            self.0 += 1;
            ControlFlow::Continue(())
        }
    }

    #[test]
    fn lets_work_in_flight_go_on_while_it_gives_what_it_holds() {
        let progress = Rc::<Cell<usize>>::default();
        let above = Above { items: 0..3 * BUDGET, progress: progress.clone() };
        let mut last = pin!(Items::<usize>::new().take_last(3 * BUDGET).into_op().attach(above));
        let mut taken = Taken(0);
        let mut cx = Context::from_waker(Waker::noop());
        let mut polls = 1;
        while last.as_mut().poll_drive(&mut cx, &mut taken).is_pending() {
            polls += 1;
        }
        assert_eq!(taken.0, 3 * BUDGET);
        // The first poll has driven what is above, and the last tells its error.
        assert_eq!((polls, progress.get()), (3, 1));
    }
}
