use std::ops::ControlFlow;

use super::{Consume, Consuming};
use crate::flow::Flow;
use crate::items::{Final, Items, Terminal};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Hands each item to `f`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let mut lines = Vec::new();
    /// block_on(pipeline! { 1..3 |> for_each(|x| lines.push(format!("line {x}"))) });
    /// assert_eq!(lines, ["line 1", "line 2"]);
    /// ```
    pub fn for_each<F: FnMut(T)>(self, f: F) -> Final<ForEach<F>> {
        self.terminal(ForEach { f })
    }
}

impl<F: Flow> Pipe<F> {
    /// Hands each item to `f`. See [`Items::for_each`].
    #[track_caller]
    pub fn for_each<G: FnMut(F::Item)>(self, f: G) -> Consuming<F, ForEach<G>> {
        self.with(|items| items.for_each(f))
    }
}

/// Hands items to a closure: made by [`Items::for_each`].
#[derive(Clone, Copy, Debug)]
pub struct ForEach<F> {
    f: F,
}

impl<F: Flow, G: FnMut(F::Item)> Terminal<F> for ForEach<G> {
    type Future = Consuming<F, Self>;

    fn run(self, upstream: F) -> Self::Future {
        Consuming::new(upstream, self)
    }
}

impl<T, F: FnMut(T)> Consume<T> for ForEach<F> {
    type Output = ();

    #[inline(always)]
    fn consume(&mut self, item: T) -> ControlFlow<()> {
        (self.f)(item);
        ControlFlow::Continue(())
    }

    fn finish(self) {}
}
