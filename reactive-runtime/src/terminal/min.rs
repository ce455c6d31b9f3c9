use std::cmp::Ordering;

use super::extreme::{By, ByKey, Extreme, ExtremeOf, Least, Natural, Ordered};
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
    pub fn min(self) -> Final<Extreme<T, Least<Natural>>>
    where
        T: Ordered,
    {
        self.terminal(Extreme::new(Least(Natural)))
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
    pub fn min_by<F>(self, compare: F) -> Final<Extreme<T, Least<By<F>>>>
    where
        F: FnMut(&T, &T) -> Ordering,
    {
        self.terminal(Extreme::new(Least(By(compare))))
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
    pub fn min_by_key<Q, F>(self, key: F) -> Final<Extreme<T, Least<ByKey<F>>>>
    where
        Q: Ordered,
        F: FnMut(&T) -> Q,
    {
        self.terminal(Extreme::new(Least(ByKey(key))))
    }
}

impl<F: Flow> Pipe<F> {
    /// Gives the least item. See [`Items::min`].
    #[track_caller]
    pub fn min(self) -> ExtremeOf<F, Least<Natural>>
    where
        F::Item: Ordered,
    {
        self.with(Items::min)
    }

    /// Gives the least item in the order of `compare`. See [`Items::min_by`].
    #[track_caller]
    pub fn min_by<G>(self, compare: G) -> ExtremeOf<F, Least<By<G>>>
    where
        G: FnMut(&F::Item, &F::Item) -> Ordering,
    {
        self.with(|items| items.min_by(compare))
    }

    /// Gives the item with the least key. See [`Items::min_by_key`].
    #[track_caller]
    pub fn min_by_key<Q, G>(self, key: G) -> ExtremeOf<F, Least<ByKey<G>>>
    where
        Q: Ordered,
        G: FnMut(&F::Item) -> Q,
    {
        self.with(|items| items.min_by_key(key))
    }
}
