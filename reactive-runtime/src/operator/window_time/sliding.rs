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

    fn windows(&self, from: i64) -> SlidingWindows<T> {
        SlidingWindows { op: *self, from, items: Vec::new(), first: i64::MAX }
    }
}

/// The open windows of a [`Slides`].
#[derive(Debug)]
pub struct SlidingWindows<T> {
    op: Slides,
    from: i64,
    // As they came: each is held once, until the last of its windows is closed.
    items: Vec<Placed<T>>,
    // The start of the first window of any of them.
    first: i64,
}

#[derive(Clone, Debug)]
struct Placed<T> {
    item: T,
    at: i64,
    // The start of its first window that was open when it came.
    first: i64,
}

impl<T: Clone> Windows<T> for SlidingWindows<T> {
    fn put(&mut self, item: T, at: i64, watermark: i64) -> Result<(), T> {
        let last = last_multiple(at, self.op.step);
        if at >= last + self.op.size {
            // It comes between two windows.
            return Ok(());
        }
        let first = self.op.first_after(at.max(watermark)).max(self.from);
        if last < first {
            return Err(item);
        }
        self.first = self.first.min(first);
        self.items.push(Placed { item, at, first });
        Ok(())
    }

    fn next_end(&self) -> Option<i64> {
        (!self.items.is_empty()).then(|| self.first + self.op.size)
    }

    fn close(&mut self) -> Option<Vec<T>> {
        let Slides { size, step } = self.op;
        let (start, next) = (self.first, self.first.saturating_add(step));
        self.first = i64::MAX;
        let mut window = Vec::new();
        for mut placed in std::mem::take(&mut self.items) {
            let is_in = placed.first <= start && placed.at < start.saturating_add(size);
            let goes_on = next <= placed.at;
            if is_in && !goes_on {
                window.push(placed.item);
                continue;
            }
            if is_in {
                window.push(placed.item.clone());
                placed.first = next;
            }
            self.first = self.first.min(placed.first);
            self.items.push(placed);
        }
        (!window.is_empty()).then_some(window)
    }

    fn held(&self) -> Held {
        let per_item = usize::try_from((self.op.size - 1) / self.op.step + 1).unwrap_or(usize::MAX);
        let held = self.items.len();
        Held { at_least: usize::from(held > 0), at_most: held.saturating_mul(per_item), per_item }
    }
}
