use super::*;
use crate::flow_control::testing::signals;
use crate::units::ms;

struct Always(Option<f64>);

impl RateModel for Always {
    fn predict(&mut self, features: &Features) -> Option<f64> {
        assert!(features.iter().all(|feature| feature.is_finite()));
        self.0
    }
}

fn guarded(rate: Option<f64>) -> Guarded<Always> {
    Guarded::new(&FlowControlConfig::default(), Always(rate))
}

fn busy() -> Signals {
    Signals { busy: Some(1.0), queue_wait: Some(ms(4)), sojourn: Some(ms(16)), ..signals() }
}

#[test]
fn is_asked_after_twenty_observations() {
    let mut guarded = guarded(Some(400.0));
    for n in 1..=20 {
        guarded.on_interval(&busy());
        assert!(!guarded.model_decides(), "after {n}");
    }
    guarded.on_interval(&busy());
    assert!(guarded.model_decides());
}

#[test]
fn moves_by_at_most_a_factor_of_two_and_stays_in_range() {
    let mut guarded = guarded(Some(1e300));
    let mut last = None;
    for _ in 0..40 {
        let rate = guarded.on_interval(&busy()).rate;
        if let Some(last) = last.filter(|_| guarded.model_decides()) {
            assert!(rate <= 2.0 * last && rate <= 1000.0);
        }
        last = Some(rate);
    }
    assert_eq!(last, Some(1000.0));
    guarded.model.0 = Some(1e-300);
    assert_eq!(guarded.on_interval(&busy()).rate, 500.0);
    (0..40).for_each(|_| assert!(guarded.on_interval(&busy()).rate >= 1.0));
}

#[test]
fn nonsense_leaves_the_decision_to_the_default() {
    for nonsense in [None, Some(f64::NAN), Some(f64::INFINITY), Some(-1.0), Some(0.0)] {
        let mut guarded = guarded(nonsense);
        let mut default = Adaptive::new();
        for _ in 0..50 {
            assert_eq!(guarded.on_interval(&busy()), default.on_interval(&busy()));
            assert!(!guarded.model_decides());
        }
    }
}

#[test]
fn the_cap_is_at_most_four_times_the_default() {
    let mut guarded = guarded(Some(1e9));
    let mut default = Adaptive::new();
    for _ in 0..100 {
        let [guarded, default] = [guarded.on_interval(&busy()), default.on_interval(&busy())]
            .map(|decision| decision.max_in_flight.unwrap().get());
        assert!(guarded <= 4 * default);
    }
}
