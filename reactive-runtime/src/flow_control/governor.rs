//! Measures one stage, and holds it to what an algorithm decides.

mod pacing;
mod servers;
#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::metrics::Gauge;
use super::{
    Algorithm, Completion, Decision, ErrorClass, FlowControlConfig, FlowMetrics, Ledger, Signals, StageState,
    Ticket,
};
use pacing::Pacing;
use servers::Servers;

/// Measures one stage, paces and caps what enters it, as an [`Algorithm`] decides.
///
/// It is what `flow_control` puts around the calls of a stage, for authors of stages of their own. It is plain code: it is
/// told the time once a poll, and says when it wants to be told again. In a poll of the stage,
///
/// 1. [`advance`](Self::advance) tells the time;
/// 2. while it [`is_open`](Self::is_open), items may [`enter`](Self::enter). For each attempt at the work on one,
///    [`admit`](Self::admit), [`begin`](Self::begin) where it had to wait for that, and [`end`](Self::end); when there
///    will be no further one, [`leave`](Self::leave);
/// 3. [`rest`](Self::rest) says whether the stage would have taken more, and [`wake_at`](Self::wake_at) is the time at
///    which it is polled again, if nothing else wakes it before.
///
/// # Examples
///
/// ```
/// use reactive_runtime::flow_control::{Aimd, Governor};
/// use std::time::Duration;
///
/// // It begins with 100 items a second.
/// let mut governor = Governor::new(Aimd::new());
/// governor.advance(Duration::ZERO);
/// governor.enter();
/// let attempt = governor.admit();
/// assert!(!governor.is_open());
/// governor.rest(true);
/// assert_eq!(governor.wake_at(), Some(Duration::from_millis(10)));
///
/// governor.advance(Duration::from_millis(10));
/// assert!(governor.is_open());
/// governor.end(attempt, Ok(()));
/// governor.leave();
/// assert_eq!(governor.in_flight(), 0);
/// ```
#[derive(Clone, Debug)]
pub struct Governor<A> {
    algorithm: A,
    interval: Duration,
    interval_began: Duration,
    /// `None` before the first poll.
    interval_ends: Option<Duration>,
    now: Duration,
    ledger: Ledger,
    gauge: Gauge,
    signals: Option<Signals>,
    decision: Decision,
    bounds: RangeInclusive<usize>,
    cap: usize,
    /// Items that entered and have not left.
    inside: usize,
    /// Those of them of which no attempt was admitted yet.
    unattempted: usize,
    /// Attempts that were refused in this interval. Each keeps its place until that is over: else a service that refuses at once
    /// would be asked again at once.
    refused: usize,
    /// `None` where only their number is limited.
    pacing: Option<Pacing>,
    servers: Servers,
    /// Whether the decisions, and nothing else, hold items back, and for how long they did in the interval.
    holds_back: bool,
    held_back: Duration,
}

/// An attempt at the work on an item, from its admission until it ends: made by [`Governor::admit`].
#[derive(Clone, Copy, Debug)]
pub struct Admission {
    ticket: Ticket,
    began_at: Option<Duration>,
}

impl<A: Algorithm> Governor<A> {
    /// Holds a stage to what `algorithm` decides.
    pub fn new(algorithm: A) -> Self {
        let config = algorithm.config().cloned().unwrap_or_default();
        Self::with_config(algorithm, &config)
    }

    /// The same, with the initial rate, the control interval and the metrics of this configuration.
    ///
    /// # Panics
    ///
    /// If [`FlowControlConfig::validate`] refuses it.
    #[track_caller]
    pub fn with_config(algorithm: A, config: &FlowControlConfig) -> Self {
        config.assert_valid();
        let decision = Decision { rate: config.initial_rate, max_in_flight: NonZeroUsize::new(INITIAL_CAP) };
        Self {
            interval: config.control_interval,
            interval_began: Duration::ZERO,
            interval_ends: None,
            now: Duration::ZERO,
            ledger: Ledger::default(),
            gauge: Gauge::new(config),
            signals: None,
            pacing: Some(Pacing::new(decision.rate)),
            decision,
            bounds: 1..=usize::MAX,
            cap: INITIAL_CAP,
            inside: 0,
            unattempted: 0,
            refused: 0,
            servers: Servers::default(),
            holds_back: false,
            held_back: Duration::ZERO,
            algorithm,
        }
    }

