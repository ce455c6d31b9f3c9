//! A forecast, believed while it has been better than none.

/// Damped Holt smoothing, and the proof of it.
///
/// Of each value it is noted how far off the forecast of it was, made `horizon` values before, and how far off "it stays
/// as it is" would have been. The forecast [`is_active`](Self::is_active) while its rolling error is the smaller one.
///
/// # Examples
///
/// ```
/// use reactive_runtime::flow_control::Prediction;
///
/// let mut prediction = Prediction::new(5);
/// for i in 0..100 {
///     prediction.observe(500.0 + 4.0 * f64::from(i));
/// }
/// assert!(prediction.is_active());
/// // The last was 896. That a trend goes on for ever is not believed.
/// assert!((900.0..916.0).contains(&prediction.forecast()));
/// ```
#[derive(Clone, Debug)]
pub struct Prediction {
    level_gain: f64,
    level: Option<f64>,
    trend: f64,
    /// What was forecast, and what the level was, for each of the last `horizon` values.
    made: Box<[(f64, f64)]>,
    next: usize,
    /// How many values until the errors mean something.
    warm_up: usize,
    error: f64,
    naive_error: f64,
}

// Gardner and McKenzie, "Forecasting trends in time series" (1985): a damped trend.
const DAMPING: f64 = 0.9;
const TREND_GAIN: f64 = 0.1;
/// How much of a rolling error is new.
const ERROR_GAIN: f64 = 0.05;
/// How much smaller the error of the forecast has to be. A forecast that is only as good as none adds noise.
const ADVANTAGE: f64 = 0.9;
/// What a value is bounded to, so that differences and sums of values are finite. Nothing has a rate like this.
const MOST: f64 = 1e100;

impl Prediction {
    /// Looks `horizon` values ahead, and takes the values as they are.
    ///
    /// # Panics
    ///
    /// If `horizon` is 0.
    #[track_caller]
    pub fn new(horizon: usize) -> Self {
        assert!(horizon > 0, "a forecast of 0 values ahead has no meaning");
        Self {
            level_gain: 1.0,
            level: None,
            trend: 0.0,
            made: vec![(0.0, 0.0); horizon].into(),
            next: 0,
            warm_up: 2 * horizon,
            error: 0.0,
            naive_error: 0.0,
        }
    }

    /// Smooths the values: each moves the level by this part of what it is off.
    ///
    /// # Panics
    ///
    /// If `gain` is not above 0 and at most 1.
    #[track_caller]
    pub fn level_gain(mut self, gain: f64) -> Self {
        assert!(
            gain > 0.0 && gain <= 1.0,
            "a level gain of {gain} has no meaning: it is above 0.0 and at most 1.0"
        );
        self.level_gain = gain;
        self
    }

    /// Takes the next value. One that is no number, or infinite, is left out.
    pub fn observe(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        let value = value.clamp(-MOST, MOST);
        let (forecast, level_then) = self.made[self.next];
        if self.warm_up > 0 {
            self.warm_up -= 1;
        } else {
            self.error += ERROR_GAIN * ((forecast - value).abs() - self.error);
            self.naive_error += ERROR_GAIN * ((level_then - value).abs() - self.naive_error);
        }
        let level = self.level.unwrap_or(value);
        let expected = level + DAMPING * self.trend;
        let new = expected + self.level_gain * (value - expected);
        self.trend = DAMPING * self.trend + TREND_GAIN * (new - level - DAMPING * self.trend);
        self.level = Some(new);
        self.made[self.next] = (self.forecast(), new);
        self.next = (self.next + 1) % self.made.len();
    }

    /// The value jumped: neither the trend up to now nor the jump says anything about what comes.
    pub fn forget_trend(&mut self) {
        self.trend = 0.0;
        self.level = None;
    }

    /// The smoothed value now; 0 before the first.
    pub fn level(&self) -> f64 {
        self.level.unwrap_or(0.0)
    }

    /// How much the value grows from one to the next.
    pub fn trend(&self) -> f64 {
        self.trend
    }

    /// The value `horizon` values from now, if the trend goes on and fades; never below 0.
    pub fn forecast(&self) -> f64 {
        let steps = DAMPING * (1.0 - DAMPING.powi(self.made.len() as i32)) / (1.0 - DAMPING);
        (self.level() + steps * self.trend).max(0.0)
    }

    /// Whether the forecasts of late were closer than the values of their time.
    pub fn is_active(&self) -> bool {
        self.warm_up == 0 && self.error < ADVANTAGE * self.naive_error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_active_on_a_trend_and_not_on_noise() {
        let mut trend = Prediction::new(10);
        let mut noise = Prediction::new(10);
        let mut random = 1u32;
        for i in 0..400 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let swing = f64::from(i) * std::f64::consts::TAU / 400.0;
            trend.observe(500.0 + 250.0 * swing.sin());
            noise.observe(450.0 + 100.0 * f64::from(random >> 16) / 65536.0);
        }
        assert!(trend.is_active());
        assert!(!noise.is_active());
    }

    #[test]
    fn is_not_active_before_it_is_proven() {
        let mut prediction = Prediction::new(10);
        for i in 0..20 {
            prediction.observe(f64::from(i));
            assert!(!prediction.is_active());
        }
        prediction.observe(20.0);
        assert!(prediction.is_active());
    }

    #[test]
    fn is_given_up_when_the_trend_breaks() {
        let mut prediction = Prediction::new(10);
        (0..100).for_each(|i| prediction.observe(100.0 + 5.0 * f64::from(i)));
        assert!(prediction.is_active());
        for i in 0..200 {
            prediction.observe(if i % 20 < 10 { 100.0 } else { 900.0 });
        }
        assert!(!prediction.is_active());
    }

    #[test]
    fn a_jump_is_no_trend() {
        let mut prediction = Prediction::new(10);
        (0..100).for_each(|i| prediction.observe(100.0 + 5.0 * f64::from(i)));
        prediction.forget_trend();
        prediction.observe(50.0);
        assert_eq!((prediction.level(), prediction.forecast()), (50.0, 50.0));
    }

    #[test]
    fn what_is_no_number_is_left_out() {
        let mut prediction = Prediction::new(3);
        for value in [5.0, f64::NAN, f64::INFINITY, 5.0] {
            prediction.observe(value);
        }
        assert_eq!((prediction.level(), prediction.forecast()), (5.0, 5.0));
    }

    #[test]
    fn forgets_a_value_beyond_all_measure() {
        let mut prediction = Prediction::new(3);
        for value in [f64::MAX, -f64::MAX].into_iter().chain([5.0; 5000]) {
            prediction.observe(value);
        }
        assert_eq!(prediction.level(), 5.0);
        assert!((prediction.forecast() - 5.0).abs() < 1e-6, "{prediction:?}");
    }

    #[test]
    #[should_panic(expected = "a level gain of NaN has no meaning")]
    fn refuses_a_gain_without_meaning() {
        let _ = Prediction::new(3).level_gain(f64::NAN);
    }
}
