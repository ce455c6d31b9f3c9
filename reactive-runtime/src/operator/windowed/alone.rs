use std::task::{Context, Poll};

use super::{Group, Held, Shape, Windows};

/// All items are in the same windows.
#[derive(Clone, Copy, Debug)]
pub struct Alone;

impl<T, S: Shape<T>> Group<T, S> for Alone {
    type Windows = Single<S, S::Windows>;

    fn windows(self, shape: S, from: i64) -> Self::Windows {
        Single { windows: shape.windows(from), shape }
    }
}

/// The windows of all items, and their shape.
#[derive(Debug)]
pub struct Single<S, W> {
    shape: S,
    windows: W,
}

impl<T, S: Shape<T, Windows = W>, W: Windows<T>> Windows<T> for Single<S, W> {
    #[inline(always)]
    fn put(&mut self, item: T, at: i64, watermark: i64) -> Result<(), T> {
        self.windows.put(item, at, watermark)
    }

    #[inline(always)]
    fn next_end(&self) -> Option<i64> {
        self.windows.next_end()
    }

    fn close(&mut self) -> Option<Vec<T>> {
        self.windows.close()
    }

    fn held(&self) -> Held {
        self.windows.held()
    }

    fn follow(&mut self) {
        if self.shape.changed() {
            self.shape.fit(&mut self.windows);
        }
    }

    fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.shape.poll_changed(cx).map(|()| self.shape.fit(&mut self.windows))
    }
}
