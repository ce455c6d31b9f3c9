use rusqlite::{Statement, params};

use super::Table;
use crate::check;
use crate::fields::Fields;
use crate::reject::Reason;

#[derive(Debug)]
pub struct Plane {
    tailnum: String,
    /// When it was built.
    year: Option<i64>,
    kind: String,
    manufacturer: String,
    model: String,
    engines: i64,
    seats: i64,
    /// Cruising speed, in miles per hour.
    speed: Option<i64>,
    engine: String,
}

impl Table for Plane {
    const NAME: &'static str = "planes";
    const FILE: &'static str = "planes.csv";
    const COLUMNS: &'static [&'static str] =
        &["tailnum", "year", "type", "manufacturer", "model", "engines", "seats", "speed", "engine"];
    const CREATE: &'static str = "
        CREATE TABLE planes (
            tailnum      TEXT NOT NULL PRIMARY KEY,
            year         INTEGER,
            type         TEXT NOT NULL,
            manufacturer TEXT NOT NULL,
            model        TEXT NOT NULL,
            engines      INTEGER NOT NULL,
            seats        INTEGER NOT NULL,
            speed_mph    INTEGER,
            engine       TEXT NOT NULL
        ) STRICT, WITHOUT ROWID";
    const INSERT: &'static str = "INSERT INTO planes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";

    type Record = Self;

    fn parse(fields: &mut Fields<'_>) -> Result<Self, Reason> {
        Ok(Self {
            tailnum: fields.required()?,
            year: fields.optional()?,
            kind: fields.required()?,
            manufacturer: fields.required()?,
            model: fields.required()?,
            engines: fields.required()?,
            seats: fields.required()?,
            speed: fields.optional()?,
            engine: fields.required()?,
        })
    }

    fn validate(&self) -> Result<(), Reason> {
        check::registration("tailnum", Some(&self.tailnum))?;
        // None is older than powered flight.
        check::range("year", self.year, 1903..=2100)?;
        check::range("engines", self.engines, 1..=8)?;
        check::range("seats", self.seats, 1..=1000)?;
        check::range("speed", self.speed, 1..=1500)
    }

    fn key(&self) -> String {
        self.tailnum.clone()
    }

    fn transform(self) -> Self {
        self
    }

    fn insert(record: &Self, statement: &mut Statement<'_>) -> rusqlite::Result<usize> {
        statement.execute(params![
            record.tailnum,
            record.year,
            record.kind,
            record.manufacturer,
            record.model,
            record.engines,
            record.seats,
            record.speed,
            record.engine,
        ])
    }
}
