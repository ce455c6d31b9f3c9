//! What each operator holds, and when it gives it: in the plainest words, without a thought for what that costs.

use std::collections::BTreeMap;

/// An operator as its simulation sees it. Times are milliseconds since the first poll.
pub(crate) trait Model {
    /// When the next thing is due.
    fn due(&self) -> Option<u64>;

    /// The first of what is due by `now`.
    fn fire(&mut self, now: u64) -> Option<Vec<u32>>;

    /// Takes an item, and gives what that makes ready.
    fn add(&mut self, item: u32, now: u64) -> Vec<Vec<u32>>;

    /// Gives all that is held.
    fn flush(&mut self) -> Vec<Vec<u32>>;

    /// Whether it takes an item while nobody asks.
    fn has_room(&self, now: u64) -> bool;
}

/// A batch of `n` items, which waits so long from its first item on.
pub(crate) struct Batch(BatchBy);

impl Batch {
    pub(crate) fn new(n: usize, wait: u64) -> Self {
        Self(BatchBy { keys: 1, ..BatchBy::new(n, wait, 1) })
    }
}

impl Model for Batch {
    fn due(&self) -> Option<u64> {
        self.0.due()
    }

    fn fire(&mut self, now: u64) -> Option<Vec<u32>> {
        self.0.fire(now)
    }

    fn add(&mut self, item: u32, now: u64) -> Vec<Vec<u32>> {
        self.0.add(item, now)
    }

    fn flush(&mut self) -> Vec<Vec<u32>> {
        self.0.flush()
    }

    fn has_room(&self, now: u64) -> bool {
        self.0.has_room(now)
    }
}

/// A batch for each key, which is the remainder of the item.
pub(crate) struct BatchBy {
    n: usize,
    wait: u64,
    max_keys: usize,
    keys: u32,
    // In the order in which they were opened: when they are due, and their items.
    open: Vec<(u64, Vec<u32>)>,
}

impl BatchBy {
    pub(crate) fn new(n: usize, wait: u64, max_keys: usize) -> Self {
        Self { n, wait, max_keys, keys: 4, open: Vec::new() }
    }
}

impl Model for BatchBy {
    fn due(&self) -> Option<u64> {
        self.open.first().map(|(due, _)| *due)
    }

    fn fire(&mut self, now: u64) -> Option<Vec<u32>> {
        let due = self.due().is_some_and(|due| due <= now);
        due.then(|| self.open.remove(0).1)
    }

    fn add(&mut self, item: u32, now: u64) -> Vec<Vec<u32>> {
        let mut given = Vec::new();
        let key = |items: &Vec<u32>| items[0] % self.keys;
        let place = match self.open.iter().position(|(_, items)| key(items) == item % self.keys) {
            Some(place) => place,
            None => {
                if self.open.len() == self.max_keys && self.n > 1 {
                    given.push(self.open.remove(0).1);
                }
                self.open.push((now + self.wait, Vec::new()));
                self.open.len() - 1
            }
        };
        self.open[place].1.push(item);
        if self.open[place].1.len() == self.n {
            given.push(self.open.remove(place).1);
        }
        given
    }

    fn flush(&mut self) -> Vec<Vec<u32>> {
        items(std::mem::take(&mut self.open))
    }

    fn has_room(&self, _: u64) -> bool {
        true
    }
}

/// A window for each key, which ends at a time that the time of its first item decides.
pub(crate) struct Windows<K, E> {
    key: K,
    max_keys: usize,
    end: E,
    // In the order in which they were opened: their ends and their items.
    open: Vec<(u64, Vec<u32>)>,
}

impl<K, E> Windows<K, E> {
    pub(crate) fn new(key: K, max_keys: usize, end: E) -> Self {
        Self { key, max_keys, end, open: Vec::new() }
    }
}

impl<K: Fn(u32) -> u32, E: Fn(u64) -> u64> Model for Windows<K, E> {
    fn due(&self) -> Option<u64> {
        self.open.iter().map(|(end, _)| *end).min()
    }

    fn fire(&mut self, now: u64) -> Option<Vec<u32>> {
        let due = self.open.iter().position(|(end, _)| *end <= now);
        due.map(|place| self.open.remove(place).1)
    }

    fn add(&mut self, item: u32, now: u64) -> Vec<Vec<u32>> {
        let mut given = Vec::new();
        let key = &self.key;
        match self.open.iter_mut().find(|(_, items)| key(items[0]) == key(item)) {
            Some((_, items)) => items.push(item),
            None => {
                if self.open.len() == self.max_keys {
                    given.push(self.open.remove(0).1);
                }
                self.open.push(((self.end)(now), vec![item]));
            }
        }
        given
    }

    fn flush(&mut self) -> Vec<Vec<u32>> {
        items(std::mem::take(&mut self.open))
    }

    fn has_room(&self, now: u64) -> bool {
        self.due().is_none_or(|due| due > now)
    }
}

/// A window at each multiple of `step`, each with items of its own.
pub(crate) struct Sliding {
    size: u64,
    step: u64,
    open: BTreeMap<u64, Vec<u32>>,
}

impl Sliding {
    pub(crate) fn new(size: u64, step: u64) -> Self {
        Self { size, step, open: BTreeMap::new() }
    }
}

impl Model for Sliding {
    fn due(&self) -> Option<u64> {
        self.open.keys().map(|start| start + self.size).min()
    }

    fn fire(&mut self, now: u64) -> Option<Vec<u32>> {
        let due = self.due().filter(|due| *due <= now)?;
        self.open.remove(&(due - self.size))
    }

    fn add(&mut self, item: u32, now: u64) -> Vec<Vec<u32>> {
        let starts = (0..=now).step_by(usize::try_from(self.step).expect("a few"));
        for start in starts.filter(|start| now < start + self.size) {
            self.open.entry(start).or_default().push(item);
        }
        Vec::new()
    }

    fn flush(&mut self) -> Vec<Vec<u32>> {
        std::mem::take(&mut self.open).into_values().collect()
    }

    fn has_room(&self, now: u64) -> bool {
        self.due().is_none_or(|due| due > now)
    }
}

/// A session, which ends in a gap, or when it is too long.
pub(crate) struct Session {
    gap: u64,
    max: u64,
    first: u64,
    last: u64,
    items: Vec<u32>,
}

impl Session {
    pub(crate) fn new(gap: u64, max: u64) -> Self {
        Self { gap, max, first: 0, last: 0, items: Vec::new() }
    }
}

impl Model for Session {
    fn due(&self) -> Option<u64> {
        (!self.items.is_empty()).then(|| (self.last + self.gap).min(self.first + self.max))
    }

    fn fire(&mut self, now: u64) -> Option<Vec<u32>> {
        if self.due().is_some_and(|due| due <= now) { self.flush().pop() } else { None }
    }

    fn add(&mut self, item: u32, now: u64) -> Vec<Vec<u32>> {
        if self.items.is_empty() {
            self.first = now;
        }
        self.last = now;
        self.items.push(item);
        Vec::new()
    }

    fn flush(&mut self) -> Vec<Vec<u32>> {
        let items = std::mem::take(&mut self.items);
        if items.is_empty() { Vec::new() } else { vec![items] }
    }

    fn has_room(&self, now: u64) -> bool {
        self.due().is_none_or(|due| due > now)
    }
}

fn items(open: Vec<(u64, Vec<u32>)>) -> Vec<Vec<u32>> {
    open.into_iter().map(|(_, items)| items).collect()
}
