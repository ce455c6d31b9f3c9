//! Bounds of numbers that are never NaN.

/// `f64::max` and `f64::min` look for NaN, five instructions each, which is a third of what a completion costs.
pub(super) trait Bounds {
    /// The greater of the two.
    fn at_least(self, least: Self) -> Self;

    /// The smaller of the two.
    fn at_most(self, most: Self) -> Self;
}

impl Bounds for f64 {
    #[inline(always)]
    fn at_least(self, least: Self) -> Self {
        if self > least { self } else { least }
    }

    #[inline(always)]
    fn at_most(self, most: Self) -> Self {
        if self < most { self } else { most }
    }
}
