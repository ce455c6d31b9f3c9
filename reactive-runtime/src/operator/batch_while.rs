use std::task::{Context, Poll};

use crate::flow::Flow;
use crate::gather::{Flush, Gather, GatherFlow};
use crate::items::{Items, Stage, Staged};
use crate::live::{IntoSetting, Setting};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Gathers items into a `Vec` while `belongs(&previous, &item)` holds.
    ///
    /// An item that does not belong to the one before it begins the next batch, and brings the open one out. The last batch
    /// is flushed at the end and before an error. It holds one batch, which is not bounded: give it a
    /// [`max`](Staged::max) where runs may be long.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let runs = pipeline! { [1, 1, 2, 3, 3] |> batch_while(|a, b| a == b) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(runs), [vec![1, 1], vec![2], vec![3, 3]]);
    /// ```
    #[doc(alias = "chunk_by")]
    pub fn batch_while<P: FnMut(&T, &T) -> bool>(self, belongs: P) -> Staged<BatchWhile<P>, Vec<T>, K> {
        self.stage(BatchWhile { belongs, max: Setting::fixed(usize::MAX) })
    }
}

impl<F: Flow> Pipe<F> {
    /// Gathers items into a `Vec` while `belongs(&previous, &item)` holds. See [`Items::batch_while`].
    #[track_caller]
    pub fn batch_while<P>(self, belongs: P) -> Pipe<GatherFlow<F, OpenWhile<F::Item, P>, F::Error>>
    where
        P: FnMut(&F::Item, &F::Item) -> bool,
    {
        self.with(|items| items.batch_while(belongs))
    }
}

impl<P, U, K> Staged<BatchWhile<P>, U, K> {
    /// Ends a batch at `items` items, also where the next would belong to it. The number may be [`Live`](crate::Live), as
    /// the size of a [`batch`](Items::batch).
    ///
    /// # Panics
    ///
    /// If `items` is 0.
    #[track_caller]
    pub fn max(self, items: impl IntoSetting<usize>) -> Self {
        let max = items.into_setting(|items| match items {
            0 => Err("a batch of at most 0 items has no meaning: `max` takes at least 1"),
            _ => Ok(()),
        });
        self.map_op(|op| BatchWhile { max, ..op })
    }
}

/// Gathers items that belong together: made by [`Items::batch_while`].
#[derive(Clone, Debug)]
pub struct BatchWhile<P> {
    belongs: P,
    max: Setting<usize>,
}

impl<F: Flow, P: FnMut(&F::Item, &F::Item) -> bool> Stage<F> for BatchWhile<P> {
    type Flow = GatherFlow<F, OpenWhile<F::Item, P>, F::Error>;

    fn attach(self, upstream: F) -> Self::Flow {
        GatherFlow::new(upstream, OpenWhile { items: Vec::new(), op: self })
    }
}

/// The batch of a [`BatchWhile`] that is being filled.
#[derive(Clone, Debug)]
pub struct OpenWhile<T, P> {
    items: Vec<T>,
    op: BatchWhile<P>,
}

impl<T, P: FnMut(&T, &T) -> bool> Gather<T> for OpenWhile<T, P> {
    type Out = Vec<T>;

    #[inline(always)]
    fn add(&mut self, item: T) -> Option<Vec<T>> {
        let goes_on = self.items.last().is_none_or(|previous| (self.op.belongs)(previous, &item));
        let done = if goes_on { None } else { Some(std::mem::take(&mut self.items)) };
        self.items.push(item);
        done.or_else(|| self.more())
    }

    fn more(&mut self) -> Option<Vec<T>> {
        if self.items.len() < self.op.max.get() { None } else { Some(std::mem::take(&mut self.items)) }
    }

    fn follow(&mut self) -> Option<Vec<T>> {
        self.op.max.changed();
        self.more()
    }

    fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.items.is_empty() { Poll::Pending } else { self.op.max.poll_changed(cx).map(drop) }
    }

    fn flush(&mut self, _: Flush) -> Option<Vec<T>> {
        (!self.items.is_empty()).then(|| std::mem::take(&mut self.items))
    }

    fn size_hint(&self, (at_least, at_most): (usize, Option<usize>), _: bool) -> (usize, Option<usize>) {
        let held = self.items.len();
        let all_in_one = usize::from(at_least > 0 || held > 0);
        (all_in_one, at_most.and_then(|items| items.checked_add(usize::from(held > 0))))
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    #[test]
    fn ends_a_batch_at_its_maximum() {
        let pipe = Pipe::new([1, 1, 1, 2]).with(|items| items.batch_while(|a, b| a == b).max(2));
        assert_eq!(block_on(pipe.collect::<Vec<_>>()), [vec![1, 1], vec![1], vec![2]]);
        let alone = Pipe::new([1, 1, 2]).with(|items| items.batch_while(|a, b| a == b).max(1));
        assert_eq!(block_on(alone.collect::<Vec<_>>()), [[1], [1], [2]]);
    }
}
