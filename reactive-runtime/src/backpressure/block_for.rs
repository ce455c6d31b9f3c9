use std::time::Duration;

use super::{AgesOf, BackpressureMonitor, Decision, Queued, Reason, Signal, Strategy, Watermarks};
use crate::circuit_breaker::CircuitState;

/// Lets a producer wait for at most so long while the queue is full; then another strategy decides.
///
/// `BlockFor(ms(50), DropOldest)` smooths bursts without loss, and sheds an overload that lasts. The time is each item's
/// own: when the first of several that wait has waited for long enough, the others have not.
///
/// # Data loss
///
/// That of the other strategy.
#[derive(Clone, Copy, Debug)]
pub struct BlockFor<S>(pub Duration, pub S);

impl<T, S: Strategy<T>> Strategy<T> for BlockFor<S> {
    type Fault = S::Fault;

    fn offer(&mut self, item: &T, queue: &Queued<T>) -> Decision {
        let Self(patience, then) = self;
        match patience.checked_sub(queue.waited()) {
            Some(left) if queue.is_full() && !left.is_zero() => {
                Decision::WaitUntil(queue.now().saturating_add(left))
            }
            _ => then.offer(item, queue),
        }
    }

    fn take(&mut self, oldest: &T, queue: &Queued<T>) -> Option<Reason> {
        self.1.take(oldest, queue)
    }

    fn fail(&mut self, item: T) -> Result<S::Fault, T> {
        self.1.fail(item)
    }

    fn merge(&mut self, item: T, youngest: &mut T) -> Option<T> {
        self.1.merge(item, youngest)
    }

    fn replace(&mut self, item: T) -> T {
        self.1.replace(item)
    }

    fn notice(&mut self, signal: Signal, queue: &Queued<T>) {
        self.1.notice(signal, queue);
    }

    fn check(&self) {
        self.1.check();
    }

    fn name(&self) -> &'static str {
        "block_for"
    }

    fn watermarks(&self) -> Watermarks {
        self.1.watermarks()
    }

    fn ages(&self) -> AgesOf {
        self.1.ages()
    }

    fn circuit_open(&self) -> bool {
        self.1.circuit_open()
    }

    fn circuit_change(&mut self) -> Option<CircuitState> {
        self.1.circuit_change()
    }

    fn monitor(&self) -> Option<&BackpressureMonitor> {
        self.1.monitor()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backpressure::{BoundedQueue, DropIncoming, Offered};
    use crate::units::ms;

    #[test]
    fn gives_each_item_its_own_time() {
        let mut queue = BoundedQueue::new(1, BlockFor(ms(50), DropIncoming));
        assert_eq!(queue.offer(ms(0), 'a'), Offered::Kept);
        let Offered::Wait(b) = queue.offer(ms(10), 'b') else { panic!("there is no room") };
        let Offered::Wait(c) = queue.offer(ms(30), 'c') else { panic!("there is no room") };
        assert_eq!((b.until(), c.until()), (Some(ms(60)), Some(ms(80))));
        let Offered::Wait(b) = queue.offer_again(ms(59), b) else { panic!("it has waited for 49 ms") };
        assert_eq!(queue.offer_again(ms(60), b), Offered::Dropped(Reason::QueueFull));
        assert_eq!(queue.take(ms(70)), Some('a'));
        assert_eq!(queue.offer_again(ms(70), c), Offered::Kept);
        assert_eq!(queue.metrics().blocked_time, ms(60));
    }
}
