use std::convert::Infallible;

use super::{AgesOf, Decision, Queued, Reason, Strategy, Victim};

/// Drops the oldest item when the queue is full: what is delivered is as fresh as the queue is short.
///
/// Choose it where old items lose their worth. Before a consumer of `r` items per second, a queue of `r` x deadline
/// delivers nearly all that can be delivered in time.
///
/// # Data loss
///
/// The oldest, for [`Reason::QueueFull`].
#[derive(Clone, Copy, Debug, Default)]
pub struct DropOldest;

impl<T> Strategy<T> for DropOldest {
    type Fault = Infallible;

    #[inline(always)]
    fn offer(&mut self, _: &T, queue: &Queued<T>) -> Decision {
        if queue.is_full() { Decision::MakeRoom(Victim::Oldest, Reason::QueueFull) } else { Decision::Keep }
    }

    fn name(&self) -> &'static str {
        "drop_oldest"
    }

    fn ages(&self) -> AgesOf {
        AgesOf::Some
    }
}
