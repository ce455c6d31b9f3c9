use std::collections::VecDeque;

use crate::flow::Flow;
use crate::gather::{Flush, Gather, GatherFlow};
use crate::items::{Items, Stage, Staged};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Gives the last `count` items, all at the end.
    ///
    /// On an error it gives those before the error, then the error. It holds at most `count` items.
    ///
    /// # Data loss
    ///
    /// An item is dropped when `count` newer ones have come.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let last = pipeline! { 0..9 |> take_last(2) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(last), [7, 8]);
    /// ```
    pub fn take_last(self, count: usize) -> Staged<TakeLast, T, K> {
        self.stage(TakeLast { count })
    }
}

impl<F: Flow> Pipe<F> {
    /// Gives the last `count` items, all at the end. See [`Items::take_last`].
    #[track_caller]
    pub fn take_last(self, count: usize) -> Pipe<GatherFlow<F, Last<F::Item>, F::Error>> {
        self.with(|items| items.take_last(count))
    }
}

/// Gives the last items: made by [`Items::take_last`].
#[derive(Clone, Copy, Debug)]
pub struct TakeLast {
    count: usize,
}

impl<F: Flow> Stage<F> for TakeLast {
    type Flow = GatherFlow<F, Last<F::Item>, F::Error>;

    fn attach(self, upstream: F) -> Self::Flow {
        GatherFlow::new(upstream, Last { held: VecDeque::new(), count: self.count })
    }
}

/// The items that a [`TakeLast`] holds.
#[derive(Clone, Debug)]
pub struct Last<T> {
    held: VecDeque<T>,
    count: usize,
}

impl<T> Gather<T> for Last<T> {
    type Out = T;

    #[inline(always)]
    fn add(&mut self, item: T) -> Option<T> {
        if self.held.len() == self.count {
            self.held.pop_front();
        }
        if self.count > 0 {
            self.held.push_back(item);
        }
        None
    }

    fn more(&mut self) -> Option<T> {
        self.held.pop_front()
    }

    fn flush(&mut self, _: Flush) -> Option<T> {
        self.more()
    }

    fn size_hint(
        &self,
        (at_least, at_most): (usize, Option<usize>),
        fallible: bool,
    ) -> (usize, Option<usize>) {
        let last_of = |items: usize| items.saturating_add(self.held.len()).min(self.count);
        // Each error gives the last ones before it.
        let all_of = |items: usize| items.saturating_add(self.held.len());
        (last_of(at_least), at_most.map(|items| if fallible { all_of(items) } else { last_of(items) }))
    }
}
