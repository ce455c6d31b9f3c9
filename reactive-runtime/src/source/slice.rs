use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::Source;
use crate::flow::{BUDGET, Bounded, Downstream, Drive, Driven, Flow, yield_now};

/// The flow of references to the elements of a slice.
#[derive(Clone, Debug)]
pub struct SliceFlow<'a, T>(&'a [T]);

impl<'a, T> Source for &'a [T] {
    type Flow = SliceFlow<'a, T>;

    fn into_flow(self) -> SliceFlow<'a, T> {
        SliceFlow(self)
    }
}

impl<'a, T> Source for &'a Vec<T> {
    type Flow = SliceFlow<'a, T>;

    fn into_flow(self) -> SliceFlow<'a, T> {
        SliceFlow(self)
    }
}

impl<'a, T, const N: usize> Source for &'a [T; N] {
    type Flow = SliceFlow<'a, T>;

    fn into_flow(self) -> SliceFlow<'a, T> {
        SliceFlow(self)
    }
}

impl<'a, T> Flow for SliceFlow<'a, T> {
    type Item = &'a T;
    type Error = Infallible;
    type Bound = Bounded;

    #[inline(always)]
    fn poll_drive<D: Downstream<&'a T>>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<Infallible> {
        let rest = &mut self.get_mut().0;
        let (chunk, behind) = rest.split_at_checked(BUDGET).unwrap_or((rest, &[]));
        let mut items = chunk.iter();
        if items.try_for_each(|item| down.push(item)).is_break() {
            *rest = &rest[chunk.len() - items.len()..];
            return Poll::Ready(Ok(Drive::Paused));
        }
        *rest = behind;
        if behind.is_empty() { Poll::Ready(Ok(Drive::Ended)) } else { yield_now(cx) }
    }

    fn poll_progress(self: Pin<&mut Self>, _: &mut Context<'_>) {}

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.len(), Some(self.0.len()))
    }
}
