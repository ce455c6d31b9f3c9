use crate::operator::windowed::{Held, Shape, Windows, last_multiple};

/// Windows that overlap, or have gaps between them: made by [`Staged::slide`](crate::Staged::slide).
#[derive(Clone, Copy, Debug)]
pub struct Slides {
    pub(super) size: i64,
    pub(super) step: i64,
}

impl Slides {
    /// The start of the first window that ends after `at`.
    fn first_after(self, at: i64) -> i64 {
        let ended = at.saturating_sub(self.size).div_euclid(self.step);
        (ended + 1) * self.step
    }
}

impl<T: Clone> Shape<T> for Slides {
    type Windows = SlidingWindows<T>;

    fn windows(self, from: i64) -> SlidingWindows<T> {
        SlidingWindows { op: self, from, items: Vec::new(), earliest: i64::MAX, next: from }
    }
}

/// The open windows of a [`Slides`].
#[derive(Debug)]
pub struct SlidingWindows<T> {
    op: Slides,
    from: i64,
    // What is in windows that are to come, as it came.
    items: Vec<(i64, T)>,
    // The least of their times.
    earliest: i64,
    // No window that begins before is to come.
    next: i64,
}

impl<T> SlidingWindows<T> {
    /// The start of the first window that holds something.
    fn first(&self) -> Option<i64> {
        (!self.items.is_empty()).then(|| self.op.first_after(self.earliest).max(self.next))
    }
}

impl<T: Clone> Windows<T> for SlidingWindows<T> {
    fn put(&mut self, item: T, at: i64, watermark: i64) -> Result<(), T> {
        let Slides { size, step } = self.op;
        if self.items.is_empty() {
            self.next = self.op.first_after(watermark).max(self.from);
        }
        let last = last_multiple(at, step);
        if at >= last + size {
            // It comes between two windows.
            return Ok(());
        }
        if last < self.next {
            return Err(item);
        }
        self.earliest = self.earliest.min(at);
        self.items.push((at, item));
        Ok(())
    }

    fn next_end(&self) -> Option<i64> {
        self.first().map(|start| start + self.op.size)
    }

    fn close(&mut self) -> Option<Vec<T>> {
        let start = self.first()?;
        self.next = start + self.op.step;
        let mut window = Vec::new();
        self.earliest = i64::MAX;
        for (at, item) in std::mem::take(&mut self.items) {
            let ends_here = at < self.next;
            if !ends_here {
                self.earliest = self.earliest.min(at);
                self.items.push((at, item.clone()));
            }
            if at < start + self.op.size {
                window.push(item);
            }
        }
        Some(window)
    }

    fn held(&self) -> Held {
        let per_item = usize::try_from((self.op.size - 1) / self.op.step + 1).unwrap_or(usize::MAX);
        let held = self.items.len();
        Held { at_least: usize::from(held > 0), at_most: held.saturating_mul(per_item), per_item }
    }
}
