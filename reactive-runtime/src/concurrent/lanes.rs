use std::collections::HashMap;

use foldhash::quality::RandomState;

use crate::operator::Key;

/// Which items may be worked on at the same time: all of them, or one of each key.
pub trait Lanes<T> {
    /// Brings an item, which has the slot `slot`: gives it back if its turn is now, or keeps it.
    fn enter(&mut self, item: T, slot: usize) -> Option<T>;

    /// The item of `slot` is done: gives the one whose turn that makes it, and its slot.
    fn leave(&mut self, slot: usize) -> Option<(usize, T)>;
}

/// Each item at once.
#[derive(Clone, Copy, Debug)]
pub struct Unkeyed;

impl<T> Lanes<T> for Unkeyed {
    #[inline(always)]
    fn enter(&mut self, item: T, _: usize) -> Option<T> {
        Some(item)
    }

    #[inline(always)]
    fn leave(&mut self, _: usize) -> Option<(usize, T)> {
        None
    }
}

/// One item of each key at a time, in the order of the items.
///
/// It knows the keys of the items in flight, and no others.
#[derive(Clone, Debug)]
pub struct PerKey<H, Q, T> {
    key: H,
    // The slot of the last item of each key.
    last: HashMap<Q, usize, RandomState>,
    // By slot.
    places: Vec<Place<Q, T>>,
}

#[derive(Clone, Debug)]
struct Place<Q, T> {
    key: Option<Q>,
    waiting: Option<T>,
    // The slot of the next item of its key.
    next: Option<usize>,
}

impl<H, Q, T> PerKey<H, Q, T> {
    pub(crate) fn new(key: H) -> Self {
        Self { key, last: HashMap::default(), places: Vec::new() }
    }
}

impl<H: FnMut(&T) -> Q, Q: Clone + Key, T> Lanes<T> for PerKey<H, Q, T> {
    fn enter(&mut self, item: T, slot: usize) -> Option<T> {
        let key = (self.key)(&item);
        if self.places.len() <= slot {
            self.places.resize_with(slot + 1, || Place { key: None, waiting: None, next: None });
        }
        let before = self.last.insert(key.clone(), slot);
        self.places[slot].key = Some(key);
        match before {
            None => Some(item),
            Some(before) => {
                self.places[before].next = Some(slot);
                self.places[slot].waiting = Some(item);
                None
            }
        }
    }

    fn leave(&mut self, slot: usize) -> Option<(usize, T)> {
        let Place { key, next, .. } = &mut self.places[slot];
        let key = key.take().expect("who leaves has entered");
        match next.take() {
            Some(next) => {
                let item = self.places[next].waiting.take().expect("who has one before it waits");
                Some((next, item))
            }
            None => {
                self.last.remove(&key);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_waits_for_those_of_its_key_and_no_others() {
        let mut lanes = PerKey::new(|x: &u32| x % 10);
        assert_eq!(lanes.enter(11, 0), Some(11));
        assert_eq!(lanes.enter(21, 1), None);
        assert_eq!(lanes.enter(12, 2), Some(12));
        assert_eq!(lanes.enter(31, 3), None);
        assert_eq!(lanes.leave(2), None);
        assert_eq!(lanes.leave(0), Some((1, 21)));
        assert_eq!(lanes.enter(41, 0), None);
        assert_eq!(lanes.leave(1), Some((3, 31)));
        assert_eq!(lanes.leave(3), Some((0, 41)));
        assert_eq!(lanes.leave(0), None);
        assert!(lanes.last.is_empty());
    }

    #[test]
    fn knows_only_the_keys_in_flight() {
        let mut lanes = PerKey::new(|x: &u32| *x);
        for item in 0..10_000 {
            assert_eq!(lanes.enter(item, 0), Some(item));
            assert_eq!(lanes.leave(0), None);
        }
        assert!(lanes.last.is_empty() && lanes.last.capacity() < 10);
    }
}
