use crate::flow::Flow;
use crate::items::{Items, Stepped};
use crate::pipe::Pipe;
use crate::step::{AtMostOne, Step, StepFlow, Stop};

impl<T, K> Items<T, K> {
    /// Gives each item with the one before it, from the second on.
    ///
    /// It holds one item, and clones each once.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let steps = pipeline! { [1, 4, 9] |> pairwise() |> map(|(a, b)| b - a) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(steps), [3, 5]);
    /// ```
    pub fn pairwise(self) -> Stepped<Pairwise<T>, (T, T), K>
    where
        T: Clone,
    {
        self.step(Pairwise { previous: None })
    }
}

impl<F: Flow> Pipe<F> {
    /// Gives each item with the one before it. See [`Items::pairwise`].
    #[track_caller]
    pub fn pairwise(self) -> Pipe<StepFlow<F, Pairwise<F::Item>, AtMostOne>>
    where
        F::Item: Clone,
    {
        self.with(Items::pairwise)
    }
}

/// Pairs each item with the one before it: made by [`Items::pairwise`].
#[derive(Clone, Copy, Debug)]
pub struct Pairwise<T> {
    previous: Option<T>,
}

impl<T: Clone> Step<T> for Pairwise<T> {
    type Out = (T, T);

    #[inline(always)]
    fn step(&mut self, item: T, _: &mut Stop) -> Option<(T, T)> {
        let previous = self.previous.replace(item.clone())?;
        Some((previous, item))
    }
}
