//! The data path, the same for every table.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use csv::ByteRecord;
use reactive_runtime::prelude::*;
use tokio::time::Instant;

use crate::args::Args;
use crate::database::Database;
use crate::dead_letters::DeadLetters;
use crate::error::Error;
use crate::fields::Fields;
use crate::output::Output;
use crate::reject::{Kind, Reason, Reject};
use crate::report::{Report, Summary};
use crate::rows::{self, Row};
use crate::sink::Sink;
use crate::tables::Table;

pub struct Migration<'a> {
    args: &'a Args,
    database: Database,
    dead_letters: DeadLetters,
    processor: StreamProcessor,
    sink: Sink,
}

impl<'a> Migration<'a> {
    pub fn begin(args: &'a Args, output: &Output) -> Result<Self, Error> {
        let dead_letters = DeadLetters::create(&output.dead_letters)?;
        let database = Database::create(&output.database)?;
        let (processor, sink) = (StreamProcessor::default(), Sink::new(args));
        Ok(Self { args, database, dead_letters, processor, sink })
    }

    /// Migrates one table.
    pub async fn table<T: Table>(&mut self) -> Result<Summary, Error> {
        let begin = Instant::now();
        let rows = rows::open::<T>(&self.args.data)?;
        let Self { args, database, dead_letters, processor, sink } = self;
        database.create_table::<T>()?;

        let mut read = 0;
        let mut keys = Keys::default();
        let mut rejects = dead_letters.of(T::FILE);
        let insert = async |records: Arc<Vec<_>>| sink.call(|| database.insert::<T>(&records)).await;
        let inserted = pipeline! {
            rows
                |> or_fail()                            // a file that cannot be read on ends the run
                |> take(args.limit)
                |> inspect(|_| read += 1)
                |> map(parse::<T>)?                     // bytes to typed values
                |> map(validate)?
                |> map(|row| keys.admit(row))?
                |> catch(|error| rejects.take(error))   // bad rows leave here, and the run goes on
                |> process(processor, |row| row.value.transform())
                |> batch(1_000)
                |> map(Arc::new)                        // kept for the next attempt
                |> map_async(insert, retry = Sink::retry(), retry_if = Sink::may_pass)?
                |> sum::<u64>()
        }
        .await?;

        let rejected = rejects.into_counts();
        database.create_indices::<T>()?;
        let written = database.count::<T>()?;
        let mut unresolved = Vec::new();
        for reference in T::REFERENCES {
            unresolved.push((*reference, database.unresolved::<T>(reference)?));
        }
        Ok(Summary {
            table: T::NAME,
            read,
            inserted,
            written,
            rejected,
            unresolved,
            elapsed: begin.elapsed(),
        })
    }

    /// Closes all files, and reports.
    pub async fn finish(self, tables: Vec<Summary>) -> Result<Report, Error> {
        self.dead_letters.close()?;
        self.database.close()?;
        let stopped = self.processor.stop().await;
        Ok(Report { tables, transforms: stopped.metrics, inserts: self.sink.metrics() })
    }
}

fn parse<T: Table>(row: Row<ByteRecord>) -> Result<Row<T>, Reject> {
    row.try_map(|record| T::parse(&mut Fields::new(&record, T::COLUMNS)?))
}

fn validate<T: Table>(row: Row<T>) -> Result<Row<T>, Reject> {
    row.try_map(|value| {
        value.validate()?;
        Ok(value)
    })
}

/// The keys seen so far, and their lines: of two rows with one key the first is kept.
///
/// The database would refuse the second too, but with it the whole transaction.
#[derive(Default)]
struct Keys {
    lines: HashMap<String, u64>,
}

impl Keys {
    fn admit<T: Table>(&mut self, row: Row<T>) -> Result<Row<T>, Reject> {
        let line = row.line;
        row.try_map(|value| match self.lines.entry(value.key()) {
            Entry::Vacant(entry) => {
                entry.insert(line);
                Ok(value)
            }
            Entry::Occupied(entry) => Err(Reason::new(
                Kind::Duplicate,
                format!("{} is on line {} already", entry.key(), entry.get()),
            )),
        })
    }
}
