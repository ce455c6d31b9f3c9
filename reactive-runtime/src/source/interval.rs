use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior};

use crate::flow::{Budget, Downstream, Drive, Driven, Flow, Unbounded, yield_now};
use crate::pipe::Pipe;
use crate::units::IntoDuration;

/// A pipeline that ticks each `period`, for ever: at once when it is first polled, then at each multiple of `period`.
///
/// The items are the instants at which the ticks were due. Ticks that nobody asked for in time are skipped, and do not
/// shift the later ones.
///
/// # Panics
///
/// If `period` is zero. When it is polled outside of a tokio runtime with time enabled.
///
/// # Examples
///
/// ```
/// # use reactive_runtime::prelude::*;
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let start = tokio::time::Instant::now();
/// let ticks = pipeline! { interval(50ms) |> map(|due| due - start) |> take(3) |> collect::<Vec<_>>() };
/// assert_eq!(ticks.await.last(), Some(&std::time::Duration::from_millis(100)));
/// # }
/// ```
#[track_caller]
pub fn interval(period: impl IntoDuration) -> Pipe<IntervalFlow> {
    let period = period.into_duration();
    assert!(!period.is_zero(), "an interval of zero has no meaning: give it a period such as `100ms`");
    Pipe::of(IntervalFlow { period, ticks: None })
}

/// The flow of the ticks of a clock: made by [`interval`].
#[derive(Debug)]
pub struct IntervalFlow {
    period: Duration,
    // The clock starts with the first poll.
    ticks: Option<Interval>,
}

impl Flow for IntervalFlow {
    type Item = Instant;
    type Error = Infallible;
    type Bound = Unbounded;

    fn poll_drive<D: Downstream<Instant>>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<Infallible> {
        let period = self.period;
        let ticks = self.ticks.get_or_insert_with(|| {
            let mut ticks = tokio::time::interval(period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
            ticks
        });
        let mut budget = Budget::items();
        while budget.spend() {
            let due = ready!(ticks.poll_tick(cx));
            if down.push(due).is_break() {
                return Poll::Ready(Ok(Drive::Paused));
            }
        }
        yield_now(cx)
    }

    fn poll_progress(self: Pin<&mut Self>, _: &mut Context<'_>) {}

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::MAX, None)
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;

    use super::*;
    use crate::units::ms;

    #[tokio::test(start_paused = true)]
    async fn starts_with_the_first_poll_and_ticks_at_once() {
        let mut ticks = interval(ms(10));
        tokio::time::advance(ms(500)).await;
        let start = Instant::now();
        assert_eq!(ticks.next().await, Some(start));
        assert_eq!(ticks.next().await, Some(start + ms(10)));
    }

    #[tokio::test(start_paused = true)]
    async fn skips_the_ticks_that_it_missed() {
        let mut ticks = interval(ms(10));
        let start = Instant::now();
        ticks.next().await;
        tokio::time::advance(ms(35)).await;
        ticks.next().await;
        assert_eq!(ticks.next().await, Some(start + ms(40)));
    }

    #[test]
    #[should_panic(expected = "an interval of zero has no meaning")]
    fn refuses_zero() {
        let _ = interval(ms(0));
    }
}
