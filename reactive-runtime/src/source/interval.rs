use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::Instant;

use crate::flow::{Budget, Downstream, Drive, Driven, Flow, Unbounded, yield_now};
use crate::live::{IntoSetting, Setting};
use crate::pipe::Pipe;
use crate::timer::{RESOLUTION, Timer, after, last_multiple};

/// How late ticks may be that are closer to each other than [`RESOLUTION`]: several are then given at one wake-up.
const LATENESS: Duration = Duration::from_millis(5);

/// A pipeline that ticks each `period`, for ever: at once when it is first polled, then at each multiple of `period`.
///
/// The items are the instants at which the ticks were due. Ticks that nobody asked for in time are skipped, all but the
/// newest, and do not shift the later ones. A period of less than 1 ms, which no timer tells apart, keeps its rate by
/// several ticks at a wake-up, unless they are more than 5 ms late.
///
/// `period` may be [`Live`](crate::Live): then the next tick is the new one after the last, and the multiples count from there.
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
pub fn interval(period: impl IntoSetting<Duration>) -> Pipe<IntervalFlow> {
    let period = period.into_setting(|period| match *period {
        Duration::ZERO => Err("an interval of zero has no meaning: give it a period such as `100ms`"),
        _ => Ok(()),
    });
    Pipe::from_flow(IntervalFlow { period, last: None, timer: Timer::default() })
}

/// The flow of the ticks of a clock: made by [`interval`].
#[derive(Debug)]
pub struct IntervalFlow {
    period: Setting<Duration>,
    // The last tick. The clock starts with the first poll.
    last: Option<Instant>,
    timer: Timer,
}

impl IntervalFlow {
    fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        let now = Instant::now();
        self.period.changed();
        let mut due = self.next(now);
        if now < due {
            while self.period.poll_changed(cx).is_ready() {
                due = self.next(now);
            }
            ready!(self.timer.poll_until(due, cx));
        }
        let tick = newest(due, self.period.get(), now.max(due));
        self.last = Some(tick);
        Poll::Ready(tick)
    }

    fn next(&self, now: Instant) -> Instant {
        self.last.map_or(now, |last| after(last, self.period.get()))
    }
}

/// The tick to give `now`: the one that is `due`, or the newest, if that one was missed.
fn newest(due: Instant, period: Duration, now: Instant) -> Instant {
    let late = now - due;
    if late < if period < RESOLUTION { LATENESS } else { period } {
        return due;
    }
    last_multiple(due, period, now)
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
        let mut budget = Budget::items();
        while budget.spend() {
            let due = ready!(self.poll_tick(cx));
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
    use crate::units::{ms, us};

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
        assert_eq!(ticks.next().await, Some(start + ms(30)));
        assert_eq!(ticks.next().await, Some(start + ms(40)));
    }

    #[tokio::test(start_paused = true)]
    async fn gives_no_burst_however_short_the_wait() {
        let mut ticks = interval(ms(2));
        let start = Instant::now();
        ticks.next().await;
        tokio::time::advance(ms(5)).await;
        let given = [ticks.next().await, ticks.next().await];
        assert_eq!(given, [Some(start + ms(4)), Some(start + ms(6))]);
        assert_eq!(start.elapsed(), ms(6));
    }

    #[tokio::test(start_paused = true)]
    async fn keeps_its_rate_below_the_resolution_of_the_timer() {
        let start = Instant::now();
        let ticks = interval(us(100)).take(1001).collect::<Vec<_>>().await;
        assert_eq!(start.elapsed(), ms(100));
        assert!(ticks.windows(2).all(|pair| pair[1] - pair[0] == us(100)));
    }

    #[tokio::test(start_paused = true)]
    async fn takes_the_longest_period() {
        let mut ticks = interval(Duration::MAX);
        assert!(ticks.next().await.is_some());
        assert!(futures::poll!(ticks.next()).is_pending());
    }

    #[test]
    #[should_panic(expected = "an interval of zero has no meaning")]
    fn refuses_zero() {
        let _ = interval(ms(0));
    }
}
