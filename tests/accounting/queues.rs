//! The queue alone: items are offered, wait, are taken and end in some order, and so does the queue.

use std::time::Duration;

use reactive_runtime::backpressure::{BoundedQueue, Drops, Listeners, Offered, OnDrop, Waiting};
use reactive_runtime::prelude::*;
use reactive_runtime::units::ms;

use crate::Told;
use crate::strategies::{Any, COUNT, strategy};
use crate::world::{Item, Random, begin, handed, light_the_fuse, seen, survives, turns};

const STEPS: usize = 24;

/// Runs a schedule.
pub(crate) async fn run(mut random: Random) -> Told {
    begin();
    let shown = BackpressureMonitor::new();
    let strategy = strategy(random.below(COUNT), &mut random);
    let kind = if random.below(2) == 0 { SourceKind::Pull } else { SourceKind::Push };
    let listeners = Listeners::none().on_drop(handed).on_pressure(turns);
    let queue = BoundedQueue::with(1 + random.below(6), strategy, listeners).source(kind).monitor(&shown);
    let mut queued = Queued { queue, waiting: Vec::new(), held: Vec::new(), now: ms(5), waits: 0 };
    let mut panics = 0;
    for _ in 0..STEPS {
        panics += u64::from(survives(|| queued.step(&mut random)).is_none());
        queued.assert_law();
    }
    light_the_fuse((random.below(4) == 0).then_some(0));
    let Queued { queue, waiting, held, waits, .. } = queued;
    let offered = queue.accounting().offered;
    let _ = survives(|| drop(queue));
    let (seen, accounting) = (seen(), shown.accounting());
    assert!(accounting.balances() && accounting.buffered == 0, "{accounting:?}");
    assert_eq!(accounting.offered, offered, "it is shown, whatever panics");
    assert_eq!(seen.live, (waiting.len() + held.len()) as u64);
    if !seen.burnt {
        // Each was handed over, but for what was merged into another item.
        let of_merges = |drops: &Drops| drops.by(Reason::Conflated);
        let merged = of_merges(&accounting.dropped) - of_merges(&seen.handed);
        assert_eq!(seen.handed.total() + merged, accounting.dropped.total());
    }
    let pressures = shown.metrics().high_watermark_events;
    Told { drops: accounting.dropped, failed: accounting.failed, panics, waits, pressures }
}

struct Queued<D: OnDrop<Item>> {
    queue: BoundedQueue<Item, Any, D>,
    waiting: Vec<Waiting<Item>>,
    held: Vec<Item>,
    now: Duration,
    waits: u64,
}

impl<D: OnDrop<Item>> Queued<D> {
    fn step(&mut self, random: &mut Random) {
        match random.below(14) {
            0..5 => {
                let offered = self.queue.offer(self.now, Item::new(random.below(5) as u32));
                self.offered(offered);
            }
            5 if !self.waiting.is_empty() => {
                let waiting = self.waiting.swap_remove(random.below(self.waiting.len()));
                let offered = self.queue.offer_again(self.now, waiting);
                self.offered(offered);
            }
            6 if !self.waiting.is_empty() => {
                let waiting = self.waiting.swap_remove(random.below(self.waiting.len()));
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
            11 => light_the_fuse(Some(random.below(3))),
            12 => self.queue.shut_down(self.now),
            _ => self.now += ms(random.below(40) as u64),
        }
    }

    fn offered(&mut self, offered: Offered<Item, impl Sized>) {
        if let Offered::Wait(waiting) = offered {
            self.waits += 1;
            self.waiting.push(waiting);
        }
    }

    fn assert_law(&self) {
        let accounting = self.queue.accounting();
        assert!(accounting.balances(), "{accounting:?}");
        let queued = self.queue.queued();
        assert!(queued.len() <= queued.capacity());
        assert_eq!(accounting.buffered, queued.len() as u64);
        assert_eq!(accounting.in_flight, self.held.len() as u64);
        // Each item is somewhere, and what the queue has dropped is gone.
        assert_eq!(seen().live, (queued.len() + self.held.len() + self.waiting.len()) as u64);
        let ages: Vec<_> = (0..queued.len()).map(|i| queued.age(i)).collect();
        assert!(ages.is_sorted_by(|older, younger| older >= younger), "{ages:?}");
        let metrics = self.queue.metrics();
        let pressured = metrics.high_watermark_events - metrics.low_watermark_events;
        assert_eq!(pressured, u64::from(queued.pressure() == Pressure::Pressured));
        assert!(metrics.mean_buffer_usage <= 1.0 && metrics.blocked_time <= self.now);
    }
}
