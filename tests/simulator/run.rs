//! What came of a run, and how good that is.

use reactive_runtime::flow_control::Decision;

use super::scenario::{Demand, Scenario};

/// What happened.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) scenario: Scenario,
    /// Items that the source had after the warm-up, where it was not always full.
    pub(crate) offered: usize,
    pub(crate) admitted: u64,
    pub(crate) dropped: u64,
    pub(crate) done: Vec<Done>,
    pub(crate) ticks: Vec<Tick>,
}

/// An item that came back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    pub(crate) at: f64,
    /// How much work it was: 1 on average.
    pub(crate) work: f64,
    /// Seconds in the queue.
    pub(crate) wait: f64,
    /// Seconds since the source had it.
    pub(crate) since_arrival: f64,
}

/// The end of a control interval.
#[derive(Clone, Debug)]
pub(crate) struct Tick {
    pub(crate) at: f64,
    pub(crate) queue_len: usize,
    pub(crate) capacity: f64,
    /// Of each sender, in the interval that ends.
    pub(crate) throughput: Vec<f64>,
    /// Of each sender, for the interval that begins.
    pub(crate) rate: Vec<f64>,
    pub(crate) cap: Vec<usize>,
}

impl Tick {
    pub(crate) fn push(&mut self, throughput: f64, decision: Decision) {
        self.throughput.push(throughput);
        self.rate.push(decision.rate);
        self.cap.push(decision.max_in_flight.map_or(usize::MAX, std::num::NonZero::get));
    }
}

impl Run {
    pub(crate) fn new(scenario: &Scenario, offered: usize) -> Self {
        Self { scenario: scenario.clone(), offered, admitted: 0, dropped: 0, done: vec![], ticks: vec![] }
    }

    /// Work done, over what could have been done: 0 to 1. In bursts of demand it is the items, over those that came.
    pub(crate) fn utilization(&self) -> f64 {
        let Scenario { warm_up, duration, capacity, .. } = &self.scenario;
        match self.scenario.demand {
            Demand::Bursts { .. } => self.counted().count() as f64 / self.offered as f64,
            Demand::Saturated | Demand::IdleThenSaturated { .. } => {
                let done: f64 = self.counted().map(|done| done.work).sum();
                done / (capacity.up_to(*duration) - capacity.up_to(*warm_up))
            }
        }
    }

    /// The seconds in the queue that this part of the items stays below.
    pub(crate) fn wait(&self, part: f64) -> f64 {
        quantile(self.counted().map(|done| done.wait).collect(), part)
    }

    /// The same, of the seconds since the source had the item.
    pub(crate) fn delay(&self, part: f64) -> f64 {
        quantile(self.counted().map(|done| done.since_arrival).collect(), part)
    }

    fn counted(&self) -> impl Iterator<Item = &Done> {
        self.done.iter().filter(|done| done.at > self.scenario.warm_up)
    }

    /// Items refused, over items sent.
    pub(crate) fn loss(&self) -> f64 {
        self.dropped as f64 / self.admitted.max(1) as f64
    }

    /// Items that waited longer than half a second, for each outage.
    pub(crate) fn stuck(&self) -> f64 {
        let late = self.counted().filter(|done| done.wait > 0.5).count();
        late as f64 / self.scenario.capacity.outages().max(1) as f64
    }

    /// Jain's index of fairness between the senders, over what they got between two times: 1 is equal shares.
    pub(crate) fn fairness(&self, from: f64, to: f64) -> f64 {
        let mut shares = vec![0.0; self.scenario.senders.len()];
        for tick in self.ticks.iter().filter(|tick| tick.at > from && tick.at <= to + 1e-9) {
            shares.iter_mut().zip(&tick.throughput).for_each(|(share, got)| *share += got);
        }
        let sum: f64 = shares.iter().sum();
        let squares: f64 = shares.iter().map(|share| share * share).sum();
        if squares > 0.0 { sum * sum / (shares.len() as f64 * squares) } else { 0.0 }
    }

    /// Seconds from the second sender's start until the fairness of five seconds was `fair`; infinite if it never was.
    pub(crate) fn seconds_to_fairness(&self, fair: f64) -> f64 {
        let start = self.scenario.senders[1];
        let times = self.ticks.iter().map(|tick| tick.at).filter(|at| *at >= start + 5.0);
        times
            .into_iter()
            .find(|at| self.fairness(at - 5.0, *at) >= fair)
            .map_or(f64::INFINITY, |at| at - start)
    }

    /// Seconds after the capacity changed at `t` until, for two seconds, nine tenths of it were used and the queue was
    /// less than a fifth of a second; infinite if that took more than 20.
    pub(crate) fn seconds_to_converge(&self, t: f64) -> f64 {
        let per_second = (1.0 / self.scenario.interval).round() as usize;
        let mut since = None;
        for (i, tick) in self.ticks.iter().enumerate().filter(|(_, tick)| tick.at > t && tick.at <= t + 20.0)
        {
            let last = &self.ticks[(i + 1).saturating_sub(per_second)..=i];
            let throughput = last.iter().map(|tick| tick.throughput.iter().sum::<f64>()).sum::<f64>();
            let used = throughput / per_second as f64 >= 0.9 * tick.capacity;
            if tick.at >= t + 1.0 - 1e-9 && used && tick.queue_len as f64 <= 0.2 * tick.capacity {
                let began = *since.get_or_insert(tick.at);
                if tick.at - began >= 2.0 {
                    return (began - t - 1.0 + self.scenario.interval).max(0.0);
                }
            } else {
                since = None;
            }
        }
        f64::INFINITY
    }

    /// The longest queue between two times.
    pub(crate) fn longest_queue(&self, from: f64, to: f64) -> usize {
        let ticks = self.ticks.iter().filter(|tick| tick.at > from && tick.at <= to + 1e-9);
        ticks.map(|tick| tick.queue_len).max().unwrap_or(0)
    }
}

fn quantile(mut values: Vec<f64>, part: f64) -> f64 {
    let Some(last) = values.len().checked_sub(1) else { return 0.0 };
    let index = (part * values.len() as f64) as usize;
    *values.select_nth_unstable_by(index.min(last), f64::total_cmp).1
}

/// The value in the middle.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    quantile(values.collect(), 0.5)
}
