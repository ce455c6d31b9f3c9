use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_sink::Sink;

use super::Closed;
use crate::handover::Sender;

/// Puts many items into a pipeline: made by [`Feeder::sink`](super::Feeder::sink).
///
/// It gathers items, as many as it found room for and at most 64, and puts them in together: when there are as many, by
/// [`flush`](Self::flush), or when it is dropped. Until then they are not seen, so flush before waiting for anything
/// else. As it waits for room before it gathers, the pipeline never has more than its capacity to itself; only where
/// several sinks found the same room there are up to 64 items more for each of the others.
///
/// It is also a [`Sink`] of `futures`, which works the same way. Closed as one, it is no feeder any more, as if it were
/// dropped.
///
/// # Examples
///
/// ```
/// # use reactive_runtime::prelude::*;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (feeder, numbers) = feed(100);
/// let mut sink = feeder.sink();
/// drop(feeder);
/// let feeding = async move {
///     for x in 0..1000 {
///         sink.feed(x).await.expect("the pipeline is there");
///     }
/// };
/// let (sum, ()) = tokio::join!(pipeline! { numbers |> sum::<u32>() }, feeding);
/// assert_eq!(sum, 499_500);
/// # }
/// ```
pub struct FeedSink<T>(Sender<T, Infallible>);

impl<T> FeedSink<T> {
    pub(super) fn new(sender: Sender<T, Infallible>) -> Self {
        Self(sender)
    }

    /// Adds an item, once there is room.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it was ready, it drops the item, which was not added.
    ///
    /// # Errors
    ///
    /// The item comes back when the pipeline is gone.
    #[inline]
    pub async fn feed(&mut self, item: T) -> Result<(), Closed<T>> {
        match poll_fn(|cx| self.0.poll_ready(cx)).await {
            Ok(()) => {
                self.0.add(item);
                Ok(())
            }
            Err(()) => Err(Closed(item)),
        }
    }

    /// Puts in what was added. It does not wait.
    ///
    /// # Errors
    ///
    /// When the pipeline is gone, what was added and not put in comes back.
    pub async fn flush(&mut self) -> Result<(), Closed<Vec<T>>> {
        if self.0.publish() { Ok(()) } else { Err(Closed(self.0.take_unpublished())) }
    }

    /// Adds all items and puts them in; what was taken from the iterator and not put in comes back.
    pub(super) async fn feed_from(
        &mut self,
        items: &mut impl Iterator<Item = T>,
    ) -> Result<(), Closed<Vec<T>>> {
        while poll_fn(|cx| self.0.poll_ready(cx)).await.is_ok() {
            while self.0.has_room() {
                let Some(item) = items.next() else { return self.flush().await };
                self.0.add(item);
            }
        }
        Err(Closed(self.0.take_unpublished()))
    }
}

impl<T> Sink<T> for FeedSink<T> {
    /// The item is gone with the pipeline; [`FeedSink::feed`] gives it back.
    type Error = Closed<()>;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Closed<()>>> {
        self.0.poll_ready(cx).map_err(Closed)
    }

    fn start_send(mut self: Pin<&mut Self>, item: T) -> Result<(), Closed<()>> {
        assert!(self.0.has_room(), "a sink takes an item only after it was ready");
        self.0.add(item);
        Ok(())
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Closed<()>>> {
        Poll::Ready(if self.0.publish() { Ok(()) } else { Err(Closed(())) })
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Closed<()>>> {
        let flushed = self.as_mut().poll_flush(cx);
        self.0.leave();
        flushed
    }
}

// Its items are never pinned.
impl<T> Unpin for FeedSink<T> {}

impl<T> fmt::Debug for FeedSink<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FeedSink").field("closed", &self.0.producer().is_closed()).finish_non_exhaustive()
    }
}
