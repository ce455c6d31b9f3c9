use crate::flow::Flow;
use crate::items::{Items, Stepped};
use crate::pipe::Pipe;
use crate::step::{AtMostOne, Step, StepFlow, Stop};

impl<T, K> Items<T, K> {
    /// Drops the first `count` items.
    ///
    /// # Data loss
    ///
    /// Those items are dropped when they arrive.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let rest = pipeline! { 0..5 |> skip(3) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(rest), [3, 4]);
    /// ```
    pub fn skip(self, count: usize) -> Stepped<Skip, T, K> {
        self.step(Skip { left: count })
    }
}

impl<F: Flow> Pipe<F> {
    /// Drops the first `count` items. See [`Items::skip`].
    #[track_caller]
    pub fn skip(self, count: usize) -> Pipe<StepFlow<F, Skip, AtMostOne>> {
        self.with(|items| items.skip(count))
    }
}

/// Drops the first items: made by [`Items::skip`].
#[derive(Clone, Copy, Debug)]
pub struct Skip {
    left: usize,
}

impl<T> Step<T> for Skip {
    type Out = T;

    #[inline(always)]
    fn step(&mut self, item: T, _: &mut Stop) -> Option<T> {
        if self.left == 0 {
            return Some(item);
        }
        self.left -= 1;
        None
    }
}
