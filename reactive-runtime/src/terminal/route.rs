use super::split::{Branch, Branches, Deal, Outlets, Split, Splitting};
use crate::flow::Flow;
use crate::items::{Final, Items};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Gives each item to the branch whose index `key` says.
    ///
    /// The branches, their bounds and their errors are those of [`broadcast`](Self::broadcast). An item is asked for when all
    /// branches have room for it, as nobody knows whose it will be. Join them again by `merge`, not by `zip`: see
    /// [`partition`](Self::partition).
    ///
    /// # Data loss
    ///
    /// Items for a branch that has ended are dropped.
    ///
    /// # Panics
    ///
    /// When `key` gives an index for which there is no branch.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let sums = pipeline! {
    ///     0..9usize |> route(|x| x % 3, |shards: [_; 3]| shards.map(|shard| pipeline!(shard |> sum::<usize>())))
    /// };
    /// assert_eq!(block_on(sums), [0 + 3 + 6, 1 + 4 + 7, 2 + 5 + 8]);
    /// ```
    pub fn route<const N: usize, H, G, B>(self, key: H, branches: G) -> Final<Split<Route<H>, G, N>>
    where
        H: FnMut(&T) -> usize,
        G: FnOnce([Branch<T>; N]) -> B,
        B: Branches,
    {
        self.terminal(Split::new(Route { key }, branches))
    }
}

impl<F: Flow<Item = T>, T> Pipe<F> {
    /// Gives each item to the branch whose index `key` says. See [`Items::route`].
    #[track_caller]
    pub fn route<const N: usize, H, G, B>(
        self,
        key: H,
        branches: G,
    ) -> Splitting<F, Route<H>, T, B, B::Joined, F::Error>
    where
        H: FnMut(&T) -> usize,
        G: FnOnce([Branch<T>; N]) -> B,
        B: Branches,
    {
        self.with(|items| items.route(key, branches))
    }
}

/// One branch gets an item, by index: made by [`Items::route`].
#[derive(Clone, Copy, Debug)]
pub struct Route<H> {
    key: H,
}

impl<T, H: FnMut(&T) -> usize> Deal<T> for Route<H> {
    fn deal(&mut self, items: &mut Vec<T>, outlets: &Outlets<T>) {
        for item in items.drain(..) {
            let (branch, branches) = ((self.key)(&item), outlets.len());
            assert!(branch < branches, "`route` gave the index {branch}, and there are {branches} branches");
            outlets.put(branch, [item]);
        }
    }
}
