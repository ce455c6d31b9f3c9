use std::fmt;
use std::time::Duration;

use super::window::{Ended, Totals, Window};

/// Lets calls pass while they succeed, and none for a time once they fail.
///
/// ```text
///               the calls fail               the time of the opening has passed,
///   ┌────────┐                  ┌──────┐     and a call is asked for               ┌──────────┐
///   │ Closed │ ───────────────► │ Open │ ────────────────────────────────────────► │ HalfOpen │
///   └────────┘                  └──────┘ ◄──────────────────────────────────────── └──────────┘
///        ▲                                   the probes fail                             │
///        └───────────────────────────────────────────────────────────────────────────────┘
///                                            the probes succeed
/// ```
///
/// - **Closed**: calls pass, and their outcomes are watched: failures in a row ([`consecutive`](Self::consecutive)), or the
///   share of failures among the last calls ([`count_window`](Self::count_window)) or those of the last time
///   ([`time_window`](Self::time_window)).
/// - **Open**: no call passes, for the [`recovery_timeout`](Self::recovery_timeout).
/// - **Half open**: as many calls as there are [`probes`](Self::probes) pass, and decide.
///
/// It cannot stick: a probe that is given back frees its place, one that never comes back loses it after its
/// [`lease`](Self::lease), and the outcome of a call from before the last change of state changes nothing.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use reactive_runtime::circuit_breaker::{CircuitBreaker, CircuitState, Outcome};
///
/// let mut breaker = CircuitBreaker::consecutive(2).recovery_timeout(Duration::from_secs(30));
/// let at = Duration::from_secs;
/// for now in [at(0), at(1)] {
///     let permit = breaker.acquire(now).unwrap();
///     breaker.record(now, permit, Outcome::Failed);
/// }
/// assert_eq!(breaker.acquire(at(2)).unwrap_err().until, Some(at(31)));
/// let probe = breaker.acquire(at(31)).unwrap();
/// assert!(breaker.acquire(at(31)).is_err(), "there is one probe");
/// breaker.record(at(32), probe, Outcome::Succeeded);
/// assert_eq!(breaker.state(), CircuitState::Closed);
/// ```
#[derive(Clone, Debug)]
pub struct CircuitBreaker {
    failure_ratio: f64,
    calls_min: u64,
    slow: Option<Slow>,
    recovery: Duration,
    // Doubled up to it, where there is one.
    recovery_max: Option<Duration>,
    probes: u32,
    lease: Option<Duration>,
    window: Window,
    phase: Phase,
    // Counts changes of state.
    generation: u64,
    // Openings since it was last closed.
    attempt: u32,
    since: Duration,
    metrics: CircuitMetrics,
}

#[derive(Clone, Copy, Debug)]
struct Slow {
    after: Duration,
    ratio: f64,
}

#[derive(Clone, Debug)]
enum Phase {
    Closed,
    Open { until: Duration },
    HalfOpen { ended: Totals, running: Vec<Probe> },
}

#[derive(Clone, Copy, Debug)]
struct Probe {
    id: u64,
    lease_end: Duration,
}

/// What a [`CircuitBreaker`] does with calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum CircuitState {
    /// They pass.
    #[default]
    Closed,
    /// They do not pass.
    Open,
    /// Some pass, to see how they end.
    HalfOpen,
}

/// How a call ended. Which errors are failures is the caller's to say: that a record does not exist is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It is no reason to open.
    Succeeded,
    /// It is a reason to open.
    Failed,
}

/// One call may pass. Give it back with its outcome, by [`CircuitBreaker::record`], or without one, by
/// [`CircuitBreaker::release`].
#[derive(Debug)]
#[must_use = "a permit that is not given back keeps its place until its lease ends"]
pub struct Permit {
    generation: u64,
    id: u64,
    since: Duration,
}

/// The circuit breaker lets no call pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CircuitOpen {
    /// When to ask again: sooner only if a call that is running ends.
    pub until: Option<Duration>,
}

