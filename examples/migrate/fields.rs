//! From bytes to typed values: `NA` or nothing at all is a missing value.

use csv::ByteRecord;

use crate::calendar::Timestamp;
use crate::reject::{Kind, Reason};

/// The fields of one row, taken from left to right.
pub struct Fields<'r> {
    columns: std::slice::Iter<'static, &'static str>,
    values: csv::ByteRecordIter<'r>,
}

impl<'r> Fields<'r> {
    pub fn new(record: &'r ByteRecord, columns: &'static [&'static str]) -> Result<Self, Reason> {
        if record.len() != columns.len() {
            let detail = format!("{} fields for {} columns", record.len(), columns.len());
            return Err(Reason::new(Kind::FieldCount, detail));
        }
        Ok(Self { columns: columns.iter(), values: record.iter() })
    }

    /// The next field, which must have a value.
    pub fn required<V: Value>(&mut self) -> Result<V, Reason> {
        let (column, text) = self.next()?;
        match text {
            Some(text) => read(column, text),
            None => Err(Reason::new(Kind::Missing, format!("{column} is required"))),
        }
    }

    /// The next field, which may be missing.
    pub fn optional<V: Value>(&mut self) -> Result<Option<V>, Reason> {
        let (column, text) = self.next()?;
        text.map(|text| read(column, text)).transpose()
    }

    fn next(&mut self) -> Result<(&'static str, Option<&'r str>), Reason> {
        let (Some(column), Some(bytes)) = (self.columns.next(), self.values.next()) else {
            unreachable!("a table parses as many fields as it has columns");
        };
        match std::str::from_utf8(bytes) {
            Ok("" | "NA") => Ok((column, None)),
            Ok(text) => Ok((column, Some(text))),
            Err(error) => Err(Reason::new(Kind::Encoding, format!("{column}: {error}"))),
        }
    }
}

fn read<V: Value>(column: &str, text: &str) -> Result<V, Reason> {
    V::read(text)
        .ok_or_else(|| Reason::new(Kind::Format, format!("{column}: `{text}` is not {}", V::EXPECTED)))
}

/// What a field can hold.
pub trait Value: Sized {
    /// Completes the sentence "it is not ..".
    const EXPECTED: &'static str;

    fn read(text: &str) -> Option<Self>;
}

impl Value for String {
    const EXPECTED: &'static str = "a text";

    fn read(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl Value for i64 {
    const EXPECTED: &'static str = "a whole number of 64 bits";

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Value for f64 {
    const EXPECTED: &'static str = "a number";

    fn read(text: &str) -> Option<Self> {
        // Rust also reads `inf` and `nan`, which no measurement is.
        text.parse().ok().filter(|number: &Self| number.is_finite())
    }
}

impl Value for Timestamp {
    const EXPECTED: &'static str = "a time in UTC, such as 2013-01-31T18:00:00Z";

    fn read(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}
