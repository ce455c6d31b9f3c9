//! CUBIC, as RFC 9438, on a rate.

#[cfg(test)]
mod against_s2n;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::baseline::Baseline;
use super::congestion::{Congestion, State};
use super::{Algorithm, Decision, FlowControlConfig, Signals};

/// Falls to 70 % at congestion, comes back fast to near where that was, stays there a while, and then probes ever faster.
///
/// The rate takes the place of the window of RFC 9438, in units of a thousandth of
/// [`max_rate`](FlowControlConfig::max_rate), so that the RFC's constants keep their meaning at any scale.
///
/// # When it fails
///
/// The curve is made for congestion that is seldom. A rate of 1000 units needs 9 s to come back, which at a latency of
/// 12 ms is 750 round trips: with a delay as the sign of congestion it uses some 65 to 85 % of a stage, and less where
/// service has a heavy tail. Take [`Adaptive`](super::Adaptive), or [`Bbr`](super::Bbr) for shorter waits where only latency
/// can be seen.
#[derive(Clone, Debug)]
pub struct Cubic {
    config: FlowControlConfig,
    curve: Curve,
    congestion: Congestion,
    baseline: Baseline,
}

impl Cubic {
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
            curve: Curve::new(config.initial_rate / unit(config)),
            congestion: Congestion::new(config),
            baseline: Baseline::new(config.memory()),
            config: config.clone(),
        }
    }

    /// How long items may wait before that is congestion.
    ///
    /// # Panics
    ///
    /// If it is zero, or more than a day.
    #[track_caller]
    pub fn target_delay(self, delay: Duration) -> Self {
        Self::with_config(&FlowControlConfig { target_delay: delay, ..self.config })
    }
}

impl Default for Cubic {
    fn default() -> Self {
        Self::new()
    }
}

impl Algorithm for Cubic {
    fn on_interval(&mut self, signals: &Signals) -> Decision {
        self.baseline.observe(signals);
        let unit = unit(&self.config);
        let seconds = signals.interval.as_secs_f64();
        let first = self.congestion.events() == 0;
        match self.congestion.observe(signals, &self.baseline) {
            State::Congested => self.curve.fall(),
            State::Clear if signals.app_limited => {}
            // Section 4.10 leaves slow start to others: here it is the growth of the configuration.
            State::Clear if first => self.curve.window *= self.config.increase_factor,
            State::Clear => {
                let round_trip = signals.sojourn.map_or(seconds, |time| time.as_secs_f64());
                self.curve.grow(seconds, round_trip);
            }
            State::Recovering => {}
        }
        let (least, most) = (self.config.min_rate / unit, self.config.max_rate / unit);
        self.curve.window = self.curve.window.max(least).min(most);
        let rate = self.config.clamp(self.curve.window * unit);
        Decision::new(rate, self.congestion.backstop(rate, &self.baseline))
    }

    fn congestion_events(&self) -> u64 {
        self.congestion.events()
    }

    fn config(&self) -> Option<&FlowControlConfig> {
        Some(&self.config)
    }
}

/// The items per second of a window of 1.
fn unit(config: &FlowControlConfig) -> f64 {
    config.max_rate / 1000.0
}

// RFC 9438, section 4.6 and 4.1: beta_cubic, and C in windows per second cubed.
const BETA: f64 = 0.7;
const C: f64 = 0.4;
// Section 4.3: what Reno with this beta would have to add each round trip for the same mean window.
const ALPHA: f64 = 3.0 * (1.0 - BETA) / (1.0 + BETA);

/// The window of RFC 9438, in segments, and the time since the last congestion.
///
/// The time stands still while the source has nothing to give, and in recovery, as nobody tells it to pass (section 4.2:
/// "elapsed time .. MUST NOT include" those): so it cannot shoot up after a silence.
#[derive(Clone, Debug)]
struct Curve {
    window: f64,
    /// The window before the last decrease, or less: where the plateau is.
    window_max: f64,
    /// The window just before the last decrease.
    window_prior: f64,
    /// Seconds since the last decrease in which the window could grow.
    elapsed: f64,
    /// What Reno's window would be.
    window_reno: f64,
}

impl Curve {
    fn new(window: f64) -> Self {
        Self { window, window_max: 0.0, window_prior: 0.0, elapsed: 0.0, window_reno: window }
    }

    /// Congestion: section 4.6, with fast convergence, section 4.7.
    fn fall(&mut self) {
        self.window_prior = self.window;
        // Less than last time: there are others, so make room for them. The decrease is of the window as it was.
        self.window_max =
            if self.window < self.window_max { self.window * (1.0 + BETA) / 2.0 } else { self.window };
        self.window *= BETA;
        self.window_reno = self.window;
        self.elapsed = 0.0;
    }

    /// `seconds` without congestion.
    fn grow(&mut self, seconds: f64, round_trip: f64) {
        self.elapsed += seconds;
        // Section 4.2 aims at W_cubic(t + RTT) and is there an RTT later: on the curve. An interval may be many round
        // trips, so we are on it at once, by at most half of the window at a time.
        let target = self.cubic(self.elapsed).clamp(self.window, 1.5 * self.window);
        // Section 4.3: from the prior window on, Reno grows by 1, not by alpha, as it has no plateau there.
        let alpha = if self.window_reno >= self.window_prior { 1.0 } else { ALPHA };
        self.window_reno += alpha * seconds / round_trip.max(seconds).max(1e-9);
        self.window = target.max(self.window_reno);
    }

    /// Figure 1: W_cubic(t) = C (t - K)^3 + W_max.
    fn cubic(&self, t: f64) -> f64 {
        C * (t - self.k()).powi(3) + self.window_max
    }

    /// Figure 2: the seconds from the decrease to the plateau.
    fn k(&self) -> f64 {
        ((self.window_max - self.window_prior * BETA).max(0.0) / C).cbrt()
    }
}
