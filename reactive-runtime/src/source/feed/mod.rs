//! The library's own channel, as a source: for whatever calls instead of being asked.

mod error;
#[cfg(feature = "time")]
mod shedding;
mod sink;

pub use error::{Closed, TryPushError};
#[cfg(feature = "time")]
pub use shedding::{FedPipe, Feed, SheddingFeeder, SheddingFlow, SheddingPush};
pub use sink::FeedSink;

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::flow::{Bounded, Downstream, Drive, Driven, Flow};
use crate::handover::{self, Producer, Receiver, Refused};
use crate::pipe::Pipe;

/// A pipeline that is fed from outside: by a callback, a socket, other tasks or threads.
///
/// It holds up to `capacity` items that wait for the pipeline. It ends when all [`Feeder`]s are gone and what they gave is
/// out. When the pipeline is dropped, the feeders get their items back.
///
/// Where items come faster than they are taken, and cannot wait, [`Feed`] has a strategy decide which to drop.
///
/// The pipeline may itself feed: what returns to it needs a feeder that lives as long, so it ends only when that is
/// dropped.
///
/// The capacity is fixed.
///
/// # Panics
///
/// If `capacity` is 0.
///
/// # Examples
///
/// ```
/// # use reactive_runtime::prelude::*;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (feeder, lines) = feed(16);
/// std::thread::spawn(move || {
///     for line in ["3", "4"] {
///         feeder.try_push(line).expect("there is room, and someone who reads");
///     }
/// });
/// let sum = pipeline! { lines |> map(|line| line.len()) |> sum::<usize>() };
/// assert_eq!(sum.await, 2);
/// # }
/// ```
#[doc(alias = "channel")]
#[track_caller]
pub fn feed<T>(capacity: usize) -> (Feeder<T>, Pipe<FeedFlow<T>>) {
    assert!(capacity > 0, "a feed of 0 items has no meaning: `feed` takes a capacity of at least 1");
    let (producer, items) = handover::channel(capacity);
    (Feeder(producer), Pipe::from_flow(FeedFlow(Some(items))))
}

/// Puts items into a pipeline: made by [`feed`].
///
/// Its clones feed the same pipeline. What one of them pushes stays in order.
pub struct Feeder<T>(Producer<T, Infallible>);

impl<T> Feeder<T> {
    /// Puts an item in if there is room. It is seen at once.
    ///
    /// # Errors
    ///
    /// The item comes back when there is no room, or when the pipeline is gone.
    pub fn try_push(&self, item: T) -> Result<(), TryPushError<T>> {
        self.0.try_push(item).map_err(|refused| match refused {
            Refused::Full(item) => TryPushError::Full(item),
            Refused::Closed(item) => TryPushError::Closed(item),
        })
    }

    /// Puts an item in as soon as there is room. It is seen at once.
    ///
    /// Who waits longest is told of room first. Who comes just then may take it; the other one keeps its place. For many
    /// items, [`sink`](Self::sink) and [`push_all`](Self::push_all) are
    /// several times faster.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it was ready, it drops the item, which was not put in.
    ///
    /// # Errors
    ///
    /// The item comes back when the pipeline is gone.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (feeder, numbers) = feed(2);
    /// let feeding = async move {
    ///     for x in 0..5 {
    ///         feeder.push(x).await.expect("the pipeline is there");
    ///     }
    /// };
    /// let (sum, ()) = tokio::join!(pipeline! { numbers |> sum::<u32>() }, feeding);
    /// assert_eq!(sum, 10);
    /// # }
    /// ```
    #[doc(alias = "send")]
    pub fn push(&self, item: T) -> Push<'_, T> {
        Push(self.0.push(item))
    }

    /// Puts in all items of an iterator, in chunks of up to 64.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it was ready, what it took from the iterator is put in, beyond the capacity if need be.
    ///
    /// # Errors
    ///
    /// When the pipeline is gone, what was not put in comes back, as an iterator.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (feeder, numbers) = feed(8);
    /// let feeding = async move { feeder.push_all(0..100).await.expect("the pipeline is there") };
    /// let (sum, ()) = tokio::join!(pipeline! { numbers |> sum::<u32>() }, feeding);
    /// assert_eq!(sum, 4950);
    /// # }
    /// ```
    pub async fn push_all<I>(&self, items: I) -> Result<(), Closed<impl Iterator<Item = T> + use<T, I>>>
    where
        I: IntoIterator<Item = T>,
    {
        let mut items = items.into_iter();
        let mut sink = self.sink();
        let fed = sink.feed_from(&mut items).await;
        fed.map_err(|Closed(rest)| Closed(rest.into_iter().chain(items)))
    }

    /// The same feeder for whoever has many items: it gathers them, and puts in a chunk at a time.
    pub fn sink(&self) -> FeedSink<T> {
        FeedSink::new(self.0.clone().into_sender())
    }

    /// Whether the pipeline is gone, so that nothing will be taken.
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// How many items can wait for the pipeline.
    pub fn capacity(&self) -> usize {
        self.0.capacity()
    }
}

impl<T> Clone for Feeder<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> fmt::Debug for Feeder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feeder").field("capacity", &self.capacity()).finish_non_exhaustive()
    }
}

/// The future of [`Feeder::push`].
#[must_use = "an item is put in when this is polled: `.await` it"]
pub struct Push<'a, T>(handover::Push<'a, T, Infallible>);

impl<T> Future for Push<'_, T> {
    type Output = Result<(), Closed<T>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map_err(Closed)
    }
}

/// The flow of a pipeline that is fed: made by [`feed`].
pub struct FeedFlow<T>(Option<Receiver<T, Infallible>>);

// Its items are never pinned.
impl<T> Unpin for FeedFlow<T> {}

impl<T> Flow for FeedFlow<T> {
    type Item = T;
    type Error = Infallible;
    type Bound = Bounded;

    #[inline(always)]
    fn poll_drive<D: Downstream<T>>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<Infallible> {
        let Some(items) = &mut self.0 else { return Poll::Ready(Ok(Drive::Ended)) };
        let driven = items.poll_drive(cx, down);
        if matches!(driven, Poll::Ready(Ok(Drive::Ended))) {
            self.0 = None;
        }
        driven
    }

    fn poll_progress(mut self: Pin<&mut Self>, _: &mut Context<'_>) {
        if let Some(items) = &mut self.0 {
            items.release();
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.as_ref().map_or((0, Some(0)), |items| (items.held(), None))
    }
}
