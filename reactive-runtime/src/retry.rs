//! When a failed call is tried again: a policy, which knows no clock and calls nothing.

mod budget;
mod error;

use std::fmt;
use std::time::Duration;

use backon::{BackoffBuilder, ConstantBackoff, ConstantBuilder, ExponentialBackoff, ExponentialBuilder};

pub(crate) use budget::Budget;
pub use error::{CallError, Cause, GaveUp};

/// How many tries follow the first, unless told otherwise.
const MAX_RETRIES: usize = 3;
/// What a delay grows to at most, unless told otherwise.
const MAX_DELAY: Duration = Duration::from_secs(60);

/// How often a failed call is tried again, and after how long.
///
/// Three tries after the first, unless [`max_retries`](Self::max_retries) says otherwise; each is a new call, with the same item.
/// The delays are those of the [`backon`] crate.
///
/// # Examples
///
/// ```
/// # use reactive_runtime::prelude::*;
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let mut calls = 0;
/// let flaky = |x: u32| {
///     calls += 1;
///     let fails = calls < 3;
///     async move { if fails { Err("busy") } else { Ok(x) } }
/// };
/// let start = tokio::time::Instant::now();
/// let items = pipeline! {
///     [7] |> map_async(flaky, retry = Retry::exponential(100ms).max_delay(5s))? |> collect::<Vec<_>>()
/// };
/// assert_eq!(items.await.unwrap(), [7]);
/// assert_eq!(start.elapsed(), std::time::Duration::from_millis(100 + 200));
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a policy does nothing until it is given to a call"]
pub struct Retry {
    delay: Duration,
    growth: Growth,
    max_retries: Option<usize>,
    jitter: Option<Jitter>,
    max_elapsed: Option<Duration>,
    budget: Option<f64>,
}

#[derive(Clone, Copy, Debug)]
enum Growth {
    Fixed,
    Exponential { factor: f32, max_delay: Duration },
}

/// How the delays of calls that failed together are spread.
#[derive(Clone, Copy, Debug)]
enum Jitter {
    Random,
    /// Each call has a seed of its own, the next one: with the same, all would wait equally long.
    Seeded(u64),
}

impl Retry {
    /// Tries again after `delay`, each time.
    pub fn fixed(delay: Duration) -> Self {
        Self {
            delay,
            growth: Growth::Fixed,
            max_retries: Some(MAX_RETRIES),
            jitter: None,
            max_elapsed: None,
            budget: None,
        }
    }

    /// Tries again after `delay`, then after twice as long each time, up to a minute.
    pub fn exponential(delay: Duration) -> Self {
        Self { growth: Growth::Exponential { factor: 2.0, max_delay: MAX_DELAY }, ..Self::fixed(delay) }
    }

    /// Does not try again: for the item in the error, or where a setting decides.
    pub fn never() -> Self {
        Self::fixed(Duration::ZERO).max_retries(0)
    }

    /// At most so many tries after the first.
    pub fn max_retries(self, max_retries: usize) -> Self {
        Self { max_retries: Some(max_retries), ..self }
    }

    /// As many tries as it takes, within [`max_elapsed`](Self::max_elapsed) and the [`budget`](Self::budget) if they are given.
    pub fn unlimited(self) -> Self {
        Self { max_retries: None, ..self }
    }

    /// What an exponential delay is multiplied with each time, in place of 2.
    ///
    /// # Panics
    ///
    /// If `factor` is less than 1, or no number; or if the delay is a fixed one.
    #[track_caller]
    pub fn factor(mut self, factor: f32) -> Self {
        assert!(factor >= 1.0 && factor.is_finite(), "a delay grows by a factor of at least 1, not {factor}");
        let Growth::Exponential { factor: known, .. } = &mut self.growth else {
            panic!("a fixed delay has no factor: begin with `Retry::exponential(..)`");
        };
        *known = factor;
        self
    }

    /// What an exponential delay grows to at most, in place of a minute, before jitter.
    ///
    /// # Panics
    ///
    /// If the delay is a fixed one.
    #[track_caller]
    pub fn max_delay(mut self, max_delay: Duration) -> Self {
        let Growth::Exponential { max_delay: known, .. } = &mut self.growth else {
            panic!("a fixed delay does not grow: begin with `Retry::exponential(..)`");
        };
        *known = max_delay;
        self
    }

    /// Makes each delay longer by a random part of it, up to twice as long: so calls that failed together do not come back
    /// together.
    pub fn jitter(self) -> Self {
        Self { jitter: Some(Jitter::Random), ..self }
    }

    /// [`jitter`](Self::jitter) that is the same in each run.
    pub fn jitter_seed(self, seed: u64) -> Self {
        Self { jitter: Some(Jitter::Seeded(seed)), ..self }
    }

    /// Begins no try later than so long after the beginning of the first.
    pub fn max_elapsed(self, max_elapsed: Duration) -> Self {
        Self { max_elapsed: Some(max_elapsed), ..self }
    }

    /// Tries again at most so often as a share of the calls: with `0.2`, of 100 calls 20 tries more, and 10 to begin with.
    ///
    /// When everything fails, retries multiply the load just where it hurts; with a budget they do not. It belongs to the
    /// stage: all items share it. (After Finagle's `RetryBudget`.)
    ///
    /// # Panics
    ///
    /// If `share` is not between 0 and 1000.
    #[track_caller]
    pub fn budget(self, share: f64) -> Self {
        assert!(
            (0.0..=1000.0).contains(&share),
            "a share of the calls is a number from 0 to 1000, not {share}"
        );
        Self { budget: Some(share), ..self }
    }

