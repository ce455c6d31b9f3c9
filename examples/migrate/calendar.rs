//! Dates and times, as far as this data needs them: no more than a page, so no library.

use std::fmt;

/// A moment in UTC, to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp {
    /// Since 1970-01-01T00:00:00Z.
    seconds: i64,
}

impl Timestamp {
    /// Reads RFC 3339 with the offset `Z`: `2013-01-31T18:00:00Z`.
    pub fn parse(text: &str) -> Option<Self> {
        let shape = text.bytes().map(|byte| if byte.is_ascii_digit() { b'0' } else { byte });
        if !shape.eq(*b"0000-00-00T00:00:00Z") {
            return None;
        }
        let number = |from: usize, to: usize| text[from..to].parse::<i64>().ok();
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        let valid = (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        valid.then(|| Self::at(year, month, day, hour).plus_minutes(minute).plus_seconds(second))
    }

    /// The beginning of an hour; the date must exist.
    pub fn at(year: i64, month: i64, day: i64, hour: i64) -> Self {
        Self { seconds: (days_since_1970(year, month, day) * 24 + hour) * 3600 }
    }

    pub fn plus_minutes(self, minutes: i64) -> Self {
        self.plus_seconds(minutes * 60)
    }

    fn plus_seconds(self, seconds: i64) -> Self {
        Self { seconds: self.seconds + seconds }
    }

    pub fn hours_since(self, earlier: Self) -> i64 {
        (self.seconds - earlier.seconds).div_euclid(3600)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date(self.seconds.div_euclid(86_400));
        let second = self.seconds.rem_euclid(86_400);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

/// The minute of the day of a time that is written as 1730.
pub fn minute_of_day(hhmm: i64) -> i64 {
    hhmm / 100 * 60 + hhmm % 100
}

/// The month must be one of 1 to 12.
pub fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

// Both ways as in Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years begin in March, so that the
// leap day is the last of its year, and 400 years always have 146 097 days. Day 0 is 0000-03-01, 719 468 days
// before 1970.

fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn date(days_since_1970: i64) -> (i64, i64, i64) {
    let days = days_since_1970 + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_again() {
        for text in
            ["1970-01-01T00:00:00Z", "2013-01-31T18:05:09Z", "2000-02-29T23:59:59Z", "1899-12-31T00:00:01Z"]
        {
            assert_eq!(Timestamp::parse(text).map(|time| time.to_string()).as_deref(), Some(text));
        }
        assert_eq!(
            Timestamp::parse("2013-01-31T23:55:00Z").unwrap().plus_minutes(10).to_string(),
            "2013-02-01T00:05:00Z"
        );
    }

    #[test]
    fn every_day_of_1000_years_is_its_own_date() {
        for days in -365_000..365_000 {
            let (year, month, day) = date(days);
            assert!((1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day));
            assert_eq!(days_since_1970(year, month, day), days);
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "2013-01-31", "2013-02-29T00:00:00Z", "2013-13-01T00:00:00Z", "2013-00-01T00:00:00Z"]
        {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
        for text in [
            "2013-01-31T24:00:00Z",
            "2013-01-31T18:00:00+01:00",
            "2013-01-31 18:00:00Z",
            "２013-01-31T18:00:00Z",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }
}
