use super::concat::ConcatFlow;
use crate::flow::Flow;
use crate::items::{Items, Stage, Staged};
use crate::pipe::Pipe;
use crate::source::IterFlow;

impl<T, K> Items<T, K> {
    /// Gives `first`, whatever can be iterated over, before its own items.
    ///
    /// What is above is not polled before all of `first` is out.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let lines = pipeline! { ["1,2"] |> start_with(["a,b"]) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(lines), ["a,b", "1,2"]);
    /// ```
    pub fn start_with<I: IntoIterator<Item = T>>(self, first: I) -> Staged<StartWith<I::IntoIter>, T, K> {
        self.stage(StartWith { first: first.into_iter() })
    }
}

impl<F: Flow> Pipe<F> {
    /// Gives `first` before its own items. See [`Items::start_with`].
    #[track_caller]
    pub fn start_with<I>(self, first: I) -> Pipe<ConcatFlow<IterFlow<I::IntoIter>, F>>
    where
        I: IntoIterator<Item = F::Item>,
    {
        self.with(|items| items.start_with(first))
    }
}

/// Puts items before others: made by [`Items::start_with`].
#[derive(Clone, Copy, Debug)]
pub struct StartWith<I> {
    first: I,
}

impl<F: Flow, I: Iterator<Item = F::Item>> Stage<F> for StartWith<I> {
    type Flow = ConcatFlow<IterFlow<I>, F>;

    fn attach(self, upstream: F) -> Self::Flow {
        ConcatFlow::new(IterFlow::new(self.first), upstream)
    }
}
