//! The algorithms beside those of other crates, in the simulated stage of the tests, and what the physics allows.
//!
//! `cargo bench --bench flow_control`. It is virtual time with fixed seeds, so each run prints the same tables.

mod limits;
mod rivals;
#[path = "../../../tests/simulator/mod.rs"]
mod simulator;
#[path = "../../../tests/simulator/table.rs"]
mod table;

use simulator::Scenario;
use table::Row;

const SEEDS: u64 = 3;

fn main() {
    let mut rows = Row::ours();
    rows.extend(rivals::rows());
    println!("{}", table::LEGEND);
    table::print(&Scenario::all(), &rows, SEEDS);
    println!("\nThe same, where ours too are told latencies only:\n");
    let blind: Vec<Scenario> = Scenario::all().into_iter().map(Scenario::blind).collect();
    table::print(&blind, &Row::ours(), SEEDS);
    println!("\nStages that nothing was tuned on:\n");
    table::print(&Scenario::hold_outs(), &rows, SEEDS);
    println!("\nThe longest queue of a stage that is always full:\n");
    table::print_growth(&Row::ours());
    println!();
    limits::print();
}
