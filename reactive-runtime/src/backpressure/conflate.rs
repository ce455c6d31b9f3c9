use std::convert::Infallible;

use super::{AgesOf, Decision, Queued, Strategy};

/// Merges an item that finds the queue full into the youngest that is queued, with the closure `FnMut(&mut T, T)`.
///
/// The closure's first parameter wants its type: `Conflate(|sum: &mut u32, item| *sum += item)`. In a queue of one it makes
/// one item of all that came while the consumer was busy.
///
/// # Data loss
///
/// As much as the merge loses. Each merged item is counted, for [`Reason::Conflated`](super::Reason::Conflated); as the
/// closure has it, it is not offered to `on_drop`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use reactive_runtime::backpressure::{BoundedQueue, Conflate};
///
/// let mut queue = BoundedQueue::new(1, Conflate(|sum: &mut u32, item| *sum += item));
/// for item in [1, 2, 3] {
///     let _ = queue.offer(Duration::ZERO, item);
/// }
/// assert_eq!(queue.take(Duration::ZERO), Some(6));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Conflate<F>(pub F);

impl<T, F: FnMut(&mut T, T)> Strategy<T> for Conflate<F> {
    type Fault = Infallible;

    #[inline(always)]
    fn offer(&mut self, _: &T, queue: &Queued<T>) -> Decision {
        if queue.is_full() { Decision::Merge } else { Decision::Keep }
    }

    fn merge(&mut self, item: T, youngest: &mut T) -> Option<T> {
        (self.0)(youngest, item);
        None
    }

    fn name(&self) -> &'static str {
        "conflate"
    }

    fn ages(&self) -> AgesOf {
        AgesOf::Some
    }
}
