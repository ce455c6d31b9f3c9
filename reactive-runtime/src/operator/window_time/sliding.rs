use std::task::{Context, Poll};

use super::grid::{Grid, Span};
use crate::operator::windowed::{Held, Shape};

/// Windows that overlap, or have gaps between them: made by [`Staged::slide`](crate::Staged::slide).
#[derive(Clone, Debug)]
pub struct Slides {
    grid: Grid,
}

impl Slides {
    pub(super) fn new(grid: Grid) -> Self {
        Self { grid }
    }
}

/// The open windows of a [`Slides`].
#[derive(Debug)]
pub struct SlidingWindows<T> {
    // As they came: each is held once, until the last of its windows is closed.
    items: Vec<Placed<T>>,
    // The first window of any of them.
    first: Span,
}

#[derive(Clone, Debug)]
struct Placed<T> {
    item: T,
    at: i64,
    // Its first window that is open.
    first: Span,
}

/// Behind all windows.
const NONE: Span = Span { end: i64::MAX, start: i64::MAX };

impl<T> Default for SlidingWindows<T> {
    fn default() -> Self {
        Self { items: Vec::new(), first: NONE }
    }
}

impl<T: Clone> Shape<T> for Slides {
    type Windows = SlidingWindows<T>;

    fn begin(&mut self, from: i64) {
        self.grid.begin(from);
    }

    fn put(&self, windows: &mut SlidingWindows<T>, item: T, at: i64, watermark: i64) -> Result<(), T> {
        let Some(first) = self.grid.first(at, watermark) else {
            return if self.grid.is_gap(at) { Ok(()) } else { Err(item) };
        };
        windows.first = windows.first.min(first);
        windows.items.push(Placed { item, at, first });
        Ok(())
    }

    fn next_end(&self, windows: &SlidingWindows<T>) -> Option<i64> {
        (!windows.items.is_empty()).then_some(windows.first.end)
    }

    fn close(&self, windows: &mut SlidingWindows<T>) -> Option<Vec<T>> {
        let closed = std::mem::replace(&mut windows.first, NONE);
        let mut window = Vec::new();
        for mut placed in std::mem::take(&mut windows.items) {
            if placed.first == closed {
                let Some(next) = self.grid.following(placed.at, closed) else {
                    window.push(placed.item);
                    continue;
                };
                window.push(placed.item.clone());
                placed.first = next;
            }
            windows.first = windows.first.min(placed.first);
            windows.items.push(placed);
        }
        (!window.is_empty()).then_some(window)
    }

    fn held(&self, windows: &SlidingWindows<T>) -> Held {
        let (held, per_item) = (windows.items.len(), self.grid.per_item());
        let at_most = held.saturating_mul(per_item);
        // Other settings may come before other items do.
        let per_item = if self.grid.is_fixed() { per_item } else { usize::MAX };
        Held { at_least: usize::from(held > 0), at_most, per_item }
    }

    fn follow(&mut self, from: i64, closed: i64) -> bool {
        self.grid.follow(from, closed);
        false
    }

    fn poll_changed(&mut self, from: i64, cx: &mut Context<'_>) -> Poll<()> {
        self.grid.poll_changed(from, cx);
        Poll::Pending
    }
}