    pub(crate) fn limit(&self) -> Option<Duration> {
        self.max_elapsed
    }

    pub(crate) fn new_budget(&self) -> Budget {
        Budget::new(self.budget)
    }

    /// The delays of the next call that failed.
    pub(crate) fn delays(&mut self) -> Delays {
        match self.growth {
            Growth::Fixed => Delays::Fixed(self.fixed_builder().build()),
            Growth::Exponential { factor, max_delay } => {
                Delays::Exponential(self.exponential_builder(factor, max_delay).build())
            }
        }
    }

    fn fixed_builder(&mut self) -> ConstantBuilder {
        let builder = ConstantBuilder::new().with_delay(self.delay);
        let builder = match self.max_retries {
            Some(max_retries) => builder.with_max_times(max_retries),
            None => builder.without_max_times(),
        };
        match self.next_jitter() {
            Some(Jitter::Random) => builder.with_jitter(),
            Some(Jitter::Seeded(seed)) => builder.with_jitter().with_jitter_seed(seed),
            None => builder,
        }
    }

    fn exponential_builder(&mut self, factor: f32, max_delay: Duration) -> ExponentialBuilder {
        let builder = ExponentialBuilder::new()
            .with_min_delay(self.delay.min(max_delay))
            .with_factor(factor)
            .with_max_delay(max_delay);
        let builder = match self.max_retries {
            Some(max_retries) => builder.with_max_times(max_retries),
            None => builder.without_max_times(),
        };
        match self.next_jitter() {
            Some(Jitter::Random) => builder.with_jitter(),
            Some(Jitter::Seeded(seed)) => builder.with_jitter().with_jitter_seed(seed),
            None => builder,
        }
    }

    fn next_jitter(&mut self) -> Option<Jitter> {
        let jitter = self.jitter;
        if let Some(Jitter::Seeded(seed)) = &mut self.jitter {
            *seed = seed.wrapping_add(1);
        }
        jitter
    }
}

/// How long a call that failed waits before each further try; it gives up when there is none.
pub(crate) enum Delays {
    Fixed(ConstantBackoff),
    Exponential(ExponentialBackoff),
}

impl Iterator for Delays {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        match self {
            Self::Fixed(delays) => delays.next(),
            Self::Exponential(delays) => delays.next().map(whole),
        }
    }
}

/// A delay that misses a whole millisecond only because powers of an `f32` do; a timer would round it up to the next.
fn whole(delay: Duration) -> Duration {
    let nearest = delay.saturating_add(Duration::from_micros(500)).as_millis();
    let nearest = Duration::from_millis(u64::try_from(nearest).unwrap_or(u64::MAX));
    if delay.abs_diff(nearest) <= delay / 100_000 { nearest } else { delay }
}

impl fmt::Debug for Delays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Delays")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{ms, s};

    fn delays(mut retry: Retry, count: usize) -> Vec<Duration> {
        retry.delays().take(count).collect()
    }

    #[test]
    fn waits_equally_long_each_time() {
        assert_eq!(delays(Retry::fixed(ms(50)), 9), [ms(50); 3]);
        assert_eq!(delays(Retry::fixed(ms(50)).max_retries(1), 9), [ms(50)]);
        assert_eq!(delays(Retry::never(), 9), []);
    }

    #[test]
    fn waits_longer_each_time_up_to_a_maximum() {
        let retry = Retry::exponential(ms(100)).max_delay(ms(500)).max_retries(4);
        assert_eq!(delays(retry, 9), [ms(100), ms(200), ms(400), ms(500)]);
        let retry = Retry::exponential(ms(10)).factor(3.0);
        assert_eq!(delays(retry, 9), [ms(10), ms(30), ms(90)]);
        assert_eq!(delays(Retry::exponential(s(90)), 1), [s(60)]);
    }

    #[test]
    fn goes_on_for_ever_without_an_overflow() {
        let retry = Retry::exponential(s(1)).max_delay(Duration::MAX).unlimited();
        assert!(delays(retry, 200).is_sorted());
        assert_eq!(delays(Retry::fixed(ms(1)).unlimited(), 10_000).len(), 10_000);
    }

    #[test]
    fn spreads_the_delays_and_each_call_otherwise() {
        for retry in [Retry::fixed(ms(100)), Retry::exponential(ms(100)).factor(1.0)] {
            let mut retry = retry.jitter_seed(7).max_retries(50);
            let again = retry.clone();
            let (first, second) = (retry.delays().collect::<Vec<_>>(), retry.delays().collect::<Vec<_>>());
            assert!(first.iter().all(|delay| (ms(100)..=ms(200)).contains(delay)), "{first:?}");
            assert!(first.windows(2).any(|pair| pair[0] != pair[1]));
            assert_ne!(first, second);
            assert_eq!(delays(again, 99), first);
            assert!(delays(retry.jitter(), 99).iter().all(|delay| (ms(100)..=ms(200)).contains(delay)));
        }
    }

    #[test]
    #[should_panic(expected = "a delay grows by a factor of at least 1, not 0.5")]
    fn refuses_delays_that_shrink() {
        let _ = Retry::exponential(ms(1)).factor(0.5);
    }

    #[test]
    #[should_panic(expected = "a fixed delay does not grow")]
    fn refuses_a_maximum_for_a_fixed_delay() {
        let _ = Retry::fixed(ms(1)).max_delay(ms(2));
    }

    #[test]
    #[should_panic(expected = "a share of the calls is a number from 0 to 1000, not -1")]
    fn refuses_a_negative_budget() {
        let _ = Retry::fixed(ms(1)).budget(-1.0);
    }
}
