//! What a stage goes through: its capacity, its service, who wants what of it.

use super::random::Random;

/// A stage of a queue and servers, and what it is offered, over some time.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Seconds.
    pub(crate) duration: f64,
    /// Seconds at the beginning that do not count.
    pub(crate) warm_up: f64,
    pub(crate) capacity: Capacity,
    pub(crate) servers: usize,
    pub(crate) work: Work,
    pub(crate) demand: Demand,
    /// Seconds of latency that are neither wait nor service: half on the way in, half on the way out.
    pub(crate) propagation: f64,
    pub(crate) queue_capacity: usize,
    /// When each sender begins.
    pub(crate) senders: Vec<f64>,
    /// The seconds between two control intervals.
    pub(crate) interval: f64,
    /// Whether the wait in the queue and the time at work are measured.
    pub(crate) measured: bool,
}

/// How much work an item is, with a mean of 1.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    Deterministic,
    Exponential,
    /// Most items are little work and some are much: a squared coefficient of variation of 9.
    Hyperexponential,
}

impl Work {
    pub(crate) fn of_an_item(self, random: &mut Random) -> f64 {
        match self {
            Self::Deterministic => 1.0,
            Self::Exponential => random.exponential(1.0),
            Self::Hyperexponential => {
                let p = 0.947_213_6;
                let share = if random.unit() <= p { p } else { 1.0 - p };
                random.exponential(0.5 / share)
            }
        }
    }
}

/// How much the source has.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Demand {
    /// Always more.
    Saturated,
    /// `base` items a second, and `burst` in the first second of every six.
    Bursts { base: f64, burst: f64 },
    /// `idle` items a second up to a time, and more than can be done from there on.
    IdleThenSaturated { idle: f64, until: f64 },
}

impl Demand {
    /// When the items come, up to `duration`; `None` if there are always more.
    pub(crate) fn arrivals(self, duration: f64, random: &mut Random) -> Option<Vec<f64>> {
        let rate = move |t: f64| match self {
            Self::Saturated => f64::INFINITY,
            Self::Bursts { base, burst } => {
                if t % 6.0 < 1.0 {
                    burst
                } else {
                    base
                }
            }
            Self::IdleThenSaturated { idle, until } => {
                if t < until {
                    idle
                } else {
                    4000.0
                }
            }
        };
        if matches!(self, Self::Saturated) {
            return None;
        }
        let mut times = Vec::new();
        let mut t = 0.0;
        while t < duration {
            t += random.exponential(1.0 / rate(t));
            times.push(t);
        }
        Some(times)
    }
}

/// How many items a second the servers do together, over time: steps.
#[derive(Clone, Debug)]
pub(crate) struct Capacity {
    /// From when on, how many, and how many items in all had been possible by then.
    steps: Vec<(f64, f64, f64)>,
}

impl Capacity {
    pub(crate) fn steps(steps: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let mut with_sums: Vec<(f64, f64, f64)> = Vec::new();
        for (from, rate) in steps {
            let sum = with_sums.last().map_or(0.0, |&(start, before, sum)| sum + before * (from - start));
            with_sums.push((from, rate, sum));
        }
        Self { steps: with_sums }
    }

    pub(crate) fn constant(rate: f64) -> Self {
        Self::steps([(0.0, rate)])
    }

    fn sine(duration: f64) -> Self {
        let quarter = |i: u32| f64::from(i) * 0.25;
        let rate = |t: f64| 500.0 * (1.0 + 0.5 * (std::f64::consts::TAU * t / 40.0).sin());
        Self::steps((0..(duration / 0.25) as u32).map(|i| (quarter(i), rate(quarter(i)))))
    }

    fn with_outages(rate: f64, every: f64, lasting: f64, duration: f64) -> Self {
        let outages = (1..(duration / every).ceil() as u32).map(|i| f64::from(i) * every);
        Self::steps([(0.0, rate)].into_iter().chain(outages.flat_map(|t| [(t, 0.0), (t + lasting, rate)])))
    }

    /// Items a second at `t`.
    pub(crate) fn at(&self, t: f64) -> f64 {
        self.step_at(t).1
    }

    /// Items that can be done up to `t`.
    pub(crate) fn up_to(&self, t: f64) -> f64 {
        let (from, rate, sum) = self.step_at(t);
        // A server that never comes back is free at infinity.
        if t.is_finite() { sum + rate * (t - from) } else { f64::INFINITY }
    }

