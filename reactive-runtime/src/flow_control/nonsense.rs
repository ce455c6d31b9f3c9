//! Numbers without a meaning, for every algorithm and for what counts for them: nothing panics, decisions stay in range, and
//! it is over when sensible numbers come again.

use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;

use super::{
    Algorithm, BoxAlgorithm, Completion, CongestionAlgorithm, FlowControlConfig, Ledger, Outcome, Signals,
    StageState, Ticket,
};
use crate::units::ms;

fn time() -> impl Strategy<Value = Duration> {
    let years = Duration::from_secs(50 * 365 * 86_400);
    select(vec![Duration::ZERO, Duration::from_nanos(1), ms(7), ms(3000), years, Duration::MAX])
}

fn count() -> impl Strategy<Value = u64> {
    select(vec![0, 1, 100, u64::from(u32::MAX), u64::MAX / 2, u64::MAX])
}

fn number() -> impl Strategy<Value = f64> {
    select(vec![0.0, 0.5, -1.0, 1e-300, f64::MAX, f64::NAN, f64::INFINITY, f64::NEG_INFINITY])
}

prop_compose! {
    fn signals()(
        (now, interval, queue_wait, sojourn) in (time(), time(), prop::option::of(time()), prop::option::of(time())),
        (queue_len, queue_capacity, in_flight) in (count(), count(), count()),
        (admitted, completed, dropped, admitted_total, left_total) in (count(), count(), count(), count(), count()),
        busy in prop::option::of(number()),
        app_limited: bool,
    ) -> Signals {
        Signals {
            now, interval, queue_wait, sojourn, admitted, completed, dropped, admitted_total, left_total, busy, app_limited,
            queue_len: queue_len as usize,
            queue_capacity: queue_capacity as usize,
            in_flight: in_flight as usize,
        }
    }
}

prop_compose! {
    fn ticket()(
        (admitted_at, flight_began_at, completed_at) in (time(), time(), time()),
        (completed_total, dropped_total, in_flight) in (count(), count(), count()),
        app_limited: bool,
    ) -> Ticket {
        let in_flight = in_flight as usize;
        Ticket { admitted_at, flight_began_at, completed_at, completed_total, dropped_total, in_flight, app_limited }
    }
}

prop_compose! {
    fn completion()(
        ticket in ticket(),
        (now, queue_wait) in (time(), prop::option::of(time())),
        outcome in select(vec![Outcome::Completed, Outcome::Dropped]),
        (in_flight, admitted_total, completed_total, dropped_total) in (count(), count(), count(), count()),
    ) -> Completion {
        let in_flight = in_flight as usize;
        Completion { now, ticket, queue_wait, outcome, in_flight, admitted_total, completed_total, dropped_total }
    }
}

/// Three minutes of a stage that does 400 items a second, 10 ms away, and whose counts begin anew. Gives how many it did in
/// the last one: from the least rate, it takes a while until much is learned.
fn work(algorithm: &mut BoxAlgorithm, start: Duration) -> f64 {
    let (mut ledger, mut now, mut queue, mut rate, mut done) = (Ledger::default(), start, 0.0, 100.0, 0.0);
    ledger.skip_to(now);
    let (mut tickets, mut carried) = (std::collections::VecDeque::new(), 0.0);
    for interval in 0..1800 {
        now += ms(100);
        carried += rate * 0.1;
        while carried >= 1.0 {
            tickets.push_back(ledger.admit(now - ms(50)));
            carried -= 1.0;
        }
        let wait = Duration::from_secs_f64((queue - 20.0_f64).max(0.0) / 400.0);
        for _ in 0..tickets.len().min(40) {
            let ticket = tickets.pop_front().unwrap();
            let completion = ledger.complete(ticket, ticket.admitted_at + wait + ms(10), Some(wait));
            algorithm.on_complete(&completion);
            done += f64::from(u8::from(interval >= 1200));
        }
        queue = tickets.len() as f64;
        let busy = Some(((rate * 0.1 + queue) / 40.0).min(1.0));
        rate =
            algorithm.on_interval(&ledger.interval(now, StageState { busy, ..StageState::default() })).rate;
    }
    done
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn decisions_stay_in_range_and_recover(
        told in prop::collection::vec((signals(), completion()), 1..60),
    ) {
        for name in CongestionAlgorithm::ALL {
            let mut algorithm: BoxAlgorithm =
                Box::new(FlowControlConfig::default().congestion_algorithm(name).algorithm());
            for (signals, completion) in &told {
                let decisions = [algorithm.on_complete(completion), Some(algorithm.on_interval(signals))];
                for decision in decisions.into_iter().flatten() {
                    prop_assert!((1.0..=1000.0).contains(&decision.rate), "{name}: {decision:?}");
                }
            }
            // A year later, as if all that had not been.
            let done = work(&mut algorithm, Duration::from_secs(100 * 365 * 86_400));
            prop_assert!(done > 0.4 * 400.0 * 60.0, "{name}: {done}");
        }
    }

    #[test]
    fn a_ledger_counts_whatever_it_is_told(told in prop::collection::vec((ticket(), time(), time()), 1..40)) {
        let mut ledger = Ledger::default();
        for (ticket, now, wait) in told {
            ledger.admit(now);
            let completion = ledger.complete(ticket, now, Some(wait));
            prop_assert!(completion.delivery_rate().is_none_or(f64::is_finite));
            ledger.drop_item(ticket, now);
            ledger.interval(wait, StageState::default());
        }
    }
}
