use proptest::prelude::*;

use super::*;
use crate::units::{ms, s, us};

/// Decides what it is told to, over and over, and notes what it was told.
#[derive(Debug, Default)]
struct Told {
    decisions: Vec<Decision>,
    signals: Vec<Signals>,
}

impl Algorithm for Told {
    fn on_interval(&mut self, signals: &Signals) -> Decision {
        self.signals.push(*signals);
        self.decisions[(self.signals.len() - 1) % self.decisions.len()]
    }

    fn congestion_events(&self) -> u64 {
        0
    }
}

fn decision(rate: f64, cap: usize) -> Decision {
    Decision { rate, max_in_flight: NonZeroUsize::new(cap) }
}

/// One that has decided the same for a while, and may take an item at once.
fn governor(rate: f64, cap: usize) -> Governor<Told> {
    let mut governor = Governor::new(Told { decisions: vec![decision(rate, cap)], signals: vec![] });
    for i in 0..3 {
        governor.advance(ms(100 * i));
        governor.rest(false);
    }
    governor.algorithm.signals.clear();
    governor
}

/// Lets as many enter as may, and their work begin.
fn fill<A: Algorithm>(governor: &mut Governor<A>) -> Vec<Admission> {
    let mut admitted = vec![];
    while governor.is_open() {
        governor.enter();
        admitted.push(governor.admit());
    }
    admitted
}

#[test]
fn lets_no_more_in_than_was_decided() {
    let mut governor = governor(1e9, 3);
    let mut inside = fill(&mut governor);
    assert_eq!(inside.len(), 3);
    governor.end(inside.pop().unwrap(), Ok(()));
    assert!(!governor.is_open(), "the work is done, and it has not left");
    governor.leave();
    assert_eq!(fill(&mut governor).len(), 1);
}

#[test]
fn keeps_the_pace_however_late_it_is_polled() {
    let mut governor = governor(1000.0, 1_000_000);
    let mut entered = 0;
    // Each poll is late by up to 4 ms.
    for i in 0..100 {
        governor.advance(governor.wake_at().unwrap_or(ms(200)) + ms(i % 5));
        entered += fill(&mut governor).len() as u64;
        governor.rest(true);
    }
    let passed = governor.now - ms(200);
    assert!(entered.abs_diff(passed.as_millis() as u64) <= 2, "{entered} in {passed:?}");
}

#[test]
fn lets_those_in_at_once_that_come_due_within_a_tick_of_the_clock() {
    let mut governor = governor(50_000.0, 1_000_000);
    assert_eq!(fill(&mut governor).len(), 50);
    governor.rest(true);
    assert!(governor.wake_at().unwrap() <= ms(200) + us(20));
}

#[test]
fn a_source_that_rests_saves_up_no_more_than_a_tick() {
    let mut governor = governor(1000.0, 1_000_000);
    governor.rest(false);
    governor.advance(ms(260));
    assert_eq!(fill(&mut governor).len(), 1);
}

#[test]
fn a_retry_is_not_held_back_but_counts() {
    let mut governor = governor(100.0, 1_000_000);
    let first = fill(&mut governor).pop().unwrap();
    governor.end(first, Err(ErrorClass::Timeout));
    let again = governor.admit();
    governor.rest(true);
    assert_eq!(governor.wake_at(), Some(ms(220)), "the item and its retry take 10 ms each");
    governor.end(again, Ok(()));
    governor.leave();
    assert_eq!(governor.in_flight(), 0);
}

#[test]
fn a_service_that_refuses_at_once_is_not_asked_again_at_once() {
    let mut governor = governor(1e9, 4);
    let mut asked = 0;
    for now in 200..300 {
        governor.advance(ms(now));
        while governor.is_open() {
            governor.enter();
            let attempt = governor.admit();
            governor.end(attempt, Err(ErrorClass::Overload));
            governor.leave();
            asked += 1;
        }
        governor.rest(true);
        assert_eq!(governor.wake_at(), Some(ms(300)));
    }
    assert_eq!(asked, 4);
    governor.advance(ms(300));
    assert!(governor.is_open());
}

