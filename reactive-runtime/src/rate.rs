//! Items per time.

use std::fmt;
use std::time::Duration;

/// How many items per time: `20/s` in `pipeline!`.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
pub struct Rate {
    items_per_second: f64,
}

impl Rate {
    /// `count` items a second: `20/s` in `pipeline!`.
    ///
    /// # Panics
    ///
    /// If `count` is not a positive, finite number.
    #[track_caller]
    pub fn per_second(count: impl Into<f64>) -> Self {
        let items_per_second = count.into();
        assert!(
            items_per_second.is_finite() && items_per_second > 0.0,
            "a rate is a positive, finite number of items per time, not {items_per_second}",
        );
        Self { items_per_second }
    }

    /// `count` items a millisecond: `5/ms` in `pipeline!`.
    ///
    /// # Panics
    ///
    /// If `count` is not a positive, finite number.
    #[track_caller]
    pub fn per_millisecond(count: impl Into<f64>) -> Self {
        Self::per_second(count.into() * 1e3)
    }

    /// `count` items a minute: `90/min` in `pipeline!`.
    ///
    /// # Panics
    ///
    /// If `count` is not a positive, finite number.
    #[track_caller]
    pub fn per_minute(count: impl Into<f64>) -> Self {
        Self::per_second(count.into() / 60.0)
    }

    /// `count` items an hour: `1000/h` in `pipeline!`.
    ///
    /// # Panics
    ///
    /// If `count` is not a positive, finite number.
    #[track_caller]
    pub fn per_hour(count: impl Into<f64>) -> Self {
        Self::per_second(count.into() / 3600.0)
    }

    /// One item each `period`.
    ///
    /// # Panics
    ///
    /// If `period` is zero.
    #[track_caller]
    pub fn every(period: Duration) -> Self {
        assert!(!period.is_zero(), "a rate of one item each zero seconds has no meaning");
        Self { items_per_second: 1.0 / period.as_secs_f64() }
    }

    /// Items per second.
    pub fn items_per_second(self) -> f64 {
        self.items_per_second
    }

    /// The time of one item at this rate, in nanoseconds.
    pub fn nanos_per_item(self) -> f64 {
        1e9 / self.items_per_second
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
