use proptest::prelude::*;

use super::*;
use crate::units::{ms, ns, s};

/// Lets items go as early as they may.
fn go(pacer: &mut Pacer, items: u64) -> Duration {
    let mut now = Duration::ZERO;
    for _ in 0..items {
        now = now.max(pacer.due(1));
        pacer.take(now, 1);
    }
    now
}

#[test]
fn does_not_drift_over_hours() {
    for (rate, hours) in [(1u32, 100), (3, 100), (7, 100), (999, 2), (1_000_000, 1)] {
        let mut pacer = Pacer::new(Rate::per_second(rate));
        let items = u64::from(rate) * 3600 * hours;
        // In strides, as a million an hour one by one are many.
        let mut gone = 0;
        while gone < items {
            let now = pacer.due(1);
            let stride = 1 + gone % 1000;
            pacer.take(now, stride);
            gone += stride;
        }
        pacer.take(pacer.due(1), items + 1000 - gone);
        let exact = s(hours * 3600) + Duration::from_secs_f64(1000.0 / f64::from(rate));
        assert!(pacer.due(1).abs_diff(exact) <= ns(2000), "{rate}/s: {:?}", pacer.due(1));
    }
}

#[test]
fn lets_one_item_go_at_once_and_then_each_on_its_nanosecond() {
    assert_eq!(go(&mut Pacer::new(Rate::per_second(3)), 4), s(1));
    assert_eq!(go(&mut Pacer::new(Rate::per_second(7)), 7_000_001), s(1_000_000));
    assert_eq!(go(&mut Pacer::new(Rate::every(ms(7))), 4), ms(21));
}

#[test]
fn a_rest_makes_no_more_credit_than_a_burst() {
    let mut pacer = Pacer::new(Rate::per_second(10)).burst(3);
    pacer.take(s(100), 1);
    assert_eq!(pacer.ready(s(100)), 2);
    assert_eq!(pacer.ready(s(200)), 3);
    pacer.take(s(200), 3);
    assert_eq!(pacer.due(1), s(200) + ms(100));
    assert_eq!(pacer.due(2), s(200) + ms(200));
}

#[test]
fn an_item_heavier_than_a_burst_is_paid_for_by_the_next() {
    let mut pacer = Pacer::new(Rate::per_second(10)).burst(2);
    pacer.take(ms(0), 5);
    assert_eq!(pacer.due(1), ms(400));
    assert_eq!(pacer.due(9), ms(500));
    pacer.take(ms(0), 0);
    assert_eq!(pacer.due(9), ms(500));
}

#[test]
fn counts_what_was_waiting_as_of_then() {
    let mut pacer = Pacer::new(Rate::per_second(1_000_000));
    pacer.take(ms(0), 1);
    assert_eq!(pacer.ready(ms(5)), 1);
    assert_eq!(pacer.ready_since(ns(1000), ms(5)), 5000);
    pacer.take_since(ns(1000), 5000);
    assert_eq!(pacer.due(1), ms(5) + ns(1000));
}

#[test]
fn counts_what_was_waiting_at_the_rate_at_which_it_waited() {
    let mut pacer = Pacer::new(Rate::per_second(1000));
    pacer.take(ms(0), 1);
    assert_eq!(pacer.ready_since(ms(1), ms(5)), 5);
    pacer.set_rate(ms(5), Rate::per_second(2000));
    assert_eq!(pacer.ready_since(ms(1), ms(5)), 5);
}

#[test]
fn takes_the_slowest_and_the_fastest_rate() {
    let mut slow = Pacer::new(Rate::every(Duration::MAX));
    assert_eq!(slow.ready(ms(0)), 1);
    slow.take(ms(0), u64::MAX);
    assert_eq!(slow.ready(s(1)), 0);
    assert!(slow.due(1) > s(1_000_000_000));
    let mut fast = Pacer::new(Rate::per_second(f64::MAX)).burst(u64::MAX);
    fast.take(ms(0), u64::MAX);
    assert!(fast.ready(ns(2)) > 1_000_000);
}

