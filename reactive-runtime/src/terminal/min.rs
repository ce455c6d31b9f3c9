use std::cmp::Ordering;

use super::Consuming;
use super::extreme::Extreme;
use crate::flow::Flow;
use crate::items::{Final, Items};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Gives the least item, the first of several; `None` of an empty pipeline. As on `Iterator`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// assert_eq!(block_on(pipeline! { [2, 1, 3] |> min() }), Some(1));
    /// ```
    pub fn min(self) -> Final<Extreme<T, impl FnMut(&T, &T) -> bool>>
    where
        T: Ord,
    {
        self.min_by(T::cmp)
    }

    /// Gives the least item in the order of `compare`, the first of several.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// assert_eq!(block_on(pipeline! { [2.0, 1.0] |> min_by(f64::total_cmp) }), Some(1.0));
    /// ```
    pub fn min_by<F>(self, mut compare: F) -> Final<Extreme<T, impl FnMut(&T, &T) -> bool>>
    where
        F: FnMut(&T, &T) -> Ordering,
    {
        self.terminal(Extreme::new(move |kept: &T, item: &T| compare(kept, item) == Ordering::Greater))
    }

    /// Gives the item with the least key, the first of several.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// assert_eq!(block_on(pipeline! { ["aa", "b"] |> min_by_key(|s| s.len()) }), Some("b"));
    /// ```
    pub fn min_by_key<Q, F>(self, mut key: F) -> Final<Extreme<T, impl FnMut(&T, &T) -> bool>>
    where
        Q: Ord,
        F: FnMut(&T) -> Q,
    {
        self.min_by(move |kept, item| key(kept).cmp(&key(item)))
    }
}

impl<F: Flow> Pipe<F> {
    /// Gives the least item. See [`Items::min`].
    #[track_caller]
    pub fn min(self) -> Consuming<F, Extreme<F::Item, impl FnMut(&F::Item, &F::Item) -> bool>>
    where
        F::Item: Ord,
    {
        self.with(Items::min)
    }

    /// Gives the least item in the order of `compare`. See [`Items::min_by`].
    #[track_caller]
    pub fn min_by<G>(
        self,
        compare: G,
    ) -> Consuming<F, Extreme<F::Item, impl FnMut(&F::Item, &F::Item) -> bool>>
    where
        G: FnMut(&F::Item, &F::Item) -> Ordering,
    {
        self.with(|items| items.min_by(compare))
    }

    /// Gives the item with the least key. See [`Items::min_by_key`].
    #[track_caller]
    pub fn min_by_key<Q, G>(
        self,
        key: G,
    ) -> Consuming<F, Extreme<F::Item, impl FnMut(&F::Item, &F::Item) -> bool>>
    where
        Q: Ord,
        G: FnMut(&F::Item) -> Q,
    {
        self.with(|items| items.min_by_key(key))
    }
}
