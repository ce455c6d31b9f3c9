use crate::flow::Flow;
use crate::items::{Items, Stepped};
use crate::pipe::Pipe;
use crate::step::{AtMostOne, Step, StepFlow, Stop};

impl<T, K> Items<T, K> {
    /// Drops items while `predicate` holds; from the first for which it does not, all pass.
    ///
    /// # Data loss
    ///
    /// The items before that one are dropped when they arrive.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let rest = pipeline! { [1, 2, 9, 3] |> skip_while(|x| *x < 5) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(rest), [9, 3]);
    /// ```
    pub fn skip_while<P>(self, predicate: P) -> Stepped<SkipWhile<P>, T, K>
    where
        P: FnMut(&T) -> bool,
    {
        self.step(SkipWhile { predicate, skipping: true })
    }
}

impl<F: Flow> Pipe<F> {
    /// Drops items while `predicate` holds. See [`Items::skip_while`].
    #[track_caller]
    pub fn skip_while<P>(self, predicate: P) -> Pipe<StepFlow<F, SkipWhile<P>, AtMostOne>>
    where
        P: FnMut(&F::Item) -> bool,
    {
        self.with(|items| items.skip_while(predicate))
    }
}

/// Drops the items at the beginning that fit: made by [`Items::skip_while`].
#[derive(Clone, Copy, Debug)]
pub struct SkipWhile<P> {
    predicate: P,
    skipping: bool,
}

impl<T, P: FnMut(&T) -> bool> Step<T> for SkipWhile<P> {
    type Out = T;

    #[inline(always)]
    fn step(&mut self, item: T, _: &mut Stop) -> Option<T> {
        self.skipping = self.skipping && (self.predicate)(&item);
        if self.skipping { None } else { Some(item) }
    }
}
