use std::ops::ControlFlow;

use super::held::Held;
use super::{Consume, Consuming};
use crate::flow::Flow;
use crate::items::{Final, Items, Terminal};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Folds all items into one value, which `init` is when there are none.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let line = pipeline! { ["a", "b"] |> fold(String::new(), |line, word| line + word) };
    /// assert_eq!(block_on(line), "ab");
    /// ```
    pub fn fold<A, F: FnMut(A, T) -> A>(self, init: A, f: F) -> Final<Fold<A, F>> {
        self.terminal(Fold { value: Held::new(init), f })
    }
}

impl<F: Flow> Pipe<F> {
    /// Folds all items into one value. See [`Items::fold`].
    #[track_caller]
    pub fn fold<A, G: FnMut(A, F::Item) -> A>(self, init: A, f: G) -> Consuming<F, Fold<A, G>> {
        self.with(|items| items.fold(init, f))
    }
}

/// Folds items into a value: made by [`Items::fold`].
#[derive(Clone, Copy, Debug)]
pub struct Fold<A, F> {
    value: Held<A>,
    f: F,
}

impl<F: Flow, A, G: FnMut(A, F::Item) -> A> Terminal<F> for Fold<A, G> {
    type Future = Consuming<F, Self>;

    fn run(self, upstream: F) -> Self::Future {
        Consuming::new(upstream, self)
    }
}

impl<T, A, F: FnMut(A, T) -> A> Consume<T> for Fold<A, F> {
    type Output = A;

    #[inline(always)]
    fn consume(&mut self, item: T) -> ControlFlow<()> {
        self.value.update(|value| (self.f)(value, item));
        ControlFlow::Continue(())
    }

    #[inline(always)]
    fn resume(self) -> Self {
        Self { value: self.value.resume(), ..self }
    }

    fn finish(self) -> A {
        self.value.into_inner()
    }
}
