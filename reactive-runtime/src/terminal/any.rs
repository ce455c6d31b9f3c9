use std::ops::ControlFlow;

use super::{Consume, Consuming};
use crate::flow::Flow;
use crate::items::{Final, Items, Terminal};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Tells whether `predicate` holds for an item; drops the pipeline at the first for which it does. `false` of an empty one.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// assert!(block_on(pipeline! { 1.. |> any(|x| x > 5) }));
    /// ```
    pub fn any<P>(self, predicate: P) -> Final<Any<P>>
    where
        P: FnMut(T) -> bool,
    {
        self.terminal(Any { predicate, found: false })
    }
}

impl<F: Flow> Pipe<F> {
    /// Tells whether `predicate` holds for an item. See [`Items::any`].
    #[track_caller]
    pub fn any<P>(self, predicate: P) -> Consuming<F, Any<P>>
    where
        P: FnMut(F::Item) -> bool,
    {
        self.with(|items| items.any(predicate))
    }
}

/// Looks for an item that fits: made by [`Items::any`].
#[derive(Clone, Copy, Debug)]
pub struct Any<P> {
    predicate: P,
    found: bool,
}

impl<F: Flow, P: FnMut(F::Item) -> bool> Terminal<F> for Any<P> {
    type Future = Consuming<F, Self>;

    fn run(self, upstream: F) -> Self::Future {
        Consuming::new(upstream, self)
    }
}

impl<T, P: FnMut(T) -> bool> Consume<T> for Any<P> {
    type Output = bool;

    #[inline(always)]
    fn consume(&mut self, item: T) -> ControlFlow<()> {
        self.found = (self.predicate)(item);
        if self.found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn finish(self) -> bool {
        self.found
    }
}
