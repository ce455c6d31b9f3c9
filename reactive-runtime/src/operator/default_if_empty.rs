use crate::flow::Flow;
use crate::gather::{Flush, Gather, GatherFlow};
use crate::items::{Items, Stage, Staged};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Gives `default` at the end, where no item came before it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let found = pipeline! { 0..9 |> filter(|x| *x > 9) |> default_if_empty(-1) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(found), [-1]);
    /// ```
    pub fn default_if_empty(self, default: T) -> Staged<DefaultIfEmpty<T>, T, K> {
        self.stage(DefaultIfEmpty { default: Some(default) })
    }
}

impl<F: Flow> Pipe<F> {
    /// Gives `default` at the end, where no item came before it. See [`Items::default_if_empty`].
    #[track_caller]
    pub fn default_if_empty(
        self,
        default: F::Item,
    ) -> Pipe<GatherFlow<F, DefaultIfEmpty<F::Item>, F::Error>> {
        self.with(|items| items.default_if_empty(default))
    }
}

/// Gives an item for none: made by [`Items::default_if_empty`].
#[derive(Clone, Copy, Debug)]
pub struct DefaultIfEmpty<T> {
    // `None` once an item has come.
    default: Option<T>,
}

impl<F: Flow> Stage<F> for DefaultIfEmpty<F::Item> {
    type Flow = GatherFlow<F, Self, F::Error>;

    fn attach(self, upstream: F) -> Self::Flow {
        GatherFlow::new(upstream, self)
    }
}

impl<T> Gather<T> for DefaultIfEmpty<T> {
    type Out = T;

    #[inline(always)]
    fn add(&mut self, item: T) -> Option<T> {
        self.default = None;
        Some(item)
    }

    fn flush(&mut self, cause: Flush) -> Option<T> {
        match cause {
            Flush::End => self.default.take(),
            Flush::Error => None,
        }
    }

    fn size_hint(
        &self,
        (at_least, at_most): (usize, Option<usize>),
        fallible: bool,
    ) -> (usize, Option<usize>) {
        let spare = usize::from(self.default.is_some());
        // The end may not come, but an error; and of few items none may come, but errors.
        let at_least = if fallible { at_least } else { at_least.max(spare) };
        (at_least, at_most.map(|items| items.max(spare)))
    }
}
