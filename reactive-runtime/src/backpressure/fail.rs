use std::fmt;

use super::{AgesOf, Decision, Queued, Strategy};
use crate::fault::Failed;

/// Fails when the queue is full: what is queued is delivered, then comes the error [`Overloaded`].
///
/// Choose it where falling behind is a mistake that must be seen.
///
/// # Data loss
///
/// The item that found the queue full; it is in the error.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fail;

impl<T> Strategy<T> for Fail {
    type Fault = Failed<Overloaded<T>>;

    #[inline(always)]
    fn offer(&mut self, _: &T, queue: &Queued<T>) -> Decision {
        if queue.is_full() { Decision::Fail } else { Decision::Keep }
    }

    fn fail(&mut self, item: T) -> Result<Self::Fault, T> {
        Ok(Failed(Overloaded(item)))
    }

    fn name(&self) -> &'static str {
        "fail"
    }

    fn ages(&self) -> AgesOf {
        AgesOf::Some
    }
}

/// A strategy refused this item with an error: the queue was full.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Overloaded<T>(pub T);

impl<T> fmt::Debug for Overloaded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Overloaded(..)")
    }
}

impl<T> fmt::Display for Overloaded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue is full: items come faster than they are taken")
    }
}

impl<T> std::error::Error for Overloaded<T> {}
