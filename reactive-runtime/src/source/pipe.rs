use std::pin::Pin;
use std::task::Context;

use super::Source;
use crate::flow::{Downstream, Driven, Flow};
use crate::pipe::Pipe;

/// A pipeline goes on in another.
impl<F: Flow> Source for Pipe<F> {
    type Flow = Self;

    fn into_flow(self) -> Self {
        self
    }
}

/// A borrowed pipeline gives what the borrower takes, and keeps the rest.
impl<'a, F: Flow + Unpin> Source for &'a mut Pipe<F> {
    type Flow = BorrowedFlow<'a, F>;

    fn into_flow(self) -> BorrowedFlow<'a, F> {
        BorrowedFlow(self)
    }
}

/// The flow of a borrowed pipeline: made of a `&mut Pipe`.
#[derive(Debug)]
pub struct BorrowedFlow<'a, F>(&'a mut Pipe<F>);

impl<F: Flow + Unpin> Flow for BorrowedFlow<'_, F> {
    type Item = F::Item;
    type Error = F::Error;
    type Bound = F::Bound;

    #[inline(always)]
    fn poll_drive<D: Downstream<F::Item>>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<F::Error> {
        Pin::new(&mut *self.0).poll_drive(cx, down)
    }

    fn poll_progress(mut self: Pin<&mut Self>, cx: &mut Context<'_>) {
        Pin::new(&mut *self.0).poll_progress(cx);
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        Flow::size_hint(&*self.0)
    }
}
