use std::collections::VecDeque;
use std::time::Duration;

use super::Victim;
use super::ages::{Ages, AgesOf};
use super::pressure::{Pressure, Watermarks};

/// What a [`Strategy`](super::Strategy) sees of a queue.
#[derive(Debug)]
pub struct Queued<T> {
    pub(super) items: VecDeque<T>,
    ages: Ages,
    ages_of: AgesOf,
    capacity: usize,
    pub(super) source: SourceKind,
    watermarks: Watermarks,
    high: usize,
    low: usize,
    pub(super) pressure: Pressure,
    pub(super) starts_of_pressure: u64,
    pub(super) ends_of_pressure: u64,
    pub(super) offers_under_pressure: u64,
    pub(super) in_flight: usize,
    pub(super) now: Duration,
    pub(super) waited: Duration,
    // Usage x nanoseconds.
    pub(super) area: f64,
    pub(super) began: Option<Duration>,
}

/// How items come to a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// They are asked for, and wait where they come from. The default.
    Pull,
    /// They come when they come: who brings them cannot be held up.
    Push,
}

/// A queue that may need more than this many bytes takes its memory as items come, not at once.
const AT_ONCE: usize = 64 << 20;

impl<T> Queued<T> {
    pub(super) fn new(capacity: usize, watermarks: Watermarks, ages: AgesOf) -> Self {
        Self {
            items: VecDeque::new(),
            ages: Ages::new(ages, capacity),
            ages_of: ages,
            capacity,
            source: SourceKind::Pull,
            watermarks,
            high: watermarks.high_len(capacity),
            low: watermarks.low_len(capacity),
            pressure: Pressure::Normal,
            starts_of_pressure: 0,
            ends_of_pressure: 0,
            offers_under_pressure: 0,
            in_flight: 0,
            now: Duration::ZERO,
            waited: Duration::ZERO,
            area: 0.0,
            began: None,
        }
    }

    pub(super) fn set_watermarks(&mut self, watermarks: Watermarks) {
        self.watermarks = watermarks;
        self.high = watermarks.high_len(self.capacity);
        self.low = watermarks.low_len(self.capacity);
    }

    /// Gives room for more items, or for less: what is queued stays. Tells if pressure starts or ends by it.
    pub(super) fn set_capacity(&mut self, capacity: usize) -> Option<Pressure> {
        let len = self.len();
        self.capacity = capacity;
        self.set_watermarks(self.watermarks);
        self.ages.resize(self.ages_of, capacity.max(len), len);
        if len >= self.high { self.pressed() } else { self.relieved(len) }
    }

    /// How many items are queued.
    #[inline]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether none is queued.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether there is no place for another item.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.items.len() >= self.capacity
    }

    /// How many items there is room for at all.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// How full the queue is, from 0.0 to 1.0. It is more after its capacity was lowered, until enough was taken.
    pub fn usage(&self) -> f64 {
        self.items.len() as f64 / self.capacity as f64
    }

    /// At how many items pressure starts.
    pub fn high_watermark(&self) -> usize {
        self.high
    }

    /// At how many items pressure ends.
    pub fn low_watermark(&self) -> usize {
        self.low
    }

    /// Whether the queue is under pressure.
    pub fn pressure(&self) -> Pressure {
        self.pressure
    }

    /// How many items were offered under pressure before this one.
    pub fn offers_under_pressure(&self) -> u64 {
        self.offers_under_pressure
    }

    /// How many items were taken, and are neither delivered nor failed yet.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// How items come.
    pub fn source(&self) -> SourceKind {
        self.source
    }

    /// The time.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// How long the item that is offered has waited for room.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// How long the item at this place, counted from the oldest, has been queued.
    ///
    /// # Panics
    ///
    /// If there is no such item.
    pub fn age(&self, index: usize) -> Duration {
        self.now.saturating_sub(self.ages.at(index))
    }

    /// The items, the oldest first.
    pub fn iter(&self) -> std::collections::vec_deque::Iter<'_, T> {
        self.items.iter()
    }

    /// Time goes on; it never goes back.
    #[inline(always)]
    pub(super) fn advance(&mut self, now: Duration) {
        if now > self.now || self.began.is_none() {
            self.pass(now);
        }
    }

    #[inline(never)]
    fn pass(&mut self, now: Duration) {
        self.began.get_or_insert(now);
        let passed = now.saturating_sub(self.now).as_nanos() as u64 as f64;
        self.area += passed * self.usage();
        self.now = now;
    }

    /// Queues an item, for which there is room.
    #[inline(always)]
    pub(super) fn push(&mut self, item: T) -> Option<Pressure> {
        debug_assert!(!self.is_full(), "a full queue has no place");
        let len = self.items.len();
        if len == self.items.capacity() {
            self.grow();
        }
        self.ages.push(len, self.now);
        self.items.push_back(item);
        if len + 1 < self.high { None } else { self.pressed() }
    }

    #[inline(always)]
    fn pressed(&mut self) -> Option<Pressure> {
        if self.pressure == Pressure::Pressured {
            return None;
        }
        self.starts_of_pressure += 1;
        self.turn(Pressure::Pressured)
    }

    #[cold]
    fn grow(&mut self) {
        let (len, size) = (self.items.len(), size_of::<T>().max(1));
        let at_once = self.capacity.min(AT_ONCE / size);
        let more = if len < at_once { at_once - len } else { len.min(self.capacity.saturating_sub(len)) };
        self.items.reserve_exact(more.max(1));
    }

    #[inline(always)]
    pub(super) fn pop(&mut self, victim: Victim) -> Option<T> {
        match victim {
            Victim::Newest => self.pop_newest(),
            Victim::At(index) => self.remove(index),
            Victim::Oldest | Victim::All => self.pop_oldest(),
        }
    }

    #[inline(always)]
    pub(super) fn pop_oldest(&mut self) -> Option<T> {
        let item = self.items.pop_front()?;
        self.ages.pop_front();
        Some(item)
    }

    fn pop_newest(&mut self) -> Option<T> {
        let item = self.items.pop_back()?;
        self.ages.pop_back();
        Some(item)
    }

    fn remove(&mut self, index: usize) -> Option<T> {
        let index = index.min(self.items.len().checked_sub(1)?);
        self.ages.remove(index);
        self.items.remove(index)
    }

    pub(super) fn take_all(&mut self) -> VecDeque<T> {
        self.ages.clear();
        std::mem::take(&mut self.items)
    }

    /// Whether pressure ends when so many items are left.
    #[inline(always)]
    pub(super) fn relieved(&mut self, left: usize) -> Option<Pressure> {
        if left > self.low || self.pressure == Pressure::Normal {
            return None;
        }
        self.ends_of_pressure += 1;
        self.turn(Pressure::Normal)
    }

    fn turn(&mut self, pressure: Pressure) -> Option<Pressure> {
        self.pressure = pressure;
        Some(pressure)
    }

    /// The mean usage since the first offer or take.
    pub(super) fn mean_usage(&self) -> f64 {
        let spent = self.began.map_or(0.0, |began| self.now.saturating_sub(began).as_nanos() as f64);
        if spent > 0.0 { self.area / spent } else { self.usage() }
    }
}
