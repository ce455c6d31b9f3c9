//! What is special to one table; all the rest of the program is the same for every table.

mod airlines;
mod airports;
mod flights;
mod planes;

pub use airlines::Airline;
pub use airports::Airport;
pub use flights::Flight;
pub use planes::Plane;

use rusqlite::Statement;

use crate::fields::Fields;
use crate::reject::Reason;

/// One row of a CSV file, and the table that it goes to.
pub trait Table: Sized {
    /// The name of the table.
    const NAME: &'static str;

    /// The file that the rows come from.
    const FILE: &'static str;

    /// The header of the file.
    const COLUMNS: &'static [&'static str];

    /// Creates the table. `STRICT`, so that SQLite holds each column to its type.
    const CREATE: &'static str;

    /// Creates the indices, once all rows are in: that is faster than to keep them up to date.
    const INDICES: &'static str = "";

    /// Inserts one record.
    const INSERT: &'static str;

    /// Columns that name a row of another table.
    ///
    /// They are no foreign keys: the planes and airports of this data are not complete, and a flight that took place is
    /// worth keeping though its plane is unknown. What does not resolve is counted and reported instead.
    const REFERENCES: &'static [Reference] = &[];

    /// The row as the database has it. `Unpin`, as a value that a processor gives is.
    type Record: Unpin;

    /// From text to typed values; the fields are taken in the order of `COLUMNS`.
    fn parse(fields: &mut Fields<'_>) -> Result<Self, Reason>;

    /// Whether the values can be true: each for itself, and all of them together.
    fn validate(&self) -> Result<(), Reason>;

    /// What no two rows may have in common.
    fn key(&self) -> String;

    /// From the shape of the file to the shape of the database. It cannot fail: `validate` has seen the row.
    fn transform(self) -> Self::Record;

    /// Executes `INSERT` with the values of one record.
    fn insert(record: &Self::Record, statement: &mut Statement<'_>) -> rusqlite::Result<usize>;
}

/// A column that names a row of another table.
#[derive(Clone, Copy, Debug)]
pub struct Reference {
    pub column: &'static str,
    pub table: &'static str,
    pub key: &'static str,
}
