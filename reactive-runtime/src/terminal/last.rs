use std::ops::ControlFlow;

use super::{Consume, Consuming};
use crate::flow::Flow;
use crate::items::{Final, Items, Terminal};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Gives the last item, or `None` of an empty pipeline.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// assert_eq!(block_on(pipeline! { 3..9 |> last() }), Some(8));
    /// ```
    pub fn last(self) -> Final<Last<T>> {
        self.terminal(Last { item: None })
    }
}

impl<F: Flow> Pipe<F> {
    /// Gives the last item. See [`Items::last`].
    #[track_caller]
    pub fn last(self) -> Consuming<F, Last<F::Item>> {
        self.with(Items::last)
    }
}

/// Takes the last item: made by [`Items::last`].
#[derive(Clone, Copy, Debug)]
pub struct Last<T> {
    item: Option<T>,
}

impl<F: Flow> Terminal<F> for Last<F::Item> {
    type Future = Consuming<F, Self>;

    fn run(self, upstream: F) -> Self::Future {
        Consuming::new(upstream, self)
    }
}

impl<T> Consume<T> for Last<T> {
    type Output = Option<T>;

    #[inline(always)]
    fn consume(&mut self, item: T) -> ControlFlow<()> {
        self.item = Some(item);
        ControlFlow::Continue(())
    }

    fn finish(self) -> Option<T> {
        self.item
    }
}
