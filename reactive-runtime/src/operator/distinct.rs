use std::collections::HashSet;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::quality::RandomState;

use crate::flow::Flow;
use crate::items::{Items, Stepped};
use crate::pipe::Pipe;
use crate::step::{AtMostOne, Step, StepFlow, Stop};

/// How many keys are remembered at least, unless told otherwise.
const CAPACITY: usize = 100_000;

impl<T, K> Items<T, K> {
    /// Keeps the first of equal items.
    ///
    /// It remembers at least the 100 000 items that it saw last, in two generations and so up to twice as many, and clones
    /// each that passes. An item that was forgotten passes again; forgotten ones are counted.
    ///
    /// Options: [`capacity`](Stepped::capacity), [`unbounded`](Stepped::unbounded), [`hasher`](Stepped::hasher),
    /// [`count_evictions`](Stepped::count_evictions).
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
    type With<Q, S>;

    /// Changes its memory.
    fn map_seen<Q, S>(self, f: impl FnOnce(Self::Seen) -> Seen<Q, S>) -> Self::With<Q, S>;
}

impl<D, Q, S, T, K, M> Stepped<D, T, K, M>
where
    D: Remembers<Seen = Seen<Q, S>>,
{
    /// Remembers at least the `keys` keys seen last, and at most twice as many.
    ///
    /// # Panics
    ///
    /// If `keys` is 0.
    #[track_caller]
    pub fn capacity(self, keys: usize) -> Stepped<D::With<Q, S>, T, K, M> {
        assert!(keys > 0, "a memory of 0 keys has no meaning: `capacity` takes at least 1");
        self.map_op(|op| op.map_seen(|seen| Seen { capacity: keys, ..seen }))
    }

    /// Remembers every key, for as long as the pipeline lives: memory grows with the number of different keys.
    pub fn unbounded(self) -> Stepped<D::With<Q, S>, T, K, M> {
        self.map_op(|op| op.map_seen(|seen| Seen { capacity: usize::MAX, ..seen }))
    }

    /// Hashes with another hasher.
    pub fn hasher<H: BuildHasher + Clone>(self, hasher: H) -> Stepped<D::With<Q, H>, T, K, M> {
        self.map_op(|op| {
            op.map_seen(|seen| Seen {
                young: HashSet::with_hasher(hasher.clone()),
                old: HashSet::with_hasher(hasher),
                capacity: seen.capacity,
                evicted: seen.evicted,
            })
        })
    }

    /// Adds the number of keys that were forgotten to `counter`: while it stays 0, no repeat has passed.
    pub fn count_evictions(self, counter: Arc<AtomicU64>) -> Stepped<D::With<Q, S>, T, K, M> {
        self.map_op(|op| op.map_seen(|seen| Seen { evicted: Some(counter), ..seen }))
    }
}

/// Keeps the first of equal items: made by [`Items::distinct`].
#[derive(Clone, Debug)]
pub struct Distinct<T, S = RandomState> {
    seen: Seen<T, S>,
}

impl<T, S> Remembers for Distinct<T, S> {
    type Seen = Seen<T, S>;
    type With<Q, H> = Distinct<Q, H>;

    fn map_seen<Q, H>(self, f: impl FnOnce(Seen<T, S>) -> Seen<Q, H>) -> Distinct<Q, H> {
        Distinct { seen: f(self.seen) }
    }
}

impl<T: Clone + Key, S: BuildHasher> Step<T> for Distinct<T, S> {
    type Out = T;

    #[inline(always)]
    fn step(&mut self, item: T, _: &mut Stop) -> Option<T> {
        if self.seen.knows(&item) {
            return None;
        }
        self.seen.remember(item.clone());
        Some(item)
    }
}

/// The keys seen last, in two generations: when the young one is full it becomes the old one, and the old one is
/// forgotten. So there are always the last `capacity` keys at least, without an order to keep.
#[derive(Clone, Debug)]
pub struct Seen<Q, S> {
    young: HashSet<Q, S>,
    old: HashSet<Q, S>,
    capacity: usize,
    evicted: Option<Arc<AtomicU64>>,
}

impl<Q> Seen<Q, RandomState> {
    pub(super) fn new() -> Self {
        // One seed for both generations.
        let hasher = RandomState::default();
        Self {
            young: HashSet::with_hasher(hasher.clone()),
            old: HashSet::with_hasher(hasher),
            capacity: CAPACITY,
            evicted: None,
        }
    }
}

impl<Q: Key, S: BuildHasher> Seen<Q, S> {
    /// Whether the key was seen; if so, it now counts as seen last.
    #[inline(always)]
    pub(super) fn knows(&mut self, key: &Q) -> bool {
        if self.young.contains(key) {
            return true;
        }
        // Nothing is old before the first generation is full.
        if self.old.is_empty() {
            return false;
        }
        match self.old.take(key) {
            Some(key) => {
                self.remember(key);
                true
            }
            None => false,
        }
    }

    #[inline(always)]
    pub(super) fn remember(&mut self, key: Q) {
        if self.young.len() >= self.capacity {
            self.age();
        }
        self.young.insert(key);
    }

    #[cold]
    fn age(&mut self) {
        std::mem::swap(&mut self.young, &mut self.old);
        if let Some(evicted) = &self.evicted {
            evicted.fetch_add(self.young.len() as u64, Ordering::Relaxed);
        }
        // Its room is used again.
        self.young.clear();
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    #[should_panic(expected = "a memory of 0 keys has no meaning")]
    fn refuses_a_memory_of_nothing() {
        let _ = Pipe::new([1]).with(|items| items.distinct().capacity(0));
    }
}
