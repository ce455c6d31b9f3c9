mod delaying;
mod drop_excess;
mod keys;
mod latest;
mod pacing;
mod per_key;
#[cfg(test)]
mod tests;
mod weight;

pub use delaying::ThrottleFlow;
pub use drop_excess::{DropExcess, DropExcessFlow};
pub use latest::{Latest, LatestFlow};
pub use per_key::{PerKey, PerKeyDropFlow, PerKeyFlow};
pub use weight::{By, Len, One, Weigh, Weight};

use crate::flow::Flow;
use crate::items::{Items, Stage, Staged};
use crate::live::{IntoSetting, Setting};
use crate::pipe::Pipe;
use crate::rate::Rate;

use pacing::{PaceSetting, Pacing};

/// How many items are refused before the clock is read again, where nothing waits for it.
const CLOCK_EACH: usize = 64;

impl<T, K> Items<T, K> {
    /// Lets items pass at `rate` at most, and delays those that come faster: none is lost.
    ///
    /// `rate` is a rate, or a duration: at most one item in each. The first item passes at once; an item passes when it comes,
    /// but no earlier than `d` after the one before it. The schedule is absolute, so the rate is kept to 1 % and better
    /// from one a year to a million a second: a timer wakes at whole milliseconds, never early, and then all pass that are
    /// due. A wake-up that is less than 10 ms late is made good by the next items; a reader that is later than that,
    /// or that asks late, is not: what it did not ask for in time is no credit.
    ///
    /// The rate is never broken: at the end and before an error, what waits comes when it is due. It holds one item, the
    /// next one, while that waits; what comes behind it waits upstream.
    ///
    /// `rate` may be [`Live`](crate::Live), a rate or a duration: on a change no credit is created or lost, and a wait that is
    /// on its way becomes shorter or longer.
    ///
    /// Options: [`burst`](Staged::burst), [`cost`](Staged::cost), [`per_key`](Staged::per_key). Items that come too fast
    /// are not delayed but dropped with [`drop_excess`](Staged::drop_excess) and [`latest`](Staged::latest).
    ///
    /// # Panics
    ///
    /// If a duration is zero. When it has to wait outside of a tokio runtime with time enabled.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let start = tokio::time::Instant::now();
    /// let times = pipeline! { 0..3 |> throttle(20/s) |> map(|_| start.elapsed().as_millis()) |> collect::<Vec<_>>() };
    /// assert_eq!(times.await, [0, 50, 100]);
    /// # }
    /// ```
    #[doc(alias = "rate_limit")]
    #[track_caller]
    pub fn throttle<R: IntoSetting<Rate>>(self, rate: R) -> Staged<Throttle, T, K> {
        self.stage(Throttle::new(rate))
    }
}

impl<F: Flow> Pipe<F> {
    /// Lets items pass at `rate` at most, and delays those that come faster. See [`Items::throttle`].
    #[track_caller]
    pub fn throttle<R: IntoSetting<Rate>>(self, rate: R) -> Pipe<ThrottleFlow<F, F::Item, One>> {
        let throttle = Throttle::new(rate);
        self.with(|items| items.stage::<F::Item, F::Error, _>(throttle))
    }
}

impl<W, M, T, K> Staged<Throttle<W, M>, T, K> {
    /// Lets up to `items` items pass at once after a rest, and at the start.
    ///
    /// By any time the number that has passed is at most what the rate allows, and `items`.
    ///
    /// It may be [`Live`](crate::Live): a change creates no credit. A larger burst fills at the rate, and of a smaller one what
    /// it can hold is left.
    ///
    /// # Panics
    ///
    /// If `items` is 0.
    #[track_caller]
    pub fn burst(self, items: impl IntoSetting<u64>) -> Self {
        let burst = items.into_setting(|items| match items {
            0 => Err("a burst of 0 items has no meaning: `burst` takes at least 1"),
            _ => Ok(()),
        });
        self.map_op(|op| Throttle { pace: PaceSetting { burst, ..op.pace }, ..op })
    }

    /// Counts an item as so many as `cost` says: bytes, rows, or what it costs. `cost` is called once for each item.
    ///
    /// An item waits until all of its cost fits into the [`burst`](Self::burst); one that costs more than a burst waits for a
    /// whole one, and those behind it for the rest. What costs nothing passes at its turn.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let start = tokio::time::Instant::now();
    /// let rows = ["aaa", "b", "cc"];
    /// let times = pipeline! { rows |> throttle(1/s, cost = |row| row.len()) |> map(|_| start.elapsed().as_secs()) |> collect::<Vec<_>>() };
    /// assert_eq!(times.await, [0, 3, 4]);
    /// # }
    /// ```
    pub fn cost<C: Weight, F: FnMut(&T) -> C>(self, cost: F) -> Staged<Throttle<By<F, C>, M>, T, K> {
        self.map_op(|op| Throttle { pace: op.pace, weigh: By::new(cost), mode: op.mode })
    }
}

/// Keeps items to a rate: made by [`Items::throttle`]. `W` says what an item counts, `M` what becomes of those that come
/// faster.
#[derive(Clone, Debug)]
pub struct Throttle<W = One, M = Delaying> {
    pace: PaceSetting,
    weigh: W,
    mode: M,
}

/// Items that come faster than the rate wait.
#[derive(Clone, Copy, Debug)]
pub struct Delaying;

impl Throttle {
    #[track_caller]
    fn new(rate: impl IntoSetting<Rate>) -> Self {
        // There is no rate without a meaning.
        let pace = PaceSetting { rate: rate.into_setting(|_| Ok(())), burst: Setting::fixed(1) };
        Self { pace, weigh: One, mode: Delaying }
    }
}

impl<W, M> Throttle<W, M> {
    fn with_mode<N>(self, mode: N) -> Throttle<W, N> {
        self.map_mode(|_| mode)
    }

    fn map_mode<N>(self, f: impl FnOnce(M) -> N) -> Throttle<W, N> {
        Throttle { pace: self.pace, weigh: self.weigh, mode: f(self.mode) }
    }
}

impl<F: Flow, W: Weigh<F::Item>> Stage<F> for Throttle<W> {
    type Flow = ThrottleFlow<F, F::Item, W>;

    fn attach(self, upstream: F) -> Self::Flow {
        ThrottleFlow::new(upstream, Pacing::new(self.pace), self.weigh)
    }
}
