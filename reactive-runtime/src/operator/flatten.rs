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
    pub fn flatten<U>(self) -> Staged<FlatMap<fn(T) -> T>, U, K>
    where
        T: HoldsItems<Each = U>,
    {
        self.flat_map(std::convert::identity)
    }
}

impl<F: Flow> Pipe<F> {
    /// Gives the items of each item. See [`Items::flatten`].
    #[track_caller]
    pub fn flatten(self) -> Pipe<FlatMapFlow<F, fn(F::Item) -> F::Item, <F::Item as IntoIterator>::IntoIter>>
    where
        F::Item: HoldsItems,
    {
        self.with(Items::flatten)
    }
}

/// An item that holds items: every `T: IntoIterator`.
#[diagnostic::on_unimplemented(
    message = "an item of type `{Self}` holds no items, so there is nothing to flatten",
    label = "these items are no collections: expected `Vec`s, `Option`s, or whatever is `IntoIterator`",
    note = "to flatten streams, `flat_map_stream(|stream| stream)`; `?` takes `Result`s apart and keeps their errors"
)]
pub trait HoldsItems: IntoIterator<Item = Self::Each> {
    /// What it holds.
    type Each;
}

#[diagnostic::do_not_recommend]
impl<T: IntoIterator> HoldsItems for T {
    type Each = T::Item;
}
