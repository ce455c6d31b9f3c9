use std::ops::ControlFlow;

use super::{Consume, Consuming};
use crate::flow::Flow;
use crate::items::{Final, Items, Terminal};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Counts the items.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let odd = pipeline! { 0..10 |> filter(|x| x % 2 == 1) |> count() };
    /// assert_eq!(block_on(odd), 5);
    /// ```
    pub fn count(self) -> Final<Count> {
        self.terminal(Count { items: 0 })
    }
}

impl<F: Flow> Pipe<F> {
    /// Counts the items. See [`Items::count`].
    #[track_caller]
    pub fn count(self) -> Consuming<F, Count> {
        self.with(Items::count)
    }
}

/// Counts items: made by [`Items::count`].
#[derive(Clone, Copy, Debug)]
pub struct Count {
    items: usize,
}

impl<F: Flow> Terminal<F> for Count {
    type Future = Consuming<F, Self>;

    fn run(self, upstream: F) -> Self::Future {
        Consuming::new(upstream, self)
    }
}

impl<T> Consume<T> for Count {
    type Output = usize;

    #[inline(always)]
    fn consume(&mut self, _: T) -> ControlFlow<()> {
        self.items += 1;
        ControlFlow::Continue(())
    }

    fn finish(self) -> usize {
        self.items
    }
}
