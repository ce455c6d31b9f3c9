use super::*;
use crate::flow_control::CongestionAlgorithm;
use crate::units::ms;

fn controller(congestion_algorithm: CongestionAlgorithm) -> FlowController {
    FlowController::new(FlowControlConfig { congestion_algorithm, ..FlowControlConfig::default() }).unwrap()
}

/// A stage of so many items a second, with a queue, in a loop with a controller.
struct Stage {
    capacity: f64,
    queue: f64,
}

impl Stage {
    fn new(capacity: f64) -> Self {
        Self { capacity, queue: 0.0 }
    }

    /// Lets an interval pass; gives the throughput.
    fn step(&mut self, flow: &mut FlowController) -> f64 {
        let rate = flow.decision().rate;
        let throughput = (rate + self.queue / 0.1).min(self.capacity);
        self.queue = (self.queue + (rate - throughput) * 0.1).max(0.0);
        flow.control_flow(self.queue as usize, ms(10), throughput);
        throughput
    }

    fn settle(&mut self, flow: &mut FlowController) {
        for _ in 0..500 {
            self.step(flow);
        }
    }
}

#[test]
fn every_algorithm_finds_the_rate_from_three_numbers() {
    for algorithm in CongestionAlgorithm::ALL {
        let (mut flow, mut stage) = (controller(algorithm), Stage::new(400.0));
        stage.settle(&mut flow);
        let (mut throughput, mut queue) = (0.0, 0.0);
        for _ in 0..500 {
            throughput += stage.step(&mut flow) / 500.0;
            queue += stage.queue / 500.0;
        }
        assert!(throughput > 0.7 * 400.0, "{algorithm:?}: {throughput}");
        assert!(queue < 0.2 * 400.0, "{algorithm:?}: {queue}");
    }
}

/// The numbers of a busy stage: what waits is worked off, and items go on to come.
#[test]
fn a_queue_drains_at_half_of_what_gets_through_and_no_faster() {
    for algorithm in CongestionAlgorithm::ALL {
        let rate = controller(algorithm).control_flow(75, ms(50), 95.0);
        assert!((40.0..50.0).contains(&rate), "{algorithm}: {rate}");
    }
}

#[test]
fn a_steady_stage_is_told_a_steady_rate() {
    use CongestionAlgorithm::{Adaptive, Gradient2, Vegas};
    for algorithm in [Adaptive, Vegas, Gradient2] {
        for capacity in [95.0, 400.0, 900.0] {
            let (mut flow, mut stage) = (controller(algorithm), Stage::new(capacity));
            stage.settle(&mut flow);
            for _ in 0..300 {
                stage.step(&mut flow);
                let rate = flow.decision().rate;
                assert!((rate / capacity - 1.0).abs() < 0.05, "{algorithm}: {rate} of {capacity}");
            }
        }
    }
}

#[test]
fn a_rate_that_nothing_has_proven_yet_at_most_doubles() {
    for algorithm in CongestionAlgorithm::ALL {
        let (mut flow, mut last) = (controller(algorithm), 100.0);
        for _ in 0..10 {
            let rate = flow.control_flow(0, ms(1), last);
            assert!(rate <= 2.0 * last, "{algorithm}: {rate} after {last}");
            last = rate;
        }
    }
}

#[test]
fn odd_numbers_give_a_rate_in_range() {
    for algorithm in CongestionAlgorithm::ALL {
        let mut flow = controller(algorithm);
        for i in 0..1000 {
            let queue = [0, 3, 1_000_000, usize::MAX / 2][i % 4];
            let latency = [Duration::ZERO, ms(1), Duration::MAX][i % 3];
            let throughput = [0.0, f64::NAN, -5.0, f64::INFINITY, 1e-9, 1e12, 100.0][i % 7];
            let rate = flow.control_flow(queue, latency, throughput);
            assert!((1.0..=1000.0).contains(&rate), "{algorithm:?}: {rate}");
            let metrics = flow.metrics();
            assert!((0.0..=1.0).contains(&metrics.efficiency), "{metrics:?}");
            assert!((0.0..=1.0).contains(&metrics.bandwidth_utilization), "{metrics:?}");
        }
    }
}

#[test]
fn odd_numbers_are_forgotten() {
    for algorithm in CongestionAlgorithm::ALL {
        let (mut flow, mut stage) = (controller(algorithm), Stage::new(400.0));
        for (queue, latency, throughput) in [
            (usize::MAX, ms(1), 100.0),
            (7, Duration::MAX, 100.0),
            (7, ms(1), f64::MAX),
            (1_000_000, ms(1), 50.0),
        ] {
            flow.control_flow(queue, latency, throughput);
            stage.settle(&mut flow);
            let throughput: f64 = (0..500).map(|_| stage.step(&mut flow) / 500.0).sum();
            assert!(throughput > 0.7 * 400.0, "{algorithm}, after {queue}, {latency:?}: {throughput}");
        }
    }
}

#[test]
fn refuses_a_configuration_without_a_meaning() {
    let config = FlowControlConfig { min_rate: 0.0, ..FlowControlConfig::default() };
    assert!(FlowController::new(config).unwrap_err().to_string().contains("min_rate"));
}

#[test]
fn congestion_is_counted() {
    let mut flow = controller(CongestionAlgorithm::Aimd);
    // Six items wait 60 ms.
    assert!(flow.control_flow(6, ms(10), 100.0) <= 50.0);
    assert_eq!(flow.metrics().congestion_events, 1);
}

#[test]
fn says_what_is_forecast_and_whether_that_counts() {
    for enable_prediction in [true, false] {
        let config = FlowControlConfig { enable_prediction, ..FlowControlConfig::default() };
        let mut flow = FlowController::new(config).unwrap();
        assert_eq!(flow.metrics().predicted_demand, None);
        for i in 0..200 {
            flow.control_flow(0, ms(10), 100.0 + 3.0 * f64::from(i));
        }
        let metrics = flow.metrics();
        assert_eq!(metrics.prediction_active, enable_prediction);
        // 697 now.
        let demand = metrics.predicted_demand;
        assert_eq!(demand.is_some(), enable_prediction);
        assert!(demand.is_none_or(|demand| (700.0..730.0).contains(&demand)), "{demand:?}");
    }
}
