use std::ops::ControlFlow;

use super::{Consume, Consuming};
use crate::flow::Flow;
use crate::items::{Final, Items, Terminal};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Gives the first item for which `predicate` holds, and drops the pipeline then.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// assert_eq!(block_on(pipeline! { 1.. |> find(|x| x % 7 == 0) }), Some(7));
    /// ```
    pub fn find<P>(self, predicate: P) -> Final<Find<T, P>>
    where
        P: FnMut(&T) -> bool,
    {
        self.terminal(Find { predicate, found: None })
    }
}

impl<F: Flow> Pipe<F> {
    /// Gives the first item for which `predicate` holds. See [`Items::find`].
    #[track_caller]
    pub fn find<P>(self, predicate: P) -> Consuming<F, Find<F::Item, P>>
    where
        P: FnMut(&F::Item) -> bool,
    {
        self.with(|items| items.find(predicate))
    }
}

/// Looks for an item: made by [`Items::find`].
#[derive(Clone, Copy, Debug)]
pub struct Find<T, P> {
    predicate: P,
    found: Option<T>,
}

impl<F: Flow, P: FnMut(&F::Item) -> bool> Terminal<F> for Find<F::Item, P> {
    type Future = Consuming<F, Self>;

    fn run(self, upstream: F) -> Self::Future {
        Consuming::new(upstream, self)
    }
}

impl<T, P: FnMut(&T) -> bool> Consume<T> for Find<T, P> {
    type Output = Option<T>;

    #[inline(always)]
    fn consume(&mut self, item: T) -> ControlFlow<()> {
        if !(self.predicate)(&item) {
            return ControlFlow::Continue(());
        }
        self.found = Some(item);
        ControlFlow::Break(())
    }

    fn finish(self) -> Option<T> {
        self.found
    }
}
