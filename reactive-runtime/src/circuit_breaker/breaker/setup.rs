//! When it opens, for how long, and how it closes again.

use std::time::Duration;

use super::{CircuitBreaker, CircuitMetrics, Phase, Slow};
use crate::circuit_breaker::window::{Totals, Window};

impl CircuitBreaker {
    /// Opens after so many failures in a row. A slow call is one of them.
    ///
    /// # Panics
    ///
    /// If `failures` is 0.
    #[track_caller]
    pub fn consecutive(failures: u32) -> Self {
        assert!(failures > 0, "a breaker that opens after 0 failures is always open: it takes at least 1");
        Self::with(Window::Consecutive { limit: failures.into(), in_a_row: 0 }, 1.0, failures.into())
    }

    /// Opens when at least `failure_ratio` of the last `calls` calls failed.
    ///
    /// # Panics
    ///
    /// If `calls` is 0, or `failure_ratio` not above 0.0 and at most 1.0.
    #[track_caller]
    pub fn count_window(calls: usize, failure_ratio: f64) -> Self {
        assert!(calls > 0, "a window of 0 calls has no meaning: it takes at least 1");
        let ended = Default::default();
        let window = Window::Count { size: calls, ended, totals: Totals::default() };
        Self::with(window, failure_ratio, calls as u64)
    }

    /// Opens when at least `failure_ratio` of the calls of the last `length` failed, and those were at least 100.
    ///
    /// The window moves on in tenths.
    ///
    /// # Panics
    ///
    /// If `length` is zero, or `failure_ratio` not above 0.0 and at most 1.0.
    #[track_caller]
    pub fn time_window(length: Duration, failure_ratio: f64) -> Self {
        assert!(!length.is_zero(), "a window of no time has no meaning");
        Self::with(Window::time(length), failure_ratio, 100)
    }

    #[track_caller]
    fn with(window: Window, failure_ratio: f64, calls_min: u64) -> Self {
        check_ratio(failure_ratio);
        Self {
            failure_ratio,
            calls_min,
            slow: None,
            recovery: RECOVERY,
            recovery_max: None,
            probes: 1,
            lease: None,
            window,
            phase: Phase::Closed,
            generation: 0,
            attempt: 0,
            since: Duration::ZERO,
            metrics: CircuitMetrics::default(),
        }
    }

    /// Does not open for the share of failures before so many calls are in the window.
    ///
    /// By default as many as the window holds, or 100 for a window of time. More than the window holds is as many as it holds.
    #[must_use]
    pub fn min_calls(mut self, calls: u64) -> Self {
        self.calls_min = match &self.window {
            Window::Count { size, .. } => calls.clamp(1, *size as u64),
            Window::Consecutive { .. } | Window::Time { .. } => calls.max(1),
        };
        self
    }

    /// Also opens when at least `ratio` of the calls took longer than `after`.
    ///
    /// Where failures in a row are counted, each slow call is one, and `ratio` is not used.
    ///
    /// # Panics
    ///
    /// If `ratio` is not above 0.0 and at most 1.0.
    #[must_use]
    #[track_caller]
    pub fn slow_calls(mut self, after: Duration, ratio: f64) -> Self {
        check_ratio(ratio);
        self.slow = Some(Slow { after, ratio });
        self
    }

    /// For how long it is open. By default 30 s.
    ///
    /// # Panics
    ///
    /// If `timeout` is zero.
    #[must_use]
    #[track_caller]
    pub fn recovery_timeout(mut self, timeout: Duration) -> Self {
        assert!(
            !timeout.is_zero(),
            "a breaker that is open for no time is never open: `recovery_timeout` takes a time such as `30s`"
        );
        self.recovery = timeout;
        self
    }

    /// Doubles the time for which it is open with each opening in a row, up to `max`. By default it stays the same.
    #[must_use]
    pub fn max_recovery_timeout(mut self, max: Duration) -> Self {
        self.recovery_max = Some(max);
        self
    }

    /// How many calls pass when it is half open, and decide: all at once, if they come so. By default one.
    ///
    /// Where failures in a row are counted, the first one that fails opens it again; else the shares among all of them do.
    ///
    /// # Panics
    ///
    /// If `probes` is 0.
    #[must_use]
    #[track_caller]
    pub fn probes(mut self, probes: u32) -> Self {
        assert!(probes > 0, "without a probe it would never close: it takes at least 1");
        self.probes = probes;
        self
    }

    /// After how long the place of a probe that has not ended is free again. By default as long as it is open.
    ///
    /// # Panics
    ///
    /// If `lease` is zero.
    #[must_use]
    #[track_caller]
    pub fn lease(mut self, lease: Duration) -> Self {
        assert!(
            !lease.is_zero(),
            "a probe that loses its place at once is none: `lease` takes a time such as `30s`"
        );
        self.lease = Some(lease);
        self
    }
}

const RECOVERY: Duration = Duration::from_secs(30);

#[track_caller]
fn check_ratio(ratio: f64) {
    assert!(ratio > 0.0 && ratio <= 1.0, "a ratio of calls is above 0.0 and at most 1.0, not {ratio}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit_breaker::Outcome;

    #[test]
    fn waits_longer_each_time_up_to_a_limit_whichever_is_set_first() {
        let s = Duration::from_secs;
        let first = CircuitBreaker::consecutive(1).recovery_timeout(s(1)).max_recovery_timeout(s(3));
        let last = CircuitBreaker::consecutive(1).max_recovery_timeout(s(3)).recovery_timeout(s(1));
        for mut breaker in [first, last] {
            let mut now = s(0);
            for wait in [1, 2, 3, 3].map(s) {
                let permit = breaker.acquire(now).expect("a call passes");
                breaker.record(now, permit, Outcome::Failed);
                assert_eq!(breaker.acquire(now).unwrap_err().until, Some(now + wait));
                now += wait;
            }
        }
    }
}
