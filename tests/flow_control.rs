//! The flow-control algorithms in a simulated stage: how much of it they use, how long items wait, and what they never do.

mod simulator;

use std::num::NonZero;
use std::time::Duration;

use proptest::prelude::*;
use reactive_runtime::flow_control::{
    Adaptive, Algorithm, CongestionAlgorithm, Decision, Features, FlowControlConfig, Guarded, Ledger,
    RateModel, Signals, StageState,
};

use simulator::random::Random;
use simulator::run::median;
use simulator::scenario::{Demand, Work};
use simulator::{Run, Scenario, ours, simulate};

fn scenario(name: &str) -> Scenario {
    let mut all = Scenario::all().into_iter().chain(Scenario::hold_outs());
    all.find(|scenario| scenario.name == name).expect("a scenario has this name")
}

fn run(algorithm: CongestionAlgorithm, scenario: &Scenario, seed: u64) -> Run {
    simulate(scenario, seed, |number| ours(algorithm, scenario, 100 * seed + number))
}

fn adaptive(name: &str) -> Vec<Run> {
    let scenario = scenario(name);
    (1..=3).map(|seed| run(CongestionAlgorithm::Adaptive, &scenario, seed)).collect()
}

mod the_simulator {
    use super::*;

    /// A rate, or a number in flight, whatever happens.
    struct Fixed(Decision);

    impl Algorithm for Fixed {
        fn on_interval(&mut self, _: &Signals) -> Decision {
            self.0
        }

        fn congestion_events(&self) -> u64 {
            0
        }
    }

    fn fixed(scenario: &Scenario, rate: f64, cap: Option<usize>) -> Run {
        let max_in_flight = cap.and_then(NonZero::new);
        simulate(scenario, 1, |_| Fixed(Decision { rate, max_in_flight }))
    }

    #[track_caller]
    fn assert_near(value: f64, expected: f64, within: f64) {
        assert!((value / expected - 1.0).abs() < within, "{value} is not {expected}");
    }

    /// Items that come at random: the mean wait is rho / (mu (1 - rho)), with one server, and half of that if service is
    /// even.
    #[test]
    fn waits_as_long_as_queueing_theory_says() {
        let poisson = |work| Scenario {
            demand: Demand::IdleThenSaturated { idle: 450.0, until: 600.0 },
            work,
            ..Scenario::constant(600.0)
        };
        let mean = |run: Run| run.done.iter().map(|done| done.wait).sum::<f64>() / run.done.len() as f64;
        let unpaced = 1e6;
        assert_near(mean(fixed(&poisson(Work::Exponential), unpaced, None)), 0.018, 0.1);
        assert_near(mean(fixed(&poisson(Work::Deterministic), unpaced, None)), 0.009, 0.1);
    }

    /// D/M/1: a pace of nine tenths of what a random server can do.
    #[test]
    fn waits_as_long_behind_a_pacer_as_queueing_theory_says() {
        let run = fixed(&Scenario::constant(600.0), 450.0, None);
        assert_near(run.wait(0.99), 0.046, 0.1);
        assert_near(run.utilization(), 0.9, 0.01);
    }

    /// Ten in flight, of which five travel: a closed network.
    #[test]
    fn uses_as_much_as_so_many_in_flight_can() {
        let run = fixed(&Scenario::constant(300.0), 1000.0, Some(10));
        assert_near(run.utilization(), 0.979, 0.005);
        assert_near(run.wait(0.99), 0.0246, 0.05);
    }

    #[test]
    fn gives_the_same_run_for_the_same_seed() {
        let waits = |seed| run(CongestionAlgorithm::Bbr, &scenario("S2"), seed).wait(0.5);
        assert_eq!(waits(1), waits(1));
        assert_ne!(waits(1), waits(2));
    }
}

mod adaptive {
    use super::*;

    /// All the capacity that a queue of some items can get out of a random server, and no more queue than that needs.
    #[test]
    fn uses_97_percent_with_short_waits() {
        for (name, wait) in
            [("S1", 18), ("S2", 40), ("S3", 36), ("S4", 40), ("S5", 38), ("S6", 38), ("S8", 40)]
        {
            let runs = adaptive(name);
            let used = median(runs.iter().map(Run::utilization));
            assert!(used >= 0.97, "{name}: {used}");
            let waited = median(runs.iter().map(|run| run.wait(0.99)));
            assert!(waited <= f64::from(wait) / 1e3, "{name}: {waited} s");
        }
    }

    #[test]
    fn uses_what_there_is_even_where_it_is_hard() {
        for (name, used, wait) in [
            ("S7", 0.96, 0.14),
            ("S9", 0.96, 0.22),
            ("H1", 0.97, 0.3),
            ("H2", 0.94, 0.6),
            ("H3", 0.97, 0.02),
            ("H4", 0.98, 0.02),
            ("H5", 0.95, 0.4),
        ] {
            let runs = adaptive(name);
            let got = median(runs.iter().map(Run::utilization));
            assert!(got >= used, "{name}: {got}");
            let waited = median(runs.iter().map(|run| run.wait(0.99)));
            assert!(waited <= wait, "{name}: {waited} s");
        }
    }

