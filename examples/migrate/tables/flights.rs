use rusqlite::{Statement, params};

use super::{Reference, Table};
use crate::calendar::{Timestamp, days_in_month, minute_of_day};
use crate::check;
use crate::fields::Fields;
use crate::reject::Reason;

/// A flight from New York, as the file has it: times of day are numbers such as 1730, in local time.
#[derive(Debug)]
pub struct Flight {
    year: i64,
    month: i64,
    day: i64,
    dep_time: Option<i64>,
    sched_dep_time: i64,
    dep_delay: Option<i64>,
    arr_time: Option<i64>,
    sched_arr_time: i64,
    arr_delay: Option<i64>,
    carrier: String,
    flight: i64,
    tailnum: Option<String>,
    origin: String,
    dest: String,
    air_time: Option<i64>,
    distance: i64,
    hour: i64,
    minute: i64,
    time_hour: Timestamp,
}

/// A flight as the database has it: a date, moments in UTC, and local times as minutes of the day.
///
/// `year` to `day`, `hour`, `minute` and `time_hour` say the same things several times; as they have been checked against
/// each other, nothing is lost.
#[derive(Debug)]
pub struct Record {
    date: String,
    carrier: String,
    flight: i64,
    tailnum: Option<String>,
    origin: String,
    dest: String,
    scheduled_departure_utc: String,
    departure_utc: Option<String>,
    sched_dep_minute: i64,
    dep_minute: Option<i64>,
    dep_delay: Option<i64>,
    sched_arr_minute: i64,
    arr_minute: Option<i64>,
    arr_delay: Option<i64>,
    air_time: Option<i64>,
    distance: i64,
}

impl Table for Flight {
    const NAME: &'static str = "flights";
    const FILE: &'static str = "flights-2013-01.csv";
    #[rustfmt::skip]
    const COLUMNS: &'static [&'static str] = &[
        "year", "month", "day", "dep_time", "sched_dep_time", "dep_delay", "arr_time", "sched_arr_time", "arr_delay",
        "carrier", "flight", "tailnum", "origin", "dest", "air_time", "distance", "hour", "minute", "time_hour",
    ];
    const CREATE: &'static str = "
        CREATE TABLE flights (
            date                    TEXT NOT NULL,
            carrier                 TEXT NOT NULL,
            flight                  INTEGER NOT NULL,
            tailnum                 TEXT,
            origin                  TEXT NOT NULL,
            dest                    TEXT NOT NULL,
            scheduled_departure_utc TEXT NOT NULL,
            departure_utc           TEXT,             -- NULL: cancelled
            sched_dep_minute        INTEGER NOT NULL,
            dep_minute              INTEGER,
            dep_delay_minutes       INTEGER,
            sched_arr_minute        INTEGER NOT NULL,
            arr_minute              INTEGER,
            arr_delay_minutes       INTEGER,
            air_time_minutes        INTEGER,
            distance_miles          INTEGER NOT NULL
        ) STRICT";
    const INDICES: &'static str = "
        CREATE UNIQUE INDEX flights_by_date ON flights (date, carrier, flight, origin);
        CREATE INDEX flights_by_tailnum ON flights (tailnum);
        CREATE INDEX flights_by_dest ON flights (dest)";
    const INSERT: &'static str =
        "INSERT INTO flights VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    const REFERENCES: &'static [Reference] = &[
        Reference { column: "carrier", table: "airlines", key: "carrier" },
        Reference { column: "tailnum", table: "planes", key: "tailnum" },
        Reference { column: "origin", table: "airports", key: "faa" },
        Reference { column: "dest", table: "airports", key: "faa" },
    ];

    type Record = Record;

    fn parse(fields: &mut Fields<'_>) -> Result<Self, Reason> {
        Ok(Self {
            year: fields.required()?,
            month: fields.required()?,
            day: fields.required()?,
            dep_time: fields.optional()?,
            sched_dep_time: fields.required()?,
            dep_delay: fields.optional()?,
            arr_time: fields.optional()?,
            sched_arr_time: fields.required()?,
            arr_delay: fields.optional()?,
            carrier: fields.required()?,
            flight: fields.required()?,
            tailnum: fields.optional()?,
            origin: fields.required()?,
            dest: fields.required()?,
            air_time: fields.optional()?,
            distance: fields.required()?,
            hour: fields.required()?,
            minute: fields.required()?,
            time_hour: fields.required()?,
        })
    }

    fn validate(&self) -> Result<(), Reason> {
        self.validate_values()?;
        self.validate_departure()
    }

    fn key(&self) -> String {
        let Self { year, month, day, carrier, flight, origin, .. } = self;
        format!("{year}-{month}-{day} {carrier} {flight} {origin}")
    }

    fn transform(self) -> Record {
        let scheduled = self.time_hour.plus_minutes(self.minute);
        Record {
            date: format!("{:04}-{:02}-{:02}", self.year, self.month, self.day),
            carrier: self.carrier,
            flight: self.flight,
            tailnum: self.tailnum,
            origin: self.origin,
            dest: self.dest,
            scheduled_departure_utc: scheduled.to_string(),
            departure_utc: self.dep_delay.map(|delay| scheduled.plus_minutes(delay).to_string()),
            sched_dep_minute: minute_of_day(self.sched_dep_time),
            dep_minute: self.dep_time.map(minute_of_day),
            dep_delay: self.dep_delay,
            sched_arr_minute: minute_of_day(self.sched_arr_time),
            arr_minute: self.arr_time.map(minute_of_day),
            arr_delay: self.arr_delay,
            air_time: self.air_time,
            distance: self.distance,
        }
    }

    fn insert(record: &Record, statement: &mut Statement<'_>) -> rusqlite::Result<usize> {
        statement.execute(params![
            record.date,
            record.carrier,
            record.flight,
            record.tailnum,
            record.origin,
            record.dest,
            record.scheduled_departure_utc,
            record.departure_utc,
            record.sched_dep_minute,
            record.dep_minute,
            record.dep_delay,
            record.sched_arr_minute,
            record.arr_minute,
            record.arr_delay,
            record.air_time,
            record.distance,
        ])
    }
}

