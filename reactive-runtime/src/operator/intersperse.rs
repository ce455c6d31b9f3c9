use crate::flow::Flow;
use crate::gather::{Flush, Gather, GatherFlow};
use crate::items::{Items, Stage, Staged};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Gives a clone of `separator` between each two items.
    ///
    /// It comes with the item behind it, so that there is none at the end.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let line = pipeline! { ["a", "b", "c"] |> intersperse(", ") |> collect::<String>() };
    /// assert_eq!(block_on(line), "a, b, c");
    /// ```
    pub fn intersperse(self, separator: T) -> Staged<Intersperse<T>, T, K>
    where
        T: Clone,
    {
        self.stage(Intersperse { separator, started: false, behind: None })
    }
}

impl<F: Flow<Item: Clone>> Pipe<F> {
    /// Gives a clone of `separator` between each two items. See [`Items::intersperse`].
    #[track_caller]
    pub fn intersperse(self, separator: F::Item) -> Pipe<GatherFlow<F, Intersperse<F::Item>, F::Error>> {
        self.with(|items| items.intersperse(separator))
    }
}

/// Puts an item between others: made by [`Items::intersperse`].
#[derive(Clone, Copy, Debug)]
pub struct Intersperse<T> {
    separator: T,
    started: bool,
    // The item that follows the separator which was just given.
    behind: Option<T>,
}

impl<F: Flow<Item: Clone>> Stage<F> for Intersperse<F::Item> {
    type Flow = GatherFlow<F, Self, F::Error>;

    fn attach(self, upstream: F) -> Self::Flow {
        GatherFlow::new(upstream, self)
    }
}

impl<T: Clone> Gather<T> for Intersperse<T> {
    type Out = T;

    #[inline(always)]
    fn add(&mut self, item: T) -> Option<T> {
        if !self.started {
            self.started = true;
            return Some(item);
        }
        self.behind = Some(item);
        Some(self.separator.clone())
    }

    #[inline(always)]
    fn more(&mut self) -> Option<T> {
        self.behind.take()
    }

    fn flush(&mut self, _: Flush) -> Option<T> {
        None
    }

    fn size_hint(&self, (at_least, at_most): (usize, Option<usize>), _: bool) -> (usize, Option<usize>) {
        let behind = usize::from(self.behind.is_some());
        let first_alone = |items: usize| if self.started { 0 } else { usize::from(items > 0) };
        let with_separators =
            |items: usize| items.checked_mul(2)?.checked_sub(first_alone(items))?.checked_add(behind);
        (with_separators(at_least).unwrap_or(usize::MAX), at_most.and_then(with_separators))
    }
}
