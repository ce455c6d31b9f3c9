use crate::flow::Flow;
use crate::items::{Items, Stepped};
use crate::pipe::Pipe;
use crate::step::{AtMostOne, Step, StepFlow, Stop};

impl<T, K> Items<T, K> {
    /// Lets the items pass for which `predicate` holds.
    ///
    /// The predicate is a plain closure, not one that gives a future as in `futures`.
    ///
    /// # Data loss
    ///
    /// The other items are dropped when they arrive.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let even = pipeline! { 0..6 |> filter(|x| x % 2 == 0) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(even), [0, 2, 4]);
    /// ```
    pub fn filter<P: FnMut(&T) -> bool>(self, predicate: P) -> Stepped<Filter<P>, T, K> {
        self.step(Filter { predicate })
    }
}

impl<F: Flow> Pipe<F> {
    /// Lets the items pass for which `predicate` holds. See [`Items::filter`].
    #[track_caller]
    pub fn filter<P: FnMut(&F::Item) -> bool>(self, predicate: P) -> Pipe<StepFlow<F, Filter<P>, AtMostOne>> {
        self.with(|items| items.filter(predicate))
    }
}

/// Lets some items pass: made by [`Items::filter`].
#[derive(Clone, Copy, Debug)]
pub struct Filter<P> {
    predicate: P,
}

impl<T, P: FnMut(&T) -> bool> Step<T> for Filter<P> {
    type Out = T;

    #[inline(always)]
    fn step(&mut self, item: T, _: &mut Stop) -> Option<T> {
        if (self.predicate)(&item) { Some(item) } else { None }
    }
}
