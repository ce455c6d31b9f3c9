use std::fmt;
use std::time::Duration;

use super::{Decision, Overloaded, Queued, Reason, Signal, SourceKind, Strategy};
use crate::circuit_breaker::{CircuitBreaker, CircuitState, Outcome, Permit};
use crate::fault::Failed;

/// Stops taking items for a time when the consumer is overwhelmed or fails: a circuit breaker before a queue.
///
/// The breaker opens when the queue was at its high watermark for [`after`](Self::after) without a break, or when items
/// [fail](super::BoundedQueue::failed) as the breaker counts them. While it is open, what is queued is delivered, and
/// what is offered is held, dropped, failed or replaced, as [`while_open`](Self::while_open) says. Then probes are let in,
/// and it closes when they are delivered. How long an item takes counts for probes alone, from when they were offered: for
/// [slow calls](CircuitBreaker::slow_calls) put the breaker around the calls.
///
/// While it is closed and the queue full, a source that can wait waits. From one that cannot, the item that is offered is
/// dropped; with [`WhileOpen::Hold`] that has it back, as nothing is lost then.
///
/// As it may be told to fail, a pipeline with it can fail, whatever it is told.
///
/// # Data loss
///
/// With [`WhileOpen::Drop`], what is offered while the breaker is open, for [`Reason::CircuitOpen`]; with
/// [`WhileOpen::Fallback`], what finds the queue full then. Unless items are held: from a source that cannot wait, what finds
/// it full while the breaker is closed, for [`Reason::QueueFull`].
pub struct TripOnOverload<T> {
    // Boxed, so that a strategy which is chosen at run time is small.
    breaker: Box<CircuitBreaker>,
    // What was told of it last.
    told: CircuitState,
    while_open: WhileOpen<T>,
    after: Duration,
    overloaded_since: Option<Duration>,
    // Each probe, with how many items end before it.
    probes: Vec<(Permit, usize)>,
}

/// What becomes of items while a circuit breaker is open.
#[derive(Default)]
pub enum WhileOpen<T> {
    /// They wait where they come from, and nothing is lost. A source that cannot wait has them back.
    #[default]
    Hold,
    /// They are dropped.
    Drop,
    /// The pipeline fails.
    Fail,
    /// Each is replaced by what the function makes of it.
    Fallback(Box<dyn FnMut(T) -> T + Send>),
}

impl<T> WhileOpen<T> {
    /// [`Fallback`](Self::Fallback) to what `f` makes of an item.
    pub fn fallback(f: impl FnMut(T) -> T + Send + 'static) -> Self {
        Self::Fallback(Box::new(f))
    }
}

impl<T> fmt::Debug for WhileOpen<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hold => "Hold",
            Self::Drop => "Drop",
            Self::Fail => "Fail",
            Self::Fallback(_) => "Fallback(..)",
        })
    }
}

const AFTER: Duration = Duration::from_millis(500);

impl<T> TripOnOverload<T> {
    /// Opens `breaker` when the queue is overloaded for 500 ms, and holds items while it is open.
    pub fn new(breaker: CircuitBreaker) -> Self {
        Self {
            told: breaker.state(),
            breaker: Box::new(breaker),
            while_open: WhileOpen::Hold,
            after: AFTER,
            overloaded_since: None,
            probes: Vec::new(),
        }
    }

    /// Opens when the queue was at or above its high watermark for so long.
    ///
    /// # Panics
    ///
    /// If `overload` is zero.
    #[must_use]
    #[track_caller]
    pub fn after(mut self, overload: Duration) -> Self {
        assert!(!overload.is_zero(), "an overload lasts for some time: `after` takes a time such as `500ms`");
        self.after = overload;
        self
    }

    /// Says what becomes of the items that are offered while the breaker is open.
    #[must_use]
    pub fn while_open(mut self, while_open: WhileOpen<T>) -> Self {
        self.while_open = while_open;
        self
    }

    /// The breaker.
    pub fn breaker(&self) -> &CircuitBreaker {
        &self.breaker
    }

    fn watch(&mut self, queue: &Queued<T>) {
        // With the item that is offered it is there.
        if queue.len() + 1 < queue.high_watermark() {
            return;
        }
        let since = *self.overloaded_since.get_or_insert(queue.now());
        if queue.now().saturating_sub(since) >= self.after && self.breaker.state() == CircuitState::Closed {
            self.breaker.trip(queue.now());
            self.overloaded_since = None;
        }
    }

