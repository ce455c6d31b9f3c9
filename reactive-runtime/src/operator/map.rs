use crate::flow::Flow;
use crate::items::{Items, Stepped};
use crate::pipe::Pipe;
use crate::step::{OneToOne, Step, StepFlow, Stop};

impl<T, K> Items<T, K> {
    /// Turns each item into what `f` makes of it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let lengths = pipeline! { ["a", "bcd"] |> map(str::len) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(lengths), [1, 3]);
    /// ```
    #[doc(alias = "then")]
    pub fn map<U, F: FnMut(T) -> U>(self, f: F) -> Stepped<Map<F>, U, K, OneToOne> {
        self.step(Map { f }).one_to_one()
    }
}

impl<F: Flow> Pipe<F> {
    /// Turns each item into what `f` makes of it. See [`Items::map`].
    #[track_caller]
    pub fn map<U, G: FnMut(F::Item) -> U>(self, f: G) -> Pipe<StepFlow<F, Map<G>, OneToOne>> {
        self.with(|items| items.map(f))
    }
}

/// Turns each item into another: made by [`Items::map`].
#[derive(Clone, Copy, Debug)]
pub struct Map<F> {
    f: F,
}

impl<T, U, F: FnMut(T) -> U> Step<T> for Map<F> {
    type Out = U;

    #[inline(always)]
    fn step(&mut self, item: T, _: &mut Stop) -> Option<U> {
        Some((self.f)(item))
    }
}
