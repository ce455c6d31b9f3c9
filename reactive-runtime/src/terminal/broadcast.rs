use super::split::{Branch, Branches, Deal, Outlets, Split, Splitting};
use crate::flow::Flow;
use crate::items::{Final, Items};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Gives each item to several branches, which run together, and gives the results of all of them.
    ///
    /// The closure gets as many branches as its pattern names. Each is a [`Pipe`]; each ends in a terminal, or in any other
    /// future; and it gives them as a tuple (of up to eight) or as an array. All are polled in one task.
    ///
    /// A branch is at most 16 items behind, or as many as [`lag`](Final::lag) says: the slowest one holds up the source,
    /// and with that the others. A branch that ends early holds up nobody, and when all have ended the source is dropped.
    /// One that rather [fails when it is late](Pipe::fail_late) than holds up the others says so.
    ///
    /// What joins branches again must take from all of them as items come (`merge`, `zip`): one that first waits for the end
    /// of one branch (`concat`) waits for ever once the other one is full.
    ///
    /// # Errors
    ///
    /// When the pipeline fails, each branch still gets what came before the error, and then ends, so that what it holds is
    /// flushed; when all are done the error is given in place of their results. An error within a branch is part of its
    /// result, and leaves the others alone.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let (total, large) = block_on(pipeline! {
    ///     1..=5u32 |> broadcast(|[all, some]| (
    ///         pipeline!(all |> sum::<u32>()),
    ///         pipeline!(some |> filter(|x| *x > 3) |> collect::<Vec<_>>()),
    ///     ))
    /// });
    /// assert_eq!((total, large), (15, vec![4, 5]));
    /// ```
    #[doc(alias = "tee")]
    #[doc(alias = "share")]
    pub fn broadcast<const N: usize, G, B>(self, branches: G) -> Final<Split<Everyone, G, N>>
    where
        T: Clone,
        G: FnOnce([Branch<T>; N]) -> B,
        B: Branches,
    {
        self.terminal(Split::new(Everyone, branches))
    }
}

impl<F: Flow<Item = T>, T: Clone> Pipe<F> {
    /// Gives each item to several branches. See [`Items::broadcast`].
    #[track_caller]
    pub fn broadcast<const N: usize, G, B>(
        self,
        branches: G,
    ) -> Splitting<F, Everyone, T, B, B::Joined, F::Error>
    where
        G: FnOnce([Branch<T>; N]) -> B,
        B: Branches,
    {
        self.with(|items| items.broadcast(branches))
    }
}

/// Each branch gets each item: made by [`Items::broadcast`].
#[derive(Clone, Copy, Debug)]
pub struct Everyone;

impl<T: Clone> Deal<T> for Everyone {
    fn deal(&mut self, items: &mut Vec<T>, outlets: &Outlets<T>) {
        for at in 1..outlets.len() {
            outlets.put(at, items.iter().cloned());
        }
        outlets.put(0, items.drain(..));
    }
}
