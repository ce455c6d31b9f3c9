//! Service rate and starvation, measured; the default.

#[cfg(test)]
mod tests;

use std::time::Duration;

use super::baseline::Baseline;
use super::congestion::{Congestion, State};
use super::prediction::Prediction;
use super::service_rate::ServiceRate;
use super::{Algorithm, Decision, FlowControlConfig, Signals};

/// Keeps as many items in flight as the stage serves at once, and so many more that it hardly ever starves.
///
/// How many it serves at once is Little's law: service rate times latency without the wait. Both are measured, the rate
/// over the time at work only, so neither needs a probe, and an idle source does not spoil them. How many more are
/// needed depends on how random service is; that is found by trial: one more for every two intervals in which the stage
/// was idle for more than [`target_idle`](FlowControlConfig::target_idle), although it might have had work, and 2 % less
/// for every other. That is additive increase and multiplicative decrease, so senders that share a service come to equal
/// shares.
///
/// The slack is at most four times [`target_delay`](FlowControlConfig::target_delay) worth of items. That bounds the wait
/// whatever the service does.
///
/// With [`enable_prediction`](FlowControlConfig::enable_prediction) the service rate is the one that is forecast, while
/// forecasts have been better than none: see [`Prediction`].
///
/// # When it fails
///
/// Where [`Signals::busy`] is not known it cannot see starvation, and keeps the wait near half of the target instead, as
/// far as that can be told from latency: it uses no less of the stage, but items wait twice as long. A stage that does
/// less than some 50 items a second, of very different cost, gives it few samples an interval: take a longer
/// [`control_interval`](FlowControlConfig::control_interval).
#[derive(Clone, Debug)]
pub struct Adaptive {
    config: FlowControlConfig,
    service: ServiceRate,
    service_forecast: Prediction,
    baseline: Baseline,
    congestion: Congestion,
    /// Items in flight beyond those that are served.
    slack: f64,
    /// The part of the time, smoothed, in which the stage starved.
    idle: f64,
}

const INITIAL_SLACK: f64 = 4.0;
const LEAST_SLACK: f64 = 1.0;
const SLACK_STEP: f64 = 0.5;
const SLACK_DECAY: f64 = 0.98;
const IDLE_GAIN: f64 = 0.1;
/// How much faster than the stage items may come in: the cap does the work, the pace takes the edge off bursts.
const HEADROOM: f64 = 1.25;
/// A stage that was at work less than this part of an interval gives no sample worth having.
const LEAST_BUSY: f64 = 0.02;

impl Adaptive {
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
            service: ServiceRate::default(),
            service_forecast: Prediction::new(config.prediction_horizon),
            baseline: Baseline::new(config.memory()),
            congestion: Congestion::new(config),
            slack: INITIAL_SLACK,
            idle: config.target_idle,
            config: config.clone(),
        }
    }

    /// A quarter of the longest wait that is ever allowed for.
    ///
    /// # Panics
    ///
    /// If it is zero, or more than a day.
    #[track_caller]
    pub fn target_delay(self, delay: Duration) -> Self {
        Self::with_config(&FlowControlConfig { target_delay: delay, ..self.config })
    }

    /// How much the stage may starve: less is more throughput and longer waits.
    ///
    /// # Panics
    ///
    /// If it is not above 0 and below 1.
    #[track_caller]
    pub fn target_idle(self, part: f64) -> Self {
        Self::with_config(&FlowControlConfig { target_idle: part, ..self.config })
    }

    fn measure_service(&mut self, signals: &Signals) {
        let seconds = signals.interval.as_secs_f64();
        let sample = match signals.busy_part() {
            Some(busy) => (busy >= LEAST_BUSY && signals.completed > 0).then(|| signals.throughput() / busy),
            // It did at least this much; if the source had more, it did what it could.
            None => {
                let throughput = signals.throughput();
                let more = !signals.app_limited || self.service.mean().is_none_or(|mean| throughput > mean);
                (signals.completed > 0 && more).then_some(throughput)
            }
        };
        if let Some(sample) = sample {
            if self.service.observe(sample, seconds) {
                self.service_forecast.forget_trend();
            }
            self.service_forecast.observe(self.service.mean().unwrap_or(sample));
        }
    }

    /// The service rate to reckon with.
    fn service_rate(&self) -> f64 {
        let rate = if self.prediction_active() {
            Some(self.service_forecast.forecast())
        } else {
            self.service.mean()
        };
        rate.unwrap_or(self.config.initial_rate).max(self.config.min_rate)
    }

    fn adjust_slack(&mut self, signals: &Signals, rate: f64) {
        if self.congestion.observe(signals, &self.baseline) == State::Congested && signals.dropped > 0 {
            self.slack = (self.slack / 2.0).max(LEAST_SLACK);
            return;
        }
        if signals.app_limited {
            return;
        }
        let starves = match signals.busy_part() {
            Some(busy) => {
                self.idle += IDLE_GAIN * (1.0 - busy - self.idle);
                self.idle > self.config.target_idle
            }
            None => self.baseline.queue_delay(signals).is_some_and(|delay| delay < self.aim()),
        };
        // An outage says nothing about how many more are needed.
        if signals.completed == 0 {
            return;
        }
        let most = (rate * 4.0 * self.config.target_delay.as_secs_f64()).max(INITIAL_SLACK);
        self.slack = if starves { self.slack + SLACK_STEP } else { self.slack * SLACK_DECAY };
        self.slack = self.slack.clamp(LEAST_SLACK, most);
    }

    /// Where starvation cannot be seen: how many seconds items are to wait.
    fn aim(&self) -> f64 {
        self.config.target_delay.as_secs_f64() / 2.0
    }

    fn pace(&self, signals: &Signals, rate: f64, latency: f64) -> f64 {
        if signals.busy.is_some() || signals.queue_wait.is_none() {
            return HEADROOM * (rate + self.slack / latency.max(1e-3));
        }
        // Where the queue is all that is seen, as in a `FlowController`, nobody may look at the cap. So the rate brings the
        // wait to the target: within three intervals, or two latencies if those are longer, as it takes that long to see
        // what it did. What waits after an outage is no reason to stop.
        let delay = self.baseline.queue_delay(signals).unwrap_or(0.0);
        let horizon = (3.0 * signals.interval.as_secs_f64()).max(2.0 * latency);
        let off = (delay - self.config.target_delay.as_secs_f64()) / horizon;
        rate * (1.0 - off.clamp(-0.5, 0.5)) + self.config.step()
    }
}

impl Default for Adaptive {
    fn default() -> Self {
        Self::new()
    }
}

impl Algorithm for Adaptive {
    fn on_interval(&mut self, signals: &Signals) -> Decision {
        self.baseline.observe(signals);
        self.measure_service(signals);
        let rate = self.service_rate();
        self.adjust_slack(signals, rate);
        let latency = self.baseline.latency().unwrap_or(signals.interval.as_secs_f64());
        Decision::new(
            self.config.clamp(self.pace(signals, rate, latency)),
            self.baseline.probe(rate * latency + self.slack),
        )
    }

    fn congestion_events(&self) -> u64 {
        self.congestion.events()
    }

    fn config(&self) -> Option<&FlowControlConfig> {
        Some(&self.config)
    }

    fn prediction_active(&self) -> bool {
        self.config.enable_prediction && self.service_forecast.is_active()
    }

    fn capacity_estimate(&self) -> Option<f64> {
        self.service.mean()
    }
}