impl fmt::Display for CircuitOpen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the circuit breaker is open")
    }
}

impl std::error::Error for CircuitOpen {}

/// What a [`CircuitBreaker`] has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CircuitMetrics {
    /// Its state.
    pub state: CircuitState,
    /// How often it opened.
    pub opened: u64,
    /// How many calls did not pass; those that wait are not among them.
    pub rejected: u64,
    /// How many calls ended as successes, slow ones among them.
    pub succeeded: u64,
    /// How many calls ended as failures.
    pub failed: u64,
    /// How many calls took too long, however they ended.
    pub slow: u64,
    /// How many ended after the state had changed, and changed nothing.
    pub late: u64,
    /// How many probes passed.
    pub probes_started: u64,
    /// How many probes were given back without an outcome.
    pub probes_cancelled: u64,
    /// How many probes lost their place because their lease had ended.
    pub probes_expired: u64,
}

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

    /// Asks for a call to pass. While it is half open, that reserves the place of a probe.
    ///
    /// # Errors
    ///
    /// [`CircuitOpen`], with the time when to ask again.
    pub fn acquire(&mut self, now: Duration) -> Result<Permit, CircuitOpen> {
        let asked = self.ask(now);
        if asked.is_err() {
            self.reject();
        }
        asked
    }

    /// The same for a call that waits, and is not rejected.
    pub(crate) fn ask(&mut self, now: Duration) -> Result<Permit, CircuitOpen> {
        if let Phase::Open { until } = self.phase
            && now >= until
        {
            let running = Vec::new();
            self.change(now, Phase::HalfOpen { ended: Totals::default(), running });
        }
        let lease = self.lease.unwrap_or(self.recovery);
        match &mut self.phase {
            Phase::Closed => Ok(Permit { generation: self.generation, id: 0, since: now }),
            Phase::Open { until } => Err(CircuitOpen { until: Some(*until) }),
            Phase::HalfOpen { ended, running } => {
                let before = running.len();
                running.retain(|probe| probe.lease_end > now);
                self.metrics.probes_expired += (before - running.len()) as u64;
                if ended.calls + running.len() as u64 >= self.probes.into() {
                    return Err(CircuitOpen { until: running.iter().map(|probe| probe.lease_end).min() });
                }
                let id = self.metrics.probes_started;
                self.metrics.probes_started += 1;
                running.push(Probe { id, lease_end: now.saturating_add(lease) });
                Ok(Permit { generation: self.generation, id, since: now })
            }
        }
    }

    /// A call did not pass, and does not wait.
    pub(crate) fn reject(&mut self) {
        self.metrics.rejected += 1;
    }

    /// A call has ended.
    pub fn record(&mut self, now: Duration, permit: Permit, outcome: Outcome) {
        let took = now.saturating_sub(permit.since);
        let slow = self.slow.is_some_and(|slow| took > slow.after);
        let ended = Ended { failed: outcome == Outcome::Failed, slow };
        match outcome {
            Outcome::Succeeded => self.metrics.succeeded += 1,
            Outcome::Failed => self.metrics.failed += 1,
        }
        self.metrics.slow += u64::from(slow);
        match &self.phase {
            Phase::Closed if permit.generation == self.generation => self.watch(now, ended),
            Phase::HalfOpen { .. } if permit.generation == self.generation => {
                self.judge(now, &permit, ended);
            }
            _ => self.metrics.late += 1,
        }
    }

    /// A call was given up, and says nothing: its place is free for another one.
    pub fn release(&mut self, permit: Permit) {
        if permit.generation != self.generation {
            return;
        }
        if let Phase::HalfOpen { running, .. } = &mut self.phase
            && let Some(place) = running.iter().position(|probe| probe.id == permit.id)
        {
            running.swap_remove(place);
            self.metrics.probes_cancelled += 1;
        }
    }

    /// Opens at once, for a reason of the caller's.
    pub fn trip(&mut self, now: Duration) {
        if !matches!(self.phase, Phase::Open { .. }) {
            self.open(now);
        }
    }

    fn watch(&mut self, now: Duration, ended: Ended) {
        self.window.record(now, ended);
        let totals = self.window.totals(now);
        let bad = match self.window {
            Window::Consecutive { limit, in_a_row } => in_a_row >= limit,
            Window::Count { .. } | Window::Time { .. } => {
                totals.calls >= self.calls_min && self.too_many(&totals)
            }
        };
        if bad {
            self.open(now);
        }
    }

    fn judge(&mut self, now: Duration, permit: &Permit, call: Ended) {
        let Phase::HalfOpen { ended, running } = &mut self.phase else { return };
        let Some(place) = running.iter().position(|probe| probe.id == permit.id) else {
            // Its lease had ended, and its place may be another's.
            self.metrics.late += 1;
            return;
        };
        running.swap_remove(place);
        ended.add(call);
        let ended = *ended;
        let all = ended.calls >= self.probes.into();
        let bad = match self.window {
            Window::Consecutive { .. } => call.failed || call.slow,
            Window::Count { .. } | Window::Time { .. } => all && self.too_many(&ended),
        };
        if bad {
            self.open(now);
        } else if all {
            self.window.clear();
            self.attempt = 0;
            self.change(now, Phase::Closed);
        }
    }

    fn too_many(&self, totals: &Totals) -> bool {
        totals.reach(totals.failed, self.failure_ratio)
            || self.slow.is_some_and(|slow| totals.reach(totals.slow, slow.ratio))
    }

    fn open(&mut self, now: Duration) {
        let times = 2u32.saturating_pow(self.attempt);
        let wait = self
            .recovery_max
            .map_or(self.recovery, |max| self.recovery.saturating_mul(times).min(max).max(self.recovery));
        self.attempt = self.attempt.saturating_add(1);
        self.metrics.opened += 1;
        self.change(now, Phase::Open { until: now.saturating_add(wait) });
    }

    fn change(&mut self, now: Duration, phase: Phase) {
        self.phase = phase;
        self.generation += 1;
        self.since = now;
    }

    /// What it does with calls. An open one is open until a call is asked for after its time.
    pub fn state(&self) -> CircuitState {
        match self.phase {
            Phase::Closed => CircuitState::Closed,
            Phase::Open { .. } => CircuitState::Open,
            Phase::HalfOpen { .. } => CircuitState::HalfOpen,
        }
    }

    /// Whether a call would pass. Unlike [`acquire`](Self::acquire) it reserves nothing.
    pub fn would_pass(&self, now: Duration) -> bool {
        match &self.phase {
            Phase::Closed => true,
            Phase::Open { until } => now >= *until,
            Phase::HalfOpen { ended, running } => {
                let live = running.iter().filter(|probe| probe.lease_end > now).count();
                ended.calls + (live as u64) < self.probes.into()
            }
        }
    }

    /// For how long it has been in its state.
    pub fn time_in_state(&self, now: Duration) -> Duration {
        now.saturating_sub(self.since)
    }

    /// The share of failures among the calls that count now; 0.0 if there are none.
    pub fn failure_rate(&self, now: Duration) -> f64 {
        let totals = self.window.totals(now);
        totals.failed as f64 / totals.calls.max(1) as f64
    }

    /// The share of slow calls among the calls that count now; 0.0 if there are none.
    pub fn slow_rate(&self, now: Duration) -> f64 {
        let totals = self.window.totals(now);
        totals.slow as f64 / totals.calls.max(1) as f64
    }

    /// How often it opened since it was last closed.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// What it has done so far.
    pub fn metrics(&self) -> CircuitMetrics {
        CircuitMetrics { state: self.state(), ..self.metrics }
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

    #[test]
    fn a_breaker_waits_longer_each_time_up_to_a_limit_whichever_is_set_first() {
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
