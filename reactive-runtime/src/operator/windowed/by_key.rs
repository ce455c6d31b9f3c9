use std::collections::{BTreeMap, HashMap, VecDeque};
use std::task::{Context, Poll};

use foldhash::quality::RandomState;

use super::{Group, Held, LONG_AGO, Shape, Windows, closed};
use crate::live::Setting;
use crate::operator::Key;

/// How many keys have open windows at most, unless told otherwise.
const MAX_KEYS: usize = 10_000;

/// Each key has windows of its own.
#[derive(Clone, Debug)]
pub struct ByKey<F> {
    key: F,
    max_keys: Setting<usize>,
}

impl<F> ByKey<F> {
    pub(super) fn new(key: F) -> Self {
        Self { key, max_keys: Setting::fixed(MAX_KEYS) }
    }

    pub(super) fn max_keys(self, keys: Setting<usize>) -> Self {
        Self { max_keys: keys, ..self }
    }
}

impl<T, S: Shape<T>, Q: Clone + Key, F: FnMut(&T) -> Q> Group<T, S> for ByKey<F> {
    type Windows = Keyed<S, S::Windows, Q, F>;

    fn windows(self, shape: S) -> Self::Windows {
        let (open, ends) = (HashMap::default(), BTreeMap::new());
        Keyed { op: self, shape, open, ends, opened: 0, evicted: VecDeque::new() }
    }
}

/// Windows of each key.
#[derive(Debug)]
pub struct Keyed<S, W, Q, F> {
    op: ByKey<F>,
    // Of the windows of each key.
    shape: S,
    open: HashMap<Q, Open<W>, RandomState>,
    // Whose windows end next, in the order in which the keys were opened.
    ends: BTreeMap<Place, Q>,
    opened: u64,
    // Those that a new key brings out.
    evicted: VecDeque<W>,
}

#[derive(Debug)]
struct Open<W> {
    windows: W,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    end: i64,
    opened: u64,
}

impl<S, W, Q: Clone + Key, F> Keyed<S, W, Q, F> {
    /// Puts an item into the windows of a key that has none.
    fn open<T>(&mut self, key: Q, item: T, at: i64, watermark: i64) -> Result<(), T>
    where
        S: Shape<T, Windows = W>,
        W: Default,
    {
        let mut windows = W::default();
        self.shape.put(&mut windows, item, at, watermark)?;
        let Some(end) = self.shape.next_end(&windows) else { return Ok(()) };
        self.op.max_keys.changed();
        // More than one, where the number has become smaller.
        while self.open.len() >= self.op.max_keys.get() {
            let next = self.ends.pop_first().and_then(|(_, key)| self.open.remove(&key));
            self.evicted.extend(next.map(|open| open.windows));
        }
        let place = Place { end, opened: self.opened };
        self.opened += 1;
        self.ends.insert(place, key.clone());
        self.open.insert(key, Open { windows, place });
        Ok(())
    }

    /// The open windows end at other times.
    fn fit<T>(&mut self)
    where
        S: Shape<T, Windows = W>,
    {
        for (mut place, key) in std::mem::take(&mut self.ends) {
            let Some(open) = self.open.get_mut(&key) else { continue };
            place.end = self.shape.next_end(&open.windows).unwrap_or(place.end);
            open.place = place;
            self.ends.insert(place, key);
        }
    }
}

impl<T, S, W, Q, F> Windows<T> for Keyed<S, W, Q, F>
where
    S: Shape<T, Windows = W>,
    W: Default,
    Q: Clone + Key,
    F: FnMut(&T) -> Q,
{
    fn put(&mut self, item: T, at: i64, watermark: i64) -> Result<(), T> {
        let key = (self.op.key)(&item);
        let Some(Open { windows, place }) = self.open.get_mut(&key) else {
            return self.open(key, item, at, watermark);
        };
        self.shape.put(windows, item, at, watermark)?;
        let end = self.shape.next_end(windows).unwrap_or(place.end);
        if end != place.end
            && let Some(key) = self.ends.remove(place)
        {
            place.end = end;
            self.ends.insert(*place, key);
        }
        Ok(())
    }

    fn next_end(&self) -> Option<i64> {
        let evicted = self.evicted.front().map(|_| LONG_AGO);
        evicted.or_else(|| self.ends.first_key_value().map(|(place, _)| place.end))
    }

    fn close(&mut self) -> Option<Vec<T>> {
        if let Some(windows) = self.evicted.front_mut() {
            let window = self.shape.close(windows);
            if self.shape.next_end(windows).is_none() {
                self.evicted.pop_front();
            }
            return window;
        }
        let (mut place, key) = self.ends.pop_first()?;
        let open = self.open.get_mut(&key)?;
        let window = self.shape.close(&mut open.windows);
        match self.shape.next_end(&open.windows) {
            Some(end) => {
                place.end = end;
                open.place = place;
                self.ends.insert(place, key);
            }
            None => drop(self.open.remove(&key)),
        }
        window
    }

    fn held(&self) -> Held {
        let of_all = self.open.values().map(|open| &open.windows).chain(&self.evicted);
        let none = self.shape.held(&W::default());
        of_all.map(|windows| self.shape.held(windows)).fold(none, Held::and)
    }

    fn follow(&mut self, from: i64, watermark: i64) {
        let closed = closed(self, watermark);
        if self.shape.follow(from, closed) {
            self.fit();
        }
    }

    fn poll_changed(&mut self, from: i64, cx: &mut Context<'_>) -> Poll<()> {
        self.shape.poll_changed(from, cx).map(|()| self.fit())
    }
}
