//! Items that wait, in a queue for each key, and in the order in which the first ones are due.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use foldhash::quality::RandomState;

use crate::operator::Key;

/// Each item with its weight. A key is here as long as an item of it is.
#[derive(Debug)]
pub(super) struct Waiting<T, Q> {
    lines: HashMap<Q, Line<T>, RandomState>,
    // Of the first item of each key; those that are due together go in the order in which they became first.
    schedule: BTreeMap<Place, Q>,
    scheduled: u64,
    len: usize,
}

/// When the first item of a key is due, and its number among those that were first.
type Place = (Duration, u64);

#[derive(Debug)]
struct Line<T> {
    place: Place,
    items: VecDeque<(T, u64)>,
}

impl<T, Q> Waiting<T, Q> {
    /// All that waits, in the order in which it would have been due; nothing waits any more.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = T> + use<T, Q> {
        self.schedule.clear();
        self.len = 0;
        let mut lines: Vec<_> = std::mem::take(&mut self.lines).into_values().collect();
        lines.sort_unstable_by_key(|line| line.place);
        lines.into_iter().flat_map(|line| line.items).map(|(item, _)| item)
    }
}

impl<T, Q: Clone + Key> Waiting<T, Q> {
    pub(super) fn new() -> Self {
        Self { lines: HashMap::default(), schedule: BTreeMap::new(), scheduled: 0, len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn has(&self, key: &Q) -> bool {
        self.len > 0 && self.lines.contains_key(key)
    }

    /// When the first item of all is due.
    pub(super) fn due(&self) -> Option<Duration> {
        self.schedule.first_key_value().map(|((due, _), _)| *due)
    }

    /// Takes an item of a key that has none here.
    pub(super) fn push_first(&mut self, key: Q, item: T, weight: u64, due: Duration) {
        let place = self.next_place(due);
        self.schedule.insert(place, key.clone());
        self.lines.insert(key, Line { place, items: VecDeque::from([(item, weight)]) });
        self.len += 1;
    }

    /// Takes an item behind the others of its key.
    pub(super) fn push_behind(&mut self, key: &Q, item: T, weight: u64) {
        self.lines.get_mut(key).expect("the key has items here").items.push_back((item, weight));
        self.len += 1;
    }

    /// Takes an item in the place of the one of its key, and gives that back.
    pub(super) fn replace(&mut self, key: &Q, item: T, weight: u64, due: Duration) -> Option<T> {
        let line = self.lines.get_mut(key).expect("the key has an item here");
        if line.place.0 != due {
            let key = self.schedule.remove(&line.place).expect("a key with items is scheduled");
            line.place.0 = due;
            self.schedule.insert(line.place, key);
        }
        let first = line.items.front_mut()?;
        Some(std::mem::replace(first, (item, weight)).0)
    }

    /// The first item of all, if it is due. Its key must be [scheduled](Self::schedule) anew.
    pub(super) fn pop_due(&mut self, now: Duration) -> Option<(Q, T, u64)> {
        let first = self.schedule.first_entry().filter(|first| first.key().0 <= now)?;
        let key = first.remove();
        let line = self.lines.get_mut(&key).expect("a key that is scheduled has items");
        let (item, weight) = line.items.pop_front().expect("a key that is scheduled has items");
        self.len -= 1;
        Some((key, item, weight))
    }

    /// Says when the next item of a key is due, by its weight, if there is one.
    pub(super) fn schedule(&mut self, key: &Q, due: impl FnOnce(u64) -> Duration) {
        let Some((_, weight)) = self.lines[key].items.front() else {
            self.lines.remove(key);
            return;
        };
        let place = self.next_place(due(*weight));
        self.schedule.insert(place, key.clone());
        self.lines.get_mut(key).expect("it was looked at").place = place;
    }

    /// Says anew when the first item of each key is due.
    pub(super) fn reschedule(&mut self, mut due: impl FnMut(&Q, u64) -> Duration) {
        for (_, key) in std::mem::take(&mut self.schedule) {
            let due = |weight| due(&key, weight);
            self.schedule(&key, due);
        }
    }

    fn next_place(&mut self, due: Duration) -> Place {
        self.scheduled += 1;
        (due, self.scheduled)
    }
}