    /// When so many items can have been done.
    pub(crate) fn time_of(&self, items: f64) -> f64 {
        let after = self.steps.partition_point(|&(_, _, sum)| sum <= items);
        let (from, rate, sum) = self.steps[after.saturating_sub(1)];
        if rate > 0.0 { from + (items - sum) / rate } else { f64::INFINITY }
    }

    /// The most items a second it ever is.
    pub(crate) fn most(&self) -> f64 {
        self.steps.iter().fold(0.0, |most, &(_, rate, _)| rate.max(most))
    }

    /// How many times it is 0.
    pub(crate) fn outages(&self) -> usize {
        self.steps.iter().filter(|&&(_, rate, _)| rate == 0.0).count()
    }

    fn step_at(&self, t: f64) -> (f64, f64, f64) {
        let after = self.steps.partition_point(|&(from, _, _)| from <= t);
        self.steps[after.saturating_sub(1)]
    }
}

impl Scenario {
    fn new(name: &'static str, about: &'static str, duration: f64, capacity: Capacity) -> Self {
        Self {
            name,
            about,
            duration,
            warm_up: 5.0,
            capacity,
            servers: 1,
            work: Work::Exponential,
            demand: Demand::Saturated,
            propagation: 0.010,
            queue_capacity: 1000,
            senders: vec![0.0],
            interval: 0.1,
            measured: true,
        }
    }

    /// S1 to S9.
    pub(crate) fn all() -> Vec<Self> {
        let steps = || Capacity::steps([(0.0, 500.0), (20.0, 200.0), (40.0, 800.0)]);
        let constant = || Capacity::constant(500.0);
        vec![
            Self { work: Work::Deterministic, ..Self::new("S1", "steps, one even server", 60.0, steps()) },
            Self { servers: 4, ..Self::new("S2", "steps, four random servers", 60.0, steps()) },
            Self {
                demand: Demand::Bursts { base: 300.0, burst: 1500.0 },
                ..Self::new("S3", "bursts of demand", 60.0, constant())
            },
            Self::new("S4", "slow drift", 80.0, Capacity::sine(80.0)),
            Self::new("S5", "outages", 65.0, Capacity::with_outages(500.0, 10.0, 1.0, 65.0)),
            Self {
                senders: vec![0.0, 20.0],
                warm_up: 40.0,
                ..Self::new("S6", "two senders", 80.0, constant())
            },
            Self { work: Work::Hyperexponential, ..Self::new("S7", "heavy tail", 60.0, constant()) },
            Self {
                demand: Demand::IdleThenSaturated { idle: 50.0, until: 30.0 },
                warm_up: 30.0,
                ..Self::new("S8", "idle, then full", 60.0, constant())
            },
            Self {
                propagation: 0.5,
                warm_up: 10.0,
                ..Self::new("S9", "drift, half a second away", 80.0, Capacity::sine(80.0))
            },
        ]
    }

    /// Stages that nothing was tuned on: H1 to H5.
    pub(crate) fn hold_outs() -> Vec<Self> {
        let held_out = |name, about, rate: f64, propagation| Self {
            propagation,
            ..Self::new(
                name,
                about,
                60.0,
                Capacity::steps([(0.0, rate), (20.0, 0.5 * rate), (40.0, 1.5 * rate)]),
            )
        };
        vec![
            held_out("H1", "50/s, next door", 50.0, 0.0002),
            Self {
                servers: 8,
                work: Work::Hyperexponential,
                ..held_out("H2", "50/s, eight servers, heavy tail", 50.0, 0.010)
            },
            Self { servers: 16, ..held_out("H3", "2000/s, sixteen servers", 2000.0, 0.010) },
            Self { work: Work::Deterministic, ..held_out("H4", "2000/s, even, 100 ms away", 2000.0, 0.1) },
            Self {
                servers: 2,
                work: Work::Hyperexponential,
                ..held_out("H5", "200/s, two servers, heavy tail", 200.0, 0.050)
            },
        ]
    }

    /// The source always has more, and the capacity never changes.
    pub(crate) fn constant(duration: f64) -> Self {
        Self::new("constant", "constant capacity, always full", duration, Capacity::constant(500.0))
    }

    /// The same, where only latency can be seen.
    pub(crate) fn blind(self) -> Self {
        Self { measured: false, ..self }
    }
}