    /// What most stages are: calls of something far away, of which only the latency can be seen.
    #[test]
    fn uses_97_percent_where_only_latency_can_be_seen() {
        for name in ["S1", "S2", "S3", "S4", "S5", "S6", "S8"] {
            let run = run(CongestionAlgorithm::Adaptive, &scenario(name).blind(), 1);
            assert!(run.utilization() >= 0.97, "{name}: {}", run.utilization());
            assert!(run.wait(0.99) <= 0.1, "{name}: {}", run.wait(0.99));
        }
    }

    #[test]
    fn never_loses_an_item_under_its_cap() {
        for scenario in Scenario::all().iter().chain(&Scenario::hold_outs()) {
            assert_eq!(
                run(CongestionAlgorithm::Adaptive, scenario, 1).dropped,
                0,
                "{}: {}",
                scenario.name,
                scenario.about
            );
        }
    }

    #[test]
    fn gives_a_second_sender_its_share_within_ten_seconds() {
        for run in adaptive("S6") {
            let seconds = run.seconds_to_fairness(0.99);
            assert!(seconds <= 10.0, "{seconds}");
            assert!(run.fairness(50.0, 80.0) >= 0.99);
        }
    }

    #[test]
    fn follows_a_change_of_capacity_within_a_second() {
        for run in adaptive("S1") {
            assert!(run.seconds_to_converge(20.0) <= 1.0);
            assert!(run.seconds_to_converge(40.0) <= 1.0);
        }
    }

    #[test]
    fn exposes_few_items_to_an_outage_and_holds_little_back_in_a_burst() {
        let stuck = median(adaptive("S5").iter().map(Run::stuck));
        assert!(stuck <= 20.0, "{stuck}");
        // A thousand items more than can be done in that second take two seconds to work off, whatever one does.
        let delay = median(adaptive("S3").iter().map(|run| run.delay(0.99)));
        assert!(delay <= 3.5, "{delay}");
    }

    #[test]
    fn does_not_depend_on_how_often_it_decides() {
        for interval in [0.02, 0.1, 0.5] {
            let scenario = Scenario { interval, ..scenario("S2") };
            let config = FlowControlConfig {
                control_interval: Duration::from_secs_f64(interval),
                ..FlowControlConfig::default()
            };
            let run = simulate(&scenario, 1, |_| Adaptive::with_config(&config));
            assert!(run.utilization() >= 0.97, "{interval}: {}", run.utilization());
            assert!(run.wait(0.99) <= 0.07, "{interval}: {}", run.wait(0.99));
        }
    }
}

/// s2n-quic's BBR, in the same scenario: 98.6 %, 60 ms.
#[test]
fn bbr_is_no_worse_than_the_one_of_s2n_quic() {
    for blind in [false, true] {
        let scenario = if blind { scenario("S1").blind() } else { scenario("S1") };
        let run = run(CongestionAlgorithm::Bbr, &scenario, 1);
        let used = if blind { 0.98 } else { 0.986 };
        assert!(run.utilization() >= used, "{}", run.utilization());
        assert!(run.wait(0.99) <= 0.060, "{}", run.wait(0.99));
    }
}

/// What each does in each scenario, S1 to S9: at least so many percent used, and 99 % of the items wait at most so many ms.
#[test]
fn every_algorithm_stays_in_its_bands() {
    use CongestionAlgorithm::{Aimd, Bbr, Cubic, Gradient2, Vegas};
    const BANDS: [(CongestionAlgorithm, [(u32, u32); 9]); 5] = [
        (
            Aimd,
            [
                (77, 120),
                (75, 125),
                (78, 110),
                (78, 110),
                (75, 1100),
                (83, 125),
                (53, 160),
                (78, 110),
                (77, 320),
            ],
        ),
        (
            Cubic,
            [(70, 90), (62, 105), (75, 85), (64, 100), (73, 1100), (78, 95), (36, 120), (75, 125), (75, 220)],
        ),
        (
            Bbr,
            [(98, 40), (98, 185), (97, 90), (98, 100), (98, 100), (98, 95), (96, 235), (98, 90), (94, 2300)],
        ),
        (Vegas, [(98, 35), (96, 55), (96, 35), (95, 45), (94, 35), (98, 50), (84, 115), (96, 40), (93, 220)]),
        (
            Gradient2,
            [(98, 40), (98, 60), (97, 45), (98, 50), (97, 45), (98, 55), (89, 125), (98, 45), (69, 200)],
        ),
    ];
    for (algorithm, bands) in BANDS {
        for (scenario, (used, wait)) in Scenario::all().iter().zip(bands) {
            let run = run(algorithm, scenario, 1);
            let got = 100.0 * run.utilization();
            assert!(got >= f64::from(used), "{algorithm} in {}: {got} %", scenario.name);
            let waited = 1e3 * run.wait(0.99);
            assert!(waited <= f64::from(wait), "{algorithm} in {}: {waited} ms", scenario.name);
            assert_eq!(run.loss(), 0.0, "{algorithm} in {}", scenario.name);
        }
    }
}

