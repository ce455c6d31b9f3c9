//! What flow control costs: a decision, and an item of a stage: `cargo bench --bench flow_control_costs`.
//!
//! The items of `on_complete` are completed beforehand, so that nothing but the decision is measured; what the ledger costs
//! is measured by itself. Times are for a thousand of each.

use std::hint::black_box;
use std::time::Duration;

use divan::Bencher;
use futures::executor::block_on;
use reactive_runtime::flow_control::{
    Algorithm, Completion, CongestionAlgorithm, FlowControlConfig, Ledger, Selected, Signals, StageState,
    Ticket,
};
use reactive_runtime::pipeline;

const THOUSAND: u32 = 1000;
const ALL: [CongestionAlgorithm; 6] = CongestionAlgorithm::ALL;

fn main() {
    divan::main();
}

/// A stage of 10 000 items a second that takes a millisecond for each, from `first` on.
fn completions(ledger: &mut Ledger, first: u32) -> Vec<Completion> {
    let at = |i: u32| Duration::from_micros(100) * i;
    let ticket = |ledger: &mut Ledger, i| ledger.admit(at(i));
    let mut flight: std::collections::VecDeque<Ticket> = (0..10).map(|i| ticket(ledger, first + i)).collect();
    let complete = |i: u32| {
        let oldest = flight.pop_front().expect("ten are in flight");
        let completion = ledger.complete(oldest, at(first + 10 + i), Some(Duration::ZERO));
        flight.push_back(ticket(ledger, first + 10 + i));
        completion
    };
    (0..THOUSAND).map(complete).collect()
}

fn algorithm(congestion_algorithm: CongestionAlgorithm) -> Selected {
    let config = FlowControlConfig { congestion_algorithm, max_rate: 1e6, ..FlowControlConfig::default() };
    config.algorithm()
}

#[divan::bench(args = ALL)]
fn on_complete(bencher: Bencher<'_, '_>, name: CongestionAlgorithm) {
    let mut algorithm = algorithm(name);
    let (mut ledger, mut first) = (Ledger::default(), 0);
    let mut inputs = || {
        first += 10 * THOUSAND;
        completions(&mut ledger, first)
    };
    // Past its start.
    for completion in (0..50).flat_map(|_| inputs()) {
        algorithm.on_complete(&completion);
    }
    bencher.with_inputs(inputs).bench_local_refs(|completions| {
        for completion in completions {
            black_box(algorithm.on_complete(completion));
        }
    });
}

#[divan::bench]
fn ledger_admit_and_complete(bencher: Bencher<'_, '_>) {
    let (mut ledger, mut now) = (Ledger::default(), Duration::ZERO);
    bencher.bench_local(|| {
        for _ in 0..THOUSAND {
            let ticket = ledger.admit(now);
            now += Duration::from_micros(100);
            black_box(ledger.complete(ticket, now, Some(Duration::ZERO)));
        }
    });
}

#[divan::bench(args = ALL)]
fn on_interval(bencher: Bencher<'_, '_>, name: CongestionAlgorithm) {
    let mut algorithm = algorithm(name);
    let (mut ledger, mut first) = (Ledger::default(), 0);
    let inputs = || {
        let mut signals = Vec::with_capacity(THOUSAND as usize);
        for _ in 0..THOUSAND {
            first += 1000;
            let now = Duration::from_micros(100) * first;
            let ticket = ledger.admit(now);
            let _ = ledger.complete(ticket, now + Duration::from_millis(1), Some(Duration::ZERO));
            signals.push(ledger.interval(now, StageState { busy: Some(0.9), ..StageState::default() }));
        }
        signals
    };
    bencher.with_inputs(inputs).bench_local_refs(|all: &mut Vec<Signals>| {
        for signals in all {
            black_box(algorithm.on_interval(signals));
        }
    });
}

/// A thousand items whose calls are ready at once, through a stage without flow control.
#[divan::bench]
fn stage_without(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| {
        let items = 0..black_box(THOUSAND);
        block_on(
            pipeline! { items |> map_async(async |x| x, concurrency = 16) |> fold(0, u32::wrapping_add) },
        )
    });
}

/// The same under flow control, at a pace that holds nothing back.
#[divan::bench(args = ALL)]
fn stage_with(bencher: Bencher<'_, '_>, congestion_algorithm: CongestionAlgorithm) {
    let fast = 1e12;
    let config = FlowControlConfig {
        initial_rate: fast,
        min_rate: fast,
        max_rate: fast,
        congestion_algorithm,
        ..FlowControlConfig::default()
    };
    bencher.bench_local(|| {
        let items = 0..black_box(THOUSAND);
        block_on(pipeline! { items |> map_async(async |x| x, flow_control = &config) |> fold(0, u32::wrapping_add) })
    });
}
