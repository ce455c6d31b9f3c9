//! What an algorithm is told, and what it answers.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::Ticket;

/// What happened to a stage in one control interval. A [`Ledger`](super::Ledger) makes them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Signals {
    /// The end of the interval, since the start.
    pub now: Duration,
    /// How long the interval was.
    pub interval: Duration,
    /// Items that wait for the stage, at the end of the interval.
    pub queue_len: usize,
    /// How many items may wait for the stage; `usize::MAX` where nothing bounds them.
    pub queue_capacity: usize,
    /// Items that were admitted and neither completed nor dropped, at the end of the interval.
    pub in_flight: usize,
    /// Items admitted in the interval.
    pub admitted: u64,
    /// Items completed in the interval.
    pub completed: u64,
    /// Items of ours that were refused for want of room, in the interval.
    pub dropped: u64,
    /// Items admitted since the start.
    pub admitted_total: u64,
    /// Items that left since the start, however they did.
    pub left_total: u64,
    /// Which part of the interval the stage was at work, 0 to 1; `None` where it cannot be seen.
    pub busy: Option<f64>,
    /// The mean time that the completed items had waited before the work on them began; `None` if there is none, or if
    /// it cannot be seen.
    pub queue_wait: Option<Duration>,
    /// The mean time from admission to completion; `None` if nothing was completed.
    pub sojourn: Option<Duration>,
    /// Whether the source had fewer items to give than were allowed.
    pub app_limited: bool,
}

impl Signals {
    /// Items completed, per second.
    pub fn throughput(&self) -> f64 {
        self.completed as f64 / self.interval.as_secs_f64().max(1e-9)
    }

    /// [`busy`](Self::busy) as a part: what is no number is not known.
    pub(super) fn busy_part(&self) -> Option<f64> {
        self.busy.filter(|busy| !busy.is_nan()).map(|busy| busy.clamp(0.0, 1.0))
    }
}

/// An item left the stage. A [`Ledger`](super::Ledger) makes them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Completion {
    /// When it left, since the start.
    pub now: Duration,
    /// What was noted when it came in.
    pub ticket: Ticket,
    /// How long it waited before the work on it began; `None` where it cannot be seen.
    pub queue_wait: Option<Duration>,
    /// How it left.
    pub outcome: Outcome,
    /// Items that are still in the stage.
    pub in_flight: usize,
    /// Items admitted since the start.
    pub admitted_total: u64,
    /// Items completed since the start, this one among them if it was.
    pub completed_total: u64,
    /// Items dropped since the start, this one among them if it was.
    pub dropped_total: u64,
}

impl Completion {
    /// The time from admission to now.
    #[inline]
    pub fn sojourn(&self) -> Duration {
        self.now.saturating_sub(self.ticket.admitted_at)
    }

    /// Items per second that went through between the admission of this one and now; `None` if no time passed.
    ///
    /// It is the smaller of the rates at which they were admitted and completed, so that a pause which releases many
    /// at once does not look like speed.
    #[inline]
    pub fn delivery_rate(&self) -> Option<f64> {
        // draft-cheng-iccrg-delivery-rate-estimation, section 3.3: the interval is the longer of the two.
        let admitting = nanos_between(self.ticket.flight_began_at, self.ticket.admitted_at);
        let completing = nanos_between(self.ticket.completed_at, self.now);
        let nanos = admitting.max(completing);
        let completed = self.completed_total.saturating_sub(self.ticket.completed_total);
        (nanos > 0).then(|| float(completed) / (nanos as f64 * 1e-9))
    }
}

/// How an item left a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The work on it was done.
    Completed,
    /// It was refused for want of room: the sign of congestion.
    Dropped,
}

/// What may enter a stage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    /// Items per second; positive and finite.
    pub rate: f64,
    /// How many items may be in the stage at once; `None` for no limit.
    pub max_in_flight: Option<NonZeroUsize>,
}

impl Decision {
    /// At most `rate` items a second, and `cap` of them, rounded up and at least one, in flight.
    pub(super) fn new(rate: f64, cap: f64) -> Self {
        Self::whole(rate, cap.ceil())
    }

    /// The same, with the cap rounded down.
    #[inline]
    pub(super) fn whole(rate: f64, cap: f64) -> Self {
        // A float that is cast saturates, so an infinite cap is a very large one. To 32 bits it is cheaper.
        let cap = NonZeroUsize::new(cap as u32 as usize).unwrap_or(NonZeroUsize::MIN);
        Self { rate, max_in_flight: Some(cap) }
    }
}

/// `time` in seconds. `as_secs_f64` divides, which is most of what a decision per item would cost.
#[inline]
pub(super) fn seconds(time: Duration) -> f64 {
    float(time.as_secs()) + f64::from(time.subsec_nanos()) * 1e-9
}

/// The nanoseconds from one time to a later one, and none to an earlier one: of times below 292 years, where it is cheaper
/// than with [`Duration`]s.
#[inline]
pub(super) fn nanos_between(from: Duration, to: Duration) -> i64 {
    let nanos = |time: Duration| {
        time.as_secs().wrapping_mul(1_000_000_000).wrapping_add(u64::from(time.subsec_nanos()))
    };
    nanos(to).wrapping_sub(nanos(from)).cast_signed().max(0)
}

/// A count that is not astronomical: from a signed number it is one instruction.
#[inline]
pub(super) fn float(count: u64) -> f64 {
    count as i64 as f64
}
