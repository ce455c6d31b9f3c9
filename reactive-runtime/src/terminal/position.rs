use std::ops::ControlFlow;

use super::{Consume, Consuming};
use crate::flow::Flow;
use crate::items::{Final, Items, Terminal};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Gives the index, from 0, of the first item for which `predicate` holds, and drops the pipeline then.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// assert_eq!(block_on(pipeline! { ["a", "b"] |> position(|s| s == "b") }), Some(1));
    /// ```
    pub fn position<P>(self, predicate: P) -> Final<Position<P>>
    where
        P: FnMut(T) -> bool,
    {
        self.terminal(Position { predicate, passed: 0, found: false })
    }
}

impl<F: Flow> Pipe<F> {
    /// Gives the index of the first item for which `predicate` holds. See [`Items::position`].
    #[track_caller]
    pub fn position<P>(self, predicate: P) -> Consuming<F, Position<P>>
    where
        P: FnMut(F::Item) -> bool,
    {
        self.with(|items| items.position(predicate))
    }
}

/// Looks for the place of an item: made by [`Items::position`].
#[derive(Clone, Copy, Debug)]
pub struct Position<P> {
    predicate: P,
    passed: usize,
    found: bool,
}

impl<F: Flow, P: FnMut(F::Item) -> bool> Terminal<F> for Position<P> {
    type Future = Consuming<F, Self>;

    fn run(self, upstream: F) -> Self::Future {
        Consuming::new(upstream, self)
    }
}

impl<T, P: FnMut(T) -> bool> Consume<T> for Position<P> {
    type Output = Option<usize>;

    #[inline(always)]
    fn consume(&mut self, item: T) -> ControlFlow<()> {
        self.found = (self.predicate)(item);
        if self.found {
            return ControlFlow::Break(());
        }
        self.passed += 1;
        ControlFlow::Continue(())
    }

    fn finish(self) -> Option<usize> {
        self.found.then_some(self.passed)
    }
}
