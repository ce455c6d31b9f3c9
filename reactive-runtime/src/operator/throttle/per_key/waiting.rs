//! Items that wait, in a queue for each key, and in the order in which the first ones are due.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use foldhash::quality::RandomState;

use crate::operator::Key;

/// Each item with its weight. A key is here as long as an item of it is.
#[derive(Debug)]
pub(super) struct Waiting<T, Q> {
    queues: HashMap<Q, VecDeque<(T, u64)>, RandomState>,
    // Of the first item of each key; those that are due together go in the order in which they became first.
    schedule: BTreeMap<(Duration, u64), Q>,
    scheduled: u64,
    len: usize,
}

impl<T, Q: Clone + Key> Waiting<T, Q> {
    pub(super) fn new() -> Self {
        Self { queues: HashMap::default(), schedule: BTreeMap::new(), scheduled: 0, len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn has(&self, key: &Q) -> bool {
        self.len > 0 && self.queues.contains_key(key)
    }

    /// When the first item of all is due.
    pub(super) fn due(&self) -> Option<Duration> {
        self.schedule.first_key_value().map(|((due, _), _)| *due)
    }

    /// Takes an item of a key that has none here.
    pub(super) fn push_first(&mut self, key: Q, item: T, weight: u64, due: Duration) {
        self.enter(key.clone(), due);
        self.queues.insert(key, VecDeque::from([(item, weight)]));
        self.len += 1;
    }

    /// Takes an item behind the others of its key.
    pub(super) fn push_behind(&mut self, key: &Q, item: T, weight: u64) {
        self.queues.get_mut(key).expect("the key has items here").push_back((item, weight));
        self.len += 1;
    }

    /// The first item of all, if it is due. Its key must be [scheduled](Self::schedule) anew.
    pub(super) fn pop_due(&mut self, now: Duration) -> Option<(Q, T, u64)> {
        let first = self.schedule.first_entry().filter(|first| first.key().0 <= now)?;
        let key = first.remove();
        let queue = self.queues.get_mut(&key).expect("a key that is scheduled has items");
        let (item, weight) = queue.pop_front().expect("a key that is scheduled has items");
        self.len -= 1;
        Some((key, item, weight))
    }

    /// Says when the next item of a key is due, by its weight, if there is one.
    pub(super) fn schedule(&mut self, key: &Q, due: impl FnOnce(u64) -> Duration) {
        match self.queues[key].front() {
            Some((_, weight)) => self.enter(key.clone(), due(*weight)),
            None => drop(self.queues.remove(key)),
        }
    }

    /// Says anew when the first item of each key is due.
    pub(super) fn reschedule(&mut self, mut due: impl FnMut(&Q, u64) -> Duration) {
        for (_, key) in std::mem::take(&mut self.schedule) {
            let due = |weight| due(&key, weight);
            self.schedule(&key, due);
        }
    }

    fn enter(&mut self, key: Q, due: Duration) {
        self.schedule.insert((due, self.scheduled), key);
        self.scheduled += 1;
    }
}
