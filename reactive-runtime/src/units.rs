//! The units that `pipeline!` reads, as functions: `100ms` becomes `units::ms(100)`.

use std::time::Duration;

/// Nanoseconds: `500ns` in `pipeline!`.
pub const fn ns(count: u64) -> Duration {
    Duration::from_nanos(count)
}

/// Microseconds: `500us` or `500µs` in `pipeline!`.
pub const fn us(count: u64) -> Duration {
    Duration::from_micros(count)
}

/// Milliseconds: `100ms` in `pipeline!`.
pub const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Seconds: `30s` in `pipeline!`.
pub const fn s(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Minutes: `5min` in `pipeline!`.
///
/// # Panics
///
/// If the seconds overflow a `u64`; `pipeline!` has checked its literals.
pub const fn min(count: u64) -> Duration {
    seconds(count, 60)
}

/// Hours: `2h` in `pipeline!`.
///
/// # Panics
///
/// If the seconds overflow a `u64`; `pipeline!` has checked its literals.
pub const fn h(count: u64) -> Duration {
    seconds(count, 60 * 60)
}

/// Days of 24 hours: `7d` in `pipeline!`.
///
/// # Panics
///
/// If the seconds overflow a `u64`; `pipeline!` has checked its literals.
pub const fn d(count: u64) -> Duration {
    seconds(count, 24 * 60 * 60)
}

/// A compound or broken duration: `1h30min` or `1.5s` in `pipeline!`.
pub const fn duration(secs: u64, nanos: u32) -> Duration {
    Duration::new(secs, nanos)
}

const fn seconds(count: u64, each: u64) -> Duration {
    Duration::from_secs(count.checked_mul(each).expect("a duration of at most u64::MAX seconds"))
}

/// What can be given where a duration is meant: a [`Duration`], written `100ms` in `pipeline!`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a duration",
    label = "expected a duration such as `100ms`",
    note = "in `pipeline!` write a number with a unit: `ns us µs ms s min h d`; elsewhere a `std::time::Duration`"
)]
pub trait IntoDuration {
    /// The duration.
    fn into_duration(self) -> Duration;
}

impl IntoDuration for Duration {
    fn into_duration(self) -> Duration {
        self
    }
}
