use crate::flow::Flow;
use crate::items::{Items, Stepped};
use crate::pipe::Pipe;
use crate::step::{OneToOne, Step, StepFlow, Stop};

impl<T, K> Items<T, K> {
    /// Gives each item with its index, from 0.
    ///
    /// # Panics
    ///
    /// In a debug build, at the item with index `usize::MAX`; as on `Iterator`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let lines = pipeline! { ["a", "b"] |> enumerate() |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(lines), [(0, "a"), (1, "b")]);
    /// ```
    pub fn enumerate(self) -> Stepped<Enumerate, (usize, T), K, OneToOne> {
        self.step(Enumerate { next: 0 }).one_to_one()
    }
}

impl<F: Flow> Pipe<F> {
    /// Gives each item with its index, from 0. See [`Items::enumerate`].
    #[track_caller]
    pub fn enumerate(self) -> Pipe<StepFlow<F, Enumerate, OneToOne>> {
        self.with(Items::enumerate)
    }
}

/// Counts the items: made by [`Items::enumerate`].
#[derive(Clone, Copy, Debug)]
pub struct Enumerate {
    next: usize,
}

impl<T> Step<T> for Enumerate {
    type Out = (usize, T);

    #[inline(always)]
    fn step(&mut self, item: T, _: &mut Stop) -> Option<(usize, T)> {
        let index = self.next;
        self.next += 1;
        Some((index, item))
    }
}
