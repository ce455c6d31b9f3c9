//! Counts items in and out of a stage.

use std::time::Duration;

use super::{Completion, Outcome, Signals};

/// Counts the items that enter and leave a stage, and turns them into what an [`Algorithm`](super::Algorithm) is told.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use reactive_runtime::flow_control::{Ledger, StageState};
///
/// let ms = Duration::from_millis;
/// let mut ledger = Ledger::default();
/// let ticket = ledger.admit(ms(0));
/// let completion = ledger.complete(ticket, ms(30), Some(ms(10)));
/// assert_eq!(completion.sojourn(), ms(30));
///
/// let signals = ledger.interval(ms(100), StageState::default());
/// assert_eq!((signals.completed, signals.throughput()), (1, 10.0));
/// assert_eq!(signals.queue_wait, Some(ms(10)));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    admitted: u64,
    completed: u64,
    dropped: u64,
    ignored: u64,
    flight_began_at: Duration,
    completed_at: Duration,
    /// Set while items are in flight that were all the source had: until more than this have left.
    app_limited_until: Option<u64>,
    window: Window,
}

/// What was counted since the last interval.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    began_at: Duration,
    admitted: u64,
    completed: u64,
    dropped: u64,
    waits: u64,
    wait: Duration,
    sojourn: Duration,
}

/// What is noted of an item when it is admitted, and handed back when it leaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ticket {
    /// When it was admitted, since the start.
    pub admitted_at: Duration,
    /// When the item was admitted whose completion was the last before this admission.
    pub flight_began_at: Duration,
    /// When the last completion before this admission was.
    pub completed_at: Duration,
    /// Items completed before this admission.
    pub completed_total: u64,
    /// Items dropped before this admission.
    pub dropped_total: u64,
    /// Items in flight, this one among them.
    pub in_flight: usize,
    /// Whether the source had fewer items to give than were allowed.
    pub app_limited: bool,
}

/// What only the stage knows about the interval that ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StageState {
    /// Items that wait for the stage.
    pub queue_len: usize,
    /// How many may.
    pub queue_capacity: usize,
    /// Which part of the interval it was at work, 0 to 1; `None` where it cannot be seen.
    pub busy: Option<f64>,
    /// Whether the source has nothing to give, and nothing else holds it back.
    pub app_limited: bool,
}

impl Default for StageState {
    /// An empty queue without a bound, and a stage that cannot be seen into.
    fn default() -> Self {
        Self { queue_len: 0, queue_capacity: usize::MAX, busy: None, app_limited: false }
    }
}

impl Ledger {
    /// Notes that an item enters the stage.
    #[inline]
    pub fn admit(&mut self, now: Duration) -> Ticket {
        if self.in_flight() == 0 {
            // After a silence the clock of a rate sample starts anew.
            self.flight_began_at = now;
            self.completed_at = now;
        }
        self.admitted += 1;
        self.window.admitted += 1;
        Ticket {
            admitted_at: now,
            flight_began_at: self.flight_began_at,
            completed_at: self.completed_at,
            completed_total: self.completed,
            dropped_total: self.dropped,
            in_flight: self.in_flight(),
            app_limited: self.app_limited_until.is_some(),
        }
    }

    /// Notes that the work on an item is done, and how long it waited before that, where this is known.
    #[inline]
    pub fn complete(&mut self, ticket: Ticket, now: Duration, queue_wait: Option<Duration>) -> Completion {
        self.completed += 1;
        self.completed_at = now;
        // Items may overtake each other; the youngest counts.
        self.flight_began_at = self.flight_began_at.max(ticket.admitted_at);
        self.window.completed += 1;
        self.window.sojourn = self.window.sojourn.saturating_add(now.saturating_sub(ticket.admitted_at));
        if let Some(wait) = queue_wait {
            self.window.waits += 1;
            self.window.wait = self.window.wait.saturating_add(wait);
        }
        self.completion(ticket, now, queue_wait, Outcome::Completed)
    }

    /// Notes that an item was refused for want of room.
    #[inline]
    pub fn drop_item(&mut self, ticket: Ticket, now: Duration) -> Completion {
        self.dropped += 1;
        self.window.dropped += 1;
        self.completion(ticket, now, None, Outcome::Dropped)
    }

    /// Notes that an item left in a way that says nothing about the stage, as one that was at fault itself.
    #[inline]
    pub fn ignore(&mut self, _: Ticket) {
        self.ignored += 1;
        self.note_left();
    }

    /// Notes that the source has nothing to give: the items in flight are all it had.
    ///
    /// What is admitted until they have left tells less than the stage can do, and is marked as such.
    #[inline]
    pub fn source_is_empty(&mut self) {
        self.app_limited_until = Some(self.admitted);
    }

