use crate::flow::Flow;
use crate::items::{Items, Stepped};
use crate::pipe::Pipe;
use crate::step::{OneToOne, Step, StepFlow, Stop};

impl<T, K> Items<T, K> {
    /// Shows each item to `f` on its way.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let mut seen = 0;
    /// let all = pipeline! { 0..5 |> inspect(|_| seen += 1) |> skip(3) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(all), [3, 4]);
    /// assert_eq!(seen, 5);
    /// ```
    pub fn inspect<F: FnMut(&T)>(self, f: F) -> Stepped<Inspect<F>, T, K, OneToOne> {
        self.step(Inspect { f }).one_to_one()
    }
}

impl<F: Flow> Pipe<F> {
    /// Shows each item to `f` on its way. See [`Items::inspect`].
    #[track_caller]
    pub fn inspect<G: FnMut(&F::Item)>(self, f: G) -> Pipe<StepFlow<F, Inspect<G>, OneToOne>> {
        self.with(|items| items.inspect(f))
    }
}

/// Shows each item to a closure: made by [`Items::inspect`].
#[derive(Clone, Copy, Debug)]
pub struct Inspect<F> {
    f: F,
}

impl<T, F: FnMut(&T)> Step<T> for Inspect<F> {
    type Out = T;

    #[inline(always)]
    fn step(&mut self, item: T, _: &mut Stop) -> Option<T> {
        (self.f)(&item);
        Some(item)
    }
}
