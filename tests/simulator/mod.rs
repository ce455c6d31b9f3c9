//! A stage in virtual time: senders with an algorithm each, a pacer, a queue, servers of changing capacity.
//!
//! Items are events, service time is work over capacity (so that an outage stops work that has begun), and nothing reads a
//! clock: a minute of a stage is simulated in some milliseconds, and the same seed gives the same run.

pub(crate) mod random;
pub(crate) mod run;
pub(crate) mod scenario;
pub(crate) mod stage;

use reactive_runtime::flow_control::{CongestionAlgorithm, FlowControlConfig, Selected};

pub(crate) use run::Run;
pub(crate) use scenario::Scenario;
pub(crate) use stage::simulate;

/// One of our algorithms, with the defaults; where that is less than the stage can do, with a higher `max_rate`.
pub(crate) fn ours(congestion_algorithm: CongestionAlgorithm, scenario: &Scenario, seed: u64) -> Selected {
    let most = scenario.capacity.most();
    let max_rate = if most > 1000.0 { 5.0 * most } else { 1000.0 };
    let config = FlowControlConfig { congestion_algorithm, max_rate, ..FlowControlConfig::default() };
    match config.algorithm() {
        Selected::Bbr(bbr) => Selected::Bbr(bbr.seed(seed)),
        other => other,
    }
}
