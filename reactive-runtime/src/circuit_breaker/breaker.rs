mod setup;

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
