//! Durations in configs: read as text (`"30s"`, `"1h30min"`, `"2.5s"`) or as seconds (`30`, `0.5`), written as text.
//!
//! For `#[serde(with = "..")]`.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserializer, Error, Visitor};
use serde::ser::Serializer;

const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("min", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

const SECOND: u128 = 1_000_000_000;

pub(crate) fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&Text(*duration))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    from.deserialize_any(TextOrSeconds)
}

struct TextOrSeconds;

impl Visitor<'_> for TextOrSeconds {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration: seconds, or a text like \"30s\", with the units ns us µs ms s min h d")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        parse(text).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
    }

    fn visit_f64<E: Error>(self, seconds: f64) -> Result<Duration, E> {
        Duration::try_from_secs_f64(seconds)
            .map_err(|_| E::invalid_value(serde::de::Unexpected::Float(seconds), &self))
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<Duration, E> {
        Ok(Duration::from_secs(seconds))
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<Duration, E> {
        u64::try_from(seconds)
            .map(Duration::from_secs)
            .map_err(|_| E::invalid_value(serde::de::Unexpected::Signed(seconds), &self))
    }
}

/// One or more numbers, each with its unit: their sum.
fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut sum = (!rest.is_empty()).then_some(Duration::ZERO)?;
    while !rest.is_empty() {
        let (number, behind) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit() && c != '.')?);
        let (unit, behind) =
            behind.split_at(behind.find(|c: char| c.is_ascii_digit() || c == ' ').unwrap_or(behind.len()));
        sum = sum.checked_add(part(number, unit)?)?;
        rest = behind.trim_start();
    }
    Some(sum)
}

fn part(number: &str, unit: &str) -> Option<Duration> {
    let (_, nanos) = UNITS.iter().find(|(name, _)| *name == unit)?;
    match number.parse::<u128>() {
        // Exact, where a float would round.
        Ok(whole) => {
            let nanos = whole.checked_mul(u128::from(*nanos))?;
            let seconds = u64::try_from(nanos / SECOND).ok()?;
            Some(Duration::new(seconds, (nanos % SECOND) as u32))
        }
        Err(_) => {
            let seconds = number.parse::<f64>().ok()? * (*nanos as f64 / 1e9);
            Duration::try_from_secs_f64(seconds).ok()
        }
    }
}

/// A whole number of the largest unit up to seconds that tells it exactly.
struct Text(Duration);

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.as_nanos(), self.0.subsec_nanos()) {
            (_, 0) => write!(f, "{}s", self.0.as_secs()),
            (nanos, part) if part % 1_000_000 == 0 => write!(f, "{}ms", nanos / 1_000_000),
            (nanos, part) if part % 1_000 == 0 => write!(f, "{}us", nanos / 1_000),
            (nanos, _) => write!(f, "{nanos}ns"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_text() {
        for (text, expected) in [
            ("30s", Some(Duration::from_secs(30))),
            ("1h30min", Some(Duration::from_secs(5400))),
            ("1h 30min", Some(Duration::from_secs(5400))),
            (" 2.5s ", Some(Duration::from_millis(2500))),
            ("100ms", Some(Duration::from_millis(100))),
            ("7µs", Some(Duration::from_micros(7))),
            ("0s", Some(Duration::ZERO)),
            ("", None),
            ("30", None),
            ("s", None),
            ("30 parsecs", None),
            ("-1s", None),
            ("1.2.3s", None),
            ("99999999999999999999s", None),
        ] {
            assert_eq!(parse(text), expected, "{text:?}");
        }
    }

    #[test]
    fn writes_what_it_reads() {
        let nanos = [0, 1, 1_500, 2_000_000, 30_000_000_000, 90_061_000_000_000, 1_000_000_007];
        // `Duration::MAX` says that there is no limit.
        let long = [Duration::from_secs(u64::MAX), Duration::MAX, Duration::new(1 << 40, 7)];
        for duration in nanos.map(Duration::from_nanos).into_iter().chain(long) {
            assert_eq!(parse(&Text(duration).to_string()), Some(duration));
        }
    }
}
