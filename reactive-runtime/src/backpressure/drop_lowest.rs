use std::convert::Infallible;

use super::{Decision, Queued, Reason, Strategy, Victim};

/// Drops the oldest item of the lowest class when the queue is full; the closure `FnMut(&T) -> P` tells the class.
///
/// The item that is offered goes itself if its class is lower than that of all that are queued. Order is kept: a class
/// says who goes first, not who is served first.
///
/// The closure's parameter wants its type: `DropLowest(|order: &Order| order.class)`.
///
/// Choose it where some items matter more than others. A full queue is looked through for each item that is offered, and
/// the closure called for each: keep it short.
///
/// # Data loss
///
/// Items of the lowest class, for [`Reason::Priority`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use reactive_runtime::backpressure::{BoundedQueue, DropLowest, Offered, Reason};
///
/// let mut queue = BoundedQueue::new(2, DropLowest(|item: &(u8, char)| item.0));
/// let now = Duration::ZERO;
/// let _ = queue.offer(now, (1, 'a'));
/// let _ = queue.offer(now, (5, 'b'));
/// assert_eq!(queue.offer(now, (3, 'c')), Offered::Kept);
/// assert_eq!(queue.offer(now, (2, 'd')), Offered::Dropped(Reason::Priority));
/// assert_eq!(queue.take(now), Some((5, 'b')));
/// assert_eq!(queue.take(now), Some((3, 'c')));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct DropLowest<F>(pub F);

impl<T, P: Ord, F: FnMut(&T) -> P> Strategy<T> for DropLowest<F> {
    type Fault = Infallible;

    fn offer(&mut self, item: &T, queue: &Queued<T>) -> Decision {
        if !queue.is_full() {
            return Decision::Keep;
        }
        let offered = (self.0)(item);
        // The first of several that are equally low.
        let lowest = queue.iter().map(&mut self.0).enumerate().min_by(|(_, a), (_, b)| a.cmp(b));
        match lowest {
            Some((index, class)) if class <= offered => {
                Decision::MakeRoom(Victim::At(index), Reason::Priority)
            }
            _ => Decision::Drop(Reason::Priority),
        }
    }

    fn name(&self) -> &'static str {
        "drop_lowest"
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::backpressure::BoundedQueue;

    #[test]
    fn drops_the_oldest_of_the_lowest_class() {
        let dropped = std::cell::RefCell::new(Vec::new());
        let on_drop = |item: (u8, u32), _| dropped.borrow_mut().push(item.1);
        let mut queue = BoundedQueue::with(3, DropLowest(|item: &(u8, u32)| item.0), on_drop);
        for item in [(2, 0), (1, 1), (1, 2), (1, 3), (2, 4), (0, 5)] {
            let _ = queue.offer(Duration::ZERO, item);
        }
        assert_eq!(*dropped.borrow(), [1, 2, 5]);
        assert_eq!(queue.queued().iter().map(|item| item.1).collect::<Vec<_>>(), [0, 3, 4]);
    }
}
