use std::convert::Infallible;

use super::{AgesOf, Decision, Queued, Reason, Strategy};

/// Drops the item that is offered when the queue is full.
///
/// Under a lasting overload what is delivered is as old as the queue is long.
///
/// # Data loss
///
/// The item that is offered, for [`Reason::QueueFull`].
#[derive(Clone, Copy, Debug, Default)]
pub struct DropIncoming;

impl<T> Strategy<T> for DropIncoming {
    type Fault = Infallible;

    #[inline(always)]
    fn offer(&mut self, _: &T, queue: &Queued<T>) -> Decision {
        if queue.is_full() { Decision::Drop(Reason::QueueFull) } else { Decision::Keep }
    }

    fn name(&self) -> &'static str {
        "drop_incoming"
    }

    fn ages(&self) -> AgesOf {
        AgesOf::Some
    }
}
