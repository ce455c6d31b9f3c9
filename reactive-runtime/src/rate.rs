//! Items per time.

use std::cmp::Ordering;
use std::fmt;
use std::time::Duration;

use crate::fine::Fine;

const SECOND: u64 = 1_000_000_000;

/// How many items per time: `20/s` in `pipeline!`.
///
/// The time of an item is kept to 2^-64 ns, so that no schedule drifts. Two rates are equal if their items take equally
/// long.
#[derive(Clone, Copy)]
pub struct Rate {
    // As it was asked for, to be told as such.
    items_per_second: f64,
    period: Fine,
}

impl Rate {
    pub(crate) const NO_PERIOD: &str = "a rate of one item each zero seconds has no meaning";

    /// `count` items a second: `20/s` in `pipeline!`.
    ///
    /// # Panics
    ///
    /// If `count` is not a positive, finite number.
    #[track_caller]
    pub fn per_second(count: impl Into<f64>) -> Self {
        Self::per(SECOND, count.into())
    }

    /// `count` items a millisecond: `5/ms` in `pipeline!`.
    ///
    /// # Panics
    ///
    /// If `count` is not a positive, finite number.
    #[track_caller]
    pub fn per_millisecond(count: impl Into<f64>) -> Self {
        Self::per(SECOND / 1000, count.into())
    }

    /// `count` items a minute: `90/min` in `pipeline!`.
    ///
    /// # Panics
    ///
    /// If `count` is not a positive, finite number.
    #[track_caller]
    pub fn per_minute(count: impl Into<f64>) -> Self {
        Self::per(60 * SECOND, count.into())
    }

    /// `count` items an hour: `1000/h` in `pipeline!`.
    ///
    /// # Panics
    ///
    /// If `count` is not a positive, finite number.
    #[track_caller]
    pub fn per_hour(count: impl Into<f64>) -> Self {
        Self::per(3600 * SECOND, count.into())
    }

    /// One item each `period`.
    ///
    /// # Panics
    ///
    /// If `period` is zero.
    #[track_caller]
    pub fn every(period: Duration) -> Self {
        assert!(!period.is_zero(), "{}", Self::NO_PERIOD);
        Self { items_per_second: 1.0 / period.as_secs_f64(), period: period.into() }
    }

    #[track_caller]
    fn per(nanos: u64, count: f64) -> Self {
        assert!(
            count.is_finite() && count > 0.0,
            "a rate is a positive, finite number of items per time, not {count}",
        );
        // So that a whole number is told as one.
        let items_per_second =
            if nanos > SECOND { count / (nanos / SECOND) as f64 } else { count * (SECOND / nanos) as f64 };
        Self { items_per_second, period: Fine::one_of(count, nanos) }
    }

    /// Items per second.
    pub fn items_per_second(self) -> f64 {
        self.items_per_second
    }

    /// The time of one item at this rate, in nanoseconds.
    pub fn nanos_per_item(self) -> f64 {
        self.period.as_nanos_f64()
    }

    /// The time of one item at this rate.
    pub(crate) fn period(self) -> Fine {
        self.period
    }
}

impl PartialEq for Rate {
    fn eq(&self, other: &Self) -> bool {
        self.period == other.period
    }
}

impl Eq for Rate {}

impl PartialOrd for Rate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Rate {
    /// The higher rate is the one whose items take less time.
    fn cmp(&self, other: &Self) -> Ordering {
        other.period.cmp(&self.period)
    }
}

impl From<Duration> for Rate {
    /// One item each `period`: what a duration means where a rate is asked for.
    #[track_caller]
    fn from(period: Duration) -> Self {
        Self::every(period)
    }
}

impl fmt::Debug for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", self.items_per_second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_same_in_every_unit() {
        assert_eq!(Rate::per_minute(90), Rate::per_second(1.5));
        assert_eq!(Rate::per_hour(7200), Rate::per_second(2));
        assert_eq!(Rate::per_millisecond(2), Rate::per_second(2000));
        assert_eq!(Rate::every(Duration::from_millis(50)), Rate::per_second(20));
        assert_eq!(Rate::per_second(20).nanos_per_item(), 50e6);
        assert_eq!(Rate::per_hour(20).items_per_second(), 20.0 / 3600.0);
        assert_eq!(format!("{:?}", Rate::per_millisecond(3)), "3000/s");
        assert_eq!(Rate::every(Duration::from_nanos(7)).nanos_per_item(), 7.0);
    }

    #[test]
    fn is_higher_where_an_item_takes_less_time() {
        assert!(Rate::per_second(3) > Rate::per_second(2));
        assert!(Rate::every(Duration::from_secs(1)) < Rate::every(Duration::from_millis(1)));
    }

    #[test]
    #[should_panic(expected = "positive, finite number of items per time, not 0")]
    fn refuses_zero() {
        let _ = Rate::per_second(0);
    }

    #[test]
    #[should_panic(expected = "not NaN")]
    fn refuses_nan() {
        let _ = Rate::per_second(f64::NAN);
    }
}
