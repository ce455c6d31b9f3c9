//! What an item takes when it need not wait, and how long it does wait.

use std::time::Duration;

use super::Signals;

/// Estimates the latency without a queue, and the wait in the queue.
///
/// Where the wait is measured, the first is the mean of the rest. Where it is not, it is the least mean latency of the
/// last while: not the least latency, which tells nothing where service is random or parallel (the quickest of many
/// items has hardly any). And a queue that never empties would pass for latency, so there is a [probe](Self::probe) then.
#[derive(Clone, Debug)]
pub(super) struct Baseline {
    latency: Option<f64>,
    least: WindowedMin,
    /// Whether the latency is only the least that was seen.
    inferred: bool,
    memory: f64,
    /// When the least latency was last met.
    met_at: f64,
    probe_until: Option<f64>,
}

/// As good as the least.
const NEAR: f64 = 1.02;
/// A probe lasts for so many intervals at least, and for so many latencies.
const PROBE_INTERVALS: f64 = 3.0;
const PROBE_LATENCIES: f64 = 2.0;

/// No work on an item takes longer, in seconds: a clock that was wrong once is soon forgotten.
const MOST: f64 = 86_400.0;

impl Baseline {
    /// `memory` is for how many seconds the least mean latency is believed.
    pub(super) fn new(memory: f64) -> Self {
        Self {
            latency: None,
            least: WindowedMin::new(memory),
            inferred: false,
            memory,
            met_at: 0.0,
            probe_until: None,
        }
    }

    pub(super) fn observe(&mut self, signals: &Signals) {
        let Some(sojourn) = signals.sojourn.map(|time| time.as_secs_f64().min(MOST)) else { return };
        self.inferred = signals.queue_wait.is_none();
        self.latency = Some(match signals.queue_wait {
            Some(wait) => {
                let served = (sojourn - wait.as_secs_f64()).max(0.0);
                self.latency.map_or(served, |latency| 0.8 * latency + 0.2 * served)
            }
            None => self.infer(signals, sojourn),
        });
    }

    fn infer(&mut self, signals: &Signals, sojourn: f64) -> f64 {
        let now = signals.now.as_secs_f64();
        let least = self.least.observe(now, sojourn);
        if sojourn <= NEAR * least || self.probe_until.is_some_and(|end| now >= end) {
            self.met_at = now;
            self.probe_until = None;
        } else if self.probe_until.is_none() && now - self.met_at > self.memory / 2.0 {
            let interval = signals.interval.as_secs_f64();
            self.probe_until = Some(now + (PROBE_INTERVALS * interval).max(PROBE_LATENCIES * sojourn));
        }
        least
    }

    /// `cap`, or half of it while the latency without a queue has to be looked for.
    ///
    /// That is ProbeRTT of BBR (draft-ietf-ccwg-bbr, section 5.3.4). Whatever the queue, it halves what is in flight, so
    /// from probe to probe the estimate comes down to what it is.
    pub(super) fn probe(&self, cap: f64) -> f64 {
        if self.inferred && self.probe_until.is_some() { cap / 2.0 } else { cap }
    }

    /// The seconds an item takes when it need not wait; `None` before the first was completed.
    pub(super) fn latency(&self) -> Option<f64> {
        self.latency
    }

    /// The seconds an item waits; `None` if nothing was completed in the interval.
    pub(super) fn queue_delay(&self, signals: &Signals) -> Option<f64> {
        let sojourn = signals.sojourn?.as_secs_f64();
        Some(signals.queue_wait.as_ref().map_or_else(
            || {
                let hidden = sojourn - self.latency.unwrap_or(sojourn);
                hidden.max(signals.queue_len as f64 / signals.throughput())
            },
            Duration::as_secs_f64,
        ))
    }
}

/// The least of the values seen in the last while, to a tenth of that while.
#[derive(Clone, Debug)]
pub(super) struct WindowedMin {
    slice: f64,
    slices: [f64; SLICES],
    current: u64,
}

const SLICES: usize = 10;

impl WindowedMin {
    pub(super) fn new(window: f64) -> Self {
        Self { slice: window / SLICES as f64, slices: [f64::INFINITY; SLICES], current: 0 }
    }

    /// Takes a value, and gives the least one.
    pub(super) fn observe(&mut self, now: f64, value: f64) -> f64 {
        let slice = (now / self.slice) as u64;
        for passed in (self.current.saturating_add(1)..=slice).rev().take(SLICES) {
            self.slices[(passed % SLICES as u64) as usize] = f64::INFINITY;
        }
        self.current = slice;
        let newest = &mut self.slices[(slice % SLICES as u64) as usize];
        *newest = newest.min(value);
        self.slices.into_iter().fold(f64::INFINITY, f64::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_value_is_forgotten_after_the_window() {
        let mut least = WindowedMin::new(10.0);
        assert_eq!(least.observe(0.0, 1.0), 1.0);
        assert_eq!(least.observe(5.0, 3.0), 1.0);
        assert_eq!(least.observe(9.9, 2.0), 1.0);
        assert_eq!(least.observe(10.1, 4.0), 2.0);
        assert_eq!(least.observe(15.1, 4.0), 2.0);
        assert_eq!(least.observe(1e6, 5.0), 5.0);
    }
}
