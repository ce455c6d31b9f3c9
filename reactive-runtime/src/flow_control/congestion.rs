//! When a stage is congested, and how often that counts.

use super::baseline::Baseline;
use super::{FlowControlConfig, Signals};

/// Tells congestion, and lets it count once for the items that were on their way when it was met.
///
/// Without this every algorithm falls to its least rate while a queue drains. RFC 9002, section 7.3.2, does the same for
/// packets: here the period ends when as many items have left as were admitted at its beginning, so it fits any latency.
#[derive(Clone, Debug)]
pub(super) struct Congestion {
    target_delay: f64,
    threshold: f64,
    recovery: Option<Recovery>,
    events: u64,
}

/// Until as many items have left as were admitted when congestion was met.
#[derive(Clone, Copy, Debug)]
struct Recovery {
    until: u64,
    /// How many of them were still there.
    inside: u64,
}

impl Recovery {
    fn of(signals: &Signals) -> Self {
        let until = signals.admitted_total;
        Self { until, inside: until.saturating_sub(signals.left_total) }
    }

    fn lasts(self, signals: &Signals) -> bool {
        // Only an interval in which all that left came in after the decision tells what that did.
        let left_before = signals.left_total.saturating_sub(signals.completed);
        // Items that are counted neither inside nor out will never leave: a queue was emptied, a measurement was wrong, or
        // somebody counts anew.
        let missing = self.until.saturating_sub(signals.admitted_total);
        left_before < self.until && missing <= self.inside / 2
    }
}

/// How the stage is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// There is room for more.
    Clear,
    /// It is congested, and this is new.
    Congested,
    /// What was decided at the last congestion has not yet shown its effect, or nothing is known.
    Recovering,
}

impl Congestion {
    pub(super) fn new(config: &FlowControlConfig) -> Self {
        Self {
            target_delay: config.target_delay.as_secs_f64(),
            threshold: config.congestion_threshold,
            recovery: None,
            events: 0,
        }
    }

    pub(super) fn observe(&mut self, signals: &Signals, baseline: &Baseline) -> State {
        self.recovery = self.recovery.filter(|recovery| recovery.lasts(signals));
        if self.recovery.is_some() {
            return State::Recovering;
        }
        let delay = baseline.queue_delay(signals);
        let full = signals.queue_len > 0
            && signals.queue_len as f64 >= self.threshold * signals.queue_capacity as f64;
        if signals.dropped > 0 || full || delay.is_some_and(|delay| delay > self.target_delay) {
            self.recovery = Some(Recovery::of(signals));
            self.events += 1;
            return State::Congested;
        }
        // An outage, or the first items on a long way: nothing is learned, so nothing changes.
        if delay.is_none() && signals.in_flight > 0 { State::Recovering } else { State::Clear }
    }

    pub(super) fn events(&self) -> u64 {
        self.events
    }

    /// How many items a rate may have in flight: what is served, and twice what may wait.
    ///
    /// A rate alone would go on filling the queue through an outage, and until a decrease is seen to work.
    pub(super) fn backstop(&self, rate: f64, baseline: &Baseline) -> f64 {
        let served = baseline.latency().unwrap_or(self.target_delay);
        (rate * (served + 2.0 * self.target_delay)).max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow_control::testing::signals;
    use crate::units::ms;

    #[test]
    fn counts_once_for_the_items_on_their_way() {
        let config = FlowControlConfig::default();
        let mut congestion = Congestion::new(&config);
        let mut state = |signals| congestion.observe(&signals, &Baseline::new(10.0));
        let waits = Signals { queue_wait: Some(ms(51)), admitted_total: 100, left_total: 60, ..signals() };
        assert_eq!(state(waits), State::Congested);
        // Of the 50 items that left some were there before.
        assert_eq!(state(Signals { admitted_total: 190, left_total: 149, ..waits }), State::Recovering);
        assert_eq!(state(Signals { admitted_total: 190, left_total: 150, ..waits }), State::Congested);
        let short = Signals { queue_wait: Some(ms(49)), admitted_total: 300, left_total: 240, ..signals() };
        assert_eq!(state(short), State::Clear);
    }

    #[test]
    fn does_not_wait_for_items_that_are_gone() {
        let mut congestion = Congestion::new(&FlowControlConfig::default());
        let mut state = |signals| congestion.observe(&signals, &Baseline::new(10.0));
        let clear = Signals { completed: 10, queue_wait: Some(ms(1)), ..signals() };
        let full = Signals { queue_wait: Some(ms(90)), admitted_total: 10_100, left_total: 100, ..clear };
        assert_eq!(state(full), State::Congested);
        assert_eq!(state(Signals { admitted_total: 5110, left_total: 110, ..clear }), State::Recovering);
        assert_eq!(state(Signals { admitted_total: 130, left_total: 120, ..clear }), State::Clear);
    }

    #[test]
    fn is_told_by_drops_and_by_a_full_queue() {
        let state = |signals: Signals| {
            Congestion::new(&FlowControlConfig::default()).observe(&signals, &Baseline::new(10.0))
        };
        assert_eq!(state(Signals { dropped: 1, ..signals() }), State::Congested);
        assert_eq!(state(Signals { queue_len: 80, queue_capacity: 100, ..signals() }), State::Congested);
        assert_eq!(state(Signals { queue_len: 79, queue_capacity: 100, ..signals() }), State::Clear);
    }

    #[test]
    fn an_outage_is_no_sign_of_either() {
        let mut congestion = Congestion::new(&FlowControlConfig::default());
        let outage = Signals { completed: 0, sojourn: None, queue_wait: None, in_flight: 10, ..signals() };
        assert_eq!(congestion.observe(&outage, &Baseline::new(10.0)), State::Recovering);
        assert_eq!(congestion.events(), 0);
    }
}
