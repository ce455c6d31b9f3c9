use rusqlite::{Statement, params};

use super::Table;
use crate::check;
use crate::fields::Fields;
use crate::reject::Reason;

#[derive(Debug)]
pub struct Airline {
    carrier: String,
    name: String,
}

impl Table for Airline {
    const NAME: &'static str = "airlines";
    const FILE: &'static str = "airlines.csv";
    const COLUMNS: &'static [&'static str] = &["carrier", "name"];
    const CREATE: &'static str = "
        CREATE TABLE airlines (
            carrier TEXT NOT NULL PRIMARY KEY,
            name    TEXT NOT NULL
        ) STRICT, WITHOUT ROWID";
    const INSERT: &'static str = "INSERT INTO airlines VALUES (?, ?)";

    type Record = Self;

    fn parse(fields: &mut Fields<'_>) -> Result<Self, Reason> {
        Ok(Self { carrier: fields.required()?, name: fields.required()? })
    }

    fn validate(&self) -> Result<(), Reason> {
        check::code("carrier", &self.carrier, 2)
    }

    fn key(&self) -> String {
        self.carrier.clone()
    }

    fn transform(self) -> Self {
        self
    }

    fn insert(record: &Self, statement: &mut Statement<'_>) -> rusqlite::Result<usize> {
        statement.execute(params![record.carrier, record.name])
    }
}
