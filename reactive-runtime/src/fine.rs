//! Time in fractions of a nanosecond, so that the schedule of a rate does not drift.

use std::time::Duration;

/// How many fractions a nanosecond has, as a power of two.
const FRACTION_BITS: u32 = 64;

const NANOSECOND: u128 = 1 << FRACTION_BITS;

/// A time in 2^-64 nanoseconds. What is too long for it, some 290 years, is the longest one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Fine(u128);

impl Fine {
    pub(crate) const ZERO: Self = Self(0);
    pub(crate) const MIN: Self = Self(1);
    const MAX: Self = Self(u128::MAX >> 1);

    /// The time of one of `count` in `nanos` nanoseconds: exact, rounded down, and never zero.
    ///
    /// So the n-th one is due at no later nanosecond than it is on paper.
    pub(crate) fn one_of(count: f64, nanos: u64) -> Self {
        let (mantissa, exponent) = parts(count);
        let nanos = u128::from(nanos) << FRACTION_BITS;
        let fine = match u32::try_from(exponent) {
            Ok(exponent) => (nanos / mantissa).checked_shr(exponent).unwrap_or(0),
            Err(_) => match 1u128.checked_shl(exponent.unsigned_abs()) {
                Some(scale) => mul_div(nanos, scale, mantissa),
                None => u128::MAX,
            },
        };
        Self(fine).clamp(Self::MIN, Self::MAX)
    }

    /// The first whole nanosecond that is no earlier.
    pub(crate) fn ceil(self) -> Duration {
        Duration::from_nanos(
            u64::try_from(self.0.div_ceil(NANOSECOND)).expect("the longest time is 2^63 nanoseconds"),
        )
    }

    pub(crate) fn as_nanos_f64(self) -> f64 {
        self.0 as f64 / NANOSECOND as f64
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0)).min(Self::MAX)
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    pub(crate) fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count.into())).min(Self::MAX)
    }

    /// How often the whole of `part` fits into it.
    pub(crate) fn whole(self, part: Self) -> u64 {
        if self < part { 0 } else { u64::try_from(self.0 / part.0).unwrap_or(u64::MAX) }
    }

    /// This time, or `start`, if it is before the nanosecond at which that is.
    pub(crate) fn no_earlier_than(self, start: Duration) -> Self {
        let start = Self::from(start);
        // A due time that was rounded up to a nanosecond loses nothing by it.
        if start.minus(self) < Self(NANOSECOND) { self } else { start }
    }

    /// The same number of `from`s, as `to`s: rounded down.
    pub(crate) fn rescaled(self, from: Self, to: Self) -> Self {
        Self(mul_div(self.0, to.0, from.0)).min(Self::MAX)
    }
}

impl From<Duration> for Fine {
    fn from(duration: Duration) -> Self {
        Self(duration.as_nanos().saturating_mul(NANOSECOND)).min(Self::MAX)
    }
}

/// A positive, finite number as `mantissa * 2^exponent`, exactly.
fn parts(number: f64) -> (u128, i32) {
    const MANTISSA_BITS: u32 = f64::MANTISSA_DIGITS - 1;
    let bits = number.to_bits();
    let mantissa = bits & ((1 << MANTISSA_BITS) - 1);
    let biased = (bits >> MANTISSA_BITS) as i32 & 0x7ff;
    let leading_one = u64::from(biased > 0) << MANTISSA_BITS;
    (u128::from(mantissa | leading_one), biased.max(1) - 1075)
}

/// `a * b / c`, rounded down, where `c` is less than 2^127; a result that is too large is the largest.
fn mul_div(a: u128, b: u128, c: u128) -> u128 {
    let (whole, rest) = (a / c, a % c);
    whole.saturating_mul(b).saturating_add(fraction(rest, b, c))
}

/// `rest * b / c`, rounded down, where `rest < c < 2^127`.
fn fraction(rest: u128, b: u128, c: u128) -> u128 {
    if let Some(product) = rest.checked_mul(b) {
        return product / c;
    }
    // Long division, bit by bit, of a product that has up to 256 of them.
    let (mut quotient, mut left) = (0, 0);
    for bit in (0..u128::BITS).rev() {
        quotient <<= 1;
        for more in [left, if (b >> bit) & 1 == 1 { rest } else { 0 }] {
            left += more;
            if left >= c {
                left -= c;
                quotient += 1;
            }
        }
    }
    quotient
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn is_exact_where_the_time_of_an_item_is_a_whole_nanosecond() {
        for (count, nanos) in
            [(20.0, 50_000_000), (1e6, 1000), (3.0, 333_333_334), (1e9, 1), (0.5, 2_000_000_000)]
        {
            assert_eq!(Fine::one_of(count, 1_000_000_000).ceil(), Duration::from_nanos(nanos), "{count}/s");
        }
        assert_eq!(Fine::one_of(7.0, 1_000_000_000).times(7).ceil(), Duration::from_secs(1));
    }

    #[test]
    fn takes_every_rate() {
        for count in [f64::MIN_POSITIVE, 1e-300, 1e-9, 1e30, f64::MAX] {
            let one = Fine::one_of(count, 1_000_000_000);
            assert!(one >= Fine::MIN && one <= Fine::MAX, "{count}/s");
        }
        assert_eq!(Fine::from(Duration::MAX), Fine::MAX);
        assert_eq!(Fine::MAX.plus(Fine::MAX).times(u64::MAX), Fine::MAX);
    }

    proptest! {
        #[test]
        fn parts_make_the_number(number in 1e-300..1e300f64) {
            let (mantissa, exponent) = parts(number);
            prop_assert_eq!(mantissa as f64 * 2f64.powi(exponent / 2) * 2f64.powi(exponent - exponent / 2), number);
        }

        #[test]
        fn long_division_divides(rest in 0u128..1 << 60, b in 0u128..1 << 60, c in 1u128 << 60..1 << 61) {
            // The same numbers, shifted until the product does not fit.
            let shift = 66;
            prop_assert_eq!(fraction(rest << shift, b, c << shift), rest * b / c);
        }
    }
}
