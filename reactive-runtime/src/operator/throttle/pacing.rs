//! A pacer, the clock that it is told, and the timer of whoever waits for it.

use std::task::{Context, Poll, ready};
use std::time::Duration;

use crate::flow::Driven;
use crate::live::Setting;
use crate::pacer::{Pace, Pacer};
use crate::rate::Rate;
use crate::timer::{Clock, RESOLUTION, Timer};

/// How late a wake-up may be that a timer and a busy machine are to be blamed for, and not the reader: it is made good.
const LATENESS: Duration = Duration::from_millis(10);

/// Less than a timer can tell apart.
const INSTANTLY: Duration = RESOLUTION.saturating_sub(Duration::from_nanos(1));

/// A rate and a burst as the stage was given them.
#[derive(Clone, Debug)]
pub(super) struct PaceSetting {
    pub(super) rate: Setting<Rate>,
    pub(super) burst: Setting<u64>,
}

impl PaceSetting {
    pub(super) fn get(&self) -> Pace {
        Pace { rate: self.rate.get(), burst: self.burst.get() }
    }

    /// The new pace, if it has changed.
    pub(super) fn changed(&mut self) -> Option<Pace> {
        let (rate, burst) = (self.rate.changed(), self.burst.changed());
        (rate.is_some() || burst.is_some()).then(|| self.get())
    }

    /// The same; else the task is woken when it does.
    fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<Pace> {
        let (rate, burst) = (self.rate.poll_changed(cx), self.burst.poll_changed(cx));
        if rate.is_ready() || burst.is_ready() { Poll::Ready(self.get()) } else { Poll::Pending }
    }
}

#[derive(Debug)]
pub(super) struct Pacing {
    pub(super) pacer: Pacer,
    wait: Wait,
}

impl Pacing {
    pub(super) fn new(pace: PaceSetting) -> Self {
        Self { pacer: Pacer::of(pace.get()), wait: Wait::new(pace) }
    }

    /// Reads the clock, and follows a change of the pace.
    pub(super) fn now(&mut self) -> Duration {
        let now = self.wait.now();
        if let Some(pace) = self.wait.pace.changed() {
            self.pacer.set_pace(now, pace);
        }
        now
    }

    /// Since when an item of this weight has been waiting, if it may go.
    pub(super) fn is_due(&mut self, weight: u64) -> Option<Duration> {
        let now = self.now();
        (self.pacer.due(weight) <= now).then(|| self.wait.backlog.since(now, INSTANTLY))
    }

    /// Waits until an item of this weight may go.
    pub(super) fn poll_due(&mut self, weight: u64, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let now = self.now();
            let due = self.pacer.due(weight);
            if due <= now {
                return Poll::Ready(());
            }
            if let Some(pace) = ready!(self.wait.poll_until(due, cx)) {
                self.pacer.set_pace(now, pace);
            }
        }
    }

    /// Since when the items that are there now have been waiting.
    pub(super) fn since(&mut self, now: Duration) -> Duration {
        self.wait.backlog.since(now, INSTANTLY)
    }

    /// Upstream was driven, and that is what the reader is told.
    #[inline]
    pub(super) fn drove<E>(&mut self, driven: &Driven<E>, cx: &mut Context<'_>) {
        if let Some(pace) = self.wait.drove(driven, cx) {
            let now = self.wait.now();
            self.pacer.set_pace(now, pace);
        }
    }
}

/// The clock, the timer, and what may change the time that is waited for.
#[derive(Debug)]
pub(super) struct Wait {
    pub(super) pace: PaceSetting,
    clock: Clock,
    timer: Timer,
    backlog: Backlog,
}

impl Wait {
    pub(super) fn new(pace: PaceSetting) -> Self {
        Self { pace, clock: Clock::default(), timer: Timer::default(), backlog: Backlog::default() }
    }

    pub(super) fn now(&mut self) -> Duration {
        self.clock.now()
    }

    /// Waits until that time, or until there is another pace.
    pub(super) fn poll_until(&mut self, due: Duration, cx: &mut Context<'_>) -> Poll<Option<Pace>> {
        if let Poll::Ready(pace) = self.pace.poll_changed(cx) {
            return Poll::Ready(Some(pace));
        }
        let waited = self.timer.poll_until(self.clock.instant(due), cx);
        if waited.is_pending() {
            self.backlog.asked = Asked::Asleep(due);
        }
        waited.map(|()| None)
    }

