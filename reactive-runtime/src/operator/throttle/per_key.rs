mod delaying;
mod dropping;
mod waiting;

pub use delaying::PerKeyFlow;
pub use dropping::PerKeyDropFlow;

use super::drop_excess::DropExcess;
use super::keys::Keys;
use super::latest::Latest;
use super::pacing::Wait;
use super::weight::{One, Weigh};
use super::{Delaying, Throttle};
use crate::backpressure::{Counted, Ledger, OnDrop, Reason};
use crate::flow::Flow;
use crate::items::{Stage, Staged};
use crate::live::{IntoSetting, Setting};
use crate::operator::{Key, MayDrop};

/// How many keys are known at most, unless told otherwise.
const MAX_KEYS: usize = 100_000;

/// How many items wait at most, of all keys together, unless told otherwise.
const CAPACITY: usize = 1024;

impl<W, M, T, K> Staged<Throttle<W, M>, T, K> {
    /// Keeps the items of each key to the rate by themselves: a user, a host, a partition.
    ///
    /// The items of a key stay in order; those of other keys overtake the ones that wait. At most 1024 items wait, of all
    /// keys together, or [`capacity`](Staged::capacity): when so many do, nothing more is taken until one of them is due,
    /// which is within the time of one item. So a key that always has more than its rate in the end holds up the
    /// others, as in any stage that loses nothing; where it must not, use [`drop_excess`](Staged::drop_excess), with which
    /// none waits, or [`latest`](Staged::latest), with which one item a key does: the newest of those that came too fast.
    ///
    /// It knows at most 100 000 keys, or [`max_keys`](Staged::max_keys), and forgets those that have rested long enough to be
    /// as new. The rate of a key is never broken: when too many keys are busy to remember one more, an item of a new one
    /// waits until some are not, and what is behind it too. That does not happen as long as no more than half of
    /// `max_keys` come within the time of a burst. With a live rate or burst, a change takes time for each key; a key that is
    /// not known begins with a whole burst.
    ///
    /// # Data loss
    ///
    /// None. With `drop_excess`, items of a key that come too fast are dropped when they come; with `latest`, an item that is
    /// held is dropped when a newer one of its key comes. With both, those of a new key are dropped while too many others are
    /// busy.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let calls = ["a1", "a2", "b1", "b2"];
    /// let sent = pipeline! { calls |> throttle(1/s, per_key = |call| call.as_bytes()[0]) |> collect::<Vec<_>>() };
    /// assert_eq!(sent.await, ["a1", "b1", "a2", "b2"]);
    ///
    /// let prices = [("a", 1), ("b", 7), ("a", 2), ("a", 3), ("b", 8)];
    /// let shown = pipeline! { prices |> throttle(1/s).latest().per_key(|(stock, _)| *stock) |> collect::<Vec<_>>() };
    /// assert_eq!(shown.await, [("a", 1), ("b", 7), ("a", 3), ("b", 8)]);
    /// # }
    /// ```
    pub fn per_key<Q: Clone + Key, G: FnMut(&T) -> Q>(
        self,
        key: G,
    ) -> Staged<Throttle<W, PerKey<G, M>>, T, K> {
        self.map_op(|op| op.map_mode(|mode| PerKey::new(key, mode)))
    }
}

impl<W, G, T, K> Staged<Throttle<W, PerKey<G>>, T, K> {
    /// Drops items of a key that come faster than the rate.
    ///
    /// # Data loss
    ///
    /// Items of a key that come too fast are dropped when they come, and so are those of a new key while too many others
    /// are busy, as for [`per_key`](Staged::per_key).
    pub fn drop_excess(self) -> Staged<Throttle<W, PerKey<G, DropExcess>>, T, K> {
        self.map_op(|op| op.map_mode(|per_key| per_key.with_mode(DropExcess { on_drop: () })))
    }

    /// Keeps the newest of the items of a key that come faster than the rate.
    ///
    /// # Data loss
    ///
    /// An item that is held is dropped when a newer one of its key comes, or with the pipeline; and so are those of a new
    /// key while too many others are busy, as for [`per_key`](Staged::per_key).
    pub fn latest(self) -> Staged<Throttle<W, PerKey<G, Latest>>, T, K> {
        self.map_op(|op| op.map_mode(|per_key| per_key.with_mode(Latest { on_drop: () })))
    }

    /// Lets at most `items` items wait, of all keys together.
    ///
    /// It may be [`Live`](crate::Live): raised, more are taken at once; lowered, those that wait stay, and none is taken until
    /// there are less.
    ///
    /// # Panics
    ///
    /// If `items` is 0.
    #[track_caller]
    pub fn capacity(self, items: impl IntoSetting<usize>) -> Self {
        let capacity = items.into_setting(|items| match items {
            0 => Err("a throttle in which 0 items wait has no meaning: `capacity` takes at least 1"),
            _ => Ok(()),
        });
        self.map_op(|op| op.map_mode(|per_key| PerKey { capacity, ..per_key }))
    }
}

impl<W, G, T, K> Staged<Throttle<W, PerKey<G, DropExcess>>, T, K> {
    /// Hands each item that is dropped to `f`, when it comes, for [`Reason::RateExceeded`].
    pub fn on_drop<D: FnMut(T, Reason)>(self, f: D) -> Staged<Throttle<W, PerKey<G, DropExcess<D>>>, T, K> {
        self.map_op(|op| op.map_mode(|per_key| per_key.with_mode(DropExcess { on_drop: f })))
    }
}

