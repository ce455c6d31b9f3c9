//! Work in flight: what `map_async` and its kin share.
//!
//! [`Calls`] says what is done for an item, [`Lanes`] which items may be worked on at the same time, [`Work`] holds
//! those that are in flight, and [`ConcurrentFlow`] is the one flow around it. It keeps the contract of
//! [`poll_progress`](crate::Flow::poll_progress): work in flight goes on while nobody wants an item.

#[cfg(feature = "time")]
mod attempts;
mod call;
mod concurrency;
mod flow;
mod gate;
#[cfg(feature = "time")]
mod govern;
#[cfg(feature = "time")]
mod governed;
#[cfg(feature = "time")]
mod guarded;
mod lanes;
#[cfg(feature = "time")]
mod option;
mod place;
mod ready;
pub(crate) mod slots;
#[cfg(test)]
mod tests;
mod work;

use std::pin::Pin;
use std::task::{Context, Poll};

#[cfg(feature = "time")]
pub use attempts::{Again, Always, Attempt, Attempts, Begins, If, Kept, Once, Recall, Worth};
pub use call::Call;
pub use concurrency::IntoConcurrency;
pub use flow::ConcurrentFlow;
pub use gate::{Attend, Gate, Ungoverned};
#[cfg(feature = "time")]
pub use govern::Govern;
#[cfg(feature = "time")]
pub use governed::{AnyResult, Attended, ByError, Classify, Governed};
#[cfg(feature = "time")]
pub use guarded::{Discard, FallBack, Guarded, GuardedJob, Hold, Refuse, WhileHeld};
pub use lanes::{Lanes, PerKey, Unkeyed};
#[cfg(feature = "time")]
pub use option::MaybeAttended;
pub(crate) use work::Limit;
pub use work::{Order, Work};

/// What is done for an item, and takes its time.
///
/// A job is begun, then polled until it is ready, each time with the calls that began it: so it may begin anew, as a
/// retry does.
pub trait Calls<T> {
    /// The work for one item.
    type Job;

    /// What it gives.
    type Output;

    /// What may hold items back from it: [`Ungoverned`], if nothing does.
    type Gate: Gate;

    /// Begins the work for an item.
    fn begin(&mut self, item: T) -> Self::Job;

    /// Goes on with it. Not called again once it was ready.
    fn poll_job(&mut self, job: Pin<&mut Self::Job>, cx: &mut Context<'_>) -> Poll<Self::Output>;

    /// What may hold items back.
    fn gate(&self) -> &Self::Gate;

    /// What may hold items back, to be told what happens.
    fn gate_mut(&mut self) -> &mut Self::Gate;
}
