//! The handle of a pipeline.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use crate::fault::Fault;
use crate::flow::{Downstream, Drive, Driven, Flow, OneItem};
use crate::items::{Finish, Items};
use crate::plan::Plan;
use crate::source::Source;

pin_project! {
    /// A pipeline: a [`Stream`] of its items, or, where something in it can fail, of `Result`s.
    ///
    /// Made by [`pipeline!`](crate::pipeline) or from a source ([`Pipe::new`], [`Pipe::from_iter`],
    /// [`Pipe::from_stream`]), and extended by the operators, which are its methods. An operator with options has
    /// them as setters on [`Items`], which [`with`](Self::with) reaches.
    ///
    /// A pipeline does nothing before it is polled, and nothing after its end or its first error: then it has
    /// dropped all of its parts. Dropped early, it drops them at once. Only whoever borrows it as a source may go on
    /// behind an error: it ends the borrower, and the pipeline stands behind the item that failed.
    ///
    /// Read one by one, as a `Stream`, it cannot know that its reader is busy: while the body of a
    /// `while let Some(item) = pipe.next().await` waits for something else, nothing in the pipeline is polled. A
    /// terminal keeps work in flight going; use one where stages and body share a lock.
    ///
    /// # Panics
    ///
    /// A panic in a closure passes through; the pipeline has then ended, for whoever borrowed it too.
    #[must_use = "a pipeline does nothing unless it is polled"]
    pub struct Pipe<F> {
        // `None` after the end and the first error.
        #[pin]
        flow: Option<F>,
        // Also true after a panic: the call did not come back, and whatever it left behind is not driven again.
        driving: bool,
        plan: Option<&'static Plan>,
    }
}

impl<F: Flow> Pipe<F> {
    /// A pipeline of whatever is a [`Source`]: a range, a slice, a `Vec`, another pipeline, a receiver.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// assert_eq!(block_on(Pipe::new(0..5).filter(|x| x % 2 == 1).collect::<Vec<_>>()), [1, 3]);
    /// ```
    #[track_caller]
    pub fn new<S: Source<Flow = F>>(source: S) -> Self {
        Self::from_flow(source.into_flow())
    }

    /// A pipeline of a flow: for sources of your own. The rules of a flow are those of [`flow`](crate::flow).
    pub fn from_flow(flow: F) -> Self {
        Self { flow: Some(flow), driving: false, plan: None }
    }

    /// Attaches any operator, with all of its options, or a terminal.
    ///
    /// # Panics
    ///
    /// If the pipeline was polled to its end before, or panicked.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let merged = Pipe::new([1, 2]).with(|items| items.merge([10, 20]).prefer_left());
    /// assert_eq!(block_on(merged.collect::<Vec<_>>()), [1, 2, 10, 20]);
    /// ```
    #[track_caller]
    pub fn with<O: Finish<F>>(self, operator: impl FnOnce(Items<F::Item, F::Error>) -> O) -> O::Out {
        let flow = self
            .flow
            .filter(|_| !self.driving)
            .expect("an operator is attached to a pipeline before its end, and this one has ended");
        operator(Items::new()).finish(flow)
    }

    /// Hands the items to `f`, which chooses the operator. See [`Items::via`].
    #[track_caller]
    pub fn via<O: Finish<F>>(self, f: impl FnOnce(Items<F::Item, F::Error>) -> O) -> O::Out {
        self.with(f)
    }
}

impl<F> Pipe<F> {
    /// Its stages, where it was written with [`pipeline!`](crate::pipeline).
    pub fn plan(&self) -> Option<&'static Plan> {
        self.plan
    }

    #[doc(hidden)]
    pub fn planned(flow: F, plan: &'static Plan) -> Self {
        Self { flow: Some(flow), driving: false, plan: Some(plan) }
    }
}

impl<F> fmt::Debug for Pipe<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipe")
            .field("plan", &self.plan)
            .field("ended", &(self.flow.is_none() || self.driving))
            .finish()
    }
}