#[test]
fn no_algorithm_collapses_in_an_outage() {
    for algorithm in CongestionAlgorithm::ALL {
        for scenario in [scenario("S5"), scenario("S5").blind()] {
            let run = run(algorithm, &scenario, 1);
            let after_warm_up = run.ticks.iter().filter(|tick| tick.at > 5.0);
            let least = after_warm_up.map(|tick| tick.rate[0]).fold(f64::INFINITY, f64::min);
            assert!(least >= 50.0, "{algorithm}: {least}");
        }
    }
}

#[test]
fn no_queue_grows_without_end() {
    let scenario = Scenario::constant(900.0);
    for algorithm in CongestionAlgorithm::ALL {
        let run = run(algorithm, &scenario, 1);
        let [minute, quarter] = [60.0, 900.0].map(|at| run.longest_queue(at - 30.0, at));
        assert!(
            quarter <= 2 * minute,
            "{algorithm}: {minute} items after a minute, {quarter} after a quarter of an hour"
        );
    }
}

/// A quarter of an hour, in which the queue is never empty by itself.
#[test]
fn a_queue_that_is_only_inferred_does_not_pass_for_latency() {
    use CongestionAlgorithm::{Adaptive, Bbr, Gradient2, Vegas};
    let scenario = Scenario::constant(900.0).blind();
    for algorithm in [Adaptive, Bbr, Gradient2, Vegas] {
        let run = run(algorithm, &scenario, 1);
        let [minute, quarter] = [60.0, 900.0].map(|at| run.longest_queue(at - 30.0, at));
        assert!(
            quarter <= 2 * minute,
            "{algorithm}: {minute} items after a minute, {quarter} after a quarter of an hour"
        );
    }
}

#[test]
fn a_decision_allocates_nothing() {
    for algorithm in CongestionAlgorithm::ALL {
        let scenario = Scenario::constant(1.0);
        let mut algorithm = ours(algorithm, &scenario, 1);
        let mut ledger = Ledger::default();
        let allocations = allocation_counter::measure(|| {
            for i in 0..5000 {
                let now = Duration::from_millis(2) * i;
                let ticket = ledger.admit(now);
                let completion =
                    ledger.complete(ticket, now + Duration::from_millis(1), Some(Duration::ZERO));
                algorithm.on_complete(&completion);
                if i % 50 == 49 {
                    algorithm.on_interval(&ledger.interval(now, StageState::default()));
                }
            }
        });
        assert_eq!(allocations.count_total, 0);
    }
}

/// Says what it was told to say, over and over.
struct Hostile {
    answers: Vec<Option<f64>>,
    next: usize,
}

impl RateModel for Hostile {
    fn predict(&mut self, features: &Features) -> Option<f64> {
        assert!(features.iter().all(|feature| feature.is_finite()));
        self.next += 1;
        self.answers[self.next % self.answers.len()]
    }
}

fn answers() -> impl Strategy<Value = Vec<Option<f64>>> {
    let nonsense =
        prop::sample::select(vec![f64::NAN, f64::INFINITY, -1.0, 0.0, f64::MIN_POSITIVE, f64::MAX]);
    let answer = prop_oneof![nonsense, 0.1..2000.0, any::<f64>()];
    prop::collection::vec(prop::option::weighted(0.9, answer), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// However wrong a model is: in flight are at most four times the items that the default would ever have.
    #[test]
    fn no_model_lets_the_queue_pass_its_bound(answers in answers(), seed in 1u64..1000, blind: bool, servers in 1usize..8) {
        let mut random = Random::new(seed);
        let steps = (0..10).map(|i| (f64::from(i) * 2.0, [0.0, 100.0, 500.0, 800.0][(4.0 * random.unit()) as usize % 4]));
        let capacity = simulator::scenario::Capacity::steps(steps);
        let changing = Scenario { capacity, servers, ..Scenario::constant(20.0) };
        let scenario = if blind { changing.blind() } else { changing };
        let model = |_| Guarded::new(&FlowControlConfig::default(), Hostile { answers: answers.clone(), next: 0 });
        let run = simulate(&scenario, seed, model);
        // Little's law at 800 items a second: 10 ms away, `servers` / 800 s of work, and at most 0.2 s of slack; a fifth
        // more, as the rate is an estimate.
        let default = 800.0 * (0.010 + 0.2) + servers as f64;
        let most = 1.2 * 4.0 * default;
        prop_assert_eq!(run.dropped, 0);
        prop_assert!((run.longest_queue(0.0, 20.0) as f64) <= most);
        for tick in &run.ticks {
            prop_assert!(tick.rate[0] >= 1.0 && tick.rate[0] <= 1000.0);
        }
    }
}
