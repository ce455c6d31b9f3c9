use std::convert::Infallible;
use std::ops::DerefMut;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use pin_project_lite::pin_project;

use super::Source;
use crate::flow::{Bounded, Budget, Downstream, Drive, Driven, Flow, yield_now};
use crate::pipe::Pipe;

impl<S: Stream> Pipe<StreamFlow<S>> {
    /// A pipeline of the items of a stream.
    ///
    /// A stream of `Result`s gives them as items; [`or_fail`](Pipe::or_fail) lets its errors leave out of band.
    ///
    /// A foreign stream cannot be told to let its work in flight go on while nobody wants an item: what it holds
    /// waits until it is polled for the next one.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let stream = futures::stream::iter([1, 2, 3]);
    /// assert_eq!(block_on(Pipe::from_stream(stream).map(|x| x * 2).sum::<i32>()), 12);
    /// ```
    pub fn from_stream(stream: S) -> Self {
        Self::from_flow(StreamFlow::new(stream))
    }
}

/// A stream behind a pointer, as a `BoxStream` is.
#[diagnostic::do_not_recommend]
impl<P> Source for Pin<P>
where
    P: DerefMut<Target: Stream> + Unpin,
{
    type Flow = StreamFlow<Self>;

    fn into_flow(self) -> Self::Flow {
        StreamFlow::new(self)
    }
}

pin_project! {
    /// The flow of a stream: made by [`Pipe::from_stream`].
    #[derive(Debug)]
    pub struct StreamFlow<S> {
        // `None` after the end: a stream need not be fused.
        #[pin]
        stream: Option<S>,
    }
}

impl<S> StreamFlow<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream: Some(stream) }
    }
}

impl<S: Stream> Flow for StreamFlow<S> {
    type Item = S::Item;
    type Error = Infallible;
    type Bound = Bounded;

    #[inline(always)]
    fn poll_drive<D: Downstream<S::Item>>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<Infallible> {
        let mut me = self.project();
        let Some(mut stream) = me.stream.as_mut().as_pin_mut() else { return Poll::Ready(Ok(Drive::Ended)) };
        let mut budget = Budget::items();
        while budget.spend() {
            match stream.as_mut().poll_next(cx) {
                Poll::Ready(Some(item)) => {
                    if down.push(item).is_break() {
                        return Poll::Ready(Ok(Drive::Paused));
                    }
                }
                Poll::Ready(None) => {
                    me.stream.set(None);
                    return Poll::Ready(Ok(Drive::Ended));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
        yield_now(cx)
    }

    fn poll_progress(self: Pin<&mut Self>, _: &mut Context<'_>) {}

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.as_ref().map_or((0, Some(0)), S::size_hint)
    }
}
