//! What the run has done, as a table.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use indicatif::HumanCount;
use reactive_runtime::circuit_breaker::CircuitMetrics;
use reactive_runtime::processor::ProcessorMetrics;

use crate::reject::Kind;
use crate::tables::Reference;

/// The account of one table.
pub struct Summary {
    pub table: &'static str,
    /// Rows that came out of the file.
    pub read: u64,
    /// Rows that the data path gave to the database ..
    pub inserted: u64,
    /// .. and rows that the database has.
    pub written: u64,
    pub rejected: BTreeMap<Kind, u64>,
    /// Values that name a row which does not exist.
    pub unresolved: Vec<(Reference, u64)>,
    pub elapsed: Duration,
}

impl Summary {
    fn rejected(&self) -> u64 {
        self.rejected.values().sum()
    }

    fn unresolved(&self) -> u64 {
        self.unresolved.iter().map(|(_, count)| count).sum()
    }

    /// Every row that was read is either in the database or in the dead letters.
    pub fn balances(&self) -> bool {
        self.read == self.written + self.rejected() && self.inserted == self.written
    }
}

/// The account of all tables.
pub struct Report {
    pub tables: Vec<Summary>,
    /// What the processor did.
    pub transforms: ProcessorMetrics,
    /// What the circuit breaker of the database saw.
    pub inserts: CircuitMetrics,
}

impl Report {
    pub fn balances(&self) -> bool {
        self.tables.iter().all(Summary::balances)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = ["table", "read", "written", "rejected", "unresolved", "time", "rows/s", "check"];
        writeln!(f, "{}", line(header.map(str::to_owned)))?;
        for table in &self.tables {
            writeln!(f, "{}", line(cells(table.table, std::slice::from_ref(table))))?;
        }
        writeln!(f, "{}", line(cells("all", &self.tables)))?;
        writeln!(f, "\ncheck: read = written + rejected, and written is what the database counts")?;
        section(f, "rejected", self.rejects())?;
        section(f, "unresolved references (the rows are kept)", self.unresolved())?;
        section(f, "metrics", self.metrics())
    }
}

impl Report {
    fn metrics(&self) -> Vec<String> {
        let CircuitMetrics { succeeded, failed, rejected, opened, .. } = self.inserts;
        vec![
            format!("transforms  {}", self.transforms),
            format!(
                "inserts     {succeeded} done, {failed} failed; the breaker opened {opened} times, and refused {rejected}"
            ),
        ]
    }

    fn rejects(&self) -> Vec<String> {
        let counts =
            self.tables.iter().flat_map(|t| t.rejected.iter().map(|(kind, count)| (t.table, count, kind)));
        counts.map(|(table, count, kind)| format!("{table:8} {:>8}  {kind}", human(*count))).collect()
    }

    fn unresolved(&self) -> Vec<String> {
        let counts =
            self.tables.iter().flat_map(|t| t.unresolved.iter().map(|(to, count)| (t.table, count, to)));
        let counts = counts.filter(|(_, count, _)| **count > 0);
        counts
            .map(|(table, count, Reference { column, table: other, .. })| {
                format!("{table:8} {:>8}  {column} that {other} does not have", human(*count))
            })
            .collect()
    }
}

fn section(f: &mut fmt::Formatter<'_>, title: &str, lines: Vec<String>) -> fmt::Result {
    writeln!(f, "\n{title}")?;
    for line in &lines {
        writeln!(f, "  {line}")?;
    }
    if lines.is_empty() { writeln!(f, "  none") } else { Ok(()) }
}

/// One line of the table, in less than 80 columns.
fn line([table, read, written, rejected, unresolved, time, rate, check]: [String; 8]) -> String {
    format!("{table:8} {read:>9} {written:>9} {rejected:>9} {unresolved:>11} {time:>8} {rate:>9}  {check}")
}

/// The sum of some accounts.
fn cells(name: &str, tables: &[Summary]) -> [String; 8] {
    let sum = |count: fn(&Summary) -> u64| tables.iter().map(count).sum::<u64>();
    let read = sum(|table| table.read);
    let elapsed: Duration = tables.iter().map(|table| table.elapsed).sum();
    let check = if tables.iter().all(Summary::balances) { "ok" } else { "FAILED" };
    [
        name.to_owned(),
        human(read),
        human(sum(|table| table.written)),
        human(sum(Summary::rejected)),
        human(sum(Summary::unresolved)),
        format!("{elapsed:.1?}"),
        human((read as f64 / elapsed.as_secs_f64()) as u64),
        check.to_owned(),
    ]
}

fn human(count: u64) -> String {
    HumanCount(count).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_row_is_noticed() {
        let mut summary = Summary {
            table: "flights",
            read: 3,
            inserted: 2,
            written: 2,
            rejected: BTreeMap::from([(Kind::Range, 1)]),
            unresolved: Vec::new(),
            elapsed: Duration::from_millis(1),
        };
        assert!(summary.balances());
        summary.read += 1;
        assert!(!summary.balances());
        let (transforms, inserts) = Default::default();
        assert!(Report { tables: vec![summary], transforms, inserts }.to_string().contains("FAILED"));
    }
}