#[test]
#[should_panic(expected = "a burst of 0 items has no meaning")]
fn refuses_a_burst_of_nothing() {
    let _ = Pacer::new(Rate::per_second(1)).burst(0);
}

proptest! {
    /// Whatever the rates and whenever they change, at least and at most the integral of the rate goes, and a burst.
    #[test]
    fn a_change_of_rate_makes_and_loses_no_credit(
        phases in prop::collection::vec((1u32..2_000_000, 0u64..100_000_000), 1..20),
        burst in 1u64..50,
    ) {
        let mut pacer = Pacer::new(Rate::per_second(phases[0].0)).burst(burst);
        let (mut now, mut gone, mut allowed) = (Duration::ZERO, 0u64, burst as f64);
        for (rate, nanos) in phases {
            pacer.set_rate(now, Rate::per_second(rate));
            let end = now + ns(nanos);
            // As one that is never short of items would.
            loop {
                now = now.max(pacer.due(1));
                if now > end {
                    break;
                }
                let ready = pacer.ready_since(now, now);
                prop_assert!(ready > 0);
                pacer.take(now, ready);
                gone += ready;
                // A long stride at a high rate: what came due in it has been waiting.
                let stride = end.min(now + ms(1));
                let waited = pacer.ready_since(now, stride);
                pacer.take_since(now, waited);
                gone += waited;
                now = stride + ns(1);
            }
            now = end;
            allowed += f64::from(rate) * nanos as f64 / 1e9;
            prop_assert!((gone as f64) <= allowed + 1e-6, "{gone} of {allowed}");
            prop_assert!((gone as f64) > allowed - 1.0 - 1e-6, "{gone} of {allowed}");
        }
    }

    /// Changed there and back in the same instant, everything is due when it was.
    #[test]
    fn a_change_there_and_back_is_none(
        rates in prop::collection::vec(1u32..1_000_000, 1..10),
        weight in 1u64..1000,
        at in 0u64..1_000_000_000,
    ) {
        let mut pacer = Pacer::new(Rate::per_second(77));
        pacer.take(ms(0), weight);
        let due = pacer.due(1);
        for rate in rates {
            pacer.set_rate(ns(at), Rate::per_second(rate));
        }
        pacer.set_rate(ns(at), Rate::per_second(77));
        prop_assert!(pacer.due(1).abs_diff(due) <= ns(1));
    }

    /// Beside a bucket of tokens: what is left fits into the present burst, and only the rate adds to it.
    #[test]
    fn another_burst_creates_no_credit(
        steps in prop::collection::vec((0u64..3_000_000_000, 1u64..20, 0u64..30), 1..40),
    ) {
        let (mut now, mut burst, mut left) = (ms(0), 5u64, 5.0f64);
        let mut pacer = Pacer::new(Rate::per_second(7)).burst(burst);
        pacer.take(now, 1);
        left -= 1.0;
        for (nanos, next_burst, wanted) in steps {
            now += ns(nanos);
            left = (left + 7.0 * nanos as f64 / 1e9).min(burst as f64);
            pacer.set_burst(now, next_burst);
            burst = next_burst;
            left = left.min(burst as f64);
            let ready = pacer.ready(now);
            prop_assert!((ready as f64) < left + 1e-6, "{ready} of {left}");
            prop_assert!((ready as f64) > left - 1.0 - 1e-6, "{ready} of {left}");
            let taken = wanted.min(ready);
            pacer.take(now, taken);
            left -= taken as f64;
        }
    }
}

#[test]
fn a_burst_there_and_back_costs_what_does_not_fit() {
    let mut pacer = Pacer::new(Rate::per_second(1)).burst(4);
    pacer.take(ms(1), 1);
    pacer.set_burst(ms(1), 1_000_000_000);
    pacer.set_burst(ms(1), 4);
    assert_eq!(pacer.ready(ms(1)), 3);
    pacer.set_burst(ms(1), 2);
    pacer.set_burst(ms(1), 4);
    assert_eq!(pacer.ready(ms(1)), 2);
}
