use std::collections::VecDeque;

use crate::operator::windowed::{Held, Windows, last_multiple};

/// The open windows of a [`Tumbling`](super::Tumbling).
#[derive(Debug)]
pub struct TumblingWindows<T> {
    size: i64,
    // In the order of their starts. By the clock there is one.
    open: VecDeque<Open<T>>,
}

#[derive(Debug)]
struct Open<T> {
    start: i64,
    items: Vec<T>,
}

impl<T> TumblingWindows<T> {
    pub(super) fn new(size: i64) -> Self {
        Self { size, open: VecDeque::new() }
    }

    #[cold]
    fn open(&mut self, start: i64) -> &mut Open<T> {
        if self.open.is_empty() {
            // There is seldom more than one; there may be many keys.
            self.open.reserve_exact(1);
        }
        let place = self.open.partition_point(|open| open.start < start);
        if self.open.get(place).is_none_or(|open| open.start != start) {
            self.open.insert(place, Open { start, items: Vec::new() });
        }
        &mut self.open[place]
    }
}

impl<T> Windows<T> for TumblingWindows<T> {
    #[inline(always)]
    fn put(&mut self, item: T, at: i64, watermark: i64) -> Result<(), T> {
        if let Some(newest) = self.open.back_mut()
            && newest.start <= at
            && at < newest.start + self.size
        {
            newest.items.push(item);
            return Ok(());
        }
        let start = last_multiple(at, self.size);
        if start + self.size <= watermark {
            return Err(item);
        }
        self.open(start).items.push(item);
        Ok(())
    }

    #[inline(always)]
    fn next_end(&self) -> Option<i64> {
        self.open.front().map(|open| open.start + self.size)
    }

    fn close(&mut self) -> Option<Vec<T>> {
        self.open.pop_front().map(|open| open.items)
    }

    fn held(&self) -> Held {
        Held { at_least: self.open.len(), at_most: self.open.len(), per_item: 1 }
    }
}