#[test]
fn tells_what_came_and_went() {
    let mut governor = governor(1e9, 4);
    let [one, two, three, _four] = fill(&mut governor).try_into().unwrap();
    governor.rest(true);
    governor.advance(ms(230));
    governor.end(one, Ok(()));
    governor.end(two, Err(ErrorClass::Overload));
    governor.end(three, Err(ErrorClass::BadRequest));
    (0..3).for_each(|_| governor.leave());
    assert!(!governor.advance(ms(299)));
    assert!(governor.advance(ms(300)));
    let signals = governor.signals().unwrap();
    assert_eq!((signals.admitted, signals.completed, signals.dropped), (4, 1, 1));
    assert_eq!((signals.in_flight, signals.left_total), (1, 3));
    assert_eq!((signals.sojourn, signals.queue_wait, signals.busy), (Some(ms(30)), None, None));
    assert_eq!((signals.now, signals.interval), (ms(300), ms(100)));
}

#[test]
fn measures_the_wait_and_the_work_where_it_can_see_them() {
    let mut governor = governor(1e9, 3).servers(NonZeroUsize::new(2).unwrap());
    let [mut one, mut two, mut three] = fill(&mut governor).try_into().unwrap();
    governor.begin(&mut one);
    governor.begin(&mut two);
    governor.rest(true);
    governor.advance(ms(240));
    governor.end(one, Ok(()));
    governor.leave();
    governor.begin(&mut three);
    governor.rest(true);
    governor.advance(ms(260));
    governor.end(three, Ok(()));
    governor.leave();
    governor.advance(ms(300));
    let signals = governor.signals().unwrap();
    assert_eq!(signals.queue_wait, Some(ms(20)), "none and 40 ms");
    // 40 + 20 ms of the one server, all of the time of the other.
    assert!((signals.busy.unwrap() - 0.8).abs() < 1e-9);
    assert_eq!(signals.queue_len, 0);
    let waiting = fill(&mut governor);
    governor.rest(true);
    governor.advance(ms(400));
    assert_eq!((governor.signals().unwrap().queue_len, waiting.len()), (2, 2));
}

#[test]
fn a_source_is_the_limit_unless_the_decisions_were_for_half_of_the_time() {
    for (held, app_limited) in [(49, true), (51, false)] {
        let mut governor = governor(1e9, 1);
        let item = fill(&mut governor).pop().unwrap();
        governor.rest(true);
        governor.advance(ms(200 + held));
        governor.end(item, Ok(()));
        governor.leave();
        governor.rest(true);
        governor.advance(ms(300));
        assert_eq!(governor.signals().unwrap().app_limited, app_limited);
    }
}

#[test]
fn a_stage_without_room_of_its_own_is_not_held_back() {
    let mut governor = governor(1e9, 1);
    let _inside = fill(&mut governor);
    governor.rest(false);
    governor.advance(ms(300));
    assert!(governor.signals().unwrap().app_limited);
}

#[test]
fn is_not_woken_for_nothing() {
    let mut governor = governor(1000.0, 10);
    governor.rest(true);
    assert_eq!(governor.wake_at(), None, "the source has nothing");
    let inside = fill(&mut governor);
    governor.rest(false);
    assert_eq!(governor.wake_at(), Some(ms(300)), "an interval in which something is measured");
    for item in inside {
        governor.end(item, Ok(()));
        governor.leave();
    }
    governor.rest(false);
    assert_eq!(governor.wake_at(), None);
}

