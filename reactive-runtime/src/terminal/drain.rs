use std::ops::ControlFlow;

use super::{Consume, Consuming};
use crate::flow::Flow;
use crate::items::{Final, Items, Terminal};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Runs the pipeline to its end, and drops its items: for what its stages do on the way.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let mut seen = 0;
    /// block_on(pipeline! { 0..5 |> inspect(|_| seen += 1) |> drain() });
    /// assert_eq!(seen, 5);
    /// ```
    pub fn drain(self) -> Final<Drain> {
        self.terminal(Drain)
    }
}

impl<F: Flow> Pipe<F> {
    /// Runs the pipeline to its end. See [`Items::drain`].
    #[track_caller]
    pub fn drain(self) -> Consuming<F, Drain> {
        self.with(Items::drain)
    }
}

/// Drops all items: made by [`Items::drain`].
#[derive(Clone, Copy, Debug)]
pub struct Drain;

impl<F: Flow> Terminal<F> for Drain {
    type Future = Consuming<F, Self>;

    fn run(self, upstream: F) -> Self::Future {
        Consuming::new(upstream, self)
    }
}

impl<T> Consume<T> for Drain {
    type Output = ();

    #[inline(always)]
    fn consume(&mut self, item: T) -> ControlFlow<()> {
        drop(item);
        ControlFlow::Continue(())
    }

    fn finish(self) {}
}
