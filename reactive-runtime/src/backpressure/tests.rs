//! What the short strategies do, side by side; and the queue around them.

use std::cell::RefCell;
use std::convert::Infallible;
use std::time::Duration;

use super::*;
use crate::fault::Failed;
use crate::units::ms;

/// Offers 0..6 to a queue of three: what is queued then, what was dropped, and what the last one was told.
fn overfilled<S: Strategy<u32>>(strategy: S) -> (Vec<u32>, Vec<(u32, Reason)>, Offered<u32, S::Fault>) {
    let dropped = RefCell::new(Vec::new());
    let mut queue = BoundedQueue::with(3, strategy, |item, reason| dropped.borrow_mut().push((item, reason)));
    let mut last = Offered::Kept;
    for item in 0..6 {
        last = queue.offer(Duration::ZERO, item);
    }
    let queued = queue.queued().iter().copied().collect();
    let dropped_while_it_ran = dropped.borrow().clone();
    (queued, dropped_while_it_ran, last)
}

#[test]
fn each_strategy_does_its_own_with_a_full_queue() {
    use Reason::{Displaced, QueueFull};
    let full = |items: &[u32]| items.iter().map(|item| (*item, QueueFull)).collect::<Vec<_>>();
    let (queued, dropped, last) = overfilled(Block);
    assert_eq!((queued, dropped), (vec![0, 1, 2], vec![]));
    assert!(matches!(last, Offered::Wait(waiting) if waiting.item == 5 && waiting.until().is_none()));
    assert_eq!(overfilled(DropOldest), (vec![3, 4, 5], full(&[0, 1, 2]), Offered::Kept));
    assert_eq!(overfilled(DropNewest), (vec![0, 1, 5], full(&[2, 3, 4]), Offered::Kept));
    assert_eq!(overfilled(DropIncoming), (vec![0, 1, 2], full(&[3, 4, 5]), Offered::Dropped(QueueFull)));
    assert_eq!(overfilled(DropAll), (vec![3, 4, 5], full(&[0, 1, 2]), Offered::Kept));
    assert_eq!(overfilled(Fail), (vec![0, 1, 2], vec![], Offered::Failed(Failed(Overloaded(5)))));
    let displaced = (0..5).map(|item| (item, Displaced)).collect();
    assert_eq!(overfilled(Latest), (vec![5], displaced, Offered::Kept));
    assert_eq!(
        overfilled(Conflate(|held: &mut u32, item| *held += item)),
        (vec![0, 1, 14], vec![], Offered::Kept)
    );
}

/// Above 90 % every second item goes that is not urgent; above 70 % those of low priority.
struct Thinning {
    odd: bool,
}

impl Strategy<u8> for Thinning {
    type Fault = Infallible;

    fn offer(&mut self, priority: &u8, queue: &Queued<u8>) -> Decision {
        let usage = queue.usage();
        if usage > 0.7 && *priority < 5 {
            return Decision::Drop(Reason::Priority);
        }
        self.odd = !self.odd;
        match usage {
            1.0.. => Decision::MakeRoom(Victim::Oldest, Reason::QueueFull),
            0.9.. if *priority < 8 && self.odd => Decision::Drop(Reason::Custom),
            _ => Decision::Keep,
        }
    }
}

#[test]
fn a_strategy_of_ones_own_sees_the_usage_and_the_item() {
    let mut queue = BoundedQueue::new(10, Thinning { odd: false });
    let mut offer = |priority| match queue.offer(Duration::ZERO, priority) {
        Offered::Kept => None,
        Offered::Dropped(reason) => Some(reason),
        other => panic!("{other:?}"),
    };
    assert!((0..8).all(|_| offer(1).is_none()));
    assert_eq!([offer(4), offer(5), offer(9)], [Some(Reason::Priority), None, None]);
    assert_eq!([offer(9), offer(9), offer(4)], [None, None, Some(Reason::Priority)]);
    let accounting = queue.accounting();
    assert_eq!((accounting.dropped.by(Reason::Priority), accounting.dropped.by(Reason::QueueFull)), (2, 2));
    assert_eq!(queue.metrics().strategy, "custom");
}

#[test]
fn pressure_starts_and_ends_in_turn() {
    let mut queue = BoundedQueue::new(10, Block);
    let (mut pressures, mut now) = (Vec::new(), Duration::ZERO);
    for (offers, takes) in [(7, 0), (1, 1), (1, 1), (2, 0), (0, 5), (0, 1), (6, 0), (0, 9)] {
        now += ms(10);
        for _ in 0..offers {
            let _ = queue.offer(now, ());
        }
        for _ in 0..takes {
            queue.take(now).expect("one is queued");
            queue.delivered(now);
        }
        pressures.push((queue.queued().len(), queue.queued().pressure() == Pressure::Pressured));
    }
    let expected =
        [(7, false), (7, true), (7, true), (9, true), (4, true), (3, false), (9, true), (0, false)];
    assert_eq!(pressures, expected);
    let metrics = queue.metrics();
    assert_eq!((metrics.high_watermark_events, metrics.low_watermark_events), (2, 2));
    assert_eq!(metrics.pressured_time, ms(40 + 10));
}

