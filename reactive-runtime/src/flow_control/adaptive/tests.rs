use super::*;
use crate::flow_control::testing::{repeat, signals};
use crate::units::ms;

/// 50 items in a tenth of a second, with the server at work for `busy` of it: 500 items/s if all of it.
fn measured(busy: f64) -> Signals {
    Signals { busy: Some(busy), queue_wait: Some(ms(4)), sojourn: Some(ms(16)), ..signals() }
}

fn settled(busy: f64) -> Adaptive {
    let mut adaptive = Adaptive::new();
    repeat(&mut adaptive, &measured(busy), 200);
    adaptive
}

#[test]
fn caps_by_littles_law() {
    let mut adaptive = settled(1.0);
    // Never starves, so the slack is the least: 500/s x 12 ms + 1.
    assert_eq!(adaptive.on_interval(&measured(1.0)).max_in_flight.unwrap().get(), 7);
    assert!((adaptive.capacity_estimate().unwrap() - 500.0).abs() < 1.0);
}

#[test]
fn allows_more_in_flight_while_the_stage_starves() {
    let mut adaptive = settled(1.0);
    let before = adaptive.slack;
    repeat(&mut adaptive, &measured(0.9), 20);
    assert!(adaptive.slack > before + 8.0, "{}", adaptive.slack);
    repeat(&mut adaptive, &measured(0.5), 10_000);
    assert!(adaptive.slack <= 0.2 * adaptive.capacity_estimate().unwrap() + 0.1);
}

#[test]
fn an_idle_source_changes_nothing() {
    let mut adaptive = settled(1.0);
    let before = adaptive.on_interval(&measured(1.0));
    let idle = Signals { busy: Some(0.1), completed: 5, app_limited: true, ..measured(0.1) };
    repeat(&mut adaptive, &idle, 100);
    assert_eq!(adaptive.on_interval(&idle).max_in_flight, before.max_in_flight);
}

#[test]
fn an_outage_changes_nothing() {
    let mut adaptive = settled(1.0);
    let before = adaptive.on_interval(&measured(1.0));
    let outage = Signals { busy: Some(1.0), completed: 0, sojourn: None, queue_wait: None, ..measured(1.0) };
    (0..100).for_each(|_| assert_eq!(adaptive.on_interval(&outage), before));
}

#[test]
fn drops_halve_the_slack_once() {
    let mut adaptive = settled(0.9);
    let before = adaptive.slack;
    let dropped = Signals { dropped: 3, admitted_total: 100, left_total: 10, ..measured(0.9) };
    adaptive.on_interval(&dropped);
    assert_eq!(adaptive.slack, before / 2.0);
    adaptive.on_interval(&dropped);
    assert!(adaptive.slack > before / 2.0);
    assert_eq!(adaptive.congestion_events(), 1);
}

/// A service rate that swings between 250 and 750 items/s, once in 40 s.
#[test]
fn acts_on_a_forecast_where_that_was_enabled_and_is_better_than_none() {
    let intervals_with_a_forecast = |enable_prediction| {
        let config = FlowControlConfig { enable_prediction, ..FlowControlConfig::default() };
        let mut adaptive = Adaptive::with_config(&config);
        let mut active = 0;
        for n in 0..800 {
            let swing = f64::from(n) * std::f64::consts::TAU / 400.0;
            let completed = (50.0 + 25.0 * swing.sin()) as u64;
            adaptive.on_interval(&Signals { completed, ..measured(1.0) });
            let estimate = adaptive.capacity_estimate().unwrap();
            if adaptive.prediction_active() {
                active += 1;
                let trend = adaptive.service_forecast.trend();
                assert!((adaptive.service_rate() - estimate) * trend > 0.0);
            } else {
                assert_eq!(adaptive.service_rate(), estimate);
            }
        }
        active
    };
    assert!(intervals_with_a_forecast(true) > 400);
    assert_eq!(intervals_with_a_forecast(false), 0);
}

#[test]
fn without_a_look_inside_it_keeps_the_wait_below_the_target() {
    // A server of 500 items/s and 10 ms behind a latency that is all one can see.
    let mut adaptive = Adaptive::new();
    let mut cap = 1.0f64;
    for n in 0..2000 {
        let sojourn = Duration::from_secs_f64((cap / 500.0).max(0.01));
        let completed = (cap / sojourn.as_secs_f64() / 10.0) as u64;
        let now = ms(100 * (n + 1));
        let blind = Signals {
            now,
            sojourn: Some(sojourn),
            queue_wait: None,
            completed,
            admitted_total: 1,
            left_total: 1,
            ..signals()
        };
        cap = adaptive.on_interval(&blind).max_in_flight.unwrap().get() as f64;
    }
    assert!((10.0..30.0).contains(&cap), "{cap}");
}
