//! Additive increase, multiplicative decrease.

use std::time::Duration;

use super::baseline::Baseline;
use super::congestion::{Congestion, State};
use super::{Algorithm, Decision, FlowControlConfig, Signals};

/// Grows by a step each interval, and falls to a part of its rate at congestion.
///
/// Until the first congestion it grows by [`increase_factor`](FlowControlConfig::increase_factor) instead. A decrease
/// counts once for all the items that were on their way when it was decided.
///
/// Senders that share a service end up with equal shares, whatever they began with: each decrease halves what they
/// differ by, and no increase changes it (Chiu and Jain, "Analysis of the increase and decrease algorithms", 1989,
/// section 3). Growth by a factor alone keeps the shares as they are, for ever.
///
/// # When it fails
///
/// It swings between too much and too little: with a [`recovery_factor`](FlowControlConfig::recovery_factor) of 0.5 it uses
/// 80 % of a stage, less where service is random, and climbs for seconds after capacity has grown. Take
/// [`Adaptive`](super::Adaptive) where the stage can be measured, or a factor of 0.9, which uses 90 % and waits longer.
#[derive(Clone, Debug)]
pub struct Aimd {
    config: FlowControlConfig,
    rate: f64,
    congestion: Congestion,
    baseline: Baseline,
}

impl Aimd {
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
            rate: config.initial_rate,
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

    fn grown(&self) -> f64 {
        if self.congestion.events() == 0 {
            self.rate * self.config.increase_factor
        } else {
            self.rate + self.config.step()
        }
    }
}

impl Default for Aimd {
    fn default() -> Self {
        Self::new()
    }
}

impl Algorithm for Aimd {
    fn on_interval(&mut self, signals: &Signals) -> Decision {
        self.baseline.observe(signals);
        self.rate = self.config.clamp(match self.congestion.observe(signals, &self.baseline) {
            State::Congested => self.rate * self.config.recovery_factor,
            State::Clear if !signals.app_limited => self.grown(),
            State::Clear | State::Recovering => self.rate,
        });
        Decision::new(self.rate, self.congestion.backstop(self.rate, &self.baseline))
    }

    fn congestion_events(&self) -> u64 {
        self.congestion.events()
    }

    fn config(&self) -> Option<&FlowControlConfig> {
        Some(&self.config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow_control::testing::signals;
    use crate::units::ms;

    /// An interval at whose end all that was admitted has left, and items had to wait or not.
    fn interval(n: u64, congested: bool) -> Signals {
        let wait = if congested { ms(80) } else { ms(0) };
        Signals {
            queue_wait: Some(wait),
            sojourn: Some(wait + ms(10)),
            admitted_total: n * 50,
            left_total: n * 50,
            ..signals()
        }
    }

    #[test]
    fn grows_by_the_factor_then_by_the_step() {
        let mut aimd = Aimd::new();
        assert!((aimd.on_interval(&interval(1, false)).rate - 110.0).abs() < 1e-9);
        assert!((aimd.on_interval(&interval(2, false)).rate - 121.0).abs() < 1e-9);
        assert!((aimd.on_interval(&interval(3, true)).rate - 60.5).abs() < 1e-9);
        assert!((aimd.on_interval(&interval(4, false)).rate - 70.5).abs() < 1e-9);
        assert_eq!(aimd.congestion_events(), 1);
    }

    /// Chiu and Jain: two senders share 500 items/s and see the same congestion.
    #[test]
    fn each_congestion_halves_the_difference_of_two_senders() {
        let config = |initial_rate| FlowControlConfig {
            initial_rate,
            additive_step: Some(10.0),
            ..FlowControlConfig::default()
        };
        let mut senders = [Aimd::with_config(&config(450.0)), Aimd::with_config(&config(50.0))];
        let mut events = 0;
        let mut congested = true; // 450 + 50 = 500, and both leave the first phase
        for n in 1..400 {
            let [one, other] =
                senders.each_mut().map(|sender| sender.on_interval(&interval(n, congested)).rate);
            events += i32::from(congested);
            let jain = (one + other).powi(2) / (2.0 * (one * one + other * other));
            assert!(
                ((one - other) - 400.0 * 0.5f64.powi(events)).abs() < 1e-9,
                "after {events}: {one}, {other}"
            );
            assert!(events < 4 || jain > 0.97);
            assert!(events < 5 || jain > 0.99, "{jain}");
            congested = one + other > 500.0;
        }
        assert!(events > 8);
    }

    #[test]
    fn keeps_its_rate_while_the_source_has_nothing() {
        let mut aimd = Aimd::new();
        assert_eq!(aimd.on_interval(&Signals { app_limited: true, ..interval(1, false) }).rate, 100.0);
    }

    #[test]
    fn an_outage_halves_the_rate_once() {
        let mut aimd = Aimd::new();
        let outage = Signals { completed: 0, sojourn: None, queue_wait: None, ..interval(1, false) };
        (0..50).for_each(|_| assert_eq!(aimd.on_interval(&outage).rate, 100.0));
        let late = Signals { sojourn: Some(ms(5000)), queue_wait: Some(ms(5000)), ..interval(1, true) };
        let after = Signals { admitted_total: 100, left_total: 60, completed: 10, ..late };
        (0..5).for_each(|_| assert_eq!(aimd.on_interval(&after).rate, 50.0));
    }

    #[test]
    #[should_panic(expected = "target_delay must be above zero")]
    fn refuses_a_delay_of_zero() {
        let _ = Aimd::new().target_delay(Duration::ZERO);
    }
}