#[test]
fn the_mean_usage_is_weighted_by_time() {
    let mut queue = BoundedQueue::new(4, Block);
    let _ = queue.offer(ms(100), 'a');
    let _ = queue.offer(ms(100), 'b');
    let _ = queue.take(ms(130));
    let _ = queue.take(ms(140));
    // Two for 30 ms, one for 10, none for 60.
    let _ = queue.take(ms(200));
    assert_eq!(queue.metrics().mean_buffer_usage, (2.0 * 30.0 + 10.0) / 100.0 / 4.0);
}

#[test]
fn what_is_queued_at_the_end_is_handed_over() {
    let dropped = RefCell::new(Vec::new());
    let monitor = BackpressureMonitor::new();
    let on_drop = |item, reason| dropped.borrow_mut().push((item, reason));
    let mut queue = BoundedQueue::with(3, Block, on_drop).monitor(&monitor);
    let _ = queue.offer(Duration::ZERO, 1);
    let _ = queue.offer(Duration::ZERO, 2);
    drop(queue);
    assert_eq!(*dropped.borrow(), [(1, Reason::Shutdown), (2, Reason::Shutdown)]);
    assert_eq!(monitor.accounting().dropped.total(), 2);
    assert!(monitor.accounting().balances());
}

#[test]
fn time_does_not_go_back() {
    let mut queue = BoundedQueue::new(3, Block);
    let _ = queue.offer(ms(100), 1);
    let _ = queue.offer(ms(50), 2);
    assert_eq!(queue.queued().now(), ms(100));
    assert_eq!(queue.queued().age(1), ms(0));
}

#[test]
#[should_panic(expected = "a queue of 0 items has no meaning")]
fn a_queue_of_nothing_is_refused() {
    let _ = BoundedQueue::<u8, _>::new(0, Block);
}

#[test]
#[should_panic(expected = "no item is in flight")]
fn an_item_ends_once() {
    BoundedQueue::<u8, _>::new(1, Block).delivered(Duration::ZERO);
}

#[test]
fn another_capacity_keeps_what_is_queued_and_turns_pressure_in_alternation() {
    let (dropped, pressures) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
    let listeners = Listeners::none()
        .on_drop(|item: u64, reason| dropped.borrow_mut().push((item, reason)))
        .on_pressure(|pressure| pressures.borrow_mut().push(pressure));
    let mut queue = BoundedQueue::with(10, DropOldest, listeners);
    for item in 0..6 {
        assert_eq!(queue.offer(ms(item), item), Offered::Kept);
    }
    queue.set_capacity(ms(10), 3);
    assert_eq!((queue.queued().len(), queue.queued().usage(), queue.queued().is_full()), (6, 2.0, true));
    assert_eq!((queue.queued().age(0), queue.queued().age(5)), (ms(10), ms(5)));
    queue.set_capacity(ms(10), 2);
    assert_eq!((pressures.take(), dropped.take()), (vec![Pressure::Pressured], vec![]));
    queue.set_capacity(ms(10), 3);
    // The next item makes room for itself under the new capacity.
    assert_eq!(queue.offer(ms(11), 6), Offered::Kept);
    assert_eq!(dropped.take(), [0, 1, 2, 3].map(|item| (item, Reason::QueueFull)));
    assert!(queue.queued().iter().eq(&[4, 5, 6]));
    assert!(queue.accounting().balances());
    // Three of ten are the low watermark.
    queue.set_capacity(ms(12), 10);
    queue.set_capacity(ms(12), 20);
    assert_eq!(pressures.take(), [Pressure::Normal]);
    assert_eq!((queue.queued().age(0), queue.queued().age(2)), (ms(8), ms(1)));
    let metrics = queue.metrics();
    assert_eq!((metrics.high_watermark_events, metrics.low_watermark_events), (1, 1));
    assert_eq!(metrics.pressured_time, ms(2));
}

#[test]
fn ages_outlive_a_change_between_short_and_long_queues() {
    let mut queue = BoundedQueue::new(100, DropOldest);
    for item in 0..100 {
        let _ = queue.offer(ms(item), item);
    }
    for capacity in [100_000, 50, 1000, 257, 100] {
        queue.set_capacity(ms(1000), capacity);
        let ages: Vec<_> = (0..100).map(|index| queue.queued().age(index)).collect();
        assert!(ages.is_sorted_by(|elder, younger| elder >= younger), "{capacity}: {ages:?}");
        let exact = (0..100).map(|item| ms(1000 - item));
        assert!(ages.iter().zip(exact).all(|(age, exact)| *age >= exact), "{capacity}: {ages:?}");
        assert_eq!(ages[0], ms(1000));
    }
}

#[test]
#[should_panic(expected = "a queue of 0 items has no meaning")]
fn a_queue_is_not_lowered_to_nothing() {
    BoundedQueue::<u8, _>::new(1, Block).set_capacity(ms(0), 0);
}
