use std::convert::Infallible;

use super::{AgesOf, Decision, Queued, Strategy};

/// Loses nothing: who brings items waits while the queue is full. The default.
///
/// Choose it wherever the source can wait. One that cannot, and uses `try_push`, has its item back.
#[derive(Clone, Copy, Debug, Default)]
pub struct Block;

impl<T> Strategy<T> for Block {
    type Fault = Infallible;

    #[inline(always)]
    fn offer(&mut self, _: &T, queue: &Queued<T>) -> Decision {
        if queue.is_full() { Decision::Wait } else { Decision::Keep }
    }

    fn wants(&self, queue: &Queued<T>) -> bool {
        !queue.is_full()
    }

    fn name(&self) -> &'static str {
        "block"
    }

    fn ages(&self) -> AgesOf {
        AgesOf::Some
    }
}
