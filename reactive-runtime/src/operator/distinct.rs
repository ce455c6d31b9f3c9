mod seen;

use std::hash::{BuildHasher, Hash};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use foldhash::quality::RandomState;

pub use self::seen::Seen;
use super::keyed::{Age, Forever};
use crate::flow::Flow;
use crate::items::{Items, Stepped};
use crate::live::{IntoSetting, Setting};
use crate::pipe::Pipe;
use crate::step::{AtMostOne, Step, StepFlow, Stop};

impl<T, K> Items<T, K> {
    /// Keeps the first of equal items.
    ///
    /// It remembers at least the 100 000 items that it saw last, in two generations and so up to twice as many, and clones
    /// each that passes. An item that was forgotten passes again; forgotten ones are counted.
    ///
    /// Options: [`capacity`](Stepped::capacity), [`unbounded`](Stepped::unbounded), [`ttl`](Stepped::ttl),
    /// [`hasher`](Stepped::hasher), [`count_evictions`](Stepped::count_evictions).
    ///
    /// The default hasher is foldhash's, with a seed of its own for each `distinct`: fast, and minimally resistant to
    /// chosen keys. Where an attacker chooses the items and sees the time, give `std`'s `RandomState` as the `hasher`.
    ///
    /// # Data loss
    ///
    /// Repeats are dropped when they arrive.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let first = pipeline! { [3, 1, 3, 2, 1] |> distinct() |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(first), [3, 1, 2]);
    /// ```
    #[doc(alias = "unique")]
    pub fn distinct(self) -> Stepped<Distinct<T>, T, K>
    where
        T: Clone + Key,
    {
        self.step(Distinct { seen: Seen::new() })
    }
}

impl<F: Flow<Item: Clone + Key>> Pipe<F> {
    /// Keeps the first of equal items. See [`Items::distinct`].
    #[track_caller]
    pub fn distinct(self) -> Pipe<StepFlow<F, Distinct<F::Item>, AtMostOne>> {
        self.with(Items::distinct)
    }
}

/// What can be remembered: whatever is `Eq` and `Hash`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a key: it is not both `Eq` and `Hash`",
    label = "`{Self}` is no key",
    note = "derive `PartialEq, Eq, Hash` for it, or take a key of it: `distinct_by(|item| item.id)`"
)]
pub trait Key: Eq + Hash {}

#[diagnostic::do_not_recommend]
impl<Q: Eq + Hash> Key for Q {}

/// The step of [`Items::distinct`] or [`Items::distinct_by`], as their setters see it.
pub trait Remembers {
    /// What it remembers, and how it hashes that.
    type Seen;

    /// The same step with another memory.
    type With<Q, S, A: Age>;

    /// Changes its memory.
    fn map_seen<Q, S, A: Age>(self, f: impl FnOnce(Self::Seen) -> Seen<Q, S, A>) -> Self::With<Q, S, A>;
}

impl<D, Q, S, A, T, K, M> Stepped<D, T, K, M>
where
    D: Remembers<Seen = Seen<Q, S, A>>,
    A: Age,
{
    /// Remembers at least the `keys` keys seen last, and at most twice as many.
    ///
    /// It may be [`Live`](crate::Live): a change holds from the next new key on. Lowered, what is remembered beyond it goes at
    /// once where it is the older half, and when as many new keys have come where it is not.
    ///
    /// # Panics
    ///
    /// If `keys` is 0.
    #[track_caller]
    pub fn capacity(self, keys: impl IntoSetting<usize>) -> Stepped<D::With<Q, S, A>, T, K, M> {
        let keys = keys.into_setting(|keys| match keys {
            0 => Err("a memory of 0 keys has no meaning: `capacity` takes at least 1"),
            _ => Ok(()),
        });
        self.map_op(|op| op.map_seen(|seen| seen.capacity(keys)))
    }

    /// Remembers every key, for as long as the pipeline lives: memory grows with the number of different keys.
    pub fn unbounded(self) -> Stepped<D::With<Q, S, A>, T, K, M> {
        self.map_op(|op| op.map_seen(|seen| seen.capacity(Setting::fixed(usize::MAX))))
    }

    /// Forgets a key `time` after it passed, besides what `capacity` forgets: then it passes again. Repeats do not make it
    /// remembered for longer, so of a key that comes all the time one item passes in each `time`.
    ///
    /// It asks the clock for each item.
    ///
    /// It may be [`Live`](crate::Live): a change holds from the next item on, also for the keys that are remembered.
    ///
    /// # Panics
    ///
    /// If `time` is zero.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let alerts = pipeline! {
    ///     interval(20s) |> enumerate() |> map(|(i, _)| i) |> take(5) |> distinct_by(|_| "disk full", ttl = 1min)
    ///         |> collect::<Vec<_>>()
    /// };
    /// assert_eq!(alerts.await, [0, 3]);
    /// # }
    /// ```
    #[cfg(feature = "time")]
    #[track_caller]
    pub fn ttl(
        self,
        time: impl IntoSetting<std::time::Duration>,
    ) -> Stepped<D::With<Q, S, super::AtMost>, T, K, M>
    where
        S: BuildHasher + Clone,
    {
        let age = super::AtMost::ttl(time);
        self.map_op(|op| op.map_seen(|seen| seen.age(age)))
    }

    /// Hashes with another hasher.
    pub fn hasher<H: BuildHasher + Clone>(self, hasher: H) -> Stepped<D::With<Q, H, A>, T, K, M> {
        self.map_op(|op| op.map_seen(|seen| seen.hasher(hasher)))
    }

    /// Adds the number of keys that were forgotten to `counter`: while it stays 0, no repeat has passed.
    pub fn count_evictions(self, counter: Arc<AtomicU64>) -> Stepped<D::With<Q, S, A>, T, K, M> {
        self.map_op(|op| op.map_seen(|seen| seen.count_evictions(counter)))
    }
}

