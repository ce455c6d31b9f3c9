use std::convert::Infallible;
use std::time::Duration;

use super::{Decision, Queued, Reason, ServiceRate, Signal, Strategy, Victim};

/// Drops what can no longer be in time; the closure `FnMut(&T) -> Duration` tells how long after it came an item still is.
///
/// In time is an item when the consumer is done with it, at its speed over the last 100 items. One that cannot be when its turn
/// has come is dropped. When the queue is full, the first goes that will not be; if all will, the one that is offered
/// goes if it would not, and else the oldest.
///
/// The closure's parameter wants its type, unless it is not looked at: `DropLate::by(|order: &Order| order.patience)`.
///
/// Choose it where late is as good as lost. A full queue is looked through for each item that is offered, and the closure
/// called for each: keep it short.
///
/// # Data loss
///
/// What is late, for [`Reason::Deadline`]; what goes though all are in time, for [`Reason::QueueFull`].
#[derive(Clone, Debug)]
pub struct DropLate<F> {
    in_time: F,
    rate: ServiceRate,
}

const WINDOW: usize = 100;

impl<F> DropLate<F> {
    /// Asks `in_time` how long after it came an item is in time.
    pub fn by<T>(in_time: F) -> Self
    where
        F: FnMut(&T) -> Duration,
    {
        Self { in_time, rate: ServiceRate::over(WINDOW) }
    }
}

impl<T, F: FnMut(&T) -> Duration> Strategy<T> for DropLate<F> {
    type Fault = Infallible;

    fn offer(&mut self, item: &T, queue: &Queued<T>) -> Decision {
        if !queue.is_full() {
            return Decision::Keep;
        }
        let mut late = |index: usize, age: Duration, item: &T| {
            let wait = self.rate.time_of(index + 1).unwrap_or_default();
            age.saturating_add(wait) > (self.in_time)(item)
        };
        match queue.iter().enumerate().position(|(i, item)| late(i, queue.age(i), item)) {
            Some(index) => Decision::MakeRoom(Victim::At(index), Reason::Deadline),
            None if late(queue.len(), queue.waited(), item) => Decision::Drop(Reason::Deadline),
            None => Decision::MakeRoom(Victim::Oldest, Reason::QueueFull),
        }
    }

    fn take(&mut self, oldest: &T, queue: &Queued<T>) -> Option<Reason> {
        let service = self.rate.time_of(1).unwrap_or_default();
        (queue.age(0).saturating_add(service) > (self.in_time)(oldest)).then_some(Reason::Deadline)
    }

    fn notice(&mut self, signal: Signal, _: &Queued<T>) {
        if let Signal::Served(took) = signal {
            self.rate.served(took);
        }
    }

    fn name(&self) -> &'static str {
        "drop_late"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backpressure::{BoundedQueue, Offered};
    use crate::units::ms;

    #[test]
    fn drops_what_will_be_late_when_it_is_done() {
        // Milliseconds that each item has; the consumer takes 10 ms for one.
        let mut queue = BoundedQueue::new(3, DropLate::by(|item: &u64| ms(*item)));
        for item in [100, 100, 15] {
            assert_eq!(queue.offer(ms(0), item), Offered::Kept);
        }
        assert_eq!(queue.take(ms(0)), Some(100));
        assert_eq!(queue.take(ms(10)), Some(100));
        let _ = queue.take(ms(20));
        assert_eq!(queue.accounting().dropped.by(Reason::Deadline), 1, "15 is late itself");
        for item in [100, 25, 100] {
            let _ = queue.offer(ms(20), item);
        }
        // It is done in 20 ms, so it has time; with 35 ms behind three others one has not.
        assert_eq!(queue.offer(ms(20), 100), Offered::Kept);
        assert_eq!(queue.queued().iter().copied().collect::<Vec<_>>(), [25, 100, 100]);
        assert_eq!(queue.offer(ms(20), 35), Offered::Dropped(Reason::Deadline));
        assert_eq!(queue.offer(ms(36), 100), Offered::Kept);
        assert_eq!(queue.queued().iter().copied().collect::<Vec<_>>(), [100, 100, 100]);
    }

    #[test]
    fn drops_what_is_late_when_its_turn_comes() {
        let mut queue = BoundedQueue::new(3, DropLate::by(|_: &char| ms(20)));
        let _ = queue.offer(ms(0), 'a');
        let _ = queue.offer(ms(10), 'b');
        assert_eq!(queue.take(ms(25)), Some('b'));
        assert_eq!(queue.accounting().dropped.by(Reason::Deadline), 1);
    }
}
