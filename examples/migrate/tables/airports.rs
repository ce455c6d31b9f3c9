use rusqlite::{Statement, params};

use super::Table;
use crate::check;
use crate::fields::Fields;
use crate::reject::Reason;

#[derive(Debug)]
pub struct Airport {
    faa: String,
    name: String,
    latitude: f64,
    longitude: f64,
    /// In feet.
    altitude: i64,
    /// In hours from UTC, in winter.
    utc_offset: i64,
    /// `A`: as in the USA, `U`: unknown, `N`: none.
    daylight_saving: String,
    time_zone: Option<String>,
}

impl Table for Airport {
    const NAME: &'static str = "airports";
    const FILE: &'static str = "airports.csv";
    const COLUMNS: &'static [&'static str] = &["faa", "name", "lat", "lon", "alt", "tz", "dst", "tzone"];
    const CREATE: &'static str = "
        CREATE TABLE airports (
            faa             TEXT NOT NULL PRIMARY KEY,
            name            TEXT NOT NULL,
            latitude        REAL NOT NULL,
            longitude       REAL NOT NULL,
            altitude_feet   INTEGER NOT NULL,
            utc_offset      INTEGER NOT NULL,
            daylight_saving TEXT NOT NULL,
            time_zone       TEXT
        ) STRICT, WITHOUT ROWID";
    const INSERT: &'static str = "INSERT INTO airports VALUES (?, ?, ?, ?, ?, ?, ?, ?)";

    type Record = Self;

    fn parse(fields: &mut Fields<'_>) -> Result<Self, Reason> {
        Ok(Self {
            faa: fields.required()?,
            name: fields.required()?,
            latitude: fields.required()?,
            longitude: fields.required()?,
            altitude: fields.required()?,
            utc_offset: fields.required()?,
            daylight_saving: fields.required()?,
            time_zone: fields.optional()?,
        })
    }

    fn validate(&self) -> Result<(), Reason> {
        check::code("faa", &self.faa, 3)?;
        check::range("lat", self.latitude, -90.0..=90.0)?;
        check::range("lon", self.longitude, -180.0..=180.0)?;
        // From the shore of the Dead Sea to the summit of Mount Everest.
        check::range("alt", self.altitude, -1_450..=29_032)?;
        check::range("tz", self.utc_offset, -12..=14)?;
        check::one_of("dst", &self.daylight_saving, &["A", "U", "N"])?;
        check::agree(self.hours_off_the_sun() <= 4.0, || {
            format!("lon: {} and tz: {} are far apart on the globe", self.longitude, self.utc_offset)
        })
    }

    fn key(&self) -> String {
        self.faa.clone()
    }

    fn transform(self) -> Self {
        self
    }

    fn insert(record: &Self, statement: &mut Statement<'_>) -> rusqlite::Result<usize> {
        statement.execute(params![
            record.faa,
            record.name,
            record.latitude,
            record.longitude,
            record.altitude,
            record.utc_offset,
            record.daylight_saving,
            record.time_zone,
        ])
    }
}

impl Airport {
    /// How far the time zone is from solar time, going the short way round the globe.
    ///
    /// The zones that people live by stay within 3.5 hours; more is a coordinate with the wrong sign, or in the wrong
    /// column.
    fn hours_off_the_sun(&self) -> f64 {
        let hours = (self.longitude / 15.0 - self.utc_offset as f64).rem_euclid(24.0);
        hours.min(24.0 - hours)
    }
}
