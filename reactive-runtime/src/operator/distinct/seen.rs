use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::quality::RandomState;

use super::Key;
use crate::live::Setting;
use crate::operator::keyed::{Age, Forever};

/// How many keys are remembered at least, unless told otherwise.
const CAPACITY: usize = 100_000;

/// The keys seen last, in two generations: when the young one is full it becomes the old one, and the old one is
/// forgotten. So there are always the last `capacity` keys at least, without an order to keep.
#[derive(Clone, Debug)]
pub struct Seen<Q, S, A: Age = Forever> {
    // With the time at which the key passed.
    young: HashMap<Q, A::Stamp, S>,
    old: HashMap<Q, A::Stamp, S>,
    capacity: Setting<usize>,
    age: A,
    evicted: Option<Arc<AtomicU64>>,
}

impl<Q> Seen<Q, RandomState> {
    pub(in crate::operator) fn new() -> Self {
        // One seed for both generations.
        let hasher = RandomState::default();
        Self {
            young: HashMap::with_hasher(hasher.clone()),
            old: HashMap::with_hasher(hasher),
            capacity: Setting::fixed(CAPACITY),
            age: Forever,
            evicted: None,
        }
    }
}

/// For setters, before anything is seen.
impl<Q, S, A: Age> Seen<Q, S, A> {
    pub(super) fn capacity(self, keys: Setting<usize>) -> Self {
        Self { capacity: keys, ..self }
    }

    pub(super) fn count_evictions(self, counter: Arc<AtomicU64>) -> Self {
        Self { evicted: Some(counter), ..self }
    }

    pub(super) fn hasher<H: Clone>(self, hasher: H) -> Seen<Q, H, A> {
        Seen {
            young: HashMap::with_hasher(hasher.clone()),
            old: HashMap::with_hasher(hasher),
            capacity: self.capacity,
            age: self.age,
            evicted: self.evicted,
        }
    }

    #[cfg(feature = "time")]
    pub(super) fn age<B: Age>(self, age: B) -> Seen<Q, S, B>
    where
        S: BuildHasher + Clone,
    {
        let hasher = self.young.hasher().clone();
        Seen {
            young: HashMap::with_hasher(hasher.clone()),
            old: HashMap::with_hasher(hasher),
            capacity: self.capacity,
            age,
            evicted: self.evicted,
        }
    }
}

impl<Q: Key, S: BuildHasher, A: Age> Seen<Q, S, A> {
    #[inline(always)]
    pub(in crate::operator) fn now(&mut self) -> A::Stamp {
        self.age.now()
    }

    /// Whether the key was seen; if so, it now counts as seen last.
    #[inline(always)]
    pub(in crate::operator) fn knows(&mut self, key: &Q, now: A::Stamp) -> bool {
        if let Some(passed) = self.young.get(key) {
            return !self.age.is_over(*passed, now);
        }
        // Nothing is old before the first generation is full.
        if self.old.is_empty() {
            return false;
        }
        match self.old.remove_entry(key) {
            Some((key, passed)) if !self.age.is_over(passed, now) => {
                self.remember(key, passed);
                true
            }
            _ => false,
        }
    }

    /// Remembers a key that passed at that time.
    #[inline(always)]
    pub(in crate::operator) fn remember(&mut self, key: Q, passed: A::Stamp) {
        self.capacity.changed();
        if self.young.len() >= self.capacity.get() {
            self.begin_generation();
        }
        self.young.insert(key, passed);
    }

    #[cold]
    fn begin_generation(&mut self) {
        std::mem::swap(&mut self.young, &mut self.old);
        if let Some(evicted) = &self.evicted {
            evicted.fetch_add(self.young.len() as u64, Ordering::Relaxed);
        }
        // Its room is used again, unless it is more than is needed now.
        self.young.clear();
        self.young.shrink_to(self.capacity.get());
    }
}
