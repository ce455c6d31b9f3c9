use std::ops::ControlFlow;

use super::{Consume, Consuming};
use crate::flow::Flow;
use crate::items::{Final, Items, Terminal};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Tells whether `predicate` holds for all items; drops the pipeline at the first for which it does not. `true` of an empty one.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// assert!(!block_on(pipeline! { 1.. |> all(|x| x < 5) }));
    /// ```
    pub fn all<P>(self, predicate: P) -> Final<All<P>>
    where
        P: FnMut(T) -> bool,
    {
        self.terminal(All { predicate, hold: true })
    }
}

impl<F: Flow> Pipe<F> {
    /// Tells whether `predicate` holds for all items. See [`Items::all`].
    #[track_caller]
    pub fn all<P>(self, predicate: P) -> Consuming<F, All<P>>
    where
        P: FnMut(F::Item) -> bool,
    {
        self.with(|items| items.all(predicate))
    }
}

/// Looks for an item that does not fit: made by [`Items::all`].
#[derive(Clone, Copy, Debug)]
pub struct All<P> {
    predicate: P,
    hold: bool,
}

impl<F: Flow, P: FnMut(F::Item) -> bool> Terminal<F> for All<P> {
    type Future = Consuming<F, Self>;

    fn run(self, upstream: F) -> Self::Future {
        Consuming::new(upstream, self)
    }
}

impl<T, P: FnMut(T) -> bool> Consume<T> for All<P> {
    type Output = bool;

    #[inline(always)]
    fn consume(&mut self, item: T) -> ControlFlow<()> {
        self.hold = (self.predicate)(item);
        if self.hold { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    fn finish(self) -> bool {
        self.hold
    }
}
