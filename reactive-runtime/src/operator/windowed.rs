//! What the windows by time have in common: their options, and how they follow a clock or the times of the items.

mod alone;
mod by_key;
mod by_time;
mod clocked;

pub use self::alone::{Alone, Single};
pub use self::by_key::{ByKey, Keyed};
pub use self::by_time::{ByTime, EventTime, Timed};
pub use self::clocked::Clocked;

use std::task::{Context, Poll};
use std::time::Duration;

use crate::backpressure::{Inside, Ledger};
use crate::flow::Flow;
use crate::gather::{GatherFlow, TimedGatherFlow};
use crate::items::{Stage, Staged};
use crate::live::IntoSetting;
use crate::operator::{Len, MayDrop};

/// The open windows of all keys, on a line of time. A time is a number of nanoseconds from some zero, at most 146 years away.
///
/// A window is half open: an item that comes at its end is not in it.
pub trait Windows<T> {
    /// Puts an item into the windows of its time, `at`. Gives it back when all of those have ended by the `watermark`.
    fn put(&mut self, item: T, at: i64, watermark: i64) -> Result<(), T>;

    /// When the first of the open windows ends.
    fn next_end(&self) -> Option<i64>;

    /// Closes the first of the open windows.
    fn close(&mut self) -> Option<Vec<T>>;

    /// How many windows will come.
    fn held(&self) -> Held;

    /// Follows a change of its settings, where nothing has come yet at the time `from`.
    fn follow(&mut self, from: i64, watermark: i64);

    /// Wakes the task when a setting changes; ready if one has that may make something ready. It then has followed it.
    fn poll_changed(&mut self, from: i64, cx: &mut Context<'_>) -> Poll<()>;
}

/// How many windows will come.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    /// At least, for the items that are held.
    pub at_least: usize,
    /// At most, for the items that are held.
    pub at_most: usize,
    /// At most, for each item to come.
    pub per_item: usize,
}

impl Held {
    fn and(self, other: Self) -> Self {
        Self {
            at_least: self.at_least.saturating_add(other.at_least),
            at_most: self.at_most.saturating_add(other.at_most),
            ..self
        }
    }

    fn with(self, at_most: Option<usize>) -> (usize, Option<usize>) {
        let to_come = at_most.and_then(|items| items.checked_mul(self.per_item));
        (self.at_least, to_come.and_then(|to_come| to_come.checked_add(self.at_most)))
    }
}

/// The longest time there is, some 146 years: so that no sum of two overflows.
pub(super) const FARTHEST: i64 = (1 << 62) - 1;

/// The end of windows that are brought out before their time.
const LONG_AGO: i64 = i64::MIN;

/// Up to when all windows are closed.
fn closed<T>(windows: &impl Windows<T>, watermark: i64) -> i64 {
    windows.next_end().map_or(watermark, |end| end.min(watermark))
}

pub(super) fn nanos(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).map_or(FARTHEST, |nanos| nanos.min(FARTHEST))
}

/// Windows by time: made by [`Items::window_time`](crate::Items::window_time) and
/// [`Items::session_window`](crate::Items::session_window).
///
/// `S` is the shape of the windows, `G` says whether each key has its own, `C` what time they follow.
#[derive(Clone, Debug)]
pub struct Windowed<S, G = Alone, C = Clock> {
    pub(super) shape: S,
    group: G,
    time: C,
}

impl<S> Windowed<S> {
    pub(super) fn new(shape: S) -> Self {
        Self { shape, group: Alone, time: Clock }
    }
}

impl<S, G, C> Windowed<S, G, C> {
    pub(super) fn map_shape<R>(self, f: impl FnOnce(S) -> R) -> Windowed<R, G, C> {
        Windowed { shape: f(self.shape), group: self.group, time: self.time }
    }

    fn windows<T>(mut self, from: i64) -> (G::Windows, C)
    where
        S: Shape<T>,
        G: Group<T, S>,
    {
        self.shape.begin(from);
        (self.group.windows(self.shape), self.time)
    }
}

