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

    pub(crate) fn high_len(self, capacity: usize) -> usize {
        ((self.high * capacity as f64).ceil() as usize).clamp(1, capacity)
    }

    pub(crate) fn low_len(self, capacity: usize) -> usize {
        ((self.low * capacity as f64).floor() as usize).min(self.high_len(capacity) - 1)
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
    #[should_panic(expected = "not high 0.3 and low 0.8")]
    fn refuse_to_be_crossed() {
        let _ = Watermarks::new(0.3, 0.8);
    }
}
