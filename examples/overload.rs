//! Items come at 1.5 times the speed of their consumer for half a minute, and are worth nothing after 100 ms: what each
//! backpressure strategy makes of it. Run it with `cargo run --release --example overload`; it prints a table, and draws the
//! course of each strategy into `target/overload.svg`.

#[path = "overload/plot.rs"]
mod plot;
#[path = "overload/simulation.rs"]
mod simulation;

use std::time::Duration;

use reactive_runtime::backpressure::SourceKind::{self, Pull, Push};
use reactive_runtime::prelude::*;
use simulation::{DEADLINE, Item, Load, Outcome, SERVICE, run};

const SEEDS: [u64; 5] = [1, 2, 3, 4, 5];

type Run = Box<dyn Fn(&Load) -> Outcome>;

fn strategies() -> Vec<(&'static str, usize, SourceKind, Run)> {
    // As many as the consumer takes until the first of them is too late.
    let short = (SERVICE * DEADLINE.as_secs_f64()) as usize;
    let mut rows: Vec<(&'static str, usize, SourceKind, Run)> = Vec::new();
    macro_rules! row {
        ($name:literal, $capacity:expr, $source:expr, $strategy:expr) => {
            rows.push((
                $name,
                $capacity,
                $source,
                Box::new(move |load| run(load, $capacity, $source, $strategy)),
            ))
        };
    }
    let breaker = || CircuitBreaker::consecutive(5).recovery_timeout(Duration::from_secs(1));
    row!("Block", 1000, Pull, Block);
    row!("DropOldest", 1000, Push, DropOldest);
    row!("DropNewest", 1000, Push, DropNewest);
    row!("Sample(10%)", 1000, Push, Sample(0.1));
    row!("TripOnOverload, Drop", 1000, Push, TripOnOverload::new(breaker()).while_open(WhileOpen::Drop));
    row!("TripOnOverload, Hold", 1000, Pull, TripOnOverload::new(breaker()));
    row!("DropLate", 1000, Push, DropLate::by(|_: &Item| DEADLINE));
    row!("Adaptive(100 ms), pulled", 1000, Pull, Adaptive::new(DEADLINE));
    row!("Adaptive(100 ms), pushed", 1000, Push, Adaptive::new(DEADLINE));
    row!("DropOldest", short, Push, DropOldest);
    row!("DropNewest", short, Push, DropNewest);
    row!("DropIncoming", short, Push, DropIncoming);
    row!("Fail, errors skipped", short, Push, Fail);
    row!("BlockFor(1 ms, DropOldest)", short, Pull, BlockFor(Duration::from_millis(1), DropOldest));
    row!("DropAll", short, Push, DropAll);
    row!("DropLowest(priority)", short, Push, DropLowest(|item: &Item| item.priority));
    row!("DropLate", short, Push, DropLate::by(|_: &Item| DEADLINE));
    row!("Latest", 1, Push, Latest);
    row!("Conflate(newest)", 1, Push, Conflate(|held: &mut Item, item| *held = item));
    rows
}

fn main() -> std::io::Result<()> {
    let loads = SEEDS.map(Load::of);
    let bound = mean(&loads, Load::bound);
    println!("what a clairvoyant could deliver in time: {bound:.1} %\n");
    println!(
        "| strategy | queue | delivered % | in time % | at most below the bound | of priority 8 and 9 % | median ms | p99 ms |\n|---|---|---|---|---|---|---|---|"
    );
    let mut courses = Vec::new();
    for (name, capacity, source, run) in strategies() {
        let outcomes: Vec<_> = loads.iter().map(run).collect();
        let in_time = mean(&outcomes, |outcome| outcome.in_time);
        let bounds = loads.iter().map(Load::bound);
        let short_of_bound =
            bounds.zip(&outcomes).map(|(bound, outcome)| bound - outcome.in_time).fold(0.0, f64::max);
        let delivered = mean(&outcomes, |outcome| outcome.delivered);
        println!(
            "| {name} | {capacity} | {delivered:.1} | {in_time:.1} | {short_of_bound:.2} | {:.1} | {:.0} | {:.0} |",
            mean(&outcomes, |outcome| outcome.urgent_in_time),
            mean(&outcomes, |outcome| outcome.median.as_secs_f64() * 1e3),
            mean(&outcomes, |outcome| outcome.p99.as_secs_f64() * 1e3),
        );
        match (name, source) {
            ("Block", _) => assert_eq!(delivered, 100.0),
            ("DropOldest", _) if capacity < 1000 => assert!(short_of_bound <= 0.5, "{short_of_bound}"),
            ("Adaptive(100 ms), pushed", _) => assert!(short_of_bound <= 1.5, "{short_of_bound}"),
            ("BlockFor(1 ms, DropOldest)", _) | (_, Push) => {}
            (_, Pull) => assert_eq!(delivered, 100.0),
        }
        courses
            .extend(outcomes.into_iter().next().map(|first| (format!("{name}, {capacity}"), first.course)));
    }
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/overload.svg");
    std::fs::create_dir_all(file.parent().expect("it is in a folder"))?;
    std::fs::write(&file, plot::svg(&courses))?;
    println!("\nthe course of the first run of each: {}", file.display());
    Ok(())
}

fn mean<T>(of: &[T], f: impl Fn(&T) -> f64) -> f64 {
    of.iter().map(f).sum::<f64>() / of.len() as f64
}
