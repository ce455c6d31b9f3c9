use std::convert::Infallible;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::flow::{Bounded, Downstream, Drive, Driven, Flow};
use crate::pipe::Pipe;

/// A pipeline that ends without an item.
///
/// # Examples
///
/// ```
/// # use reactive_runtime::prelude::*;
/// # use futures::executor::block_on;
/// assert_eq!(block_on(pipeline! { empty() |> default_if_empty(7) |> collect::<Vec<_>>() }), [7]);
/// ```
pub fn empty<T>() -> Pipe<EmptyFlow<T>> {
    Pipe::from_flow(EmptyFlow(PhantomData))
}

/// The flow of no items: made by [`empty`].
#[derive(Debug)]
pub struct EmptyFlow<T>(PhantomData<fn() -> T>);

impl<T> Flow for EmptyFlow<T> {
    type Item = T;
    type Error = Infallible;
    type Bound = Bounded;

    fn poll_drive<D: Downstream<T>>(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut D,
    ) -> Driven<Infallible> {
        Poll::Ready(Ok(Drive::Ended))
    }

    fn poll_progress(self: Pin<&mut Self>, _: &mut Context<'_>) {}

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(0))
    }
}
