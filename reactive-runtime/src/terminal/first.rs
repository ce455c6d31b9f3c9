use std::ops::ControlFlow;

use super::{Consume, Consuming};
use crate::flow::Flow;
use crate::items::{Final, Items, Terminal};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Gives the first item, or `None` of an empty pipeline; drops the pipeline at once.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// assert_eq!(block_on(pipeline! { 3.. |> first() }), Some(3));
    /// ```
    pub fn first(self) -> Final<First<T>> {
        self.terminal(First { item: None })
    }
}

impl<F: Flow> Pipe<F> {
    /// Gives the first item. See [`Items::first`].
    #[track_caller]
    pub fn first(self) -> Consuming<F, First<F::Item>> {
        self.with(Items::first)
    }
}

/// Takes the first item: made by [`Items::first`].
#[derive(Clone, Copy, Debug)]
pub struct First<T> {
    item: Option<T>,
}

impl<F: Flow> Terminal<F> for First<F::Item> {
    type Future = Consuming<F, Self>;

    fn run(self, upstream: F) -> Self::Future {
        Consuming::new(upstream, self)
    }
}

impl<T> Consume<T> for First<T> {
    type Output = Option<T>;

    #[inline(always)]
    fn consume(&mut self, item: T) -> ControlFlow<()> {
        self.item = Some(item);
        ControlFlow::Break(())
    }

    fn finish(self) -> Option<T> {
        self.item
    }
}
