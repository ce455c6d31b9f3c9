use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use once_array::{OnceArray, OnceArrayWriter};

use super::Window;

/// How many items a ring has room for besides a window: it is moved to its beginning once in so many items. Fewer where
/// there are many rings.
const SLACK: usize = 64;
/// The room for the items of a window that a ring gets at once; it grows to its full size if that many items come.
const FIRST_ROOM: usize = 1024;
/// By how much more an array has room besides a window than a ring. It takes two allocations, one of them for its count.
const ARRAYS: usize = 2;

/// The items that windows are slices of.
///
/// It is linear, so that a window is a slice of it: the next one begins at `start`, and when there is no room at the end,
/// the items from there on are moved to the beginning.
pub(super) struct Ring<T> {
    items: Items<T>,
    start: usize,
    slack: usize,
}

/// Where the items are: by whether a window of them is kept while the next item comes.
enum Items<T> {
    /// None is kept: the room of the items that have gone is used anew.
    Reused(Arc<Vec<T>>),
    /// Some are: what is written stays as it is, until all windows of it are dropped.
    Kept(OnceArrayWriter<T>),
}

/// A share in the items.
pub(super) enum Handle<T> {
    Reused(Arc<Vec<T>>),
    Kept(Arc<OnceArray<T>>),
}

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Reused(items) => Self::Reused(items.clone()),
            Self::Kept(items) => Self::Kept(items.clone()),
        }
    }
}

impl<T> Handle<T> {
    pub(super) fn items(&self) -> &[T] {
        match self {
            Self::Reused(items) => items,
            Self::Kept(items) => items,
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Ring<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.items()[self.start..]).finish()
    }
}

impl<T> Ring<T> {
    pub(super) fn new() -> Self {
        Self::with_slack(SLACK)
    }

    /// One of many, each for windows of so many items: it takes about twice their room.
    pub(super) fn small(window: usize) -> Self {
        Self::with_slack(window.min(SLACK))
    }

    fn with_slack(slack: usize) -> Self {
        Self { items: Items::Reused(Arc::new(Vec::new())), start: 0, slack }
    }

    fn items(&self) -> &[T] {
        match &self.items {
            Items::Reused(items) => items,
            Items::Kept(items) => items.as_slice(),
        }
    }

    /// How many items are held for the next window.
    pub(super) fn held(&self) -> usize {
        self.items().len() - self.start
    }

    /// All that is held. The next one begins `step` items later.
    #[inline(always)]
    pub(super) fn window(&mut self, step: usize) -> Window<T> {
        let range = self.held_range();
        self.start += step;
        Window { items: self.handle(), range }
    }

    /// Holds the first items no longer.
    #[cold]
    pub(super) fn forget(&mut self, items: usize) {
        self.start += items;
    }

    /// All that is held, and begins anew.
    pub(super) fn take(&mut self) -> Window<T> {
        let window = Window { items: self.handle(), range: self.held_range() };
        *self = Self::with_slack(self.slack);
        window
    }

    fn held_range(&self) -> Range<usize> {
        self.start..self.items().len()
    }

    #[inline(always)]
    fn handle(&self) -> Handle<T> {
        match &self.items {
            Items::Reused(items) => Handle::Reused(items.clone()),
            Items::Kept(items) => Handle::Kept(items.reader().clone()),
        }
    }
}

impl<T: Clone> Ring<T> {
    #[inline(always)]
    pub(super) fn push(&mut self, item: T, window: usize) {
        match &mut self.items {
            Items::Reused(items) => match Arc::get_mut(items) {
                Some(items) => {
                    if items.len() == items.capacity() {
                        items.drain(..self.start);
                        self.start = 0;
                        let room = window.min(FIRST_ROOM) + self.slack;
                        items.reserve(if items.len() + self.slack > items.capacity() { room } else { 0 });
                    }
                    items.push(item);
                }
                None => self.push_into_new(item, window),
            },
            Items::Kept(items) => match items.try_push(item) {
                Ok(()) => items.commit(),
                Err(item) => self.push_into_new(item, window),
            },
        }
    }

    /// A window of a ring is kept, or an array is full.
    #[cold]
    fn push_into_new(&mut self, item: T, window: usize) {
        let held = self.items()[self.start..].iter().cloned().chain([item]);
        self.items = match &self.items {
            Items::Kept(items) if Arc::strong_count(items.reader()) == 1 => {
                let mut ring = Vec::with_capacity(window.min(FIRST_ROOM) + self.slack);
                ring.extend(held);
                Items::Reused(Arc::new(ring))
            }
            _ => {
                let mut array =
                    OnceArrayWriter::with_capacity(self.held() + (ARRAYS * self.slack).max(window));
                assert!(array.extend(held).is_ok(), "it has room for more than what is held");
                array.commit();
                Items::Kept(array)
            }
        };
        self.start = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_back_to_one_room_when_no_window_is_kept() {
        let mut ring = Ring::new();
        let mut push = |item| {
            ring.push(item, 1);
            ring.window(1)
        };
        let first = push(0);
        assert!(matches!(first.items, Handle::Reused(_)));
        let second = push(1);
        assert!(matches!(second.items, Handle::Kept(_)));
        drop(second);
        assert!((2..200).map(&mut push).any(|window| matches!(window.items, Handle::Reused(_))));
        assert_eq!(first, [0]);
    }
}