    /// There is no room. An overload that lasts for long enough is seen, though nothing else may happen until then.
    fn wait(&self) -> Decision {
        match self.overloaded_since {
            Some(since) if self.breaker.state() == CircuitState::Closed => {
                Decision::WaitUntil(since.saturating_add(self.after))
            }
            _ => Decision::Wait,
        }
    }

    /// The next item has ended: perhaps it was a probe.
    fn ended(&mut self, outcome: Outcome, now: Duration) {
        match self.breaker.state() {
            CircuitState::Closed => {
                if let Ok(permit) = self.breaker.acquire(now) {
                    self.breaker.record(now, permit, outcome);
                }
            }
            CircuitState::Open => {}
            CircuitState::HalfOpen => {
                let waiting = std::mem::take(&mut self.probes);
                for (permit, before) in waiting {
                    match before.checked_sub(1) {
                        Some(before) => self.probes.push((permit, before)),
                        None => self.breaker.record(now, permit, outcome),
                    }
                }
            }
        }
        if self.breaker.state() != CircuitState::HalfOpen {
            self.probes.clear();
        }
    }
}

impl<T> Strategy<T> for TripOnOverload<T> {
    type Fault = Failed<Overloaded<T>>;

    fn offer(&mut self, _: &T, queue: &Queued<T>) -> Decision {
        self.watch(queue);
        let open = self.breaker.state() != CircuitState::Closed;
        if queue.is_full() && (!open || self.breaker.would_pass(queue.now())) {
            return match (queue.source(), &self.while_open) {
                (SourceKind::Pull, _) | (SourceKind::Push, WhileOpen::Hold) => self.wait(),
                (SourceKind::Push, _) => Decision::Drop(Reason::QueueFull),
            };
        }
        let acquired = match self.while_open {
            WhileOpen::Hold => self.breaker.ask(queue.now()),
            WhileOpen::Drop | WhileOpen::Fail | WhileOpen::Fallback(_) => self.breaker.acquire(queue.now()),
        };
        match acquired {
            Ok(permit) if open => {
                self.probes.push((permit, queue.len() + queue.in_flight()));
                Decision::Keep
            }
            Ok(permit) => {
                // While it is closed an item is judged when it ends.
                self.breaker.release(permit);
                Decision::Keep
            }
            Err(rejected) => match self.while_open {
                WhileOpen::Hold => rejected.until.map_or(Decision::Wait, Decision::WaitUntil),
                WhileOpen::Drop => Decision::Drop(Reason::CircuitOpen),
                WhileOpen::Fail => Decision::Fail,
                WhileOpen::Fallback(_) => Decision::Replace(Reason::CircuitOpen),
            },
        }
    }

    fn take(&mut self, _: &T, queue: &Queued<T>) -> Option<Reason> {
        if queue.len() <= queue.high_watermark() {
            self.overloaded_since = None;
        }
        None
    }

    fn fail(&mut self, item: T) -> Result<Self::Fault, T> {
        Ok(Failed(Overloaded(item)))
    }

    fn replace(&mut self, item: T) -> T {
        match &mut self.while_open {
            WhileOpen::Fallback(f) => f(item),
            WhileOpen::Hold | WhileOpen::Drop | WhileOpen::Fail => item,
        }
    }

    fn notice(&mut self, signal: Signal, queue: &Queued<T>) {
        match signal {
            Signal::Delivered => self.ended(Outcome::Succeeded, queue.now()),
            Signal::Failed => self.ended(Outcome::Failed, queue.now()),
            Signal::Served(_) | Signal::Pressure(_) => {}
        }
    }

    fn name(&self) -> &'static str {
        "circuit_breaker"
    }

    fn circuit_open(&self) -> bool {
        self.breaker.state() != CircuitState::Closed
    }

    fn circuit_change(&mut self) -> Option<CircuitState> {
        let state = self.breaker.state();
        (std::mem::replace(&mut self.told, state) != state).then_some(state)
    }
}

