use std::convert::Infallible;
use std::time::Duration;

use super::{Decision, Queued, Reason, ServiceRate, Signal, SourceKind, Strategy, Victim};

/// Bounds the delay, not the count: it queues as many items as the consumer takes in `max_delay`.
///
/// It measures the consumer over the last [`window`](Self::window) items. A source that is pulled then waits, and nothing is
/// lost. One that cannot wait loses its oldest item for each that is too many; and while even the item that waited the
/// least in the last 100 ms has waited for half of `max_delay`, an item that has waited for longer than `max_delay` is
/// dropped when its turn comes.
///
/// It is for consumers whose speed changes, or is not known. A consumer that takes some items at once and then works on all
/// of them is faster than it seems: there the capacity of the queue is the limit.
///
/// # Data loss
///
/// Only where the source cannot wait: the oldest for [`Reason::QueueFull`], what has waited for too long for
/// [`Reason::Sojourn`].
#[derive(Clone, Debug)]
pub struct Adaptive {
    delay_max: Duration,
    rate: ServiceRate,
    standing: Standing,
}

/// The delay that is borne where none is given.
const DELAY_MAX: Duration = Duration::from_millis(50);
const WINDOW: usize = 100;

impl Adaptive {
    /// Bounds the delay to `max_delay`, measuring the consumer over its last 100 items.
    ///
    /// # Panics
    ///
    /// If `max_delay` is zero.
    #[track_caller]
    pub fn new(max_delay: Duration) -> Self {
        assert!(
            !max_delay.is_zero(),
            "no item is delivered without any delay: `max_delay` is more than zero"
        );
        Self { delay_max: max_delay, rate: ServiceRate::over(WINDOW), standing: Standing::default() }
    }

    /// Measures the consumer over its last `items` items.
    ///
    /// # Panics
    ///
    /// If `items` is 0.
    #[track_caller]
    pub fn window(mut self, items: usize) -> Self {
        self.rate = ServiceRate::over(items);
        self
    }

    /// How many items may be queued.
    fn limit(&self, capacity: usize) -> usize {
        // A float that is too large for the integer becomes the largest one.
        let limit = self.rate.items_in(self.delay_max).map_or(capacity, |items| items.ceil() as usize);
        limit.clamp(1, capacity)
    }
}

impl Default for Adaptive {
    /// Bounds the delay to 50 ms.
    fn default() -> Self {
        Self::new(DELAY_MAX)
    }
}

impl<T> Strategy<T> for Adaptive {
    type Fault = Infallible;

    fn offer(&mut self, _: &T, queue: &Queued<T>) -> Decision {
        if queue.len() < self.limit(queue.capacity()) {
            Decision::Keep
        } else if queue.source() == SourceKind::Push {
            Decision::MakeRoom(Victim::Oldest, Reason::QueueFull)
        } else {
            Decision::Wait
        }
    }

    fn wants(&self, queue: &Queued<T>) -> bool {
        queue.source() == SourceKind::Push || queue.len() < self.limit(queue.capacity())
    }

    fn take(&mut self, _: &T, queue: &Queued<T>) -> Option<Reason> {
        let age = queue.age(0);
        let stands = self.standing.see(queue.now(), age, self.delay_max / 2);
        let late = stands && age > self.delay_max && queue.source() == SourceKind::Push;
        late.then_some(Reason::Sojourn)
    }

    fn notice(&mut self, signal: Signal, _: &Queued<T>) {
        if let Signal::Served(took) = signal {
            self.rate.served(took);
        }
    }

    fn name(&self) -> &'static str {
        "adaptive"
    }
}

/// Tells a queue that stands from one that is drained now and then: by the shortest wait in an interval.
///
/// CoDel's idea (RFC 8289, section 3), with the rule of folly's `Codel`: senders here do not slow down when an item is
/// dropped, so the square-root law of the RFC would shed too little.
#[derive(Clone, Debug, Default)]
struct Standing {
    interval_end: Duration,
    shortest: Duration,
    stands: bool,
}

const INTERVAL: Duration = Duration::from_millis(100);

impl Standing {
    fn see(&mut self, now: Duration, wait: Duration, target: Duration) -> bool {
        if now >= self.interval_end {
            self.stands = self.interval_end > Duration::ZERO && self.shortest > target;
            self.interval_end = now.saturating_add(INTERVAL);
            self.shortest = wait;
        }
        self.shortest = self.shortest.min(wait);
        self.stands
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backpressure::{BoundedQueue, Offered};
    use crate::units::ms;

    /// Takes an item each 10 ms, and offers one each 5 ms; gives the longest delay at which one was delivered at last.
    fn overload(source: SourceKind) -> (u64, Duration, BoundedQueue<Duration, Adaptive>) {
        let mut queue = BoundedQueue::new(1000, Adaptive::new(ms(100))).source(source);
        let (mut waiting, mut longest) = (None, Duration::ZERO);
        for now in (0..10_000).step_by(5).map(ms) {
            let offered = match waiting.take() {
                Some(waiting) => queue.offer_again(now, waiting),
                None => queue.offer(now, now),
            };
            if let Offered::Wait(item) = offered {
                waiting = Some(item);
            }
            if now.as_millis() % 10 == 0
                && let Some(came) = queue.take(now)
            {
                queue.delivered(now);
                longest = if now > ms(1000) { longest.max(now - came) } else { Duration::ZERO };
            }
        }
        (queue.accounting().dropped.total(), longest, queue)
    }

    #[test]
    fn lets_a_pull_source_wait() {
        let (dropped, longest, queue) = overload(SourceKind::Pull);
        assert_eq!(dropped, 0);
        assert!(longest <= ms(115), "{longest:?}");
        assert!(queue.metrics().blocked_time > ms(4000));
    }

    #[test]
    fn sheds_from_a_push_source() {
        let (dropped, longest, queue) = overload(SourceKind::Push);
        assert!((900..1100).contains(&dropped), "{dropped}");
        assert!(longest <= ms(100), "{longest:?}");
        assert!(queue.queued().len() <= 11);
    }

    #[test]
    fn drops_what_has_waited_too_long_only_from_a_queue_that_stands() {
        let mut queue = BoundedQueue::new(1000, Adaptive::new(ms(100))).source(SourceKind::Push);
        for item in 0..100 {
            let _ = queue.offer(ms(0), item);
        }
        // The first interval only watches.
        assert_eq!(queue.take(ms(200)), Some(0));
        assert_eq!(queue.take(ms(300)), None);
        assert_eq!(queue.accounting().dropped.by(Reason::Sojourn), 99);
    }
}
