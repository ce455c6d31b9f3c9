//! When items may go, at a rate that can change: plain code that is told the time, and reads no clock.

use std::time::Duration;

use crate::fine::Fine;
use crate::rate::Rate;

/// Says when items may go, so that they keep a rate: the Generic Cell Rate Algorithm, with a rate that can be changed.
///
/// Time is told as what has passed since some start. The schedule is absolute: it is not counted anew from the item
/// that went last, and is exact to a fraction of a nanosecond, so it does not drift. An item may weigh more than one. A
/// [`burst`](Self::burst) of items may go at once after a rest.
///
/// When the rate changes, no credit is created or lost: the items' worth that was owed, or was left of a burst, stays the
/// same, and only from then on does it take the new time. When the burst changes, none is created: a larger one fills at
/// the rate, and of a smaller one only what it can hold is left.
///
/// # Examples
///
/// ```
/// # use reactive_runtime::{Pacer, Rate};
/// # use std::time::Duration;
/// let ms = Duration::from_millis;
/// let mut pacer = Pacer::new(Rate::per_second(10)).burst(2);
/// assert_eq!(pacer.ready(ms(0)), 2);
/// pacer.take(ms(0), 2);
/// assert_eq!(pacer.due(1), ms(100));
/// // Half an item is owed at 50 ms: at half the rate that takes 100 ms more.
/// pacer.set_rate(ms(50), Rate::per_second(5));
/// assert_eq!(pacer.due(1), ms(150));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Pacer {
    pace: Pace,
    paid: Fine,
}

impl Pacer {
    /// A pacer that lets one item go at once, and then `rate`.
    pub fn new(rate: Rate) -> Self {
        Self::of(Pace { rate, burst: 1 })
    }

    /// A pacer of that pace.
    pub(crate) fn of(pace: Pace) -> Self {
        Self { pace, paid: Fine::ZERO }
    }

    /// Lets up to `items` items go at once after a rest.
    ///
    /// # Panics
    ///
    /// If `items` is 0.
    #[must_use]
    #[track_caller]
    pub fn burst(mut self, items: u64) -> Self {
        assert!(items > 0, "a burst of 0 items has no meaning: `burst` takes at least 1");
        self.pace.burst = items;
        self
    }

    /// The rate.
    pub fn rate(&self) -> Rate {
        self.pace.rate
    }

    /// How many items may go at once after a rest.
    pub fn burst_size(&self) -> u64 {
        self.pace.burst
    }

    /// Goes on at another rate.
    pub fn set_rate(&mut self, now: Duration, rate: Rate) {
        self.paid = self.pace.retimed(self.paid, now, rate);
        self.pace.rate = rate;
    }

    /// Lets another number of items go at once after a rest. A pacer from which nothing has gone begins with all of them.
    ///
    /// # Panics
    ///
    /// If `items` is 0.
    #[track_caller]
    pub fn set_burst(&mut self, now: Duration, items: u64) {
        assert!(items > 0, "a burst of 0 items has no meaning: `set_burst` takes at least 1");
        self.paid = self.pace.resized(self.paid, now, items);
        self.pace.burst = items;
    }

    /// Goes on at another pace.
    #[cfg(feature = "time")]
    pub(crate) fn set_pace(&mut self, now: Duration, pace: Pace) {
        self.paid = self.pace.changed(self.paid, now, pace);
        self.pace = pace;
    }

    /// When an item of this weight may go: in the past, if it may already. An item that weighs more than a burst waits for a
    /// whole burst, and the next one for the rest of its weight; one without weight need not wait.
    pub fn due(&self, weight: u64) -> Duration {
        self.pace.due(self.paid, weight)
    }

    /// How many items may go now, if all of them have come just now.
    pub fn ready(&self, now: Duration) -> u64 {
        self.ready_since(now, now)
    }

    /// Counts items of this weight as gone now.
    pub fn take(&mut self, now: Duration, weight: u64) {
        self.take_since(now, weight);
    }

    /// How many may go now, if they have been waiting since a time before it: late wake-ups then cost no rate.
    pub(crate) fn ready_since(&self, since: Duration, now: Duration) -> u64 {
        self.pace.ready(self.paid, since, now)
    }

    /// Counts items of this weight as gone, which have been waiting since then.
    pub(crate) fn take_since(&mut self, since: Duration, weight: u64) {
        self.paid = self.pace.after(self.paid, since, weight);
    }
}

/// A rate and a burst. What it decides upon is the time up to which the items that went have paid, "theoretical arrival
/// time" in GCRA; whoever keeps many of them, one a key, shares the rest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) rate: Rate,
    pub(crate) burst: u64,
}

impl Pace {
    pub(crate) fn due(&self, paid: Fine, weight: u64) -> Duration {
        if weight == 0 {
            return Duration::ZERO;
        }
        let spare = self.burst - weight.min(self.burst);
        paid.minus(self.rate.period().times(spare)).ceil()
    }

    pub(crate) fn ready(&self, paid: Fine, since: Duration, now: Duration) -> u64 {
        let period = self.rate.period();
        let credit_end = Fine::from(now).plus(period.times(self.burst));
        credit_end.minus(paid.no_earlier_than(since)).whole(period)
    }

    pub(crate) fn after(&self, paid: Fine, since: Duration, weight: u64) -> Fine {
        if weight == 0 { paid } else { paid.no_earlier_than(since).plus(self.rate.period().times(weight)) }
    }

    /// What was paid up to, when from now on another pace holds.
    #[cfg(feature = "time")]
    pub(crate) fn changed(&self, paid: Fine, now: Duration, pace: Self) -> Fine {
        let paid = self.retimed(paid, now, pace.rate);
        Self { rate: pace.rate, ..*self }.resized(paid, now, pace.burst)
    }

    /// What was paid up to, when from now on another rate holds.
    fn retimed(&self, paid: Fine, now: Duration, rate: Rate) -> Fine {
        // Nothing has gone.
        if paid == Fine::ZERO {
            return paid;
        }
        let (now, rescaled) =
            (Fine::from(now), |time: Fine| time.rescaled(self.rate.period(), rate.period()));
        if paid >= now {
            return now.plus(rescaled(paid.minus(now)));
        }
        // What has been due since then was so at the old rate.
        now.minus(rescaled(now.minus(paid))).max(Fine::MIN)
    }

    /// What was paid up to, when from now on so many may go at once: what is left of the burst stays, as far as it fits.
    fn resized(&self, paid: Fine, now: Duration, burst: u64) -> Fine {
        let more = self.rate.period().times(burst.saturating_sub(self.burst));
        let less = self.rate.period().times(self.burst.saturating_sub(burst));
        if burst == self.burst || paid == Fine::ZERO {
            return paid;
        }
        // Never zero, which is for those from which nothing has gone.
        paid.max(now.into()).plus(more).minus(less).max(Fine::MIN)
    }
}

#[cfg(test)]
mod tests;
