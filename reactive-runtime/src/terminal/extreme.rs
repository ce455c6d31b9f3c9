use std::ops::ControlFlow;

use super::{Consume, Consuming};
use crate::flow::Flow;
use crate::items::Terminal;

/// Keeps one item of all: made by [`Items::min`](crate::Items::min), [`Items::max`](crate::Items::max) and their kin.
#[derive(Clone, Copy, Debug)]
pub struct Extreme<T, R> {
    kept: Option<T>,
    // Whether an item replaces the one that is kept.
    replaces: R,
}

impl<T, R> Extreme<T, R> {
    pub(super) fn new(replaces: R) -> Self {
        Self { kept: None, replaces }
    }
}

impl<F: Flow, R: FnMut(&F::Item, &F::Item) -> bool> Terminal<F> for Extreme<F::Item, R> {
    type Future = Consuming<F, Self>;

    fn run(self, upstream: F) -> Self::Future {
        Consuming::new(upstream, self)
    }
}

impl<T, R: FnMut(&T, &T) -> bool> Consume<T> for Extreme<T, R> {
    type Output = Option<T>;

    #[inline(always)]
    fn consume(&mut self, item: T) -> ControlFlow<()> {
        if self.kept.as_ref().is_none_or(|kept| (self.replaces)(kept, &item)) {
            self.kept = Some(item);
        }
        ControlFlow::Continue(())
    }

    fn finish(self) -> Option<T> {
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use crate::pipe::Pipe;

    #[test]
    fn of_equal_items_it_keeps_the_one_that_an_iterator_keeps() {
        let items = [(1, 'a'), (0, 'b'), (1, 'c'), (0, 'd')];
        let least = block_on(Pipe::new(items).min_by_key(|item| item.0));
        assert_eq!(least, items.into_iter().min_by_key(|item| item.0));
        let greatest = block_on(Pipe::new(items).max_by_key(|item| item.0));
        assert_eq!(greatest, items.into_iter().max_by_key(|item| item.0));
    }

    #[test]
    fn there_is_none_of_no_items() {
        assert_eq!(block_on(Pipe::new(0..0).min()), None);
    }
}
