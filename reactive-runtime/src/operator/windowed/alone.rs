use std::task::{Context, Poll};

use super::{Group, Held, Shape, Windows, closed};

/// All items are in the same windows.
#[derive(Clone, Copy, Debug)]
pub struct Alone;

impl<T, S: Shape<T>> Group<T, S> for Alone {
    type Windows = Single<S, S::Windows>;

    fn windows(self, shape: S) -> Self::Windows {
        Single { shape, windows: S::Windows::default() }
    }
}

/// The windows of all items, and their shape.
#[derive(Debug)]
pub struct Single<S, W> {
    shape: S,
    windows: W,
}

impl<T, S: Shape<T, Windows = W>, W: Default> Windows<T> for Single<S, W> {
    #[inline(always)]
    fn put(&mut self, item: T, at: i64, watermark: i64) -> Result<(), T> {
        self.shape.put(&mut self.windows, item, at, watermark)
    }

    #[inline(always)]
    fn next_end(&self) -> Option<i64> {
        self.shape.next_end(&self.windows)
    }

    fn close(&mut self) -> Option<Vec<T>> {
        self.shape.close(&mut self.windows)
    }

    fn held(&self) -> Held {
        self.shape.held(&self.windows)
    }

    fn follow(&mut self, from: i64, watermark: i64) {
        let closed = closed(self, watermark);
        self.shape.follow(from, closed);
    }

    fn poll_changed(&mut self, from: i64, cx: &mut Context<'_>) -> Poll<()> {
        self.shape.poll_changed(from, cx)
    }
}
