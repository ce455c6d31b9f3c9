use std::collections::HashMap;

use foldhash::quality::RandomState;

use super::{Age, Memory};
use crate::operator::Key;

/// A state for each key; the key that was used longest ago is forgotten first.
///
/// The entries are a list in the order of their last use, linked by their places in an array, so each use costs the same
/// however many keys there are.
#[derive(Clone, Debug)]
pub(in crate::operator) struct Lru<Q, S, A: Age> {
    memory: Memory<A>,
    places: HashMap<Q, usize, RandomState>,
    entries: Vec<Entry<Q, S, A::Stamp>>,
    free: Vec<usize>,
    newest: usize,
    oldest: usize,
}

#[derive(Clone, Debug)]
struct Entry<Q, S, U> {
    // `None` in a free place.
    content: Option<(Q, S)>,
    used: U,
    newer: usize,
    older: usize,
}

/// The place of no entry.
const NONE: usize = usize::MAX;

impl<Q: Clone + Key, S, A: Age> Lru<Q, S, A> {
    pub(in crate::operator) fn new(memory: Memory<A>) -> Self {
        Self {
            memory,
            places: HashMap::default(),
            entries: Vec::new(),
            free: Vec::new(),
            newest: NONE,
            oldest: NONE,
        }
    }

    /// For setters, before anything is held.
    pub(in crate::operator) fn into_memory(self) -> Memory<A> {
        self.memory
    }

    pub(in crate::operator) fn now(&mut self) -> A::Stamp {
        self.memory.age.now()
    }

    /// Forgets the key that was used longest ago, if that is too long.
    #[inline(always)]
    pub(in crate::operator) fn expire(&mut self, now: A::Stamp) -> Option<S> {
        let oldest = self.entries.get(self.oldest)?;
        if self.memory.age.is_over(oldest.used, now) { self.forget_oldest() } else { None }
    }

    /// The state of the key, which is now the one used last. Where it has none, `init` makes it. `gone` gets what had to go
    /// for it: its own state, when that was too old, or those of other keys.
    #[inline(always)]
    pub(in crate::operator) fn state(
        &mut self,
        key: Q,
        now: A::Stamp,
        init: impl FnOnce() -> S,
        mut gone: impl FnMut(S),
    ) -> &mut S {
        let place = match self.places.get(&key).copied() {
            Some(place) => {
                self.renew(place, now, init).map(gone);
                place
            }
            None => {
                self.memory.max_keys.changed();
                // More than one, where the number has become smaller.
                while self.places.len() >= self.memory.max_keys.get() {
                    self.forget_oldest().map(&mut gone);
                }
                self.insert(key, init(), now)
            }
        };
        if place != self.newest {
            self.unlink(place);
            self.link(place);
        }
        let (_, state) = self.entries[place].content.as_mut().expect("a place that is linked is not free");
        state
    }

    /// How many keys have a state.
    pub(in crate::operator) fn len(&self) -> usize {
        self.places.len()
    }

    /// The state of the key that was used longest ago, which then has none.
    pub(in crate::operator) fn pop_oldest(&mut self) -> Option<S> {
        let place = self.oldest;
        let (key, state) = self.entries.get_mut(place)?.content.take()?;
        self.unlink(place);
        self.places.remove(&key);
        self.free.push(place);
        Some(state)
    }

    fn forget_oldest(&mut self) -> Option<S> {
        let state = self.pop_oldest()?;
        self.memory.count();
        Some(state)
    }

    /// Notes that the entry is used, and begins it anew if that was too long ago.
    fn renew(&mut self, place: usize, now: A::Stamp, init: impl FnOnce() -> S) -> Option<S> {
        let entry = &mut self.entries[place];
        let used = std::mem::replace(&mut entry.used, now);
        if !self.memory.age.is_over(used, now) {
            return None;
        }
        self.memory.count();
        entry.content.as_mut().map(|(_, state)| std::mem::replace(state, init()))
    }

    fn insert(&mut self, key: Q, state: S, used: A::Stamp) -> usize {
        let entry = Entry { content: Some((key.clone(), state)), used, newer: NONE, older: NONE };
        let place = match self.free.pop() {
            Some(place) => {
                self.entries[place] = entry;
                place
            }
            None => {
                self.entries.push(entry);
                self.entries.len() - 1
            }
        };
        self.places.insert(key, place);
        self.link(place);
        place
    }

    /// Puts an entry at the newest end of the list.
    fn link(&mut self, place: usize) {
        let older = std::mem::replace(&mut self.newest, place);
        (self.entries[place].newer, self.entries[place].older) = (NONE, older);
        match self.entries.get_mut(older) {
            Some(older) => older.newer = place,
            None => self.oldest = place,
        }
    }

    /// Takes an entry out of the list.
    fn unlink(&mut self, place: usize) {
        let Entry { newer, older, .. } = self.entries[place];
        match self.entries.get_mut(newer) {
            Some(entry) => entry.older = older,
            None => self.newest = older,
        }
        match self.entries.get_mut(older) {
            Some(entry) => entry.newer = newer,
            None => self.oldest = newer,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Forever;
    use super::*;

    proptest! {
        /// Beside a list that is kept in order by hand.
        #[test]
        fn forgets_what_was_used_longest_ago(keys in prop::collection::vec(0..9u32, 0..200), max_keys in 1..9usize) {
            let mut lru = Lru::<_, u32, Forever>::new(Memory::new(max_keys));
            let mut list = Vec::<(u32, u32)>::new();
            for key in keys {
                let known = list.iter().position(|(listed, _)| *listed == key);
                let forgotten = (known.is_none() && list.len() == max_keys).then(|| list.remove(0));
                let (key, count) = known.map_or((key, 0), |place| list.remove(place));
                list.push((key, count + 1));
                let mut gone = None;
                let state = lru.state(key, (), || 0, |state| gone = Some(state));
                *state += 1;
                prop_assert_eq!((gone, *state), (forgotten.map(|(_, count)| count), count + 1));
                prop_assert_eq!(lru.len(), list.len());
            }
            for (_, count) in list {
                prop_assert_eq!(lru.pop_oldest(), Some(count));
            }
            prop_assert_eq!((lru.pop_oldest(), lru.len()), (None, 0));
        }
    }
}
