//! Backpressure: what happens to items that come faster than they are taken.
//!
//! A [`BoundedQueue`] holds what waits between a producer and a consumer, and a [`Strategy`] decides about each item that
//! is offered to it. All of it is plain code: time is an argument, a [`Duration`] since any origin that the caller
//! likes, so that the same code runs in a pipeline, in a simulation and in a test.
//!
//! | strategy | when the queue is full | lossless |
//! |---|---|---|
//! | [`Block`] | the producer waits | yes |
//! | [`DropOldest`] | the oldest item goes: what is delivered is fresh | no |
//! | [`DropNewest`] | the youngest queued item goes: what is delivered is old | no |
//! | [`DropIncoming`] | the offered item goes | no |
//! | [`DropAll`] | all queued items go | no |
//! | [`Fail`] | the pipeline fails | no |
//! | [`Latest`] | it holds one item, the newest | no |
//! | [`Conflate`] | the offered item is merged into the youngest | as the merge is |
//! | [`Sample`] | under pressure a fraction passes, evenly spaced | no |
//! | [`Adaptive`] | bounds the delay: a pull source waits, a push source loses its oldest | for a pull source |
//! | [`BlockFor`] | the producer waits for some time, then another strategy decides | no |
//! | [`DropLowest`] | the oldest item of the lowest class goes | no |
//! | [`DropLate`] | what can no longer be in time goes | no |
//! | [`TripOnOverload`] | an overload that lasts opens a circuit breaker | as told |
//!
//! Under a lasting overload it is the size of the queue that decides how old the delivered items are: a queue of `n`
//! before a consumer of `r` items per second makes them wait `n / r` seconds. So choose `n` as the rate times the delay
//! that you can bear, or let [`Adaptive`] do it.
//!
//! [`Duration`]: std::time::Duration

mod accounting;
mod adaptive;
mod ages;
mod block;
mod block_for;
mod config;
mod configured;
mod conflate;
mod drop_all;
mod drop_incoming;
mod drop_late;
mod drop_lowest;
mod drop_newest;
mod drop_oldest;
mod fail;
mod handler;
mod latest;
#[cfg(feature = "time")]
mod ledger;
mod listeners;
mod metrics;
mod offer;
mod pressure;
mod queue;
mod queued;
mod sample;
mod service_rate;
#[cfg(test)]
mod tests;
mod trip_on_overload;

pub use accounting::{Accounting, Drops, Reason};
pub use adaptive::Adaptive;
pub use ages::AgesOf;
pub use block::Block;
pub use block_for::BlockFor;
pub use config::{BackpressureConfig, BackpressureStrategy, UnknownStrategy};
pub use configured::Configured;
pub use conflate::Conflate;
pub use drop_all::DropAll;
pub use drop_incoming::DropIncoming;
pub use drop_late::DropLate;
pub use drop_lowest::DropLowest;
pub use drop_newest::DropNewest;
pub use drop_oldest::DropOldest;
pub use fail::{Fail, Overloaded};
pub use handler::BackpressureHandler;
pub use latest::Latest;
#[cfg(feature = "time")]
pub use ledger::{Counted, Inside, Ledger};
#[cfg(feature = "time")]
pub(crate) use listeners::shut_down;
pub use listeners::{Listeners, OnDrop, OnPressure};
pub use metrics::{BackpressureMetrics, BackpressureMonitor};
#[cfg(feature = "time")]
pub(crate) use offer::{Fate, Verdict};
pub use offer::{Offered, Waiting};
pub use pressure::{Pressure, Watermarks};
pub use queue::BoundedQueue;
pub use queued::{Queued, SourceKind};
pub use sample::Sample;
pub use service_rate::ServiceRate;
pub use trip_on_overload::{TripOnOverload, WhileOpen};

use std::time::Duration;

use crate::circuit_breaker::CircuitState;
use crate::fault::Fault;

