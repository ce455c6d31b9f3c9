use crate::flow::Flow;
use crate::items::{Items, Stepped};
use crate::pipe::Pipe;
use crate::step::{MayStop, Step, StepFlow, Stop};

impl<T, K> Items<T, K> {
    /// Lets items pass while `predicate` holds; at the first for which it does not, it ends.
    ///
    /// # Data loss
    ///
    /// That item is dropped, and what the source would have given after it is not asked for.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let small = pipeline! { [1, 2, 9, 3] |> take_while(|x| *x < 5) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(small), [1, 2]);
    /// ```
    pub fn take_while<P>(self, predicate: P) -> Stepped<TakeWhile<P>, T, K, MayStop>
    where
        P: FnMut(&T) -> bool,
    {
        self.step(TakeWhile { predicate }).may_stop()
    }
}

impl<F: Flow> Pipe<F> {
    /// Lets items pass while `predicate` holds, then ends. See [`Items::take_while`].
    #[track_caller]
    pub fn take_while<P>(self, predicate: P) -> Pipe<StepFlow<F, TakeWhile<P>, MayStop>>
    where
        P: FnMut(&F::Item) -> bool,
    {
        self.with(|items| items.take_while(predicate))
    }
}

/// Ends at the first item that does not fit: made by [`Items::take_while`].
#[derive(Clone, Copy, Debug)]
pub struct TakeWhile<P> {
    predicate: P,
}

impl<T, P: FnMut(&T) -> bool> Step<T> for TakeWhile<P> {
    type Out = T;

    #[inline(always)]
    fn step(&mut self, item: T, stop: &mut Stop) -> Option<T> {
        if (self.predicate)(&item) {
            return Some(item);
        }
        stop.stop();
        None
    }
}
