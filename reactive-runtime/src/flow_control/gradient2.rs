//! Gradient2: latency now against latency of late.

use std::time::Duration;

use super::baseline::Baseline;
use super::congestion::{Congestion, State};
use super::vegas::{INITIAL_LIMIT, pace};
use super::{Algorithm, Decision, FlowControlConfig, Signals};

/// Scales the items in flight with the ratio of latency in the long run to latency now, and adds a few.
///
/// After Netflix' `concurrency-limits` (`Gradient2Limit`), with its constants. In the original a queue that stays becomes
/// the new normal, and under steady saturation the limit grows without end.
/// Here the long run is that of the latency *without* the wait, where that can be measured; where it cannot, no more than
/// the least latency of late is normal.
///
/// # When it fails
///
/// It does not react to a latency that grows by less than half. And it adds few items at a time: where service is far away
/// it uses some 70 % of a stage. Take [`Adaptive`](super::Adaptive) or [`Bbr`](super::Bbr) there.
#[derive(Clone, Debug)]
pub struct Gradient2 {
    config: FlowControlConfig,
    limit: f64,
    long: Long,
    /// `None` before the first item was completed.
    latency: Option<f64>,
    congestion: Congestion,
    baseline: Baseline,
}

impl Gradient2 {
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
            long: Long::default(),
            latency: None,
            congestion: Congestion::new(config),
            baseline: Baseline::new(config.memory()),
            config: config.clone(),
        }
    }

    /// How long items may wait before that is congestion, whatever the trend.
    ///
    /// # Panics
    ///
    /// If it is zero, or more than a day.
    #[track_caller]
    pub fn target_delay(self, delay: Duration) -> Self {
        Self::with_config(&FlowControlConfig { target_delay: delay, ..self.config })
    }

    fn adjust(&mut self, short: f64, normal: f64) {
        let gradient = (TOLERANCE * normal / short).clamp(0.5, 1.0);
        let limit = self.limit * (1.0 - SMOOTHING) + SMOOTHING * (self.limit * gradient + QUEUE);
        self.limit = limit.clamp(QUEUE, MAX_LIMIT);
    }
}

// The defaults of `Gradient2Limit`.
const TOLERANCE: f64 = 1.5;
const SMOOTHING: f64 = 0.2;
const QUEUE: f64 = 4.0;
const LONG_WINDOW: f64 = 600.0;
const WARM_UP: u32 = 10;
/// The original stops at 200. At a latency of a second that would be a rate of 200, so here it does not matter.
const MAX_LIMIT: f64 = 1e6;

impl Default for Gradient2 {
    fn default() -> Self {
        Self::new()
    }
}

impl Algorithm for Gradient2 {
    fn on_interval(&mut self, signals: &Signals) -> Decision {
        self.baseline.observe(signals);
        let state = self.congestion.observe(signals, &self.baseline);
        if let Some(sojourn) = signals.sojourn {
            let short = sojourn.as_secs_f64().max(1e-9);
            self.latency = Some(sojourn.as_secs_f64());
            let served = signals.queue_wait.and(self.baseline.latency());
            let least = self.baseline.latency().unwrap_or(short);
            let normal = self.long.observe(served.unwrap_or(short), short).min(least);
            if state == State::Congested && served.is_some() {
                // The queue is known to be too long, so the trend need not tell.
                self.limit = (self.limit * 0.9).max(QUEUE);
            } else if signals.in_flight as f64 >= self.limit / 2.0 {
                self.adjust(short, normal);
            }
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

/// The latency in the long run.
#[derive(Clone, Debug, Default)]
struct Long {
    mean: f64,
    samples: u32,
}

impl Long {
    fn observe(&mut self, normal: f64, short: f64) -> f64 {
        if self.samples < WARM_UP {
            self.samples += 1;
            self.mean += (normal - self.mean) / f64::from(self.samples);
        } else {
            self.mean += (normal - self.mean) * 2.0 / (LONG_WINDOW + 1.0);
        }
        let mean = self.mean;
        // An overload is over: come down faster than the window would.
        if mean / short > 2.0 {
            self.mean *= 0.95;
        }
        mean
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow_control::testing::{repeat, signals};
    use crate::units::ms;

    fn blind(latency: Duration) -> Signals {
        Signals { queue_wait: None, sojourn: Some(latency), in_flight: 1000, ..signals() }
    }

    /// The recursion of `Gradient2Limit`, from a limit of 100, as the latency goes to three times what it was.
    #[test]
    fn reacts_and_forgets_as_the_original_without_a_measured_wait() {
        let mut gradient = Gradient2::new();
        (0..10).for_each(|_| assert!((gradient.long.observe(0.01, 0.01) - 0.01).abs() < 1e-9));
        gradient.limit = 100.0;
        let mut limits = vec![];
        for _ in 0..210 {
            let normal = gradient.long.observe(0.03, 0.03);
            gradient.adjust(0.03, normal);
            limits.push(gradient.limit);
        }
        for (n, limit) in [(1, 90.87), (10, 41.61), (50, 11.70), (100, 15.62), (208, 52.99)] {
            assert!((limits[n - 1] - limit).abs() < 0.01 * limit, "{n}: {} is not {limit}", limits[n - 1]);
        }
    }

    #[test]
    fn an_overload_is_not_forgotten() {
        let mut gradient = Gradient2::new();
        repeat(&mut gradient, &blind(ms(10)), 10);
        repeat(&mut gradient, &blind(ms(30)), 1000);
        assert!(gradient.limit < 9.0, "{}", gradient.limit);
    }

    #[test]
    fn does_not_react_to_half_more_latency() {
        let mut gradient = Gradient2::new();
        repeat(&mut gradient, &blind(ms(10)), 10);
        let before = gradient.limit;
        gradient.on_interval(&blind(ms(15)));
        assert!(gradient.limit > before);
    }

    #[test]
    fn a_queue_that_stays_does_not_become_normal() {
        let mut gradient = Gradient2::new();
        // 500 items/s and 10 ms of service: 5 in service, the others wait.
        for _ in 0..10_000 {
            let in_flight = gradient.limit;
            let sojourn = Duration::from_secs_f64((in_flight / 500.0).max(0.01));
            let wait = sojourn - ms(10);
            gradient.on_interval(&Signals {
                sojourn: Some(sojourn),
                queue_wait: Some(wait),
                in_flight: in_flight as usize,
                admitted_total: 1,
                left_total: 1,
                ..signals()
            });
        }
        assert!((gradient.limit - 11.5).abs() < 1.0, "{}", gradient.limit);
    }
}
