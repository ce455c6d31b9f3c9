use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use crate::flow::Flow;
use crate::items::{Items, Staged};
use crate::live::{IntoSetting, Setting};
use crate::newest::{HoldNewest, NewestFlow, Release};
use crate::pipe::Pipe;
use crate::timer::{after, last_multiple};

impl<T, K> Items<T, K> {
    /// Gives the newest item at each multiple of `period` since the first poll, if one came since the last tick.
    ///
    /// An item that comes in the instant of a tick belongs to the next. A tick that the consumer was too busy for comes
    /// when it asks again. It holds one item, and waits for a tick only while it does. `period` may be
    /// [`Live`](crate::Live): then the ticks are at the multiples of the new one, still since the first poll.
    ///
    /// Options: [`on_drop`](Staged::on_drop), [`monitor`](Staged::monitor).
    ///
    /// [`audit`](Items::audit) is for waits that begin with an item, and loses nothing at the end.
    ///
    /// # Data loss
    ///
    /// All items between two ticks but the newest, and what came since the last tick before the end, an error, or a drop of
    /// the pipeline.
    ///
    /// # Panics
    ///
    /// If `period` is zero. As a literal in `pipeline!`, that does not compile. When it waits outside of a tokio runtime
    /// with time enabled.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let some = pipeline! {
    ///     interval(10ms)
    ///         |> enumerate()
    ///         |> map(|(n, _)| n)
    ///         |> filter(|n| !(3..10).contains(n)) // 0, 1, 2, then 10, 11
    ///         |> take(5)
    ///         |> sample(15ms)
    ///         |> collect::<Vec<_>>()
    /// };
    /// assert_eq!(some.await, [1, 2, 10]);
    /// # }
    /// ```
    #[track_caller]
    pub fn sample(self, period: impl IntoSetting<Duration>) -> Staged<HoldNewest<Sample>, T, K> {
        let period = period.into_setting(|period| match *period {
            Duration::ZERO => {
                Err("a sample each zero seconds has no meaning: give it a period such as `100ms`")
            }
            _ => Ok(()),
        });
        self.stage(HoldNewest::new(Sample { period, start: None }))
    }
}

impl<F: Flow> Pipe<F> {
    /// Gives the newest item at each multiple of `period` since the first poll. See [`Items::sample`].
    #[track_caller]
    pub fn sample(self, period: impl IntoSetting<Duration>) -> Pipe<NewestFlow<F, Sample, F::Item, ()>> {
        self.with(|items| items.sample(period))
    }
}

/// Gives the newest item at fixed times: made by [`Items::sample`].
#[derive(Clone, Debug)]
pub struct Sample {
    period: Setting<Duration>,
    // The first poll.
    start: Option<Instant>,
}

impl Release for Sample {
    const NAME: &'static str = "sample";

    const AT_END: bool = false;

    fn start(&mut self, now: Instant) {
        self.start = Some(now);
    }

    fn due(&self, since: Instant, _: Instant) -> Instant {
        let (start, period) = (self.start.unwrap_or(since), self.period.get());
        after(last_multiple(start, period, since), period)
    }

    fn follow(&mut self) {
        self.period.changed();
    }

    fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.period.poll_changed(cx).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Probe, in_virtual_time};
    use crate::units::ms;
    use crate::{assert_emits, marbles};

    #[test]
    fn gives_the_newest_at_each_tick_and_nothing_more_at_the_end() {
        assert_emits!(Pipe::new(marbles!("-ab-c-------d|")).sample(ms(3)), "---b--c------|");
    }

    #[test]
    fn an_item_that_comes_with_a_tick_belongs_to_the_next() {
        assert_emits!(Pipe::new(marbles!("--ab---|")).sample(ms(3)), "---a--b|");
    }

    #[test]
    fn gives_what_is_due_before_an_end_of_the_same_instant() {
        assert_emits!(Pipe::new(marbles!("-a-|")).sample(ms(3)), "---(a|)");
    }

    #[test]
    fn drops_what_is_held_on_an_error() {
        assert_emits!(Pipe::new(marbles!("-a#", # = "torn")).sample(ms(3)), "--#");
    }

    #[test]
    fn keeps_its_ticks_while_nobody_asks() {
        in_virtual_time(async {
            let mut probe = Probe::new(Pipe::new(marbles!("-a--------b----")).sample(ms(4)));
            probe.expect_pending();
            probe.advance(ms(10)).await;
            probe.expect_pending();
            probe.advance(ms(1)).await;
            probe.expect_pending();
            probe.advance(ms(1)).await;
            probe.expect_item('b');
        });
    }

    #[test]
    #[should_panic(expected = "a sample each zero seconds has no meaning")]
    fn refuses_zero() {
        let _ = Pipe::new(0..3).sample(ms(0));
    }
}
