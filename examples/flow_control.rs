//! What the flow-control algorithms do with a stage that changes, in virtual time: a table of how much of it they use and
//! how long items wait, and a picture for each algorithm and scenario.
//!
//! `cargo run --release --example flow_control`, and look at `target/flow_control/*.svg`. With names behind it, as in
//! `-- S1 S5`, only those scenarios.

use std::path::Path;
use std::{env, fs, io};

#[path = "../tests/simulator/plot.rs"]
mod plot;
#[path = "../tests/simulator/mod.rs"]
mod simulator;
#[path = "../tests/simulator/table.rs"]
mod table;

use simulator::Scenario;
use table::Row;

fn main() -> io::Result<()> {
    let names: Vec<String> = env::args().skip(1).collect();
    let chosen = |all: Vec<Scenario>| -> Vec<Scenario> {
        all.into_iter().filter(|it| names.is_empty() || names.iter().any(|name| name == it.name)).collect()
    };
    let (scenarios, hold_outs, ours) = (chosen(Scenario::all()), chosen(Scenario::hold_outs()), Row::ours());
    println!("{}", table::LEGEND);
    table::print(&scenarios, &ours, 5);

    println!("\nThe same, where neither the wait nor the time at work is measured, only latency:\n");
    let blind: Vec<Scenario> = scenarios.iter().cloned().map(Scenario::blind).collect();
    table::print(&blind, &ours, 5);

    if !hold_outs.is_empty() {
        println!("\nStages that nothing was tuned on:\n");
        table::print(&hold_outs, &ours, 5);
    }
    if names.is_empty() {
        println!("\nThe longest queue of a stage that is always full:\n");
        table::print_growth(&ours);
    }

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/flow_control");
    let drawn: Vec<&Scenario> = scenarios.iter().chain(&hold_outs).collect();
    draw(&folder, &drawn, &ours)?;
    println!("\nPictures are in {}.", folder.display());
    Ok(())
}

fn draw(folder: &Path, scenarios: &[&Scenario], rows: &[Row]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for scenario in scenarios {
        for row in rows {
            let picture = plot::svg(&row.name, &(row.runs)(scenario, 1));
            fs::write(folder.join(format!("{}-{}.svg", scenario.name, row.name)), picture)?;
        }
    }
    Ok(())
}
