use std::collections::{BTreeMap, HashMap};
use std::task::{Context, Poll};

use foldhash::quality::RandomState;

use super::{Group, Held, LONG_AGO, Shape, Windows};
use crate::operator::Key;

/// How many keys have open windows at most, unless told otherwise.
const MAX_KEYS: usize = 10_000;

/// Each key has windows of its own.
#[derive(Clone, Copy, Debug)]
pub struct ByKey<F> {
    key: F,
    max_keys: usize,
}

impl<F> ByKey<F> {
    pub(super) fn new(key: F) -> Self {
        Self { key, max_keys: MAX_KEYS }
    }

    pub(super) fn max_keys(self, keys: usize) -> Self {
        Self { max_keys: keys, ..self }
    }
}

impl<T, S: Shape<T>, Q: Clone + Key, F: FnMut(&T) -> Q> Group<T, S> for ByKey<F> {
    type Windows = Keyed<S, S::Windows, Q, F>;

    fn windows(self, shape: S, from: i64) -> Self::Windows {
        let (open, ends) = (HashMap::default(), BTreeMap::new());
        Keyed { op: self, shape, from, open, ends, opened: 0, evicted: None }
    }
}

/// Windows of each key.
#[derive(Debug)]
pub struct Keyed<S, W, Q, F> {
    op: ByKey<F>,
    // Of the windows of each key, and where they begin.
    shape: S,
    from: i64,
    open: HashMap<Q, Open<W>, RandomState>,
    // Whose windows end next, in the order in which the keys were opened.
    ends: BTreeMap<Place, Q>,
    opened: u64,
    // Those that a new key brings out.
    evicted: Option<W>,
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
        W: Windows<T>,
    {
        let mut windows = self.shape.windows(self.from);
        windows.put(item, at, watermark)?;
        let Some(end) = windows.next_end() else { return Ok(()) };
        if self.open.len() == self.op.max_keys {
            let next = self.ends.pop_first().and_then(|(_, key)| self.open.remove(&key));
            self.evicted = next.map(|open| open.windows);
        }
        let place = Place { end, opened: self.opened };
        self.opened += 1;
        self.ends.insert(place, key.clone());
        self.open.insert(key, Open { windows, place });
        Ok(())
    }

    /// Has the windows of all keys keep to the present settings.
    fn fit<T>(&mut self)
    where
        S: Shape<T, Windows = W>,
        W: Windows<T>,
    {
        for (mut place, key) in std::mem::take(&mut self.ends) {
            let Some(open) = self.open.get_mut(&key) else { continue };
            self.shape.fit(&mut open.windows);
            place.end = open.windows.next_end().unwrap_or(place.end);
            open.place = place;
            self.ends.insert(place, key);
        }
    }
}

impl<T, S, W, Q, F> Windows<T> for Keyed<S, W, Q, F>
where
    S: Shape<T, Windows = W>,
    W: Windows<T>,
    Q: Clone + Key,
    F: FnMut(&T) -> Q,
{
    fn put(&mut self, item: T, at: i64, watermark: i64) -> Result<(), T> {
        let key = (self.op.key)(&item);
        let Some(Open { windows, place }) = self.open.get_mut(&key) else {
            return self.open(key, item, at, watermark);
        };
        windows.put(item, at, watermark)?;
        let end = windows.next_end().unwrap_or(place.end);
        if end != place.end
            && let Some(key) = self.ends.remove(place)
        {
            place.end = end;
            self.ends.insert(*place, key);
        }
        Ok(())
    }

    fn next_end(&self) -> Option<i64> {
        let evicted = self.evicted.as_ref().map(|_| LONG_AGO);
        evicted.or_else(|| self.ends.first_key_value().map(|(place, _)| place.end))
    }

    fn close(&mut self) -> Option<Vec<T>> {
        if let Some(windows) = &mut self.evicted {
            let window = windows.close();
            if windows.next_end().is_none() {
                self.evicted = None;
            }
            return window;
        }
        let (mut place, key) = self.ends.pop_first()?;
        let open = self.open.get_mut(&key)?;
        let window = open.windows.close();
        match open.windows.next_end() {
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
        let none = Held { at_least: 0, at_most: 0, per_item: self.shape.windows(self.from).held().per_item };
        of_all.map(Windows::held).fold(none, Held::and)
    }

    fn follow(&mut self) {
        if self.shape.changed() {
            self.fit();
        }
    }

    fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.shape.poll_changed(cx).map(|()| self.fit())
    }
}
