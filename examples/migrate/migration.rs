//! The data path, the same for every table.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

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
use crate::report::Summary;
use crate::rows::{self, Row};
use crate::tables::Table;

pub struct Migration<'a> {
    args: &'a Args,
    database: Database,
    dead_letters: DeadLetters,
}

impl<'a> Migration<'a> {
    pub fn begin(args: &'a Args, output: &Output) -> Result<Self, Error> {
        let dead_letters = DeadLetters::create(&output.dead_letters)?;
        let database = Database::create(&output.database)?;
        Ok(Self { args, database, dead_letters })
    }

    /// Migrates one table.
    pub async fn table<T: Table>(&mut self) -> Result<Summary, Error> {
        let begin = Instant::now();
        let rows = rows::open::<T>(&self.args.data)?;
        let Self { args, database, dead_letters } = self;
        database.create_table::<T>()?;

        let mut read = 0;
        let mut keys = Keys::default();
        let mut rejects = dead_letters.of(T::FILE);
        let inserted = pipeline! {
            rows
                |> or_fail()                            // a file that cannot be read on ends the run
                |> take(args.limit)
                |> inspect(|_| read += 1)
                |> map(parse::<T>)?                     // bytes to typed values
                |> map(validate)?
                |> map(|row| keys.admit(row))?
                |> catch(|error| rejects.take(error))   // bad rows leave here, and the run goes on
                |> map(|row| row.value.transform())
                |> batch(1_000)
                |> map(|records| database.insert::<T>(&records))?
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

    /// Closes all files.
    pub fn finish(self) -> Result<(), Error> {
        self.dead_letters.close()?;
        Ok(self.database.close()?)
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