    /// Keeps what may be in flight in `bounds`, whatever the algorithm says.
    ///
    /// # Panics
    ///
    /// If no number above 0 is in it.
    #[must_use]
    #[track_caller]
    pub fn bounds(mut self, bounds: RangeInclusive<usize>) -> Self {
        assert!(
            *bounds.start() > 0 && !bounds.is_empty(),
            "a range of items in flight begins at 1 or above, and is not empty: `{bounds:?}` has no meaning",
        );
        self.bounds = bounds;
        self.apply(self.decision);
        self
    }

    /// Limits only how many items are in flight, not how fast they come.
    #[must_use]
    pub fn unpaced(mut self) -> Self {
        self.pacing = None;
        self
    }

    /// Tells that so many items are worked on at once, and the others wait: then their waits, and the time at work, are
    /// measured, and not guessed from latency.
    #[must_use]
    pub fn servers(mut self, servers: NonZeroUsize) -> Self {
        self.servers = Servers::new(servers, self.now);
        self
    }

    /// It is this late. Returns whether an interval has ended.
    pub fn advance(&mut self, now: Duration) -> bool {
        let now = now.max(self.now);
        let ends = match self.interval_ends {
            Some(ends) => ends,
            None => self.begin_interval(now, now),
        };
        let ended = now >= ends;
        if ended {
            self.end_interval(ends, now);
        }
        self.pass_time_to(now);
        self.holds_back = false;
        if let Some(pacing) = &mut self.pacing {
            pacing.advance(now);
        }
        ended
    }

    /// Whether another item may enter.
    #[inline]
    pub fn is_open(&self) -> bool {
        !self.is_full() && self.pacing.as_ref().is_none_or(Pacing::is_open)
    }

    #[inline]
    fn is_full(&self) -> bool {
        self.inside + self.refused >= self.cap
    }

    /// An item enters.
    #[inline]
    pub fn enter(&mut self) {
        self.inside += 1;
        self.unattempted += 1;
        if let Some(pacing) = &mut self.pacing {
            pacing.spend();
        }
    }

    /// An attempt at the work on an item is admitted: it begins now, or waits for a place at work.
    #[inline]
    pub fn admit(&mut self) -> Admission {
        match self.unattempted.checked_sub(1) {
            Some(fewer) => self.unattempted = fewer,
            // Not the first for its item. It need not wait, but the next item does.
            None => {
                if let Some(pacing) = &mut self.pacing {
                    pacing.spend();
                }
            }
        }
        Admission { ticket: self.ledger.admit(self.now), began_at: None }
    }

    /// The work on it begins, where it had to wait for a place.
    #[inline]
    pub fn begin(&mut self, admission: &mut Admission) {
        admission.began_at = Some(self.now);
        self.servers.begin();
    }

    /// It is over: with a result, or with an error, which may say something about the stage.
    #[inline]
    pub fn end(&mut self, admission: Admission, result: Result<(), ErrorClass>) {
        let Admission { ticket, began_at } = admission;
        if began_at.is_some() {
            self.servers.end();
        }
        let completion = match result {
            Ok(()) => {
                let wait = began_at.map(|at| at.saturating_sub(ticket.admitted_at));
                self.ledger.complete(ticket, self.now, wait)
            }
            Err(ErrorClass::Overload | ErrorClass::Timeout) => {
                self.refused += 1;
                self.ledger.drop_item(ticket, self.now)
            }
            Err(ErrorClass::BadRequest) => return self.ledger.ignore(ticket),
        };
        self.decide_on(&completion);
    }

    /// An item that had entered leaves: there will be no further attempt.
    #[inline]
    pub fn leave(&mut self) {
        debug_assert!(self.inside > 0, "an item that leaves has entered");
        self.inside -= 1;
        self.unattempted = self.unattempted.min(self.inside);
    }

