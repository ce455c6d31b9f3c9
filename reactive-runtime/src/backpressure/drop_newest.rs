use std::convert::Infallible;

use super::{AgesOf, Decision, Queued, Reason, Strategy, Victim};

/// Drops the youngest queued item when the queue is full, and queues the one that is offered.
///
/// So the queue keeps what came first, and the very last. Under a lasting overload what is delivered is as old as the
/// queue is long.
///
/// # Data loss
///
/// The youngest that is queued, for [`Reason::QueueFull`].
#[derive(Clone, Copy, Debug, Default)]
pub struct DropNewest;

impl<T> Strategy<T> for DropNewest {
    type Fault = Infallible;

    #[inline(always)]
    fn offer(&mut self, _: &T, queue: &Queued<T>) -> Decision {
        if queue.is_full() { Decision::MakeRoom(Victim::Newest, Reason::QueueFull) } else { Decision::Keep }
    }

    fn name(&self) -> &'static str {
        "drop_newest"
    }

    fn ages(&self) -> AgesOf {
        AgesOf::Some
    }
}
