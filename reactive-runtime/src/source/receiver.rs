use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::sync::{broadcast, mpsc, watch};
use tokio_util::sync::ReusableBoxFuture;

use super::Source;
use crate::fault::Failed;
use crate::flow::{Bounded, Budget, Downstream, Drive, Driven, Flow, yield_now};

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

/// A `broadcast` receiver was too slow: so many messages were overwritten before it read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lagged(pub u64);

impl fmt::Display for Lagged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the receiver lagged behind and lost {} messages", self.0)
    }
}

impl Error for Lagged {}

// The future that waits owns the receiver, and gives it back: a `recv` that borrows it could not be kept beside it.
// Its box is made once and reused.
type Waiting<T, R> = ReusableBoxFuture<'static, (T, R)>;

/// The flow of a tokio `broadcast` receiver.
///
/// It fails with [`Lagged`] when it was too slow, and has then ended; it ends when all senders are gone.
///
/// # Data loss
///
/// The sender overwrites what a slow receiver has not read; [`Lagged`] tells how many.
pub struct BroadcastFlow<T> {
    receiver: Option<broadcast::Receiver<T>>,
    waiting: Option<Waiting<Result<T, broadcast::error::RecvError>, broadcast::Receiver<T>>>,
}

impl<T: Clone + Send + 'static> Source for broadcast::Receiver<T> {
    type Flow = BroadcastFlow<T>;

    fn into_flow(self) -> BroadcastFlow<T> {
        BroadcastFlow { receiver: Some(self), waiting: None }
    }
}

async fn receive<T: Clone>(
    mut receiver: broadcast::Receiver<T>,
) -> (Result<T, broadcast::error::RecvError>, broadcast::Receiver<T>) {
    (receiver.recv().await, receiver)
}

impl<T: Clone + Send + 'static> Flow for BroadcastFlow<T> {
    type Item = T;
    type Error = Failed<Lagged>;
    type Bound = Bounded;

    fn poll_drive<D: Downstream<T>>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<Failed<Lagged>> {
        use broadcast::error::RecvError;

        let me = &mut *self;
        let mut budget = Budget::items();
        while budget.spend() {
            if let Some(receiver) = me.receiver.take() {
                start(&mut me.waiting, receive(receiver));
            }
            let Some(waiting) = &mut me.waiting else { return Poll::Ready(Ok(Drive::Ended)) };
            let (received, receiver) = ready!(waiting.poll(cx));
            match received {
                Ok(item) => {
                    me.receiver = Some(receiver);
                    if down.push(item).is_break() {
                        return Poll::Ready(Ok(Drive::Paused));
                    }
                }
                Err(RecvError::Closed) => {
                    me.waiting = None;
                    return Poll::Ready(Ok(Drive::Ended));
                }
                Err(RecvError::Lagged(lost)) => {
                    me.waiting = None;
                    return Poll::Ready(Err(Failed(Lagged(lost))));
                }
            }
        }
        yield_now(cx)
    }

    fn poll_progress(self: Pin<&mut Self>, _: &mut Context<'_>) {}
}

/// The flow of a tokio `watch` receiver: the present value first, then the newest one after each change.
///
/// It ends when the sender is gone and its last value was given.
///
/// # Data loss
///
/// A value that is replaced before it was asked for is never seen: that is what a `watch` channel is for.
pub struct WatchFlow<T> {
    receiver: Option<watch::Receiver<T>>,
    waiting: Option<Waiting<Result<(), watch::error::RecvError>, watch::Receiver<T>>>,
    started: bool,
}

impl<T: Clone + Send + Sync + 'static> Source for watch::Receiver<T> {
    type Flow = WatchFlow<T>;

    fn into_flow(self) -> WatchFlow<T> {
        WatchFlow { receiver: Some(self), waiting: None, started: false }
    }
}

async fn change<T>(
    mut receiver: watch::Receiver<T>,
    started: bool,
) -> (Result<(), watch::error::RecvError>, watch::Receiver<T>) {
    let changed = if started { receiver.changed().await } else { Ok(()) };
    (changed, receiver)
}

impl<T: Clone + Send + Sync + 'static> Flow for WatchFlow<T> {
    type Item = T;
    type Error = Infallible;
    type Bound = Bounded;

    fn poll_drive<D: Downstream<T>>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<Infallible> {
        let me = &mut *self;
        let mut budget = Budget::items();
        while budget.spend() {
            if let Some(receiver) = me.receiver.take() {
                start(&mut me.waiting, change(receiver, me.started));
            }
            let Some(waiting) = &mut me.waiting else { return Poll::Ready(Ok(Drive::Ended)) };
            let (changed, mut receiver) = ready!(waiting.poll(cx));
            if changed.is_err() {
                me.waiting = None;
                return Poll::Ready(Ok(Drive::Ended));
            }
            let value = receiver.borrow_and_update().clone();
            me.receiver = Some(receiver);
            me.started = true;
            if down.push(value).is_break() {
                return Poll::Ready(Ok(Drive::Paused));
            }
        }
        yield_now(cx)
    }

    fn poll_progress(self: Pin<&mut Self>, _: &mut Context<'_>) {}
}

fn start<T, F>(waiting: &mut Option<ReusableBoxFuture<'static, T>>, future: F)
where
    F: Future<Output = T> + Send + 'static,
{
    match waiting {
        Some(waiting) => waiting.set(future),
        None => *waiting = Some(ReusableBoxFuture::new(future)),
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, StreamExt};

    use super::*;
    use crate::operator::Recover;
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

    #[test]
    fn a_slow_broadcast_receiver_fails_and_has_ended() {
        let (sender, receiver) = broadcast::channel(2);
        (0..5).for_each(|x| drop(sender.send(x)));
        let mut pipe = Pipe::new(receiver);
        assert_eq!(pipe.next().now_or_never(), Some(Some(Err(Lagged(3)))));
        assert_eq!(pipe.next().now_or_never(), Some(None));
    }

    #[test]
    fn skipping_a_lag_gives_the_end() {
        let (sender, receiver) = broadcast::channel(2);
        (0..5).for_each(|x| drop(sender.send(x)));
        let skipped = Pipe::new(receiver).catch(|_| Recover::Skip).collect::<Vec<i32>>();
        assert_eq!(skipped.now_or_never(), Some(vec![]));
    }

    #[test]
    fn a_broadcast_is_received_until_its_senders_are_gone() {
        let (sender, receiver) = broadcast::channel(4);
        let mut pipe = Pipe::new(receiver);
        assert_eq!(pipe.next().now_or_never(), None);
        sender.send(7).unwrap();
        assert_eq!(pipe.next().now_or_never(), Some(Some(Ok(7))));
        drop(sender);
        assert_eq!(pipe.next().now_or_never(), Some(None));
    }

    #[test]
    fn a_watch_begins_with_the_present_value_and_gives_the_last() {
        let (sender, receiver) = watch::channel(1);
        let mut pipe = Pipe::new(receiver);
        assert_eq!(pipe.next().now_or_never(), Some(Some(1)));
        assert_eq!(pipe.next().now_or_never(), None);
        sender.send(2).unwrap();
        sender.send(3).unwrap();
        drop(sender);
        assert_eq!(pipe.next().now_or_never(), Some(Some(3)));
        assert_eq!(pipe.next().now_or_never(), Some(None));
    }
}