impl<F: Flow> Stream for Pipe<F> {
    type Item = <F::Error as Fault>::Of<F::Item>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut one = OneItem(None);
        let driven = self.as_mut().poll_drive(cx, &mut one);
        // Not matched together, which would move an item of some size once more.
        if let Some(item) = one.0 {
            return Poll::Ready(Some(F::Error::ok(item)));
        }
        match driven {
            Poll::Ready(Ok(Drive::Ended)) => Poll::Ready(None),
            Poll::Ready(Err(error)) => {
                self.project().flow.set(None);
                Poll::Ready(Some(error.err()))
            }
            Poll::Ready(Ok(Drive::Paused)) => unreachable!("a flow paused though nothing had broken"),
            Poll::Pending => Poll::Pending,
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (at_least, at_most) = Flow::size_hint(self);
        if F::Error::FALLIBLE && !self.is_terminated() {
            // An error may come first, and is an item of the stream too.
            (0, at_most.and_then(|n| n.checked_add(1)))
        } else {
            (at_least, at_most)
        }
    }
}

impl<F: Flow> FusedStream for Pipe<F> {
    fn is_terminated(&self) -> bool {
        self.flow.is_none() || self.driving
    }
}

/// A pipeline is a source of another; as such it is driven on after an error, so that a `catch` below can skip it.
impl<F: Flow> Flow for Pipe<F> {
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
        if std::mem::replace(me.driving, true) {
            me.flow.set(None);
        }
        let driven = match me.flow.as_mut().as_pin_mut() {
            Some(flow) => flow.poll_drive(cx, down),
            None => Poll::Ready(Ok(Drive::Ended)),
        };
        if matches!(driven, Poll::Ready(Ok(Drive::Ended))) {
            me.flow.set(None);
        }
        *me.driving = false;
        driven
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        let me = self.project();
        if std::mem::replace(me.driving, true) {
            return;
        }
        if let Some(flow) = me.flow.as_pin_mut() {
            flow.poll_progress(cx);
        }
        *me.driving = false;
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.flow {
            Some(flow) if !self.driving => flow.size_hint(),
            _ => (0, Some(0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use futures::stream::FusedStream;
    use futures::{FutureExt, StreamExt};

    use super::*;

    #[test]
    fn ends_after_the_first_error_and_drops_its_source() {
        let source = std::rc::Rc::new(());
        let held = source.clone();
        let mut pipe = Pipe::from_iter([Ok(1), Err("no"), Ok(2)].into_iter().inspect(move |_| {
            let _ = &held;
        }))
        .or_fail();
        assert_eq!(pipe.next().now_or_never(), Some(Some(Ok(1))));
        assert_eq!(pipe.next().now_or_never(), Some(Some(Err("no"))));
        assert!(pipe.is_terminated());
        assert_eq!(std::rc::Rc::strong_count(&source), 1);
        assert_eq!(pipe.next().now_or_never(), Some(None));
    }

    #[test]
    fn has_ended_after_a_panic_in_a_closure() {
        let mut pipe = Pipe::new(0..3).map(|x| if x == 1 { panic!("one") } else { x });
        assert_eq!(pipe.next().now_or_never(), Some(Some(0)));
        assert!(catch_unwind(AssertUnwindSafe(|| pipe.next().now_or_never())).is_err());
        assert_eq!(pipe.next().now_or_never(), Some(None));
    }

    #[test]
    fn has_ended_for_a_borrower_after_a_panic() {
        let mut pipe = Pipe::new(0..3).inspect(|x| assert!(*x != 1, "one"));
        assert!(catch_unwind(AssertUnwindSafe(|| Pipe::new(&mut pipe).count().now_or_never())).is_err());
        assert!(pipe.is_terminated());
        assert_eq!(Flow::size_hint(&pipe), (0, Some(0)));
        assert_eq!(Pipe::new(&mut pipe).count().now_or_never(), Some(0));
        assert!(catch_unwind(AssertUnwindSafe(|| pipe.count())).is_err());
    }

    #[test]
    fn counts_a_possible_error_in_its_size_hint() {
        let mut pipe = Pipe::new(0..3u8).try_map(|x| if x < 2 { Ok(x) } else { Err("two") });
        assert_eq!(Stream::size_hint(&pipe), (0, Some(4)));
        while pipe.next().now_or_never().flatten().is_some() {}
        assert_eq!(Stream::size_hint(&pipe), (0, Some(0)));
    }

    #[test]
    #[should_panic(expected = "this one has ended")]
    fn refuses_an_operator_after_its_end() {
        let mut pipe = Pipe::new([1]);
        while pipe.next().now_or_never().flatten().is_some() {}
        let _ = pipe.map(|x| x + 1);
    }
}
