//! Vegas: so many items may wait.

use std::time::Duration;

use super::baseline::Baseline;
use super::congestion::{Congestion, State};
use super::{Algorithm, Decision, FlowControlConfig, Signals};

/// Holds a few items in the queue: adds to those in flight when fewer wait, takes away when more do.
///
/// After TCP Vegas (Brakmo and Peterson, 1995), with the thresholds of Netflix' `concurrency-limits`: they grow with the
/// logarithm of the limit.
///
/// # When it fails
///
/// Where the wait cannot be measured it is inferred from the least latency of late. If the queue never empties in that
/// time, the latency of a standing queue passes for none. And where service is random or parallel the few items that it
/// lets wait are too few to keep a stage busy. Take [`Adaptive`](super::Adaptive) if the stage can be measured.
#[derive(Clone, Debug)]
pub struct Vegas {
    config: FlowControlConfig,
    limit: f64,
    /// `None` before the first item was completed.
    latency: Option<f64>,
    congestion: Congestion,
    baseline: Baseline,
}

impl Vegas {
    /// With the defaults of [`FlowControlConfig`].
    pub fn new() -> Self {
        Self::with_config(&FlowControlConfig::default())
    }

    /// As `config` says.
    ///
    /// # Panics
    ///
    /// If [`FlowControlConfig::validate`] refuses it.
    #[track_caller]
    pub fn with_config(config: &FlowControlConfig) -> Self {
        config.assert_valid();
        Self {
            limit: INITIAL_LIMIT,
            latency: None,
            congestion: Congestion::new(config),
            baseline: Baseline::new(config.memory()),
            config: config.clone(),
        }
    }

    /// How long items may wait before that is congestion, however few they are.
    ///
    /// # Panics
    ///
    /// If it is zero, or more than a day.
    #[track_caller]
    pub fn target_delay(self, delay: Duration) -> Self {
        Self::with_config(&FlowControlConfig { target_delay: delay, ..self.config })
    }

    fn adjusted(&self, waiting: f64) -> f64 {
        let step = self.limit.log10().floor().max(1.0);
        match waiting {
            few if few <= step => self.limit + 6.0 * step,
            few if few < 3.0 * step => self.limit + step,
            many if many > 6.0 * step => self.limit - step,
            _ => self.limit,
        }
    }
}

/// Items in flight to begin with, as in `concurrency-limits`.
pub(super) const INITIAL_LIMIT: f64 = 20.0;
/// More are never of use at one control interval a step.
const MAX_LIMIT: f64 = 1e6;

impl Default for Vegas {
    fn default() -> Self {
        Self::new()
    }
}

impl Algorithm for Vegas {
    fn on_interval(&mut self, signals: &Signals) -> Decision {
        self.baseline.observe(signals);
        let state = self.congestion.observe(signals, &self.baseline);
        if let (Some(delay), Some(sojourn)) = (self.baseline.queue_delay(signals), signals.sojourn) {
            let latency = sojourn.as_secs_f64();
            self.latency = Some(latency);
            // Little's law: of those in flight, this part waits.
            let waiting = (self.limit * delay / latency.max(1e-9)).ceil();
            let used = signals.in_flight as f64 * 2.0 >= self.limit;
            self.limit = match state {
                State::Congested => self.limit - self.limit.log10().floor().max(1.0),
                State::Clear if used && !signals.app_limited => self.adjusted(waiting),
                State::Recovering if used => self.adjusted(waiting).min(self.limit),
                State::Clear | State::Recovering => self.limit,
            }
            .clamp(1.0, MAX_LIMIT);
        }
        let cap = self.baseline.probe(self.limit);
        Decision::whole(pace(&self.config, self.limit, self.latency), cap)
    }

    fn congestion_events(&self) -> u64 {
        self.congestion.events()
    }

    fn config(&self) -> Option<&FlowControlConfig> {
        Some(&self.config)
    }
}

/// A limit is a cap already; pacing at twice its rate only takes the edge off bursts. Calls that are ready at once have a
/// latency of zero, and no pace of their own.
pub(super) fn pace(config: &FlowControlConfig, limit: f64, latency: Option<f64>) -> f64 {
    latency.map_or(config.initial_rate, |latency| config.clamp(2.0 * limit / latency))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow_control::testing::signals;
    use crate::units::{ms, us};

    fn cap(vegas: &mut Vegas, wait: Duration) -> usize {
        let n = vegas.limit as usize;
        let now = Signals { queue_wait: Some(wait), sojourn: Some(wait + ms(10)), in_flight: n, ..signals() };
        vegas.on_interval(&now).max_in_flight.unwrap().get()
    }

    #[test]
    fn holds_between_three_and_six_items_in_the_queue() {
        let mut vegas = Vegas::new();
        assert_eq!(cap(&mut vegas, ms(0)), 26, "none waits: six more");
        assert_eq!(cap(&mut vegas, us(800)), 27, "two wait: one more");
        assert_eq!(cap(&mut vegas, ms(2)), 27, "five wait: as it is");
        assert_eq!(cap(&mut vegas, ms(5)), 26, "nine wait: one less");
    }

    #[test]
    fn does_not_grow_where_it_is_not_used() {
        let mut vegas = Vegas::new();
        let idle = Signals { in_flight: 9, ..signals() };
        assert_eq!(vegas.on_interval(&idle).max_in_flight.unwrap().get(), 20);
    }
}
