//! What validation is made of: each check gives the reason if it fails. A missing value passes.

use std::fmt::Display;
use std::ops::RangeInclusive;

use crate::reject::{Kind, Reason};

/// The value lies in the range.
pub fn range<N: PartialOrd + Display>(
    column: &str,
    value: impl Into<Option<N>>,
    range: RangeInclusive<N>,
) -> Result<(), Reason> {
    match value.into() {
        Some(value) if !range.contains(&value) => {
            let (low, high) = range.into_inner();
            Err(Reason::new(Kind::Range, format!("{column}: {value} is not in {low} to {high}")))
        }
        _ => Ok(()),
    }
}

/// The value is a code of so many capital letters or digits.
pub fn code(column: &str, value: &str, length: usize) -> Result<(), Reason> {
    if value.len() == length && value.bytes().all(is_code_character) {
        return Ok(());
    }
    let detail = format!("{column}: `{value}` is not a code of {length} capital letters or digits");
    Err(Reason::new(Kind::Format, detail))
}

/// The value is a US aircraft registration, such as N14228.
pub fn registration(column: &str, value: Option<&str>) -> Result<(), Reason> {
    let Some(value) = value else { return Ok(()) };
    match value.as_bytes() {
        [b'N', rest @ ..] if (1..=5).contains(&rest.len()) && rest.iter().copied().all(is_code_character) => {
            Ok(())
        }
        _ => Err(Reason::new(
            Kind::Format,
            format!("{column}: `{value}` is not an N and up to five capital letters or digits"),
        )),
    }
}

fn is_code_character(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

/// The value is one of those listed.
pub fn one_of(column: &str, value: &str, known: &[&str]) -> Result<(), Reason> {
    if known.contains(&value) {
        return Ok(());
    }
    Err(Reason::new(Kind::Range, format!("{column}: `{value}` is not one of {}", known.join(", "))))
}

/// The value is a time of day written as a number, such as 1730; 2400 is the end of the day.
pub fn time_of_day(column: &str, value: impl Into<Option<i64>>) -> Result<(), Reason> {
    match value.into() {
        Some(value) if !(0..=2400).contains(&value) || value % 100 > 59 => Err(Reason::new(
            Kind::Range,
            format!("{column}: {value} is no time of day (0 to 2400, as hours and minutes)"),
        )),
        _ => Ok(()),
    }
}

/// What two columns say agrees.
pub fn agree(agrees: bool, detail: impl FnOnce() -> String) -> Result<(), Reason> {
    if agrees { Ok(()) } else { Err(Reason::new(Kind::Contradiction, detail())) }
}
