use super::flat_map::{FlatMap, FlatMapFlow};
use crate::flow::Flow;
use crate::items::{Items, Staged};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Gives the items of each item, in order, one after the other.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let items = pipeline! { [vec![1, 2], vec![], vec![3]] |> flatten() |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(items), [1, 2, 3]);
    /// ```
    pub fn flatten(self) -> Staged<FlatMap<fn(T) -> T>, T::Item, K>
    where
        T: IntoIterator,
    {
        self.flat_map(std::convert::identity)
    }
}

impl<F: Flow> Pipe<F> {
    /// Gives the items of each item. See [`Items::flatten`].
    #[track_caller]
    pub fn flatten(self) -> Pipe<FlatMapFlow<F, fn(F::Item) -> F::Item, <F::Item as IntoIterator>::IntoIter>>
    where
        F::Item: IntoIterator,
    {
        self.with(Items::flatten)
    }
}
