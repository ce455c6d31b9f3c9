//! How fast a stage is while it is at work.

/// A Kalman filter of the service rate: the value drifts, and each sample of it is a count, with the noise that counts
/// have.
#[derive(Clone, Debug, Default)]
pub(super) struct ServiceRate {
    mean: Option<f64>,
    variance: f64,
    /// The mean square of what surprises: the noise of service with heavy tails is more than that of a count.
    innovation: f64,
    /// How many samples in a row were far too high (above zero) or far too low (below).
    outliers: i32,
}

/// How much of its value the rate may drift from one interval to the next.
const DRIFT: f64 = 0.03;
/// So many standard deviations off, a sample is an outlier.
const GATE: f64 = 3.0;
/// So many times too high or too low, it is one however noisy the rate has been.
const FAR: f64 = 20.0;
/// So many outliers in a row, to the same side, are a change and no accident.
const CHANGE: i32 = 2;

impl ServiceRate {
    /// Items per second of work; `None` before the first sample.
    pub(super) fn mean(&self) -> Option<f64> {
        self.mean
    }

    /// Takes a rate that was measured over so many seconds. Returns whether the rate has jumped, and is known anew.
    pub(super) fn observe(&mut self, sample: f64, seconds: f64) -> bool {
        let mean = self.mean.unwrap_or(sample);
        let error = sample - mean;
        // A Poisson count of n has the variance n, so a rate of n / dt has n / dt^2 = rate / dt.
        let noise = (mean.max(sample).max(1.0) / seconds).max(0.9 * self.innovation);
        let mut variance = self.variance + (DRIFT * mean.max(1.0)).powi(2);
        let mut jumped = self.mean.is_none();
        let is_far = sample > FAR * mean || sample < mean / FAR;
        if is_far || error.abs() > GATE * (variance + noise).sqrt() {
            let side = error.signum() as i32;
            self.outliers = if self.outliers * side > 0 { self.outliers + side } else { side };
            if self.outliers.abs() >= CHANGE {
                jumped = true;
                variance = error * error;
                // A rate is not noisier than it is high; what is left of another one would drown it.
                self.innovation = self.innovation.min(sample * sample);
            }
        } else {
            self.outliers = 0;
            self.innovation = 0.95 * self.innovation + 0.05 * error * error;
        }
        let gain = variance / (variance + noise);
        self.mean = Some((mean + gain * error).max(f64::MIN_POSITIVE));
        self.variance = (1.0 - gain) * variance;
        jumped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smooths_noise_and_follows_a_change_in_two_samples() {
        let mut rate = ServiceRate::default();
        for i in 0..100 {
            rate.observe(if i % 2 == 0 { 480.0 } else { 520.0 }, 0.1);
        }
        assert!((rate.mean().unwrap() - 500.0).abs() < 8.0);
        assert!(!rate.observe(150.0, 0.1), "one outlier is an accident");
        assert!(rate.observe(150.0, 0.1));
        assert!((rate.mean().unwrap() - 150.0).abs() < 20.0, "{rate:?}");
    }

    #[test]
    fn finds_back_from_rates_beyond_all_measure() {
        for odd in [1e30, 1e-30] {
            let mut rate = ServiceRate::default();
            for seconds in [0.0, 0.1, 0.0, 0.1] {
                rate.observe(odd, seconds);
                rate.observe(500.0, seconds);
            }
            for _ in 0..3 {
                rate.observe(500.0, 0.1);
            }
            assert!((rate.mean().unwrap() - 500.0).abs() < 20.0, "{rate:?}");
            for _ in 0..60 {
                rate.observe(400.0, 0.1);
            }
            assert!((rate.mean().unwrap() - 400.0).abs() < 20.0, "{rate:?}");
        }
    }

    #[test]
    fn outliers_to_both_sides_are_no_change() {
        let mut rate = ServiceRate::default();
        for i in 0..100 {
            assert!(!rate.observe(if i % 2 == 0 { 450.0 } else { 550.0 }, 0.1) || i == 0);
        }
        for sample in [1500.0, 10.0, 1500.0, 10.0] {
            assert!(!rate.observe(sample, 0.1));
        }
    }
}