    /// Since when what is due now has been waiting, where each key has a schedule of its own: their order follows it, so
    /// that the reader is forgiven nothing.
    pub(super) fn since(&mut self, now: Duration) -> Duration {
        self.backlog.since(now, Duration::ZERO)
    }

    /// Upstream was driven, and that is what the reader is told. Gives another pace, if there is one; while there is no item,
    /// the task is woken by that too, as it holds from when it came.
    #[inline]
    pub(super) fn drove<E>(&mut self, driven: &Driven<E>, cx: &mut Context<'_>) -> Option<Pace> {
        if driven.is_ready() {
            self.backlog.asked = Asked::Served;
            return None;
        }
        self.backlog.asked = Asked::Starved;
        match self.pace.poll_changed(cx) {
            Poll::Ready(pace) => Some(pace),
            Poll::Pending => None,
        }
    }
}

/// How much may pass in one drive: counted down, so that the clock and the pacer are asked once.
pub(super) struct Allowance {
    allowed: u64,
    left: u64,
    burst: u64,
    // By how much a heavy item went beyond it.
    beyond: u64,
}

impl Allowance {
    #[inline]
    pub(super) fn new(pacer: &Pacer, since: Duration, now: Duration) -> Self {
        let allowed = pacer.ready_since(since, now);
        Self { allowed, left: allowed, burst: pacer.burst_size(), beyond: 0 }
    }

    /// Lets an item of this weight pass, if it may.
    #[inline(always)]
    pub(super) fn spend(&mut self, weight: u64) -> bool {
        match self.left.checked_sub(weight) {
            Some(left) => {
                self.left = left;
                true
            }
            None => self.overdraw(weight),
        }
    }

    /// An item that weighs more than a burst passes when a whole burst is left.
    #[inline(always)]
    fn overdraw(&mut self, weight: u64) -> bool {
        if self.left < self.burst {
            return false;
        }
        self.beyond = weight - self.left;
        self.left = 0;
        true
    }

    /// The weight of all that passed.
    #[inline]
    pub(super) fn used(&self) -> u64 {
        (self.allowed - self.left).saturating_add(self.beyond)
    }
}

/// Since when items have been waiting that a late poll finds.
///
/// For how long a wait was too long is made good, as far as it was the timer's doing. What the reader did not ask for is
/// not.
#[derive(Clone, Copy, Debug, Default)]
struct Backlog {
    asked: Asked,
    late: Duration,
}

/// How the last call came back.
#[derive(Clone, Copy, Debug, Default)]
enum Asked {
    /// There was no item to be had: what comes next, comes when it comes.
    #[default]
    Starved,
    /// It waits for this time.
    Asleep(Duration),
    /// The reader has been served, and will ask when it wants to.
    Served,
}

impl Backlog {
    /// Since when, if the reader may be late by `forgiven`.
    fn since(&mut self, now: Duration, forgiven: Duration) -> Duration {
        match std::mem::replace(&mut self.asked, Asked::Served) {
            Asked::Starved => self.late = Duration::ZERO,
            Asked::Asleep(due) => {
                let late = now.saturating_sub(due);
                self.late = if late < LATENESS { late } else { Duration::ZERO };
            }
            Asked::Served => return now.saturating_sub(self.late.max(forgiven)),
        }
        now - self.late
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{ms, us};

    #[test]
    fn makes_good_what_the_timer_was_late() {
        let mut backlog = Backlog { asked: Asked::Asleep(ms(10)), late: ms(0) };
        assert_eq!(backlog.since(ms(10) + us(1200), INSTANTLY), ms(10));
        assert_eq!(backlog.since(ms(12), INSTANTLY), ms(12) - us(1200));
        backlog.asked = Asked::Starved;
        assert_eq!(backlog.since(ms(20), INSTANTLY), ms(20));
    }

    #[test]
    fn makes_good_nothing_that_the_reader_did_not_ask_for() {
        let mut backlog = Backlog { asked: Asked::Asleep(ms(10)), late: ms(0) };
        assert_eq!(backlog.since(ms(20), INSTANTLY), ms(20));
        assert_eq!(backlog.since(ms(40), INSTANTLY), ms(40) - INSTANTLY);
    }
}
