//! How controllers do, one line each.

use reactive_runtime::flow_control::CongestionAlgorithm;

use crate::simulator::run::median;
use crate::simulator::stage::Controller;
use crate::simulator::{Run, Scenario, ours, simulate};

/// What stands in a table.
pub(crate) const LEGEND: &str = "\
Used in percent, and the 99th percentile of the wait in the queue in ms; what was lost, if anything was (medians).
S1: seconds to converge after less and after more capacity. S3: 99th percentile of the delay, with that upstream.
S5: items that waited over half a second, per outage. S6: Jain's fairness, and seconds until it was 0.99.
";

/// The runs of one controller.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) runs: Box<dyn Fn(&Scenario, u64) -> Run>,
}

impl Row {
    /// `controller` makes one, told the scenario and a number that differs for each.
    pub(crate) fn new<C: Controller>(
        name: impl Into<String>,
        controller: impl Fn(&Scenario, u64) -> C + 'static,
    ) -> Self {
        let runs = move |scenario: &Scenario, seed| {
            simulate(scenario, seed, |number| controller(scenario, 100 * seed + number))
        };
        Self { name: name.into(), runs: Box::new(runs) }
    }

    /// Our algorithms.
    pub(crate) fn ours() -> Vec<Self> {
        let row = |algorithm: CongestionAlgorithm| {
            Self::new(algorithm.name(), move |scenario, seed| ours(algorithm, scenario, seed))
        };
        CongestionAlgorithm::ALL.into_iter().map(row).collect()
    }

    /// Utilization in percent, and the 99th percentile of the wait in milliseconds; what is lost, if anything is.
    fn cell(&self, scenario: &Scenario, seeds: u64) -> String {
        let runs: Vec<Run> = (1..=seeds).map(|seed| (self.runs)(scenario, seed)).collect();
        let median = |measure: &dyn Fn(&Run) -> f64| median(runs.iter().map(measure));
        let used = 100.0 * median(&Run::utilization);
        let mut cell = format!("{used:.1}/{:.0}", 1e3 * median(&|run| run.wait(0.99)));
        let lost = 100.0 * median(&Run::loss);
        if lost >= 0.05 {
            cell += &format!("/{lost:.1}%");
        }
        if scenario.senders.len() > 1 {
            let fair = median(&|run| run.seconds_to_fairness(0.99));
            cell += &format!(" {:.3} {fair:.0}s", median(&|run| run.fairness(50.0, scenario.duration)));
        }
        if scenario.name == "S1" {
            let [down, up] = [20.0, 40.0].map(|at| median(&|run| run.seconds_to_converge(at)));
            cell += &format!(" {down:.1}/{up:.1}s");
        }
        if scenario.capacity.outages() > 0 {
            cell += &format!(" {:.0} stuck", median(&Run::stuck));
        }
        if scenario.name == "S3" {
            cell += &format!(" {:.1}s", median(&|run| run.delay(0.99)));
        }
        cell
    }
}

/// A line a controller, a column a scenario.
pub(crate) fn print(scenarios: &[Scenario], rows: &[Row], seeds: u64) {
    for scenario in scenarios {
        println!("{}: {}", scenario.name, scenario.about);
    }
    println!();
    let mut lines = vec![vec![String::new()]];
    lines[0].extend(scenarios.iter().map(|scenario| scenario.name.to_owned()));
    for row in rows {
        let mut line = vec![row.name.clone()];
        line.extend(scenarios.iter().map(|scenario| row.cell(scenario, seeds)));
        lines.push(line);
    }
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
    for line in &lines {
        let cells: Vec<String> =
            line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        println!("{}", cells.join("  ").trim_end());
    }
}

/// The longest queue around a minute and around a quarter of an hour, of a stage that never changes.
pub(crate) fn print_growth(rows: &[Row]) {
    let scenario = Scenario::constant(900.0);
    for row in rows {
        let run = (row.runs)(&scenario, 1);
        let [minute, quarter] = [60.0, 900.0].map(|at| run.longest_queue(at - 30.0, at));
        println!("{:24} {minute:5} items after 60 s, {quarter:5} after 900 s", row.name);
    }
}
