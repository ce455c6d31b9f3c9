use crate::flow::Flow;
use crate::gather::{Flush, Gather, GatherFlow};
use crate::items::{Items, Stage, Staged};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Makes one item of all, at the end: the first is the first state, and `f` adds each of the others.
    ///
    /// Of no items it makes none, and none on an error; an error that a `catch` below skips begins anew. `fold(init, f)`
    /// is the terminal that always gives a value. It holds one item.
    ///
    /// # Data loss
    ///
    /// On an error the state so far is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let longest = pipeline! { ["a", "ccc", "bb"] |> reduce(|a, b| if b.len() > a.len() { b } else { a }) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(longest), ["ccc"]);
    /// ```
    pub fn reduce<F: FnMut(T, T) -> T>(self, f: F) -> Staged<Reduce<F>, T, K> {
        self.stage(Reduce { f })
    }
}

impl<F: Flow> Pipe<F> {
    /// Makes one item of all, at the end. See [`Items::reduce`].
    #[track_caller]
    pub fn reduce<G>(self, f: G) -> Pipe<GatherFlow<F, Reducing<F::Item, G>, F::Error>>
    where
        G: FnMut(F::Item, F::Item) -> F::Item,
    {
        self.with(|items| items.reduce(f))
    }
}

/// Makes one item of all: made by [`Items::reduce`].
#[derive(Clone, Copy, Debug)]
pub struct Reduce<F> {
    f: F,
}

impl<F: Flow, G: FnMut(F::Item, F::Item) -> F::Item> Stage<F> for Reduce<G> {
    type Flow = GatherFlow<F, Reducing<F::Item, G>, F::Error>;

    fn attach(self, upstream: F) -> Self::Flow {
        GatherFlow::new(upstream, Reducing { state: None, f: self.f })
    }
}

/// The state of a [`Reduce`].
#[derive(Clone, Copy, Debug)]
pub struct Reducing<T, F> {
    state: Option<T>,
    f: F,
}

impl<T, F: FnMut(T, T) -> T> Gather<T> for Reducing<T, F> {
    type Out = T;

    #[inline(always)]
    fn add(&mut self, item: T) -> Option<T> {
        self.state = Some(match self.state.take() {
            Some(state) => (self.f)(state, item),
            None => item,
        });
        None
    }

    fn flush(&mut self, cause: Flush) -> Option<T> {
        self.state.take().filter(|_| cause == Flush::End)
    }

    fn size_hint(
        &self,
        (at_least, at_most): (usize, Option<usize>),
        fallible: bool,
    ) -> (usize, Option<usize>) {
        let held = usize::from(self.state.is_some());
        let one_of = |items: usize| items.saturating_add(held).min(1);
        // Behind an error it begins anew, and an error drops what it has.
        (if fallible { 0 } else { one_of(at_least) }, Some(at_most.map_or(1, one_of)))
    }
}