    /// The poll ends. `wants_more`: the stage has room, and a source that may have more.
    pub fn rest(&mut self, wants_more: bool) {
        self.holds_back = wants_more && !self.is_open();
        if !self.holds_back && !self.is_full() {
            self.ledger.source_is_empty();
        }
        let is_paced = self.holds_back && !self.is_full();
        if let Some(pacing) = &mut self.pacing {
            pacing.rest(is_paced);
        }
    }

    /// When it wants to be told the time again; `None` if it does not matter, as nothing is there.
    pub fn wake_at(&self) -> Option<Duration> {
        let measures = self.holds_back || self.ledger.in_flight() > 0;
        let interval_ends = self.interval_ends.filter(|_| measures);
        let is_paced = self.holds_back && !self.is_full();
        let due = self.pacing.as_ref().filter(|_| is_paced).map(Pacing::due);
        [interval_ends, due].into_iter().flatten().min()
    }

    /// Items that entered and have not left.
    pub fn in_flight(&self) -> usize {
        self.inside
    }

    /// The last decision.
    pub fn decision(&self) -> Decision {
        self.decision
    }

    /// What was measured in the last interval that is over.
    pub fn signals(&self) -> Option<Signals> {
        self.signals
    }

    /// How it does.
    pub fn metrics(&self) -> FlowMetrics {
        self.gauge.metrics(self.decision, &self.algorithm)
    }

    /// The algorithm within.
    pub fn algorithm(&self) -> &A {
        &self.algorithm
    }

    #[inline]
    fn decide_on(&mut self, completion: &Completion) {
        if let Some(decision) = self.algorithm.on_complete(completion)
            && decision != self.decision
        {
            self.apply(decision);
        }
    }

    /// `ends` is when the interval was to end. If nobody told the time for much longer, nothing has happened since.
    #[cold]
    fn end_interval(&mut self, ends: Duration, now: Duration) {
        let end = if now - ends < self.interval { now } else { ends };
        self.pass_time_to(end);
        self.refused = 0;
        let length = end - self.interval_began;
        let state = StageState {
            queue_len: self.servers.waiting(self.ledger.in_flight()),
            busy: self.servers.take_busy(length),
            app_limited: std::mem::take(&mut self.held_back).saturating_mul(2) < length,
            ..StageState::default()
        };
        let signals = self.ledger.interval(end, state);
        if self.ledger.in_flight() > 0 {
            self.begin_interval(end, now);
        } else {
            self.ledger.skip_to(now);
            self.begin_interval(now, now);
        }
        let demand = signals.admitted as f64 / length.as_secs_f64().max(1e-9);
        self.gauge.observe(demand, signals.throughput(), self.decision.rate);
        self.signals = Some(signals);
        let decision = self.algorithm.on_interval(&signals);
        self.apply(decision);
    }

    fn begin_interval(&mut self, from: Duration, now: Duration) -> Duration {
        self.interval_began = from;
        *self.interval_ends.insert(now.saturating_add(self.interval))
    }

    fn pass_time_to(&mut self, now: Duration) {
        if self.holds_back {
            self.held_back += now - self.now;
        }
        self.servers.advance(now);
        self.now = now;
    }

    fn apply(&mut self, decision: Decision) {
        // An algorithm may be anyone's.
        let rate =
            if decision.rate.is_finite() && decision.rate > 0.0 { decision.rate } else { self.decision.rate };
        if let Some(pacing) = &mut self.pacing
            && rate != self.decision.rate
        {
            pacing.set_rate(rate);
        }
        let cap = decision.max_in_flight.map_or(usize::MAX, NonZeroUsize::get);
        self.cap = cap.clamp(*self.bounds.start(), *self.bounds.end());
        self.decision =
            Decision { rate, max_in_flight: NonZeroUsize::new(self.cap).filter(|_| self.cap < usize::MAX) };
    }
}

/// Until the first decision.
const INITIAL_CAP: usize = 10;
