//! A pace, as a number of items that may enter in this poll.

use std::time::Duration;

use crate::pacer::Pacer;
use crate::rate::Rate;

/// Asks the pacer once a poll, and pays for what entered when the poll is over: an item costs an addition.
#[derive(Clone, Debug)]
pub(super) struct Pacing {
    pacer: Pacer,
    now: Duration,
    /// Since when items have been waiting for their turn: a late wake-up then costs no rate.
    since: Duration,
    waits: Option<bool>,
    credit: u64,
    spent: u64,
}

/// What a clock of tokio's can tell apart, and how late a poll may come that waited for something else.
const RESOLUTION: Duration = Duration::from_millis(1);

impl Pacing {
    pub(super) fn new(rate: f64) -> Self {
        let pacer = Pacer::new(Rate::per_second(rate)).burst(burst(rate));
        Self { pacer, now: Duration::ZERO, since: Duration::ZERO, waits: Some(false), credit: 0, spent: 0 }
    }

    pub(super) fn advance(&mut self, now: Duration) {
        self.pay();
        self.now = now;
        self.since = match self.waits.take() {
            Some(true) => self.since,
            Some(false) => now,
            // The last poll did not come to its end, as nobody wanted more.
            None => self.since.max(now.saturating_sub(RESOLUTION)),
        };
        self.credit = self.pacer.ready_since(self.since, now);
    }

    #[inline]
    pub(super) fn is_open(&self) -> bool {
        self.spent < self.credit
    }

    #[inline]
    pub(super) fn spend(&mut self) {
        self.spent += 1;
    }

    /// The poll ends; an item may wait for its turn.
    pub(super) fn rest(&mut self, waits: bool) {
        let entered = self.spent > 0;
        self.pay();
        if entered || !waits {
            self.since = self.now;
        }
        self.waits = Some(waits);
    }

    /// When the next item may enter.
    pub(super) fn due(&self) -> Duration {
        self.pacer.due(1)
    }

    pub(super) fn set_rate(&mut self, rate: f64) {
        self.pay();
        self.pacer.set_rate(self.now, Rate::per_second(rate));
        self.pacer = self.pacer.burst(burst(rate));
        self.credit = self.pacer.ready_since(self.since, self.now);
    }

    fn pay(&mut self) {
        if self.spent > 0 {
            self.pacer.take_since(self.since, self.spent);
            self.credit = self.credit.saturating_sub(self.spent);
            self.spent = 0;
        }
    }
}

/// As many as come due while the timer cannot tell the time: BBR.send_quantum of draft-ietf-ccwg-bbr, section 5.6.3.
fn burst(rate: f64) -> u64 {
    ((rate * RESOLUTION.as_secs_f64()).ceil() as u64).max(1)
}
