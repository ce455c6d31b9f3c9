use crate::flow::Flow;
use crate::items::{Items, Stepped};
use crate::pipe::Pipe;
use crate::step::{AtMostOne, Step, StepFlow, Stop};

impl<T, K> Items<T, K> {
    /// Turns each item into what `f` makes of it, where that is `Some`.
    ///
    /// # Data loss
    ///
    /// An item of which `f` makes `None` is gone.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let numbers = pipeline! { ["1", "x", "3"] |> filter_map(|s| s.parse::<u8>().ok()) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(numbers), [1, 3]);
    /// ```
    pub fn filter_map<U, F: FnMut(T) -> Option<U>>(self, f: F) -> Stepped<FilterMap<F>, U, K> {
        self.step(FilterMap { f })
    }
}

impl<F: Flow> Pipe<F> {
    /// Turns each item into what `f` makes of it, where that is `Some`. See [`Items::filter_map`].
    #[track_caller]
    pub fn filter_map<U, G>(self, f: G) -> Pipe<StepFlow<F, FilterMap<G>, AtMostOne>>
    where
        G: FnMut(F::Item) -> Option<U>,
    {
        self.with(|items| items.filter_map(f))
    }
}

/// Turns some items into others: made by [`Items::filter_map`].
#[derive(Clone, Copy, Debug)]
pub struct FilterMap<F> {
    f: F,
}

impl<T, U, F: FnMut(T) -> Option<U>> Step<T> for FilterMap<F> {
    type Out = U;

    #[inline(always)]
    fn step(&mut self, item: T, _: &mut Stop) -> Option<U> {
        (self.f)(item)
    }
}
