use std::cmp::Ordering;

use super::extreme::{By, ByKey, Extreme, ExtremeOf, Greatest, Natural, Ordered};
use crate::flow::Flow;
use crate::items::{Final, Items};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Gives the greatest item, the last of several; `None` of an empty pipeline. As on `Iterator`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// assert_eq!(block_on(pipeline! { [2, 1, 3] |> max() }), Some(3));
    /// ```
    pub fn max(self) -> Final<Extreme<T, Greatest<Natural>>>
    where
        T: Ordered,
    {
        self.terminal(Extreme::new(Greatest(Natural)))
    }

    /// Gives the greatest item in the order of `compare`, the last of several.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// assert_eq!(block_on(pipeline! { [2.0, 1.0] |> max_by(f64::total_cmp) }), Some(2.0));
    /// ```
    pub fn max_by<F>(self, compare: F) -> Final<Extreme<T, Greatest<By<F>>>>
    where
        F: FnMut(&T, &T) -> Ordering,
    {
        self.terminal(Extreme::new(Greatest(By(compare))))
    }

    /// Gives the item with the greatest key, the last of several.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// assert_eq!(block_on(pipeline! { ["aa", "b"] |> max_by_key(|s| s.len()) }), Some("aa"));
    /// ```
    pub fn max_by_key<Q, F>(self, key: F) -> Final<Extreme<T, Greatest<ByKey<F>>>>
    where
        Q: Ordered,
        F: FnMut(&T) -> Q,
    {
        self.terminal(Extreme::new(Greatest(ByKey(key))))
    }
}

impl<F: Flow> Pipe<F> {
    /// Gives the greatest item. See [`Items::max`].
    #[track_caller]
    pub fn max(self) -> ExtremeOf<F, Greatest<Natural>>
    where
        F::Item: Ordered,
    {
        self.with(Items::max)
    }

    /// Gives the greatest item in the order of `compare`. See [`Items::max_by`].
    #[track_caller]
    pub fn max_by<G>(self, compare: G) -> ExtremeOf<F, Greatest<By<G>>>
    where
        G: FnMut(&F::Item, &F::Item) -> Ordering,
    {
        self.with(|items| items.max_by(compare))
    }

    /// Gives the item with the greatest key. See [`Items::max_by_key`].
    #[track_caller]
    pub fn max_by_key<Q, G>(self, key: G) -> ExtremeOf<F, Greatest<ByKey<G>>>
    where
        Q: Ordered,
        G: FnMut(&F::Item) -> Q,
    {
        self.with(|items| items.max_by_key(key))
    }
}