/// Decides what becomes of the items that are offered to a [`BoundedQueue`].
///
/// Only [`offer`](Self::offer) must be written, and what it fails with. A strategy sees the item, and the queue with its
/// usage, its ages and its clock; it polls nothing, sleeps nowhere and reads no clock of its own.
///
/// # Examples
///
/// Above 70 % only items of priority 5 and more are taken, and a full queue loses its oldest:
///
/// ```
/// use std::time::Duration;
/// use reactive_runtime::backpressure::{BoundedQueue, Decision, Offered, Queued, Reason, Strategy, Victim};
///
/// struct Selective;
///
/// impl Strategy<u8> for Selective {
///     type Fault = std::convert::Infallible;
///
///     fn offer(&mut self, priority: &u8, queue: &Queued<u8>) -> Decision {
///         match queue.usage() {
///             usage if usage >= 0.7 && *priority < 5 => Decision::Drop(Reason::Priority),
///             usage if usage >= 1.0 => Decision::MakeRoom(Victim::Oldest, Reason::QueueFull),
///             _ => Decision::Keep,
///         }
///     }
/// }
///
/// let mut queue = BoundedQueue::new(10, Selective);
/// let now = Duration::ZERO;
/// for priority in [1, 2, 3, 4, 5, 6, 7] {
///     assert!(matches!(queue.offer(now, priority), Offered::Kept));
/// }
/// assert!(matches!(queue.offer(now, 4), Offered::Dropped(Reason::Priority)));
/// for priority in [8, 9, 9, 9] {
///     queue.offer(now, priority);
/// }
/// assert_eq!(queue.take(now), Some(2));
/// assert_eq!(queue.accounting().dropped.by(Reason::QueueFull), 1);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no backpressure strategy for items of `{T}`",
    note = "there are `Block`, `DropOldest`, `DropNewest`, `DropIncoming`, `DropAll`, `Fail`, `Latest`, `Conflate(f)`, \
            `Sample(fraction)`, `Adaptive::new(max_delay)`, `BlockFor(time, strategy)`, `DropLowest(class)`, \
            `DropLate::by(f)`, `TripOnOverload::new(breaker)`, and your own"
)]
pub trait Strategy<T> {
    /// What it makes the pipeline fail with: [`Infallible`](std::convert::Infallible), or [`Failed<E>`](crate::Failed).
    type Fault: Fault;

    /// Decides about an item that is offered. After [`Decision::MakeRoom`] it is asked again.
    fn offer(&mut self, item: &T, queue: &Queued<T>) -> Decision;

    /// Whether the oldest item is to be dropped now that its turn has come, and why.
    fn take(&mut self, _oldest: &T, _queue: &Queued<T>) -> Option<Reason> {
        None
    }

    /// Whether a source that can wait is to be asked for an item at all. By default it always is, and an item for which there
    /// is no room waits.
    fn wants(&self, _queue: &Queued<T>) -> bool {
        true
    }

    /// After [`Decision::Fail`]: the failure. A strategy that cannot fail gives the item back: it is dropped.
    fn fail(&mut self, item: T) -> Result<Self::Fault, T> {
        Err(item)
    }

    /// After [`Decision::Merge`]: merges the item into the youngest. What it gives back is dropped.
    fn merge(&mut self, item: T, _youngest: &mut T) -> Option<T> {
        Some(item)
    }

    /// After [`Decision::Replace`]: what is queued in the place of the item.
    fn replace(&mut self, item: T) -> T {
        item
    }

    /// Told of what happens besides, for strategies that measure.
    fn notice(&mut self, _signal: Signal, _queue: &Queued<T>) {}

    /// Panics if its options have no meaning; called when a queue is made.
    fn check(&self) {}

    /// The name in the metrics.
    fn name(&self) -> &'static str {
        "custom"
    }

    /// When pressure starts and ends.
    fn watermarks(&self) -> Watermarks {
        Watermarks::default()
    }

    /// How exactly the queue must know how long each item has been in it.
    fn ages(&self) -> AgesOf {
        AgesOf::Each
    }

    /// Whether it has stopped taking items for a time, as a circuit breaker does.
    fn circuit_open(&self) -> bool {
        false
    }

    /// The state of its circuit breaker, if it has one and that has changed since this was last asked. It is asked after each
    /// [`offer`](Self::offer) and each [`notice`](Self::notice), so that whoever watches is told.
    fn circuit_change(&mut self) -> Option<CircuitState> {
        None
    }

    /// Where the metrics are shown, if the strategy comes with such a place.
    fn monitor(&self) -> Option<&BackpressureMonitor> {
        None
    }
}

/// What a [`Strategy`] says of an item that is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is queued. In a full queue there is no place: then this is [`Wait`](Self::Wait).
    Keep,
    /// It is dropped.
    Drop(Reason),
    /// Queued items are dropped, then the strategy is asked again. In an empty queue this is [`Keep`](Self::Keep).
    MakeRoom(Victim, Reason),
    /// It is merged into the youngest by [`Strategy::merge`]. In an empty queue this is [`Keep`](Self::Keep).
    Merge,
    /// [`Strategy::replace`] gives another item, which is queued if there is room, and else dropped.
    Replace(Reason),
    /// Its producer waits, and offers it again when an item was taken: not for what an empty queue cannot bring. One who
    /// cannot wait has it back.
    Wait,
    /// Its producer waits, and offers it again when an item was taken, or at this time.
    WaitUntil(Duration),
    /// The pipeline fails with what [`Strategy::fail`] makes of it.
    Fail,
}

/// Which queued items are dropped to make room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Victim {
    /// The one that would be taken next.
    Oldest,
    /// The one that was queued last.
    Newest,
    /// All of them.
    All,
    /// The one at this place, counted from the oldest; the newest, if there are fewer.
    At(usize),
}

/// What happens to a queue besides offers, as [`Strategy::notice`] is told.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Signal {
    /// The consumer was busy with an item for so long: from taking it until it asked for the next.
    Served(Duration),
    /// An item that was taken has gone on.
    Delivered,
    /// An item that was taken has failed.
    Failed,
    /// The usage has reached the high watermark, or fallen to the low one.
    Pressure(Pressure),
}
