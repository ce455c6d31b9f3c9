use std::convert::Infallible;

use super::{AgesOf, Decision, Queued, Reason, Strategy, Victim};

/// Drops all queued items when the queue is full, and begins anew with the one that is offered.
///
/// Choose it where a gap is better than a delay, and items are of use only in a row.
///
/// # Data loss
///
/// All that is queued, for [`Reason::QueueFull`].
#[derive(Clone, Copy, Debug, Default)]
pub struct DropAll;

impl<T> Strategy<T> for DropAll {
    type Fault = Infallible;

    #[inline(always)]
    fn offer(&mut self, _: &T, queue: &Queued<T>) -> Decision {
        if queue.is_full() { Decision::MakeRoom(Victim::All, Reason::QueueFull) } else { Decision::Keep }
    }

    fn name(&self) -> &'static str {
        "drop_all"
    }

    fn ages(&self) -> AgesOf {
        AgesOf::Some
    }
}