impl<T> fmt::Debug for TripOnOverload<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TripOnOverload")
            .field("breaker", &self.breaker)
            .field("while_open", &self.while_open)
            .field("after", &self.after)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backpressure::{BoundedQueue, Offered};
    use crate::units::ms;

    type Queue = BoundedQueue<u32, TripOnOverload<u32>>;

    /// A queue of ten, full for long enough that the breaker has opened; recovery takes a second.
    fn tripped(while_open: WhileOpen<u32>) -> Queue {
        let breaker = CircuitBreaker::consecutive(2).recovery_timeout(ms(1000));
        let mut queue =
            BoundedQueue::new(10, TripOnOverload::new(breaker).while_open(while_open).after(ms(500)));
        for item in 0..10 {
            assert_eq!(queue.offer(ms(0), item), Offered::Kept);
        }
        let Offered::Wait(item) = queue.offer(ms(499), 10) else { panic!("there is no room") };
        assert!(!queue.metrics().circuit_open);
        assert_eq!(item.until(), Some(ms(500)), "the consumer may be stuck");
        let _ = queue.offer_again(ms(500), item);
        assert!(queue.metrics().circuit_open);
        queue
    }

    fn drain(queue: &mut Queue, now: Duration) {
        while queue.take(now).is_some() {
            queue.delivered(now);
        }
    }

    #[test]
    fn holds_until_the_probe_is_delivered() {
        let mut queue = tripped(WhileOpen::Hold);
        drain(&mut queue, ms(600));
        let Offered::Wait(item) = queue.offer(ms(700), 1) else { panic!("it is open") };
        assert_eq!(item.until(), Some(ms(1500)));
        assert_eq!(queue.offer_again(ms(1500), item), Offered::Kept);
        let Offered::Wait(next) = queue.offer(ms(1500), 2) else { panic!("there is one probe") };
        assert_eq!(queue.take(ms(1501)), Some(1));
        queue.delivered(ms(1501));
        assert_eq!(queue.offer_again(ms(1501), next), Offered::Kept);
        assert!(!queue.metrics().circuit_open);
        assert!(queue.accounting().balances());
    }

    #[test]
    fn opens_again_when_the_probe_fails() {
        let mut queue = tripped(WhileOpen::Drop);
        assert_eq!(queue.offer(ms(700), 1), Offered::Dropped(Reason::CircuitOpen));
        drain(&mut queue, ms(800));
        assert_eq!(queue.offer(ms(1500), 2), Offered::Kept);
        let _ = queue.take(ms(1500));
        queue.failed(ms(1500));
        assert_eq!(queue.offer(ms(1501), 3), Offered::Dropped(Reason::CircuitOpen));
        assert_eq!(queue.offer(ms(2500), 3), Offered::Kept);
    }

    #[test]
    fn judges_the_probe_and_not_what_was_queued_before_it() {
        let mut queue = tripped(WhileOpen::Hold);
        for _ in 0..8 {
            let _ = queue.take(ms(600));
            queue.delivered(ms(600));
        }
        assert_eq!(queue.offer(ms(1500), 7), Offered::Kept);
        for before in 0..2 {
            let _ = queue.take(ms(1600));
            queue.failed(ms(1600));
            assert!(queue.metrics().circuit_open, "{before}");
        }
        assert_eq!(queue.take(ms(1600)), Some(7));
        queue.delivered(ms(1600));
        assert!(!queue.metrics().circuit_open);
    }

    #[test]
    fn fails_or_replaces_while_it_is_open() {
        assert_eq!(tripped(WhileOpen::Fail).offer(ms(700), 1), Offered::Failed(Failed(Overloaded(1))));
        let mut queue = tripped(WhileOpen::fallback(|item| item + 100));
        assert_eq!(queue.offer(ms(700), 1), Offered::Dropped(Reason::CircuitOpen));
        drain(&mut queue, ms(800));
        assert_eq!(queue.offer(ms(900), 1), Offered::Kept);
        assert_eq!(queue.take(ms(900)), Some(101));
    }

    #[test]
    fn opens_when_items_fail() {
        let breaker = CircuitBreaker::consecutive(2);
        let mut queue = BoundedQueue::new(10, TripOnOverload::new(breaker));
        for item in 0..2 {
            let _ = queue.offer(ms(0), item);
            let _ = queue.take(ms(0));
            queue.failed(ms(0));
        }
        assert!(matches!(queue.offer(ms(1), 3), Offered::Wait(_)));
    }

    #[test]
    fn stays_closed_when_the_overload_has_a_break() {
        let mut queue =
            BoundedQueue::new(10, TripOnOverload::new(CircuitBreaker::consecutive(5)).after(ms(100)));
        for now in (0..1000).step_by(60).map(ms) {
            while let Offered::Kept = queue.offer(now, 0) {}
            drain(&mut queue, now);
        }
        assert!(!queue.metrics().circuit_open);
    }
}