/// The shape of windows: [`Tumbling`](super::Tumbling), [`Slides`](super::Slides), or [`Session`](super::Session).
///
/// It has the settings, which are those of all keys; what it decides about are the windows of one.
pub trait Shape<T> {
    /// The open windows of a key: none, to begin with.
    type Windows: Default;

    /// No window begins before `from`.
    fn begin(&mut self, _from: i64) {}

    /// As [`Windows::put`].
    fn put(&self, windows: &mut Self::Windows, item: T, at: i64, watermark: i64) -> Result<(), T>;

    /// As [`Windows::next_end`].
    fn next_end(&self, windows: &Self::Windows) -> Option<i64>;

    /// As [`Windows::close`].
    fn close(&self, windows: &mut Self::Windows) -> Option<Vec<T>>;

    /// As [`Windows::held`].
    fn held(&self, windows: &Self::Windows) -> Held;

    /// Follows a change of the settings, where nothing has come yet at the time `from`, and all windows that end by `closed` are
    /// closed. Whether those that are open end at other times now.
    fn follow(&mut self, from: i64, closed: i64) -> bool;

    /// The same, ready if so; the task is woken when a setting changes.
    fn poll_changed(&mut self, from: i64, cx: &mut Context<'_>) -> Poll<()>;
}

/// Whether each key has windows of its own: [`Alone`], or [`ByKey`].
pub trait Group<T, S> {
    /// The windows of all keys.
    type Windows: Windows<T>;

    /// Windows of that shape, which hold nothing yet.
    fn windows(self, shape: S) -> Self::Windows;
}

/// The time of an item is when it comes.
#[derive(Clone, Copy, Debug)]
pub struct Clock;

impl<F, S, G> Stage<F> for Windowed<S, G, Clock>
where
    F: Flow,
    S: Shape<F::Item>,
    G: Group<F::Item, S>,
{
    type Flow = TimedGatherFlow<F, Clocked<G::Windows>, Vec<F::Item>, F::Error>;

    fn attach(self, upstream: F) -> Self::Flow {
        let (windows, Clock) = self.windows(0);
        TimedGatherFlow::new(upstream, Clocked::new(windows))
    }
}

impl<F, S, G, X, E, L> Stage<F> for Windowed<S, G, ByTime<X, E, L>>
where
    F: Flow,
    S: Shape<F::Item>,
    G: Group<F::Item, S>,
    X: FnMut(&F::Item) -> E,
    L: FnMut(F::Item),
{
    type Flow = GatherFlow<F, Timed<G::Windows, X, E, L>, F::Error>;

    fn attach(self, upstream: F) -> Self::Flow {
        let (windows, time) = self.windows(i64::MIN);
        GatherFlow::new(upstream, Timed::new(windows, time))
    }
}

/// Late items are dropped, for [`Reason::Deadline`](crate::backpressure::Reason::Deadline).
impl<S: Disjoint, G, X, E, L> MayDrop for Windowed<S, G, ByTime<X, E, L>> {
    type Counted = Self;
    type Weigh = Len;

    const NAME: &'static str = "window";

    const INSIDE: Inside = Inside::Gathered;