impl Flight {
    fn validate_values(&self) -> Result<(), Reason> {
        check::range("year", self.year, 1903..=2100)?;
        check::range("month", self.month, 1..=12)?;
        check::range("day", self.day, 1..=days_in_month(self.year, self.month))?;
        check::time_of_day("dep_time", self.dep_time)?;
        check::time_of_day("sched_dep_time", self.sched_dep_time)?;
        check::time_of_day("arr_time", self.arr_time)?;
        check::time_of_day("sched_arr_time", self.sched_arr_time)?;
        check::range("dep_delay", self.dep_delay, DELAY_MINUTES)?;
        check::range("arr_delay", self.arr_delay, DELAY_MINUTES)?;
        check::code("carrier", &self.carrier, 2)?;
        check::range("flight", self.flight, 1..=9999)?;
        check::registration("tailnum", self.tailnum.as_deref())?;
        check::code("origin", &self.origin, 3)?;
        check::code("dest", &self.dest, 3)?;
        check::range("air_time", self.air_time, 1..=24 * 60)?;
        // No two places are farther apart than half the way round the globe.
        check::range("distance", self.distance, 0..=12_451)
    }

    /// The file tells the departure several times over; it must tell the same each time.
    fn validate_departure(&self) -> Result<(), Reason> {
        check::agree(self.sched_dep_time == self.hour * 100 + self.minute, || {
            format!(
                "sched_dep_time: {} and hour: {}, minute: {}",
                self.sched_dep_time, self.hour, self.minute
            )
        })?;
        let local = Timestamp::at(self.year, self.month, self.day, self.hour);
        // New York is five hours behind UTC, four in summer.
        check::agree(matches!(self.time_hour.hours_since(local), 4 | 5), || {
            format!("time_hour: {} and the local date and hour", self.time_hour)
        })?;
        check::agree(self.dep_time.is_some() == self.dep_delay.is_some(), || {
            "dep_time and dep_delay: one is missing".to_owned()
        })?;
        let (Some(time), Some(delay)) = (self.dep_time, self.dep_delay) else { return Ok(()) };
        let expected = minute_of_day(self.sched_dep_time) + delay;
        check::agree((expected - minute_of_day(time)) % (24 * 60) == 0, || {
            format!("dep_time: {time} and sched_dep_time: {}, dep_delay: {delay}", self.sched_dep_time)
        })
    }
}

/// From half a day early to three days late.
const DELAY_MINUTES: std::ops::RangeInclusive<i64> = -12 * 60..=72 * 60;
