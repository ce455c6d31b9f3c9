use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use crate::flow::Flow;
use crate::items::{Items, Staged};
use crate::live::{IntoSetting, Setting};
use crate::newest::{HoldNewest, NewestFlow, Release};
use crate::pipe::Pipe;
use crate::timer::after;

impl<T, K> Items<T, K> {
    /// Gives an item once `quiet` has passed without a newer one.
    ///
    /// Of a burst of items the last one is given, `quiet` after it; at the end of the source it is given at once. It
    /// holds one item. When a newer item comes in the same instant in which the held one is due, both are given.
    ///
    /// The time of an item is that at which it is taken from upstream. While the consumer is busy nothing is taken, so an
    /// item whose time has come in the meantime is given when the consumer asks again, and only then are newer ones
    /// taken: all that have piled up, as one burst.
    ///
    /// `quiet` may be [`Live`](crate::Live): a change also holds for the item that is held.
    ///
    /// Options: [`max_wait`](Staged::max_wait), [`on_drop`](Staged::on_drop), [`monitor`](Staged::monitor).
    ///
    /// # Data loss
    ///
    /// All items of a burst but the last. An error drops the item that is held, and so does a drop of the pipeline.
    ///
    /// # Panics
    ///
    /// If `quiet` is zero. As a literal in `pipeline!`, that does not compile. When it waits outside of a tokio runtime with
    /// time enabled.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let settled = pipeline! {
    ///     interval(10ms)
    ///         |> enumerate()
    ///         |> map(|(n, _)| n)
    ///         |> filter(|n| !(3..10).contains(n)) // 0, 1, 2, then 10, 11
    ///         |> take(5)
    ///         |> debounce(50ms)
    ///         |> collect::<Vec<_>>()
    /// };
    /// assert_eq!(settled.await, [2, 11]);
    /// # }
    /// ```
    #[track_caller]
    pub fn debounce(self, quiet: impl IntoSetting<Duration>) -> Staged<HoldNewest<Debounce>, T, K> {
        let quiet = quiet.into_setting(|quiet| match *quiet {
            Duration::ZERO => Err("a debounce of zero has no meaning: give it a quiet time such as `100ms`"),
            _ => Ok(()),
        });
        self.stage(HoldNewest::new(Debounce { quiet, max_wait: Setting::fixed(Duration::MAX) }))
    }
}

impl<F: Flow> Pipe<F> {
    /// Gives an item once `quiet` has passed without a newer one. See [`Items::debounce`].
    #[track_caller]
    pub fn debounce(self, quiet: impl IntoSetting<Duration>) -> Pipe<NewestFlow<F, Debounce, F::Item, ()>> {
        self.with(|items| items.debounce(quiet))
    }
}

impl<D, T, K> Staged<HoldNewest<Debounce, D>, T, K> {
    /// Gives the newest item also `max_wait` after the first of a burst, however long that goes on.
    ///
    /// Then a new burst begins with the next item. Without it, a source that is never quiet gives nothing until its end. It
    /// may be [`Live`](crate::Live): a change also holds for the present burst.
    ///
    /// # Panics
    ///
    /// If `max_wait` is zero. As a literal in `pipeline!`, that does not compile.
    #[track_caller]
    pub fn max_wait(self, max_wait: impl IntoSetting<Duration>) -> Self {
        let max_wait = max_wait.into_setting(|max_wait| match *max_wait {
            Duration::ZERO => Err("a `max_wait` of zero has no meaning: give it a time such as `1s`"),
            _ => Ok(()),
        });
        self.map_op(|op| op.map_release(|debounce| Debounce { max_wait, ..debounce }))
    }
}

/// Waits until items have settled: made by [`Items::debounce`].
#[derive(Clone, Debug)]
pub struct Debounce {
    quiet: Setting<Duration>,
    // Of a whole burst.
    max_wait: Setting<Duration>,
}

impl Release for Debounce {
    const NAME: &'static str = "debounce";

    const AT_END: bool = true;

    fn due(&self, since: Instant, newest: Instant) -> Instant {
        after(since, self.max_wait.get()).min(after(newest, self.quiet.get()))
    }

    fn follow(&mut self) {
        self.quiet.changed();
        self.max_wait.changed();
    }

    fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (quiet, max_wait) = (self.quiet.poll_changed(cx), self.max_wait.poll_changed(cx));
        if quiet.is_ready() || max_wait.is_ready() { Poll::Ready(()) } else { Poll::Pending }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::Recover;
    use crate::testing::{Probe, in_virtual_time};
    use crate::units::ms;
    use crate::{assert_emits, marbles};

    #[test]
    fn gives_the_last_of_each_burst_and_of_the_source() {
        assert_emits!(Pipe::new(marbles!("-ab---(cd)---e|")).debounce(ms(3)), "-----b---d-(e|)");
        assert_emits!(Pipe::new(marbles!("--|")).debounce(ms(3)), "--|");
    }

    #[test]
    fn gives_both_when_a_newer_item_comes_as_the_held_one_is_due() {
        assert_emits!(Pipe::new(marbles!("-a-b--|")).debounce(ms(2)), "---a-b|");
    }

    #[test]
    fn gives_what_is_due_before_an_end_or_an_error_of_the_same_instant() {
        assert_emits!(Pipe::new(marbles!("-a-|")).debounce(ms(2)), "---(a|)");
        assert_emits!(Pipe::new(marbles!("-a-#", # = "torn")).debounce(ms(2)), "---(a#)");
    }

    #[test]
    fn drops_what_is_held_on_an_error_and_goes_on() {
        let source = marbles!("-aXb---|");
        let checked = Pipe::new(source).try_map(|c| if c == 'X' { Err(c) } else { Ok(c) });
        assert_emits!(checked.debounce(ms(2)).catch(|_| Recover::Skip), "-----b-|");
    }

    #[test]
    fn waits_no_longer_than_the_limit_of_a_burst() {
        let never_quiet = || marbles!("abcdefgh|");
        assert_emits!(Pipe::new(never_quiet()).debounce(ms(2)), "--------(h|)");
        let limited = Pipe::new(never_quiet()).with(|items| items.debounce(ms(2)).max_wait(ms(3)));
        assert_emits!(limited, "---c--f-(h|)");
    }

    #[test]
    fn gives_what_became_due_while_nobody_asked_before_it_takes_more() {
        in_virtual_time(async {
            let (source, watch) = marbles!("-a---b|").watched();
            let mut probe = Probe::new(Pipe::new(source).debounce(ms(2)));
            probe.expect_pending();
            probe.advance(ms(2)).await;
            probe.expect_pending();
            probe.advance(ms(50)).await;
            probe.expect_item('a');
            assert_eq!(watch.pulled(), 1);
            probe.expect_item('b');
            probe.expect_end();
        });
    }

    #[test]
    #[should_panic(expected = "a debounce of zero has no meaning")]
    fn refuses_zero() {
        let _ = Pipe::new(0..3).debounce(ms(0));
    }
}
