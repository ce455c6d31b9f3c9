use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::sync::broadcast;

use super::{Waiting, start};
use crate::fault::Failed;
use crate::flow::{Bounded, Budget, Downstream, Drive, Driven, Flow, yield_now};
use crate::source::{Lagged, Source};

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

#[cfg(test)]
mod tests {
    use futures::{FutureExt, StreamExt};

    use super::*;
    use crate::operator::Recover;
    use crate::pipe::Pipe;

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
}
