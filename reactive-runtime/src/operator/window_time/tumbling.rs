use std::collections::VecDeque;
use std::task::{Context, Poll};
use std::time::Duration;

use super::grid::{Grid, Span};
use super::sliding::Slides;
use crate::live::Setting;
use crate::operator::windowed::{Disjoint, Held, Shape};

/// Windows one after the other: made by [`Items::window_time`](crate::Items::window_time).
#[derive(Clone, Debug)]
pub struct Tumbling {
    grid: Grid,
}

impl Disjoint for Tumbling {}

impl Tumbling {
    pub(super) fn new(grid: Grid) -> Self {
        Self { grid }
    }

    pub(super) fn slide(self, step: Setting<Duration>) -> Slides {
        Slides::new(Grid::new(self.grid.into_size(), Some(step)))
    }
}

/// The open windows of a [`Tumbling`], in the order of their starts. By the clock there is one.
#[derive(Debug)]
pub struct TumblingWindows<T>(VecDeque<Open<T>>);

#[derive(Debug)]
struct Open<T> {
    span: Span,
    items: Vec<T>,
}

impl<T> Default for TumblingWindows<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> TumblingWindows<T> {
    #[cold]
    fn open(&mut self, span: Span) -> &mut Open<T> {
        if self.0.is_empty() {
            // There is seldom more than one; there may be many keys.
            self.0.reserve_exact(1);
        }
        let place = self.0.partition_point(|open| open.span < span);
        if self.0.get(place).is_none_or(|open| open.span != span) {
            self.0.insert(place, Open { span, items: Vec::new() });
        }
        &mut self.0[place]
    }
}

impl<T> Shape<T> for Tumbling {
    type Windows = TumblingWindows<T>;

    fn begin(&mut self, from: i64) {
        self.grid.begin(from);
    }

    #[inline(always)]
    fn put(&self, windows: &mut TumblingWindows<T>, item: T, at: i64, watermark: i64) -> Result<(), T> {
        if let Some(newest) = windows.0.back_mut()
            && newest.span.start <= at
            && at < newest.span.end
        {
            newest.items.push(item);
            return Ok(());
        }
        let Some(span) = self.grid.first(at, watermark) else { return Err(item) };
        windows.open(span).items.push(item);
        Ok(())
    }

    #[inline(always)]
    fn next_end(&self, windows: &TumblingWindows<T>) -> Option<i64> {
        windows.0.front().map(|open| open.span.end)
    }

    fn close(&self, windows: &mut TumblingWindows<T>) -> Option<Vec<T>> {
        windows.0.pop_front().map(|open| open.items)
    }

    fn held(&self, TumblingWindows(open): &TumblingWindows<T>) -> Held {
        Held { at_least: open.len(), at_most: open.len(), per_item: 1 }
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