impl<W, G, T, K> Staged<Throttle<W, PerKey<G, Latest>>, T, K> {
    /// Hands each item that is dropped to `f`, with the reason: for [`Reason::Displaced`] when the newer one comes, for
    /// [`Reason::QueueFull`] for want of room when it comes itself, and for [`Reason::Shutdown`] when the pipeline is
    /// dropped.
    pub fn on_drop<D: FnMut(T, Reason)>(self, f: D) -> Staged<Throttle<W, PerKey<G, Latest<D>>>, T, K> {
        self.map_op(|op| op.map_mode(|per_key| per_key.with_mode(Latest { on_drop: f })))
    }
}

impl<W, G, M, T, K> Staged<Throttle<W, PerKey<G, M>>, T, K> {
    /// Knows at most `keys` keys.
    ///
    /// It may be [`Live`](crate::Live): raised, an item of a new key that waits for room passes; lowered, keys that are busy are
    /// known until they have rested, as their rate is never broken.
    ///
    /// # Panics
    ///
    /// If `keys` is 0.
    #[track_caller]
    pub fn max_keys(self, keys: impl IntoSetting<usize>) -> Self {
        let max_keys = keys.into_setting(|keys| match keys {
            0 => Err("at most 0 keys have no meaning: `max_keys` takes at least 1"),
            _ => Ok(()),
        });
        self.map_op(|op| op.map_mode(|per_key| PerKey { max_keys, ..per_key }))
    }
}

impl<W, G, D> MayDrop for Throttle<W, PerKey<G, DropExcess<D>>> {
    type Counted = Throttle<W, PerKey<G, DropExcess<Counted<D>>>>;
    type Weigh = One;

    const NAME: &'static str = "drop_excess";

    fn counted(self, ledger: &Ledger) -> Self::Counted {
        self.map_mode(|per_key| per_key.map_mode(|mode| mode.counted(ledger)))
    }
}

impl<W, G, D> MayDrop for Throttle<W, PerKey<G, Latest<D>>> {
    type Counted = Throttle<W, PerKey<G, Latest<Counted<D>>>>;
    type Weigh = One;

    const NAME: &'static str = "latest";

    fn counted(self, ledger: &Ledger) -> Self::Counted {
        self.map_mode(|per_key| per_key.map_mode(|mode| mode.counted(ledger)))
    }
}

/// Each key has a rate of its own: made by [`Staged::per_key`].
#[derive(Clone, Debug)]
pub struct PerKey<G, M = Delaying> {
    key: G,
    max_keys: Setting<usize>,
    capacity: Setting<usize>,
    mode: M,
}

impl<G, M> PerKey<G, M> {
    fn new(key: G, mode: M) -> Self {
        Self { key, max_keys: Setting::fixed(MAX_KEYS), capacity: Setting::fixed(CAPACITY), mode }
    }

    fn with_mode<N>(self, mode: N) -> PerKey<G, N> {
        self.map_mode(|_| mode)
    }

    fn map_mode<N>(self, f: impl FnOnce(M) -> N) -> PerKey<G, N> {
        let Self { key, max_keys, capacity, mode } = self;
        PerKey { key, max_keys, capacity, mode: f(mode) }
    }
}

impl<F, W, Q, G> Stage<F> for Throttle<W, PerKey<G>>
where
    F: Flow,
    W: Weigh<F::Item>,
    Q: Clone + Key,
    G: FnMut(&F::Item) -> Q,
{
    type Flow = PerKeyFlow<F, F::Item, W, G, Q, F::Error, Delaying>;

    fn attach(self, upstream: F) -> Self::Flow {
        let keys = Keys::new(self.pace.get(), self.mode.max_keys.clone());
        PerKeyFlow::new(upstream, keys, Wait::new(self.pace), self.weigh, self.mode)
    }
}

impl<F, W, Q, G, D> Stage<F> for Throttle<W, PerKey<G, Latest<D>>>
where
    F: Flow,
    W: Weigh<F::Item>,
    Q: Clone + Key,
    G: FnMut(&F::Item) -> Q,
    D: OnDrop<F::Item>,
{
    type Flow = PerKeyFlow<F, F::Item, W, G, Q, F::Error, Latest<D>>;

    fn attach(self, upstream: F) -> Self::Flow {
        let keys = Keys::new(self.pace.get(), self.mode.max_keys.clone());
        // One item a key waits, so the number of keys is their bound.
        let mode = PerKey { capacity: Setting::fixed(usize::MAX), ..self.mode };
        PerKeyFlow::new(upstream, keys, Wait::new(self.pace), self.weigh, mode)
    }
}

impl<F, W, Q, G, D> Stage<F> for Throttle<W, PerKey<G, DropExcess<D>>>
where
    F: Flow,
    W: Weigh<F::Item>,
    Q: Clone + Key,
    G: FnMut(&F::Item) -> Q,
    D: OnDrop<F::Item>,
{
    type Flow = PerKeyDropFlow<F, W, G, Q, D>;

    fn attach(self, upstream: F) -> Self::Flow {
        let keys = Keys::new(self.pace.get(), self.mode.max_keys.clone());
        PerKeyDropFlow::new(upstream, keys, Wait::new(self.pace), self.weigh, self.mode)
    }
}
