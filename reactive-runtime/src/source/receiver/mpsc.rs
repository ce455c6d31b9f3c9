use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::sync::mpsc;

use crate::flow::{BUDGET, Bounded, Budget, Downstream, Drive, Driven, Flow, yield_now};
use crate::source::Source;

/// The most items that are taken out of a queue at once.
const CHUNK: usize = 64;

/// The receiving half of a queue: a tokio `mpsc` receiver, bounded or not, owned or borrowed.
pub trait Receive: Unpin {
    /// What is sent.
    type Item;

    /// How many items may be taken out before they are wanted.
    #[doc(hidden)]
    const AHEAD: usize;

    /// Takes up to `limit` items; none when all senders are gone and the queue is empty.
    #[doc(hidden)]
    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        items: &mut Vec<Self::Item>,
        limit: usize,
    ) -> Poll<usize>;
}

impl<T> Receive for mpsc::Receiver<T> {
    type Item = T;

    const AHEAD: usize = CHUNK;

    fn poll_receive(&mut self, cx: &mut Context<'_>, items: &mut Vec<T>, limit: usize) -> Poll<usize> {
        self.poll_recv_many(cx, items, limit)
    }
}

impl<T> Receive for mpsc::UnboundedReceiver<T> {
    type Item = T;

    const AHEAD: usize = CHUNK;

    fn poll_receive(&mut self, cx: &mut Context<'_>, items: &mut Vec<T>, limit: usize) -> Poll<usize> {
        self.poll_recv_many(cx, items, limit)
    }
}

/// What is not wanted stays in the queue of the owner.
impl<R: Receive> Receive for &mut R {
    type Item = R::Item;

    const AHEAD: usize = 1;

    fn poll_receive(&mut self, cx: &mut Context<'_>, items: &mut Vec<R::Item>, limit: usize) -> Poll<usize> {
        R::poll_receive(self, cx, items, limit)
    }
}

/// The flow of a tokio `mpsc` receiver. It ends when all senders are gone; dropped, it closes the channel.
///
/// Where downstream takes all there is, an owned receiver takes up to 64 items out of its queue at once, and the senders
/// have so much more room; where downstream takes one by one, so does the receiver.
#[derive(Debug)]
pub struct ReceiverFlow<R: Receive> {
    receiver: Option<R>,
    // In reverse, so that the next item is the last.
    chunk: Vec<R::Item>,
    limit: usize,
}

// The items are never pinned.
impl<R: Receive> Unpin for ReceiverFlow<R> {}

macro_rules! sources {
    ($($receiver:ty)*) => {$(
        impl<T> Source for $receiver {
            type Flow = ReceiverFlow<Self>;

            fn into_flow(self) -> ReceiverFlow<Self> {
                ReceiverFlow { receiver: Some(self), chunk: Vec::new(), limit: 1 }
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
        let me = &mut *self;
        let mut budget = Budget::of(BUDGET / R::AHEAD);
        while budget.spend() {
            while let Some(item) = me.chunk.pop() {
                if down.push(item).is_break() {
                    me.limit = 1;
                    return Poll::Ready(Ok(Drive::Paused));
                }
            }
            let Some(receiver) = &mut me.receiver else { return Poll::Ready(Ok(Drive::Ended)) };
            if ready!(receiver.poll_receive(cx, &mut me.chunk, me.limit)) == 0 {
                me.receiver = None;
            }
            me.chunk.reverse();
            me.limit = (me.limit * 2).min(R::AHEAD);
        }
        yield_now(cx)
    }

    fn poll_progress(self: Pin<&mut Self>, _: &mut Context<'_>) {}

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.chunk.len(), None)
    }
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
