use super::split::{Branch, Branches, Deal, Outlets, Split, Splitting};
use crate::flow::Flow;
use crate::items::{Final, Items};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Gives each item to one of two branches: the first gets those for which `p` holds, the second all others.
    ///
    /// The branches, their bounds and their errors are those of [`broadcast`](Self::broadcast). An item is asked for when both
    /// branches have room for it, as nobody knows whose it will be. So a `zip` of the two waits for ever once a run of one
    /// kind is longer than [`lag`](Final::lag): join them by `merge`.
    ///
    /// # Data loss
    ///
    /// Items for a branch that has ended are dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let (numbers, rest) = block_on(pipeline! {
    ///     ["1", "x", "3"] |> map(|text| text.parse::<u32>()) |> partition(|parsed| parsed.is_ok(), |[yes, no]| (
    ///         pipeline!(yes |> or_fail() |> sum::<u32>()),
    ///         pipeline!(no |> count()),
    ///     ))
    /// });
    /// assert_eq!((numbers, rest), (Ok(4), 1));
    /// ```
    pub fn partition<P, G, B>(self, p: P, branches: G) -> Final<Split<Partition<P>, G, 2>>
    where
        P: FnMut(&T) -> bool,
        G: FnOnce([Branch<T>; 2]) -> B,
        B: Branches,
    {
        self.terminal(Split::new(Partition { p }, branches))
    }
}

impl<F: Flow<Item = T>, T> Pipe<F> {
    /// Gives each item to one of two branches. See [`Items::partition`].
    #[track_caller]
    pub fn partition<P, G, B>(
        self,
        p: P,
        branches: G,
    ) -> Splitting<F, Partition<P>, T, B, B::Joined, F::Error>
    where
        P: FnMut(&T) -> bool,
        G: FnOnce([Branch<T>; 2]) -> B,
        B: Branches,
    {
        self.with(|items| items.partition(p, branches))
    }
}

/// One branch gets an item, and the other does not: made by [`Items::partition`].
#[derive(Clone, Copy, Debug)]
pub struct Partition<P> {
    p: P,
}

impl<T, P: FnMut(&T) -> bool> Deal<T> for Partition<P> {
    fn deal(&mut self, items: &mut Vec<T>, outlets: &Outlets<T>) {
        for item in items.drain(..) {
            let branch = if (self.p)(&item) { 0 } else { 1 };
            outlets.put(branch, [item]);
        }
    }
}
