use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::sync::mpsc;

use crate::flow::{Bounded, Budget, Downstream, Drive, Driven, Flow, yield_now};
use crate::source::Source;

/// The receiving half of a queue: a tokio `mpsc` receiver, bounded or not, owned or borrowed.
pub trait Receive: Unpin {
    /// What is sent.
    type Item;

    /// The next item, or `None` when all senders are gone and the queue is empty.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Option<Self::Item>>;
}

impl<T> Receive for mpsc::Receiver<T> {
    type Item = T;

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.poll_recv(cx)
    }
}

impl<T> Receive for mpsc::UnboundedReceiver<T> {
    type Item = T;

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.poll_recv(cx)
    }
}

impl<R: Receive> Receive for &mut R {
    type Item = R::Item;

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Option<R::Item>> {
        R::poll_receive(self, cx)
    }
}

/// The flow of a tokio `mpsc` receiver. It ends when all senders are gone; dropped, it closes the channel.
#[derive(Debug)]
pub struct ReceiverFlow<R>(Option<R>);

macro_rules! sources {
    ($($receiver:ty)*) => {$(
        impl<T> Source for $receiver {
            type Flow = ReceiverFlow<Self>;

            fn into_flow(self) -> ReceiverFlow<Self> {
                ReceiverFlow(Some(self))
            }
        }
    )*};
}

sources! { mpsc::Receiver<T> &mut mpsc::Receiver<T> mpsc::UnboundedReceiver<T> &mut mpsc::UnboundedReceiver<T> }

impl<R: Receive> Flow for ReceiverFlow<R> {
    type Item = R::Item;
    type Error = Infallible;
    type Bound = Bounded;

    #[inline(always)]
    fn poll_drive<D: Downstream<R::Item>>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<Infallible> {
        let Some(receiver) = &mut self.0 else { return Poll::Ready(Ok(Drive::Ended)) };
        let mut budget = Budget::items();
        while budget.spend() {
            let Some(item) = ready!(receiver.poll_receive(cx)) else {
                self.0 = None;
                return Poll::Ready(Ok(Drive::Ended));
            };
            if down.push(item).is_break() {
                return Poll::Ready(Ok(Drive::Paused));
            }
        }
        yield_now(cx)
    }

    fn poll_progress(self: Pin<&mut Self>, _: &mut Context<'_>) {}
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, StreamExt};

    use super::*;
    use crate::pipe::Pipe;

    #[test]
    fn a_queue_ends_when_its_senders_are_gone() {
        let (sender, receiver) = mpsc::channel(4);
        let mut pipe = Pipe::new(receiver).map(|x: u8| x + 1);
        assert_eq!(pipe.next().now_or_never(), None);
        sender.try_send(1).unwrap();
        assert_eq!(pipe.next().now_or_never(), Some(Some(2)));
        drop(sender);
        assert_eq!(pipe.next().now_or_never(), Some(None));
    }

    #[test]
    fn a_borrowed_queue_keeps_the_rest() {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        (0..4).for_each(|x| sender.send(x).unwrap());
        assert_eq!(Pipe::new(&mut receiver).take(2).collect::<Vec<_>>().now_or_never(), Some(vec![0, 1]));
        assert_eq!(receiver.try_recv(), Ok(2));
    }
}
