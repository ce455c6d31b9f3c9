use crate::flow::Flow;
use crate::items::{Items, Stepped};
use crate::pipe::Pipe;
use crate::step::{AtMostOne, Step, StepFlow, Stop};

impl<T, K> Items<T, K> {
    /// Lets the first item pass and then each `count`-th: items 0, `count`, 2 `count`, ..
    ///
    /// # Data loss
    ///
    /// The items between are dropped when they arrive.
    ///
    /// # Panics
    ///
    /// If `count` is 0. As a literal in `pipeline!`, that does not compile.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let some = pipeline! { 0..7 |> step_by(3) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(some), [0, 3, 6]);
    /// ```
    #[track_caller]
    pub fn step_by(self, count: usize) -> Stepped<StepBy, T, K> {
        self.step(StepBy::new(count))
    }
}

impl<F: Flow> Pipe<F> {
    /// Lets the first item pass and then each `count`-th. See [`Items::step_by`].
    #[track_caller]
    pub fn step_by(self, count: usize) -> Pipe<StepFlow<F, StepBy, AtMostOne>> {
        let step = StepBy::new(count);
        self.with(|items| items.step_by(step.every))
    }
}

/// Lets each n-th item pass: made by [`Items::step_by`].
#[derive(Clone, Copy, Debug)]
pub struct StepBy {
    every: usize,
    // How many are to be dropped before the next one passes.
    left: usize,
}

impl StepBy {
    #[track_caller]
    fn new(every: usize) -> Self {
        assert!(every > 0, "each 0th item has no meaning: `step_by` takes a count of at least 1");
        Self { every, left: 0 }
    }
}

impl<T> Step<T> for StepBy {
    type Out = T;

    #[inline(always)]
    fn step(&mut self, item: T, _: &mut Stop) -> Option<T> {
        if let Some(left) = self.left.checked_sub(1) {
            self.left = left;
            return None;
        }
        self.left = self.every - 1;
        Some(item)
    }
}
