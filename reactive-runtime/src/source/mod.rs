//! What a pipeline begins with.
//!
//! In `pipeline!` a source is anything that is a [`Source`], a `Stream` or an `IntoIterator`, tried in this order and
//! decided at compile time, also in generic functions; nothing is boxed. By method a pipeline begins with
//! [`Pipe::new`], [`Pipe::from_stream`] or [`Pipe::from_iter`].

mod empty;
mod feed;
#[cfg(feature = "time")]
mod interval;
mod iter;
mod lagged;
mod once;
mod pipe;
#[doc(hidden)]
pub mod probe;
mod range;
#[cfg(feature = "rt")]
mod receiver;
mod repeat_with;
mod slice;
mod stream;
mod unfold;
mod vec;

pub use empty::{EmptyFlow, empty};
pub use feed::{Closed, FeedFlow, FeedSink, Feeder, Push, TryPushError, feed};
#[cfg(feature = "time")]
pub use feed::{FedPipe, Feed, SheddingFeeder, SheddingFlow, SheddingPush};
#[cfg(feature = "time")]
pub use interval::{IntervalFlow, interval};
pub use iter::IterFlow;
pub use lagged::Lagged;
pub use once::once;
pub use pipe::BorrowedFlow;
pub use range::{Integer, RangeFlow};
#[cfg(feature = "rt")]
pub use receiver::{BroadcastFlow, Receive, ReceiverFlow, WatchFlow};
pub use repeat_with::{RepeatWithFlow, repeat_with};
pub use slice::SliceFlow;
pub use stream::StreamFlow;
pub use unfold::{UnfoldFlow, unfold};
pub use vec::VecFlow;

use crate::flow::Flow;
#[cfg(doc)]
use crate::pipe::Pipe;

/// What begins a pipeline without being a `Stream` or an iterator, or better than as one.
///
/// Chunk-wise sources (ranges, slices, `Vec`) run at the speed of a loop.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no source of a pipeline",
    label = "not a `Pipe`, a `Stream`, an iterator or a receiver",
    note = "in `pipeline!` a source is anything that is a `Pipe`, a `Stream`, an `IntoIterator` or a tokio receiver; \
            by method, a stream begins with `Pipe::from_stream(..)`, an iterator with `Pipe::from_iter(..)`"
)]
pub trait Source {
    /// The flow that it becomes.
    type Flow: Flow;

    /// Becomes a flow. Nothing is polled yet.
    fn into_flow(self) -> Self::Flow;
}

/// The other side of a `merge` or a `concat`: it gives `U`s, which must be the `T`s of this side.
//
// With both items as parameters and one implementation, the compiler finds the items of either side from those of the
// other.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the other side gives `{U}`, and this side `{T}`",
    label = "both sides must give the same items",
    note = "`map` one of them into the other: `merge(other |> map(f))`"
)]
pub trait Same<T, U> {
    /// The other side.
    type Flow;

    /// The other side, known to give `T`s.
    fn same(self) -> Self::Flow;
}

impl<T, G: Flow<Item = T>> Same<T, T> for G {
    type Flow = G;

    fn same(self) -> G {
        self
    }
}

/// What a closure gives for an item, to be run within the pipeline: whatever is a [`Source`].
//
// A trait of its own for its message. The macro makes one of whatever a closure or a function gives; by method it is for the
// user to say what is meant.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no source that can run within a pipeline",
    label = "this must give a `Pipe` for each item",
    note = "a stream becomes one with `Pipe::from_stream(..)`, whatever can be iterated over with `Pipe::from_iter(..)`; in \
            `pipeline!` a closure or a function may give either as it is"
)]
pub trait InnerSource: Source {}

#[diagnostic::do_not_recommend]
impl<S: Source> InnerSource for S {}
