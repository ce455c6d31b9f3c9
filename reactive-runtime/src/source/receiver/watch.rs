use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::sync::watch;

use super::{Waiting, start};
use crate::flow::{Bounded, Budget, Downstream, Drive, Driven, Flow, yield_now};
use crate::source::Source;

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

#[cfg(test)]
mod tests {
    use futures::{FutureExt, StreamExt};

    use super::*;
    use crate::pipe::Pipe;

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
