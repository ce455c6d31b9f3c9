use super::*;
use crate::flow_control::CongestionAlgorithm;
use crate::units::ms;

fn controller(congestion_algorithm: CongestionAlgorithm) -> FlowController {
    FlowController::new(FlowControlConfig { congestion_algorithm, ..FlowControlConfig::default() }).unwrap()
}

/// A stage of `capacity` items a second with a queue, in a loop with the controller. Gives mean rate and queue.
fn closed_loop(flow: &mut FlowController, capacity: f64, intervals: usize) -> (f64, f64) {
    let (mut queue, mut rates, mut queues) = (0.0f64, 0.0, 0.0);
    for i in 0..2 * intervals {
        let rate = flow.decision().rate;
        let throughput = (rate + queue / 0.1).min(capacity);
        queue = (queue + (rate - throughput) * 0.1).max(0.0);
        flow.control_flow(queue as usize, ms(10), throughput);
        if i >= intervals {
            rates += throughput / intervals as f64;
            queues += queue / intervals as f64;
        }
    }
    (rates, queues)
}

#[test]
fn every_algorithm_finds_the_rate_from_three_numbers() {
    for algorithm in CongestionAlgorithm::ALL {
        let mut flow = controller(algorithm);
        let (throughput, queue) = closed_loop(&mut flow, 400.0, 500);
        assert!(throughput > 0.7 * 400.0, "{algorithm:?}: {throughput}");
        assert!(queue < 0.2 * 400.0, "{algorithm:?}: {queue}");
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
