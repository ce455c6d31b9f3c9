use crate::flow::Flow;
use crate::items::{Items, Stepped};
use crate::pipe::Pipe;
use crate::step::{OneToOne, Step, StepFlow, Stop};

impl<T, K> Items<T, K> {
    /// Gives, for each item, what `f` makes of it and of a state that it may change.
    ///
    /// The initial state is not emitted, and `f` cannot end the pipeline; both differ from some other libraries
    /// (`scan` of `Iterator` and of `futures` ends at `None`: use `take_while` or `map_while` for that).
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let sums = pipeline! { [1, 2, 3] |> scan(0, |sum, x| { *sum += x; *sum }) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(sums), [1, 3, 6]);
    /// ```
    pub fn scan<S, U, F>(self, init: S, f: F) -> Stepped<Scan<S, F>, U, K, OneToOne>
    where
        F: FnMut(&mut S, T) -> U,
    {
        self.step(Scan { state: init, f }).one_to_one()
    }
}

impl<F: Flow> Pipe<F> {
    /// Gives, for each item, what `f` makes of it and of a state that it may change. See [`Items::scan`].
    #[track_caller]
    pub fn scan<S, U, G>(self, init: S, f: G) -> Pipe<StepFlow<F, Scan<S, G>, OneToOne>>
    where
        G: FnMut(&mut S, F::Item) -> U,
    {
        self.with(|items| items.scan(init, f))
    }
}

/// Carries a state along: made by [`Items::scan`].
#[derive(Clone, Copy, Debug)]
pub struct Scan<S, F> {
    state: S,
    f: F,
}

impl<T, S, U, F: FnMut(&mut S, T) -> U> Step<T> for Scan<S, F> {
    type Out = U;

    #[inline(always)]
    fn step(&mut self, item: T, _: &mut Stop) -> Option<U> {
        Some((self.f)(&mut self.state, item))
    }
}
