//! Samples, and rounds: the time until an item that is admitted now has left.

use super::bounds::Bounds;
use crate::flow_control::signals::{float, nanos_between, seconds};
use crate::flow_control::{Completion, Signals};

/// What one completion tells: RS in the draft.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) now: f64,
    /// Seconds from admission to completion.
    pub(super) rtt: f64,
    /// Of those the seconds in the queue, where this is known.
    pub(super) wait: Option<f64>,
    /// Items per second.
    pub(super) delivery_rate: f64,
    pub(super) newly_completed: f64,
    /// Items completed since this one was admitted.
    pub(super) completed: f64,
    /// Items dropped since this one was admitted.
    pub(super) lost: f64,
    /// Items in flight when it was admitted.
    pub(super) tx_in_flight: f64,
    /// Items in flight now.
    pub(super) in_flight: f64,
    /// Items completed before it was admitted.
    pub(super) prior_completed: u64,
    pub(super) completed_total: u64,
    pub(super) app_limited: bool,
    /// Whether the cap, and not the rate or the source, held items back.
    pub(super) cap_limited: bool,
    /// It is the first after a time with nothing to do.
    pub(super) after_idle: bool,
}

impl Sample {
    #[inline]
    pub(super) fn of_completion(completion: &Completion, cap: f64) -> Self {
        let ticket = &completion.ticket;
        let rtt = nanos_between(ticket.admitted_at, completion.now) as f64 * 1e-9;
        let in_flight = float(completion.in_flight as u64);
        Self {
            now: seconds(completion.now),
            rtt,
            wait: completion.queue_wait.map(seconds),
            delivery_rate: completion.delivery_rate().unwrap_or(0.0),
            newly_completed: 1.0,
            completed: float(completion.completed_total.saturating_sub(ticket.completed_total)),
            lost: float(completion.dropped_total.saturating_sub(ticket.dropped_total)),
            tx_in_flight: float(ticket.in_flight as u64),
            in_flight,
            prior_completed: ticket.completed_total,
            completed_total: completion.completed_total,
            app_limited: ticket.app_limited,
            cap_limited: in_flight + 2.0 > cap,
            after_idle: ticket.app_limited && ticket.in_flight == 1,
        }
    }

    /// Where completions are not told one by one: an interval is a round.
    pub(super) fn of_interval(signals: &Signals, cap: f64) -> Self {
        // A latency of zero would mean that nothing is ever in flight.
        let rtt = signals.sojourn.filter(|time| !time.is_zero()).unwrap_or(signals.interval).as_secs_f64();
        let in_flight = signals.in_flight as f64;
        Self {
            now: signals.now.as_secs_f64(),
            rtt,
            wait: signals.queue_wait.map(|wait| wait.as_secs_f64()),
            delivery_rate: signals.throughput(),
            newly_completed: signals.completed as f64,
            completed: signals.completed as f64,
            lost: signals.dropped as f64,
            tx_in_flight: in_flight,
            in_flight,
            prior_completed: signals.left_total.saturating_sub(signals.completed),
            completed_total: signals.left_total,
            app_limited: signals.app_limited,
            cap_limited: in_flight >= cap.floor(),
            after_idle: false,
        }
    }

    /// The items of the interval were completed as they came, and `completed` of them are told by now: a latency can not be
    /// learned from them, so it stays as it is.
    pub(super) fn at_once(&mut self, completed: u64, min_rtt: Option<f64>) {
        self.rtt = min_rtt.unwrap_or(self.rtt);
        self.wait = None;
        self.lost = 0.0;
        self.prior_completed = completed.saturating_sub(self.completed as u64);
        self.completed_total = completed;
    }

    /// IsInflightTooHigh.
    pub(super) fn is_inflight_too_high(&self) -> bool {
        self.lost > self.tx_in_flight * super::LOSS_THRESHOLD
    }
}

/// BBRUpdateRound: rounds are told by items, not by the clock, so they fit any latency.
#[derive(Clone, Debug, Default)]
pub(super) struct Round {
    pub(super) count: u64,
    /// The sample in hand is the first of its round.
    pub(super) starts: bool,
    next_completed: u64,
}

impl Round {
    #[inline]
    pub(super) fn update(&mut self, sample: &Sample) {
        self.starts = sample.prior_completed >= self.next_completed;
        if self.starts {
            self.count += 1;
            self.restart(sample);
        }
    }

    /// BBRStartRound: counts anew from here.
    pub(super) fn restart(&mut self, sample: &Sample) {
        self.next_completed = sample.completed_total;
    }
}

/// What was lost and delivered in a round, which begins with a loss where there is one.
#[derive(Clone, Debug)]
pub(super) struct LossRound {
    /// BBR.bw_latest: the best delivery rate of the round.
    pub(super) bw_latest: f64,
    /// BBR.inflight_latest: the most that was delivered in a round trip.
    pub(super) inflight_latest: f64,
    pub(super) lost: u64,
    /// The shortest wait of the round: the queue that stands.
    least_wait: f64,
    is_over: bool,
    next_completed: u64,
}

impl Default for LossRound {
    fn default() -> Self {
        Self {
            bw_latest: 0.0,
            inflight_latest: 0.0,
            lost: 0,
            least_wait: f64::INFINITY,
            is_over: false,
            next_completed: 0,
        }
    }
}

impl LossRound {
    /// BBRUpdateLatestDeliverySignals.
    #[inline]
    pub(super) fn update(&mut self, sample: &Sample, wait: f64) {
        self.bw_latest = self.bw_latest.at_least(sample.delivery_rate);
        self.inflight_latest = self.inflight_latest.at_least(sample.completed);
        self.least_wait = self.least_wait.at_most(wait);
        self.is_over = sample.prior_completed >= self.next_completed;
        if self.is_over {
            self.next_completed = sample.completed_total;
        }
    }

    /// BBRAdvanceLatestDeliverySignals.
    #[inline]
    pub(super) fn advance(&mut self, sample: &Sample) {
        if self.is_over {
            self.bw_latest = sample.delivery_rate;
            self.inflight_latest = sample.completed;
        }
    }

    /// BBRNoteLoss.
    #[cold]
    pub(super) fn note_loss(&mut self, sample: &Sample) {
        if self.lost == 0 {
            self.next_completed = sample.completed_total;
        }
        self.lost += 1;
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Whether the round had losses, or a queue that never took less than `most_wait`; forgets both.
    pub(super) fn take_congestion(&mut self, most_wait: f64) -> bool {
        let least_wait = std::mem::replace(&mut self.least_wait, f64::INFINITY);
        let waited = least_wait.is_finite() && least_wait > most_wait;
        std::mem::take(&mut self.lost) > 0 || waited
    }

    /// BBRResetCongestionSignals.
    pub(super) fn reset(&mut self) {
        self.lost = 0;
        self.least_wait = f64::INFINITY;
        self.bw_latest = 0.0;
        self.inflight_latest = 0.0;
    }
}
