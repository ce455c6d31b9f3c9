/// Whether a queue is under pressure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pressure {
    /// The usage has not reached the high watermark since it was last at or below the low one.
    Normal,
    /// The usage has reached the high watermark, and has not fallen to the low one since.
    Pressured,
}

/// At which usage pressure starts, and at which it ends.
///
/// Between the two a queue stays as it is; so the events alternate, and a usage that swings around one of them makes none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Watermarks {
    high: f64,
    low: f64,
}

impl Watermarks {
    /// Pressure starts at or above `high`, and ends at or below `low`: fractions of the capacity.
    ///
    /// # Panics
    ///
    /// Unless `0 <= low < high <= 1`.
    #[track_caller]
    pub fn new(high: f64, low: f64) -> Self {
        assert!(
            0.0 <= low && low < high && high <= 1.0,
            "watermarks are fractions of the capacity with 0 <= low < high <= 1, not high {high} and low {low}",
        );
        Self { high, low }
    }

    /// Where pressure starts.
    pub fn high(self) -> f64 {
        self.high
    }

    /// Where pressure ends.
    pub fn low(self) -> f64 {
        self.low
    }

    /// These, but for what is told to be otherwise.
    ///
    /// # Panics
    ///
    /// If the high one is not above the low one then.
    #[cfg(feature = "time")]
    #[track_caller]
    pub(crate) fn with(self, high: Option<f64>, low: Option<f64>) -> Self {
        Self::new(high.unwrap_or(self.high), low.unwrap_or(self.low))
    }

    #[cfg(feature = "time")]
    #[track_caller]
    pub(crate) fn check_high(fraction: f64) {
        assert!(
            fraction > 0.0 && fraction <= 1.0,
            "`high_watermark` takes a fraction such as `80%`, above 0 and at most 1, not {fraction}"
        );
    }

    #[cfg(feature = "time")]
    #[track_caller]
    pub(crate) fn check_low(fraction: f64) {
        assert!(
            (0.0..1.0).contains(&fraction),
            "`low_watermark` takes a fraction such as `30%`, from 0 to below 1, not {fraction}"
        );
    }

    pub(crate) fn high_len(self, capacity: usize) -> usize {
        let len = (self.high * capacity as f64).ceil() as usize;
        // 0.55 x 100 is a little more than 55, and 55 of 100 are 0.55.
        let rounded_up = len > 0 && (len - 1) as f64 / capacity as f64 >= self.high;
        (len - usize::from(rounded_up)).clamp(1, capacity)
    }

    pub(crate) fn low_len(self, capacity: usize) -> usize {
        let len = (self.low * capacity as f64).floor() as usize;
        let rounded_down = (len + 1) as f64 / capacity as f64 <= self.low;
        (len + usize::from(rounded_down)).min(self.high_len(capacity) - 1)
    }
}

impl Default for Watermarks {
    /// Pressure starts at 80 %, and ends at 30 %.
    fn default() -> Self {
        Self { high: 0.8, low: 0.3 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leave_a_gap_in_every_capacity() {
        for capacity in 1..100 {
            for (high, low) in [(0.8, 0.3), (1.0, 0.99), (0.01, 0.0), (0.5, 0.49)] {
                let marks = Watermarks::new(high, low);
                assert!(marks.low_len(capacity) < marks.high_len(capacity));
                assert!(marks.high_len(capacity) <= capacity);
            }
        }
        assert_eq!((Watermarks::default().high_len(10), Watermarks::default().low_len(10)), (8, 3));
    }

    #[test]
    fn are_met_exactly() {
        for percent in 2..=100 {
            let marks = Watermarks::new(f64::from(percent) / 100.0, f64::from(percent - 1) / 100.0);
            assert_eq!((marks.high_len(100), marks.low_len(100)), (percent as usize, percent as usize - 1));
        }
    }

    #[test]
    #[should_panic(expected = "not high 0.3 and low 0.8")]
    fn refuse_to_be_crossed() {
        let _ = Watermarks::new(0.3, 0.8);
    }
}
