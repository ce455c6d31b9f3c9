use std::ops::ControlFlow;

use super::{Consume, Consuming};
use crate::flow::Flow;
use crate::items::{Final, Items, Terminal};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Gathers all items into a collection: `collect::<Vec<_>>()`, or whatever the use of the result asks for.
    ///
    /// [`into`](Final::into) gathers them into one that is there already: `collect(into = rows)`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// use std::collections::BTreeSet;
    ///
    /// let initials = pipeline! { ["ann", "abe", "bob"] |> filter_map(|s| s.chars().next()) |> collect::<BTreeSet<_>>() };
    /// assert!(block_on(initials).into_iter().eq(['a', 'b']));
    ///
    /// let more = pipeline! { [2, 3] |> collect(into = vec![1]) };
    /// assert_eq!(block_on(more), [1, 2, 3]);
    /// ```
    pub fn collect<C: Default + Extend<T>>(self) -> Final<Collect<C>> {
        self.terminal(Collect { items: C::default() })
    }
}

impl<C> Final<Collect<C>> {
    /// Gathers the items into `items`, behind what it holds.
    pub fn into(self, items: C) -> Self {
        self.map_op(|_| Collect { items })
    }
}

impl<F: Flow> Pipe<F> {
    /// Gathers all items into a collection. See [`Items::collect`].
    #[track_caller]
    pub fn collect<C: Default + Extend<F::Item>>(self) -> Consuming<F, Collect<C>> {
        self.with(Items::collect)
    }
}

/// Gathers items: made by [`Items::collect`].
#[derive(Clone, Copy, Debug)]
pub struct Collect<C> {
    items: C,
}

impl<F: Flow, C: Extend<F::Item>> Terminal<F> for Collect<C> {
    type Future = Consuming<F, Self>;

    fn run(self, upstream: F) -> Self::Future {
        Consuming::new(upstream, self)
    }
}

impl<T, C: Extend<T>> Consume<T> for Collect<C> {
    type Output = C;

    #[inline(always)]
    fn consume(&mut self, item: T) -> ControlFlow<()> {
        self.items.extend(Some(item));
        ControlFlow::Continue(())
    }

    fn finish(self) -> C {
        self.items
    }
}