    fn counted(self, ledger: &Ledger) -> Self {
        Self { time: self.time.ledger(ledger), ..self }
    }
}

/// Windows of which an item is in one only.
pub trait Disjoint {}

impl<S, C, T, K> Staged<Windowed<S, Alone, C>, Vec<T>, K> {
    /// Gives each key windows of its own.
    ///
    /// Windows of different keys that end at the same time come in the order in which they were opened. At most 10 000 keys
    /// have open windows, or [`max_keys`](Staged::max_keys): a new key brings out those of the key whose next window would end
    /// first. A key without an open window takes no memory.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// # #[derive(Clone, Copy, Debug, PartialEq)] struct Trade { stock: char, at_ms: u64 }
    /// let trades = [('a', 100), ('b', 200), ('a', 900), ('a', 1100)].map(|(stock, at_ms)| Trade { stock, at_ms });
    /// let windows = pipeline! {
    ///     trades |> window_time(1s).by(|trade| trade.stock).by_time(|trade| trade.at_ms) |> collect::<Vec<_>>()
    /// };
    /// assert_eq!(block_on(windows), [vec![trades[0], trades[2]], vec![trades[1]], vec![trades[3]]]);
    /// ```
    pub fn by<Q, F>(self, key: F) -> Staged<Windowed<S, ByKey<F>, C>, Vec<T>, K>
    where
        Q: Clone + super::Key,
        F: FnMut(&T) -> Q,
    {
        self.map_op(|op| Windowed { shape: op.shape, group: ByKey::new(key), time: op.time })
    }
}

impl<S, F, C, U, K> Staged<Windowed<S, ByKey<F>, C>, U, K> {
    /// Has open windows of at most `keys` keys.
    ///
    /// It may be [`Live`](crate::Live): a change holds from the next new key on, which brings out the windows of as many as are
    /// too many.
    ///
    /// # Panics
    ///
    /// If `keys` is 0.
    #[track_caller]
    pub fn max_keys(self, keys: impl IntoSetting<usize>) -> Self {
        let keys = keys.into_setting(|keys| match keys {
            0 => Err("windows of at most 0 keys have no meaning: `max_keys` takes at least 1"),
            _ => Ok(()),
        });
        self.map_op(|op| Windowed { group: op.group.max_keys(keys), ..op })
    }
}

impl<S, G, T, K> Staged<Windowed<S, G, Clock>, Vec<T>, K> {
    /// Takes the time of an item from the item: event time, and not the time at which it comes.
    ///
    /// A time is a `SystemTime`, an `Instant` (of `std` or tokio), a `Duration` since some epoch, or a number of milliseconds
    /// since one. Windows are aligned to the epoch; to the first item where the times are `Instant`s. Times more than 146 years
    /// from it count as just as far.
    ///
    /// No clock is asked, and no runtime needed: what closes a window is the watermark, the greatest time seen, less the
    /// [`lateness`](Staged::lateness). A window is given when the watermark has reached its end; at the end of the items, and
    /// before an error, what is open is given. So a quiet source closes nothing, and one time far ahead closes all.
    ///
    /// # Data loss
    ///
    /// An item is late when all of its windows have been closed. Late items are given to [`on_late`](Staged::on_late), or
    /// dropped, and counted by [`count_late`](Staged::count_late).
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let mut late = Vec::new();
    /// let windows = pipeline! {
    ///     [1u64, 12, 8, 16, 9, 25]
    ///         |> window_time(10ms, by_time = |ms| *ms, lateness = 5ms, on_late = |ms| late.push(ms))
    ///         |> collect::<Vec<_>>()
    /// };
    /// assert_eq!(block_on(windows), [vec![1, 8], vec![12, 16], vec![25]]);
    /// assert_eq!(late, [9]);
    /// ```
    pub fn by_time<X, E>(self, time: X) -> Staged<Windowed<S, G, ByTime<X, E, fn(T)>>, Vec<T>, K>
    where
        X: FnMut(&T) -> E,
        E: EventTime,
    {
        self.map_op(|op| Windowed { shape: op.shape, group: op.group, time: ByTime::new(time) })
    }
}

impl<S, G, X, E, L, T, K> Staged<Windowed<S, G, ByTime<X, E, L>>, Vec<T>, K> {
    /// Keeps windows open for items that come out of order: the watermark is so much behind the greatest time seen.
    ///
    /// It may be [`Live`](crate::Live): lowered, the windows that have ended by that are given at once; raised, the watermark
    /// stays where it is until it is so much behind, as it does not go back.
    pub fn lateness(self, lateness: impl IntoSetting<Duration>) -> Self {
        self.map_op(|op| Windowed { time: op.time.lateness(lateness.into_setting(|_| Ok(()))), ..op })
    }

    /// Hands items that come too late to `f`.
    pub fn on_late<M: FnMut(T)>(self, f: M) -> Staged<Windowed<S, G, ByTime<X, E, M>>, Vec<T>, K> {
        self.map_op(|op| Windowed { shape: op.shape, group: op.group, time: op.time.on_late(f) })
    }

    /// Adds the number of late items to `counter`: while it stays 0, no item was late.
    pub fn count_late(self, counter: std::sync::Arc<std::sync::atomic::AtomicU64>) -> Self {
        self.map_op(|op| Windowed { time: op.time.count_late(counter), ..op })
    }
}
