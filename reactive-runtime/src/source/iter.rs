use std::convert::Infallible;
use std::marker::PhantomData;
use std::ops::RangeFrom;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::Source;
use crate::flow::{BUDGET, Bounded, Boundedness, Downstream, Drive, Driven, Flow, Unbounded, yield_now};
use crate::pipe::Pipe;

impl<I: Iterator> Pipe<IterFlow<I>> {
    /// A pipeline of the items of an iterator, or of whatever can be iterated over.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let pipe = Pipe::from_iter("a b".split(' ')).map(str::len);
    /// assert_eq!(block_on(pipe.collect::<Vec<_>>()), [1, 1]);
    /// ```
    #[expect(
        clippy::should_implement_trait,
        reason = "the `FromIterator` of a `Pipe` could not name its iterator"
    )]
    pub fn from_iter<T: IntoIterator<IntoIter = I>>(iter: T) -> Self {
        Self::from_flow(IterFlow::new(iter.into_iter()))
    }
}

/// The flow of an iterator: made by [`Pipe::from_iter`].
#[derive(Debug)]
pub struct IterFlow<I, B = Bounded> {
    // `None` after the end: an iterator need not be fused.
    iter: Option<I>,
    bound: PhantomData<fn() -> B>,
}

impl<I, B> IterFlow<I, B> {
    pub(crate) fn new(iter: I) -> Self {
        Self { iter: Some(iter), bound: PhantomData }
    }
}

// The iterator is never pinned.
impl<I, B> Unpin for IterFlow<I, B> {}

/// An open range counts without end.
impl<A> Source for RangeFrom<A>
where
    Self: Iterator,
{
    type Flow = IterFlow<Self, Unbounded>;

    fn into_flow(self) -> Self::Flow {
        IterFlow::new(self)
    }
}

impl<T, const N: usize> Source for [T; N] {
    type Flow = IterFlow<std::array::IntoIter<T, N>>;

    fn into_flow(self) -> Self::Flow {
        IterFlow::new(self.into_iter())
    }
}

impl<T> Source for Option<T> {
    type Flow = IterFlow<std::option::IntoIter<T>>;

    fn into_flow(self) -> Self::Flow {
        IterFlow::new(self.into_iter())
    }
}

impl<I: Iterator, B: Boundedness> Flow for IterFlow<I, B> {
    type Item = I::Item;
    type Error = Infallible;
    type Bound = B;

    #[expect(clippy::while_let_on_iterator, reason = "`for` costs a call more per item in a debug build")]
    #[inline(always)]
    fn poll_drive<D: Downstream<I::Item>>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<Infallible> {
        let Some(iter) = &mut self.iter else { return Poll::Ready(Ok(Drive::Ended)) };
        let mut left = BUDGET;
        while let Some(item) = iter.next() {
            if down.push(item).is_break() {
                return Poll::Ready(Ok(Drive::Paused));
            }
            left -= 1;
            if left == 0 {
                return yield_now(cx);
            }
        }
        self.iter = None;
        Poll::Ready(Ok(Drive::Ended))
    }

    fn poll_progress(self: Pin<&mut Self>, _: &mut Context<'_>) {}

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.iter.as_ref().map_or((0, Some(0)), I::size_hint)
    }
}