    /// Items admitted that have not left.
    pub fn in_flight(&self) -> usize {
        self.admitted.saturating_sub(self.left()) as usize
    }

    fn left(&self) -> u64 {
        self.completed + self.dropped + self.ignored
    }

    /// Begins the interval anew, without a word about the time up to now: nothing was there to be measured.
    pub fn skip_to(&mut self, now: Duration) {
        self.window = Window { began_at: now, ..Window::default() };
    }

    /// Ends the interval, and begins the next.
    pub fn interval(&mut self, now: Duration, stage: StageState) -> Signals {
        let window = std::mem::replace(&mut self.window, Window { began_at: now, ..Window::default() });
        Signals {
            now,
            interval: now.saturating_sub(window.began_at),
            queue_len: stage.queue_len,
            queue_capacity: stage.queue_capacity,
            in_flight: self.in_flight(),
            admitted: window.admitted,
            completed: window.completed,
            dropped: window.dropped,
            admitted_total: self.admitted,
            left_total: self.left(),
            busy: stage.busy,
            queue_wait: mean(window.wait, window.waits),
            sojourn: mean(window.sojourn, window.completed),
            app_limited: stage.app_limited,
        }
    }

    #[inline]
    fn note_left(&mut self) {
        let left = self.left();
        self.app_limited_until = self.app_limited_until.filter(|until| left <= *until);
    }

    fn completion(
        &mut self,
        ticket: Ticket,
        now: Duration,
        queue_wait: Option<Duration>,
        outcome: Outcome,
    ) -> Completion {
        self.note_left();
        Completion {
            now,
            ticket,
            queue_wait,
            outcome,
            in_flight: self.in_flight(),
            admitted_total: self.admitted,
            completed_total: self.completed,
            dropped_total: self.dropped,
        }
    }
}

fn mean(sum: Duration, count: u64) -> Option<Duration> {
    (count > 0).then(|| Duration::try_from_secs_f64(sum.as_secs_f64() / count as f64).unwrap_or(sum))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::ms;

    #[test]
    fn every_item_is_in_flight_until_it_leaves() {
        let mut ledger = Ledger::default();
        let tickets = [ledger.admit(ms(0)), ledger.admit(ms(1)), ledger.admit(ms(2))];
        assert_eq!(tickets[2].in_flight, 3);
        assert_eq!(ledger.complete(tickets[1], ms(5), None).in_flight, 2);
        assert_eq!(ledger.drop_item(tickets[0], ms(6)).dropped_total, 1);

        let signals = ledger.interval(ms(10), StageState::default());
        assert_eq!((signals.admitted, signals.completed, signals.dropped), (3, 1, 1));
        assert_eq!((signals.in_flight, signals.left_total), (1, 2));
        assert_eq!((signals.sojourn, signals.queue_wait), (Some(ms(4)), None));
        assert_eq!(ledger.interval(ms(20), StageState::default()).sojourn, None);
    }

    #[test]
    fn what_says_nothing_only_leaves() {
        let mut ledger = Ledger::default();
        let tickets = [ledger.admit(ms(0)), ledger.admit(ms(0))];
        ledger.ignore(tickets[0]);
        let signals = ledger.interval(ms(10), StageState::default());
        assert_eq!((signals.in_flight, signals.left_total), (1, 1));
        assert_eq!((signals.completed, signals.dropped, signals.sojourn), (0, 0, None));
    }

    #[test]
    fn a_burst_of_completions_is_not_faster_than_the_admissions() {
        let mut ledger = Ledger::default();
        let tickets: Vec<Ticket> = (0..10).map(|i| ledger.admit(ms(i * 10))).collect();
        let done: Vec<Completion> =
            tickets.into_iter().map(|ticket| ledger.complete(ticket, ms(100), None)).collect();
        assert_eq!(done[0].delivery_rate(), Some(10.0));
        assert_eq!(
            done[9].delivery_rate(),
            Some(100.0),
            "ten admitted in the 90 ms before, done within 100 ms"
        );
    }

    #[test]
    fn silence_is_not_counted_as_slowness() {
        let mut ledger = Ledger::default();
        let first = ledger.admit(ms(0));
        ledger.complete(first, ms(10), None);
        let second = ledger.admit(ms(5000));
        assert_eq!(ledger.complete(second, ms(5010), None).delivery_rate(), Some(100.0));
    }

    #[test]
    fn items_of_an_empty_source_are_marked() {
        let mut ledger = Ledger::default();
        let first = ledger.admit(ms(0));
        ledger.source_is_empty();
        let second = ledger.admit(ms(1));
        assert!(!first.app_limited && second.app_limited);
        ledger.complete(first, ms(2), None);
        assert!(ledger.admit(ms(3)).app_limited, "the second came into an empty stage");
        ledger.complete(second, ms(4), None);
        assert!(!ledger.admit(ms(5)).app_limited);
    }
}
