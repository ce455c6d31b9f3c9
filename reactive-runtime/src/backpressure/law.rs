//! The law of accounting, for every strategy, over random schedules: offers, waits and their end, slow consumers, failures,
//! panics in every closure, shutdown. What really became of each item is counted beside.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use super::*;
use crate::circuit_breaker::CircuitBreaker;
use crate::fault::Failed;
use crate::units::ms;

const SCHEDULES: u64 = 100_000;
const STEPS: usize = 24;

#[test]
fn holds_at_every_step_of_100_000_random_schedules() {
    let mut told = Told::default();
    for seed in 0..SCHEDULES {
        let schedule = || told.add(&run(seed));
        if let Err(panic) = catch_unwind(AssertUnwindSafe(schedule)) {
            eprintln!("in the schedule of seed {seed}");
            resume_unwind(panic);
        }
    }
    // The schedules come everywhere.
    assert!(told.panics > 1000 && told.waits > 1000 && told.pressures > 1000, "{told:?}");
    // No queue has a rate.
    let mut reasons = Reason::ALL.into_iter().filter(|reason| *reason != Reason::RateExceeded);
    assert!(reasons.all(|reason| told.drops.by(reason) > 20), "{told:?}");
}

#[derive(Debug, Default)]
struct Told {
    drops: Drops,
    waits: u64,
    panics: u64,
    pressures: u64,
}

impl Told {
    fn add(&mut self, other: &Self) {
        other.drops.iter().for_each(|(reason, count)| self.drops.add(reason, count));
        self.waits += other.waits;
        self.panics += other.panics;
        self.pressures += other.pressures;
    }
}

fn run(seed: u64) -> Told {
    let mut rng = Rng(seed);
    let capacity = 1 + rng.below(6);
    let mut breaker = CircuitBreaker::consecutive(1 + rng.below(2) as u32).recovery_timeout(ms(30));
    if rng.below(2) == 0 {
        breaker = breaker.probes(2);
    }
    let trip = |while_open| TripOnOverload::new(breaker.clone()).after(ms(20)).while_open(while_open);
    let merge = |held: &mut Item, item: Item| {
        burn();
        held.class += item.class;
    };
    let class = |item: &Item| {
        burn();
        item.class
    };
    let in_time = |item: &Item| {
        burn();
        ms(10 * u64::from(item.class))
    };
    match seed % 18 {
        0 => simulate(rng, capacity, Block),
        1 => simulate(rng, capacity, DropOldest),
        2 => simulate(rng, capacity, DropNewest),
        3 => simulate(rng, capacity, DropIncoming),
        4 => simulate(rng, capacity, DropAll),
        5 => simulate(rng, capacity, Fail),
        6 => simulate(rng, capacity, Latest),
        7 => simulate(rng, capacity, Conflate(merge)),
        8 => simulate(rng, capacity, Sample(0.4)),
        9 => simulate(rng, capacity, Adaptive::new(ms(20))),
        10 => simulate(rng, capacity, BlockFor(ms(20), Conflate(merge))),
        11 => simulate(rng, capacity, DropLowest(class)),
        12 => simulate(rng, capacity, DropLate::by(in_time)),
        13 => simulate(rng, capacity, trip(WhileOpen::Hold)),
        14 => simulate(rng, capacity, trip(WhileOpen::Drop)),
        15 => simulate(rng, capacity, trip(WhileOpen::fallback(|item| item))),
        16 => simulate(rng, capacity, BlockFor(ms(10), trip(WhileOpen::Fail))),
        _ => {
            let decide = Rng(rng.next());
            simulate(rng, capacity, Erratic(decide))
        }
    }
}

/// Does anything at any time, and panics anywhere.
struct Erratic(Rng);

impl Strategy<Item> for Erratic {
    type Fault = Failed<Overloaded<u32>>;

    fn offer(&mut self, _: &Item, queue: &Queued<Item>) -> Decision {
        burn();
        let victim = [Victim::Oldest, Victim::Newest, Victim::All, Victim::At(self.0.below(7))];
        match self.0.below(16) {
            0 => Decision::Drop(Reason::Custom),
            1 | 2 => Decision::MakeRoom(victim[self.0.below(4)], Reason::Custom),
            3 => Decision::Merge,
            4 => Decision::Replace(Reason::Custom),
            5 => Decision::Wait,
            6 => Decision::WaitUntil(queue.now()),
            7 => Decision::Fail,
            _ => Decision::Keep,
        }
    }

    fn take(&mut self, _: &Item, _: &Queued<Item>) -> Option<Reason> {
        burn();
        (self.0.below(4) == 0).then_some(Reason::Custom)
    }

    fn fail(&mut self, item: Item) -> Result<Self::Fault, Item> {
        burn();
        if self.0.below(2) == 0 { Ok(Failed(Overloaded(item.class))) } else { Err(item) }
    }

    fn merge(&mut self, item: Item, _: &mut Item) -> Option<Item> {
        burn();
        (self.0.below(2) == 0).then_some(item)
    }

    fn replace(&mut self, item: Item) -> Item {
        burn();
        item
    }

    fn notice(&mut self, _: Signal, _: &Queued<Item>) {
        burn();
    }
}