#[test]
fn a_silence_is_not_measured() {
    let mut governor = governor(1e9, 10);
    let inside = fill(&mut governor);
    governor.advance(ms(250));
    for item in inside {
        governor.end(item, Ok(()));
        governor.leave();
    }
    governor.rest(false);
    // An hour later the interval ends as it would have then, and the next one begins now.
    governor.advance(s(3600));
    let signals = governor.signals().unwrap();
    assert_eq!((signals.now, signals.interval, signals.completed), (ms(300), ms(100), 10));
    governor.advance(s(3600) + ms(100));
    let signals = governor.signals().unwrap();
    assert_eq!((signals.interval, signals.completed), (ms(100), 0));
}

#[test]
fn a_poll_that_is_late_shortens_no_interval() {
    let mut governor = governor(1e9, 10);
    let inside = fill(&mut governor);
    governor.rest(true);
    // The executor was busy for a second, in which items were done.
    governor.advance(ms(1200));
    assert_eq!(governor.signals().unwrap().now, ms(300));
    for item in inside {
        governor.end(item, Ok(()));
        governor.leave();
    }
    governor.advance(ms(1300));
    let signals = governor.signals().unwrap();
    assert_eq!((signals.interval, signals.completed), (s(1), 10));
    assert!(!signals.app_limited);
}

#[test]
fn stays_in_its_bounds_and_takes_no_nonsense() {
    let nonsense = [f64::NAN, f64::INFINITY, -1.0, 0.0].map(|rate| decision(rate, usize::MAX));
    let algorithm = Told { decisions: nonsense.into(), signals: vec![] };
    let mut governor = Governor::new(algorithm).bounds(2..=5);
    assert_eq!(governor.cap, 5);
    for i in 0..8 {
        governor.advance(ms(100 * i));
        assert_eq!(governor.decision(), decision(100.0, 5));
    }
    governor.algorithm.decisions = vec![decision(1.0, 1)];
    governor.advance(ms(800));
    assert_eq!(governor.decision(), decision(1.0, 2));
}

#[test]
#[should_panic(expected = "is not empty: `0..=4` has no meaning")]
fn refuses_a_range_from_zero() {
    let _ = Governor::new(Told::default()).bounds(0..=4);
}

proptest! {
    /// Whatever is decided, and whenever it is polled: no more are inside than was decided when they entered, no more enter
    /// than the integral of the rate and a tick, and it always wants to be woken while it holds items back.
    #[test]
    fn keeps_to_every_decision(
        decisions in prop::collection::vec((1.0..100_000.0f64, 1usize..50), 1..10),
        polls in prop::collection::vec((0u64..30_000, 0usize..20, any::<bool>()), 1..200),
    ) {
        let decisions: Vec<_> = decisions.into_iter().map(|(rate, cap)| decision(rate, cap)).collect();
        let mut governor = Governor::new(Told { decisions, signals: vec![] });
        let (mut now, mut allowed, mut entered, mut inside) = (Duration::ZERO, 1.0, 0.0, vec![]);
        let mut most_rate = 0.0f64;
        for (wait, leaving, wants_more) in polls {
            let rate = governor.decision().rate;
            now += us(wait);
            governor.advance(now);
            most_rate = most_rate.max(rate).max(governor.decision().rate);
            allowed += rate.max(governor.decision().rate) * us(wait).as_secs_f64();
            for item in inside.drain(..leaving.min(inside.len())) {
                governor.end(item, Ok(()));
                governor.leave();
            }
            if wants_more {
                let before = governor.in_flight();
                inside.append(&mut fill(&mut governor));
                let cap = governor.decision().max_in_flight.map_or(usize::MAX, NonZeroUsize::get);
                prop_assert!(governor.in_flight() <= cap.max(before));
                entered += (governor.in_flight() - before) as f64;
                prop_assert!(entered <= allowed + (most_rate * 0.001).ceil() + 1e-6, "{entered} of {allowed}");
            }
            governor.rest(wants_more);
            prop_assert_eq!(governor.in_flight(), inside.len());
            let waits_for_us = wants_more && !governor.is_open();
            let wake_at = governor.wake_at();
            prop_assert!(!waits_for_us || wake_at.is_some());
            prop_assert!(wake_at.is_none_or(|at| at > now));
        }
    }
}
