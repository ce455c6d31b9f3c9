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
    /// Waits `period` from an item on, then gives the newest one; the next item starts the next wait.
    ///
    /// So items come at most once each `period`, and never later than `period` after they came. It holds one item, which is
    /// given at once at the end of the source. An item that comes in the very instant in which a wait is over starts the
    /// next. `period` may be [`Live`](crate::Live): a change also holds for the wait that is on.
    ///
    /// Options: [`on_drop`](Staged::on_drop), [`monitor`](Staged::monitor).
    ///
    /// [`sample`](Items::sample) is for fixed times, [`debounce`](Items::debounce) for the time after the last item.
    ///
    /// # Data loss
    ///
    /// All items of a wait but the newest. An error drops the item that is held, and so does a drop of the pipeline.
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
    ///         |> audit(15ms)
    ///         |> collect::<Vec<_>>()
    /// };
    /// assert_eq!(some.await, [1, 2, 11]);
    /// # }
    /// ```
    #[track_caller]
    pub fn audit(self, period: impl IntoSetting<Duration>) -> Staged<HoldNewest<Audit>, T, K> {
        let period = period.into_setting(|period| match *period {
            Duration::ZERO => Err("an audit of zero has no meaning: give it a period such as `100ms`"),
            _ => Ok(()),
        });
        self.stage(HoldNewest::new(Audit { period }))
    }
}

impl<F: Flow> Pipe<F> {
    /// Waits `period` from an item on, then gives the newest one. See [`Items::audit`].
    #[track_caller]
    pub fn audit(self, period: impl IntoSetting<Duration>) -> Pipe<NewestFlow<F, Audit, F::Item, ()>> {
        self.with(|items| items.audit(period))
    }
}

/// Gives the newest item a while after the first: made by [`Items::audit`].
#[derive(Clone, Debug)]
pub struct Audit {
    period: Setting<Duration>,
}

impl Release for Audit {
    const NAME: &'static str = "audit";

    const AT_END: bool = true;

    fn due(&self, since: Instant, _: Instant) -> Instant {
        after(since, self.period.get())
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
    use crate::units::ms;
    use crate::{assert_emits, marbles};

    #[test]
    fn gives_the_newest_a_while_after_the_first() {
        assert_emits!(Pipe::new(marbles!("-abcde-----f|")).audit(ms(3)), "----c--e----(f|)");
    }

    #[test]
    fn an_item_as_the_wait_is_over_starts_the_next() {
        assert_emits!(Pipe::new(marbles!("-a-b----|")).audit(ms(2)), "---a-b--|");
    }

    #[test]
    fn drops_what_is_held_on_an_error() {
        assert_emits!(Pipe::new(marbles!("-ab#", # = "torn")).audit(ms(5)), "---#");
    }

    #[test]
    #[should_panic(expected = "an audit of zero has no meaning")]
    fn refuses_zero() {
        let _ = Pipe::new(0..3).audit(ms(0));
    }
}
