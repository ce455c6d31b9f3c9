use std::convert::Infallible;

use super::{AgesOf, Decision, Pressure, Queued, Reason, SourceKind, Strategy, Victim};

/// Keeps this fraction of the items, from 0.0 to 1.0, while the queue is under pressure, evenly spaced; else all.
///
/// Of `n` items that are offered under pressure it keeps `n` x fraction, one more or less. One of those that finds the
/// queue full waits; from a source that cannot wait, it takes the place of the oldest.
///
/// Choose it where a part of the items says as much as all, as in measurements that are averaged.
///
/// # Data loss
///
/// What falls to the sampling, for [`Reason::Sampled`]; from a source that cannot wait, also the oldest of a full queue, for
/// [`Reason::QueueFull`].
///
/// # Panics
///
/// If the fraction is not from 0.0 to 1.0, when a queue is made with it.
#[derive(Clone, Copy, Debug)]
pub struct Sample(pub f64);

impl<T> Strategy<T> for Sample {
    type Fault = Infallible;

    fn offer(&mut self, _: &T, queue: &Queued<T>) -> Decision {
        // Error diffusion: an item passes when the sum of the fractions reaches another whole number. From the count and not
        // from a sum that is carried on, so that no rounding adds up.
        let sum = |offers: u64| (offers as f64 * self.0).floor();
        let offers = queue.offers_under_pressure();
        if queue.pressure() == Pressure::Pressured && sum(offers + 1) <= sum(offers) {
            Decision::Drop(Reason::Sampled)
        } else if !queue.is_full() {
            Decision::Keep
        } else if queue.source() == SourceKind::Push {
            Decision::MakeRoom(Victim::Oldest, Reason::QueueFull)
        } else {
            Decision::Wait
        }
    }

    fn check(&self) {
        let Self(fraction) = self;
        assert!((0.0..=1.0).contains(fraction), "a sample is a fraction from 0.0 to 1.0, not {fraction}");
    }

    fn name(&self) -> &'static str {
        "sample"
    }

    fn ages(&self) -> AgesOf {
        AgesOf::Some
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::backpressure::{BoundedQueue, Offered};

    /// Which of `n` items pass a queue under pressure that is never full.
    fn passing(fraction: f64, n: usize) -> Vec<usize> {
        let mut queue = BoundedQueue::new(10, Sample(fraction));
        for item in 0..8 {
            assert_eq!(queue.offer(Duration::ZERO, item), Offered::Kept, "there is no pressure yet");
        }
        let mut passes = |item| {
            let kept = queue.offer(Duration::ZERO, item) == Offered::Kept;
            kept && queue.take(Duration::ZERO).is_some()
        };
        (0..n).filter(|item| passes(*item)).collect()
    }

    #[test]
    fn keeps_a_fraction_under_pressure_evenly_spaced() {
        for fraction in [0.0, 0.001, 0.1, 1.0 / 3.0, 0.5, 0.7, 0.999, 1.0] {
            for n in [1, 10, 997, 10_000] {
                let kept = passing(fraction, n);
                assert!((kept.len() as f64 - n as f64 * fraction).abs() <= 1.0, "{} of {n}", kept.len());
                let gap = if fraction > 0.0 { (1.0 / fraction).ceil() as usize } else { n };
                assert!(kept.windows(2).all(|pair| pair[1] - pair[0] <= gap), "{fraction}: {kept:?}");
            }
        }
        assert_eq!(passing(0.25, 12), [3, 7, 11]);
    }

    #[test]
    #[should_panic(expected = "a fraction from 0.0 to 1.0, not 1.5")]
    fn refuses_more_than_all() {
        let _ = BoundedQueue::<u8, _>::new(10, Sample(1.5));
    }
}
