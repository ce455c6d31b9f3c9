//! A consumer that is overloaded for half a minute, in virtual time: queues and strategies are told what time it is.

use std::collections::VecDeque;
use std::time::Duration;

use reactive_runtime::backpressure::{BoundedQueue, Offered, SourceKind, Strategy, Waiting};

pub(crate) const DEADLINE: Duration = Duration::from_millis(100);
/// Items per second that the consumer can take, on average.
pub(crate) const SERVICE: f64 = 500.0;
/// How long a run takes, and when items come at 1.5 times that rate. Else they come at 0.6 times.
pub(crate) const RUN: Duration = Duration::from_secs(60);
pub(crate) const OVERLOAD: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(40));

#[derive(Clone, Copy)]
pub(crate) struct Item {
    came: Duration,
    pub(crate) priority: u8,
}

/// What comes, and how long the consumer is busy with the first item that it takes, the second, and so on.
pub(crate) struct Load {
    items: Vec<Item>,
    services: Vec<Duration>,
}

impl Load {
    pub(crate) fn of(seed: u64) -> Self {
        let mut rng = Rng(seed);
        let (mut items, mut now) = (Vec::new(), Duration::ZERO);
        while now < RUN {
            let rate = if (OVERLOAD.0..OVERLOAD.1).contains(&now) { 1.5 } else { 0.6 } * SERVICE;
            now += rng.exponential(rate);
            items.push(Item { came: now, priority: (rng.uniform() * 10.0) as u8 });
        }
        let services = items.iter().map(|_| rng.exponential(SERVICE)).collect();
        Self { items, services }
    }

    /// How many items one could deliver in time who knows how long each service will take: the oldest that still can be.
    pub(crate) fn bound(&self) -> f64 {
        let (mut free, mut in_time) = (Duration::ZERO, 0);
        let mut services = self.services.iter();
        let mut service = services.next();
        for item in &self.items {
            let Some(takes) = service else { break };
            let done = free.max(item.came) + *takes;
            if done <= item.came + DEADLINE {
                (free, in_time, service) = (done, in_time + 1, services.next());
            }
        }
        percent(in_time, self.items.len())
    }
}

/// What became of the items, in percent, and how long those took that were delivered.
pub(crate) struct Outcome {
    pub(crate) delivered: f64,
    pub(crate) in_time: f64,
    /// Of the items of priority 8 and 9.
    pub(crate) urgent_in_time: f64,
    pub(crate) median: Duration,
    pub(crate) p99: Duration,
    /// For each 100 ms: how many items were queued, and how many were delivered in time.
    pub(crate) course: Vec<(usize, usize)>,
}

/// Runs a load through a queue.
pub(crate) fn run<S: Strategy<Item>>(
    load: &Load,
    capacity: usize,
    source: SourceKind,
    strategy: S,
) -> Outcome {
    let mut queue = BoundedQueue::new(capacity, strategy).source(source);
    let (mut upstream, mut waiting) = (VecDeque::new(), None);
    let (mut items, mut services) = (load.items.iter().copied().peekable(), load.services.iter());
    let mut busy: Option<(Item, Duration)> = None;
    let mut delivered = Vec::new();
    let mut course = vec![(0, 0); RUN.as_millis() as usize / 100];
    loop {
        let done = busy.map(|(_, done)| done);
        let comes = items.peek().map(|item| item.came);
        let again = waiting.as_ref().and_then(Waiting::until);
        let Some(now) = [comes, done, again].into_iter().flatten().min() else { break };
        if let Some((item, _)) = busy.take_if(|(_, done)| *done == now) {
            queue.delivered(now);
            delivered.push((item, now));
        }
        upstream.extend(items.next_if(|item| item.came == now));
        // What waits upstream is offered in its order, until one has to wait.
        while waiting.is_some() || !upstream.is_empty() {
            let offered = match waiting.take() {
                Some(item) => queue.offer_again(now, item),
                None => queue.offer(now, upstream.pop_front().expect("one is there")),
            };
            if let Offered::Wait(item) = offered {
                waiting = Some(item);
                break;
            }
        }
        if busy.is_none() {
            busy = queue.take(now).map(|item| (item, now + *services.next().expect("one for each item")));
        }
        if let Some((queued, _)) = course.get_mut(now.as_millis() as usize / 100) {
            *queued = queue.queued().len();
        }
    }
    assert!(queue.accounting().balances());
    outcome(load, &delivered, course)
}

fn outcome(load: &Load, delivered: &[(Item, Duration)], mut course: Vec<(usize, usize)>) -> Outcome {
    let in_time: Vec<_> = delivered.iter().filter(|(item, done)| *done <= item.came + DEADLINE).collect();
    for (_, done) in &in_time {
        if let Some((_, count)) = course.get_mut(done.as_millis() as usize / 100) {
            *count += 1;
        }
    }
    let mut delays: Vec<_> = delivered.iter().map(|(item, done)| *done - item.came).collect();
    delays.sort_unstable();
    let quantile = |share: f64| delays[((delays.len() - 1) as f64 * share) as usize];
    let urgent = |item: &&Item| item.priority >= 8;
    Outcome {
        delivered: percent(delivered.len(), load.items.len()),
        in_time: percent(in_time.len(), load.items.len()),
        urgent_in_time: percent(
            in_time.iter().map(|(item, _)| item).filter(urgent).count(),
            load.items.iter().filter(urgent).count(),
        ),
        median: quantile(0.5),
        p99: quantile(0.99),
        course,
    }
}

fn percent(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64 * 100.0
}

/// SplitMix64: the same numbers everywhere.
struct Rng(u64);

impl Rng {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn exponential(&mut self, rate: f64) -> Duration {
        Duration::from_secs_f64(-(1.0 - self.uniform()).ln() / rate)
    }
}
