use std::convert::Infallible;

use super::{AgesOf, Decision, Queued, Reason, Strategy, Victim};

/// Holds one item, the newest, whatever the capacity of the queue.
///
/// Choose it for values of which only the present one counts: a position, a price, a progress.
///
/// # Data loss
///
/// The item that was held, for [`Reason::Displaced`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Latest;

impl<T> Strategy<T> for Latest {
    type Fault = Infallible;

    #[inline(always)]
    fn offer(&mut self, _: &T, queue: &Queued<T>) -> Decision {
        if queue.is_empty() { Decision::Keep } else { Decision::MakeRoom(Victim::All, Reason::Displaced) }
    }

    fn name(&self) -> &'static str {
        "latest"
    }

    fn ages(&self) -> AgesOf {
        AgesOf::Some
    }
}