/// Keeps the first of equal items: made by [`Items::distinct`].
#[derive(Clone, Debug)]
pub struct Distinct<T, S = RandomState, A: Age = Forever> {
    seen: Seen<T, S, A>,
}

impl<T, S, A: Age> Remembers for Distinct<T, S, A> {
    type Seen = Seen<T, S, A>;
    type With<Q, H, B: Age> = Distinct<Q, H, B>;

    fn map_seen<Q, H, B: Age>(self, f: impl FnOnce(Self::Seen) -> Seen<Q, H, B>) -> Distinct<Q, H, B> {
        Distinct { seen: f(self.seen) }
    }
}

impl<T: Clone + Key, S: BuildHasher, A: Age> Step<T> for Distinct<T, S, A> {
    type Out = T;

    #[inline(always)]
    fn step(&mut self, item: T, _: &mut Stop) -> Option<T> {
        let now = self.seen.now();
        if self.seen.knows(&item, now) {
            return None;
        }
        self.seen.remember(item.clone(), now);
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use futures::executor::block_on;

    use super::*;

    #[test]
    fn forgets_the_oldest_and_counts_them() {
        let evicted = Arc::new(AtomicU64::new(0));
        let counter = evicted.clone();
        let pipe = Pipe::from_iter([1, 2, 3, 4, 5, 1]);
        let pipe = pipe.with(|items| items.distinct().capacity(2).count_evictions(counter));
        assert_eq!(block_on(pipe.collect::<Vec<_>>()), [1, 2, 3, 4, 5, 1]);
        assert_eq!(evicted.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn remembers_at_least_as_many_as_it_says() {
        let keys = (0..1000u32).flat_map(|x| [x, x.saturating_sub(1)]);
        let pipe = Pipe::from_iter(keys).with(|items| items.distinct().capacity(3));
        assert_eq!(block_on(pipe.count()), 1000);
    }

    #[test]
    fn a_key_that_is_seen_again_is_not_forgotten() {
        let keys = (1..100u32).flat_map(|x| [0, x]);
        let pipe = Pipe::from_iter(keys).with(|items| items.distinct().capacity(2));
        assert_eq!(block_on(pipe.count()), 100);
    }

    #[test]
    fn hashes_with_another_hasher() {
        let hasher = std::hash::RandomState::new();
        let pipe = Pipe::new([1, 1, 2]).with(|items| items.distinct().unbounded().hasher(hasher));
        assert_eq!(block_on(pipe.count()), 2);
    }

    #[cfg(feature = "time")]
    #[tokio::test(start_paused = true)]
    async fn a_key_passes_again_when_its_time_is_over() {
        use futures::StreamExt;
        use tokio::sync::mpsc::unbounded_channel;
        use tokio::time::advance;

        use crate::units::ms;

        let (sender, receiver) = unbounded_channel();
        let mut passed = Pipe::new(receiver).with(|items| items.distinct().capacity(1).ttl(ms(50)));
        // Also when the key has become old, as 7 has at 20 ms, and is seen again.
        for (key, passes) in [(7, true), (7, false), (8, true), (7, false), (7, false), (7, true), (7, false)]
        {
            sender.send(key).unwrap();
            let next = futures::poll!(passed.next());
            assert_eq!(next.is_ready(), passes);
            advance(ms(10)).await;
        }
    }

    #[test]
    #[should_panic(expected = "a memory of 0 keys has no meaning")]
    fn refuses_a_memory_of_nothing() {
        let _ = Pipe::new([1]).with(|items| items.distinct().capacity(0));
    }
}