fn simulate<S: Strategy<Item>>(mut rng: Rng, capacity: usize, strategy: S) -> Told {
    assert_eq!(LIVE.get(), 0);
    FUSE.set(None);
    let shown = BackpressureMonitor::new();
    let handed = Cell::new(Drops::default());
    let on_drop = |_: Item, reason| {
        let mut drops = handed.get();
        drops.add(reason, 1);
        handed.set(drops);
        burn();
    };
    let kind = if rng.below(2) == 0 { SourceKind::Pull } else { SourceKind::Push };
    let queue = BoundedQueue::with(capacity, strategy, on_drop).source(kind).monitor(&shown);
    let mut world = World { queue, waiting: Vec::new(), held: Vec::new(), now: ms(5), told: Told::default() };
    for _ in 0..STEPS {
        let step = catch_unwind(AssertUnwindSafe(|| world.step(&mut rng)));
        world.told.panics += u64::from(step.is_err());
        world.check();
    }
    FUSE.set((rng.below(4) == 0).then_some(0));
    let World { queue, waiting, held, mut told, .. } = world;
    let offered = queue.accounting().offered;
    let last = catch_unwind(AssertUnwindSafe(|| drop(queue)));
    let accounting = shown.accounting();
    assert!(accounting.balances() && accounting.buffered == 0, "{accounting:?}");
    assert_eq!(accounting.offered, offered, "it is shown, whatever panics");
    assert_eq!(LIVE.get(), waiting.len() + held.len());
    let conflated = accounting.dropped.by(Reason::Conflated);
    if last.is_ok() && told.panics == 0 {
        // Each was handed over, but for what was merged into another item.
        let merged = conflated - handed.get().by(Reason::Conflated);
        assert_eq!(handed.get().total() + merged, accounting.dropped.total());
    }
    told.drops = accounting.dropped;
    told.pressures = shown.metrics().high_watermark_events;
    told
}

struct World<S: Strategy<Item>, D: OnDrop<Item>> {
    queue: BoundedQueue<Item, S, D>,
    waiting: Vec<Waiting<Item>>,
    held: Vec<Item>,
    now: Duration,
    told: Told,
}

impl<S: Strategy<Item>, D: OnDrop<Item>> World<S, D> {
    fn step(&mut self, rng: &mut Rng) {
        match rng.below(14) {
            0..5 => {
                let item = Item::new(rng.below(5) as u32);
                let offered = self.queue.offer(self.now, item);
                self.offered(offered);
            }
            5 if !self.waiting.is_empty() => {
                let waiting = self.waiting.swap_remove(rng.below(self.waiting.len()));
                let offered = self.queue.offer_again(self.now, waiting);
                self.offered(offered);
            }
            6 if !self.waiting.is_empty() => {
                let waiting = self.waiting.swap_remove(rng.below(self.waiting.len()));
                let _item = self.queue.withdraw(self.now, waiting);
            }
            7..9 => self.held.extend(self.queue.take(self.now)),
            9 if !self.held.is_empty() => {
                self.held.swap_remove(0);
                self.queue.delivered(self.now);
            }
            10 if !self.held.is_empty() => {
                self.held.swap_remove(0);
                self.queue.failed(self.now);
            }
            11 => FUSE.set(Some(rng.below(3))),
            12 => self.queue.shut_down(self.now),
            _ => self.now += ms(rng.below(40) as u64),
        }
    }

    fn offered(&mut self, offered: Offered<Item, S::Fault>) {
        if let Offered::Wait(waiting) = offered {
            self.told.waits += 1;
            self.waiting.push(waiting);
        }
    }

    fn check(&self) {
        let accounting = self.queue.accounting();
        assert!(accounting.balances(), "{accounting:?}");
        let queued = self.queue.queued();
        assert!(queued.len() <= queued.capacity());
        assert_eq!(accounting.buffered, queued.len() as u64);
        assert_eq!(accounting.in_flight, self.held.len() as u64);
        // Each item is somewhere, and what the queue has dropped is gone.
        assert_eq!(LIVE.get(), queued.len() + self.held.len() + self.waiting.len());
        let ages: Vec<_> = (0..queued.len()).map(|i| queued.age(i)).collect();
        assert!(ages.is_sorted_by(|older, younger| older >= younger), "{ages:?}");
        let metrics = self.queue.metrics();
        let pressured = metrics.high_watermark_events - metrics.low_watermark_events;
        assert_eq!(pressured, u64::from(queued.pressure() == Pressure::Pressured));
        assert!(metrics.mean_buffer_usage <= 1.0 && metrics.blocked_time <= self.now);
    }
}

thread_local! {
    /// How many items there are.
    static LIVE: Cell<usize> = const { Cell::new(0) };
    /// After how many calls of a closure one panics.
    static FUSE: Cell<Option<usize>> = const { Cell::new(None) };
}

/// What every closure calls.
fn burn() {
    let left = FUSE.take();
    FUSE.set(left.and_then(|left| left.checked_sub(1)));
    if left == Some(0) {
        // Unlike `panic!` it prints nothing.
        resume_unwind(Box::new("the fuse is burnt"));
    }
}

struct Item {
    class: u32,
}

impl Item {
    fn new(class: u32) -> Self {
        LIVE.set(LIVE.get() + 1);
        Self { class }
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        LIVE.set(LIVE.get() - 1);
    }
}

/// SplitMix64.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}
