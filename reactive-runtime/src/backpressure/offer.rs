//! What becomes of an item that is offered to a queue.

use std::convert::Infallible;
use std::time::Duration;

use super::Reason;

/// What became of an item that was offered.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "an item that waits, or was refused, is in it"]
pub enum Offered<T, K = Infallible> {
    /// It is queued, or was merged into one that is.
    Kept,
    /// It was dropped, and is accounted for.
    Dropped(Reason),
    /// There is no room for it yet: offer it again, with [`BoundedQueue::offer_again`](super::BoundedQueue::offer_again).
    Wait(Waiting<T>),
    /// The strategy fails, as [`Fail`](super::Fail) does when the queue is full. The item counts as failed.
    Failed(K),
}

/// An item that waits for room. It is its producer's, and not offered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting<T> {
    /// The item.
    pub item: T,
    pub(super) since: Duration,
    pub(super) until: Option<Duration>,
}

impl<T> Waiting<T> {
    /// Since when it waits.
    pub fn since(&self) -> Duration {
        self.since
    }

    /// When to offer it again, if no item is taken before.
    pub fn until(&self) -> Option<Duration> {
        self.until
    }
}

/// What the strategy says of an item, once it has made room.
pub(crate) enum Verdict {
    /// It waits, until then at most.
    Wait(Option<Duration>),
    Now(Fate),
}

/// What becomes of an item now.
pub(crate) enum Fate {
    Kept,
    Merged,
    /// Another one is queued in its place.
    Replaced,
    Dropped(Reason),
    Failed,
}

/// What became of an item about which that was carried out: none waits.
pub(crate) type Carried<K> = Offered<Infallible, K>;
