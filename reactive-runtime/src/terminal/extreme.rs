use std::cmp::Ordering;
use std::ops::ControlFlow;

use super::{Checked, Consume};
use crate::fault::Fault;
use crate::flow::Flow;
use crate::items::Terminal;

/// An item or a key that `min`, `max` and their kin can compare: every `T: Ord`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no total order",
    label = "this needs `Ord`, which `{Self}` lacks",
    note = "say how to compare: floats by `max_by(f64::total_cmp)`, a structure by one of its fields with \
            `max_by_key(|item| item.field)`; or derive `PartialEq, Eq, PartialOrd, Ord` for it"
)]
pub trait Ordered: Ord {}

#[diagnostic::do_not_recommend]
impl<T: Ord> Ordered for T {}

/// The future of `min`, `max` and their kin.
pub type ExtremeOf<F, O> =
    Checked<F, Extreme<<F as Flow>::Item, O>, <<F as Flow>::Error as Fault>::Of<Option<<F as Flow>::Item>>>;

/// Keeps one item of all: made by [`Items::min`](crate::Items::min), [`Items::max`](crate::Items::max) and their kin.
#[derive(Clone, Copy, Debug)]
pub struct Extreme<T, O> {
    kept: Option<T>,
    // Which of two items it keeps.
    order: O,
}

impl<T, O> Extreme<T, O> {
    pub(super) fn new(order: O) -> Self {
        Self { kept: None, order }
    }
}

impl<F: Flow, O: Replaces<F::Item>> Terminal<F> for Extreme<F::Item, O> {
    type Future = ExtremeOf<F, O>;

    fn run(self, upstream: F) -> Self::Future {
        Checked::new(upstream, self)
    }
}

impl<T, O: Replaces<T>> Consume<T> for Extreme<T, O> {
    type Output = Option<T>;

    #[inline(always)]
    fn consume(&mut self, item: T) -> ControlFlow<()> {
        if self.kept.as_ref().is_none_or(|kept| self.order.replaces(kept, &item)) {
            self.kept = Some(item);
        }
        ControlFlow::Continue(())
    }

    fn finish(self) -> Option<T> {
        self.kept
    }
}

/// Whether an item replaces the one that is kept.
pub trait Replaces<T> {
    /// Whether `item` replaces `kept`.
    fn replaces(&mut self, kept: &T, item: &T) -> bool;
}

/// The first of the least items, by the comparison `C`.
#[derive(Clone, Copy, Debug)]
pub struct Least<C>(pub(super) C);

impl<T, C: Compares<T>> Replaces<T> for Least<C> {
    #[inline(always)]
    fn replaces(&mut self, kept: &T, item: &T) -> bool {
        self.0.compare(kept, item) == Ordering::Greater
    }
}

/// The last of the greatest items, by the comparison `C`.
#[derive(Clone, Copy, Debug)]
pub struct Greatest<C>(pub(super) C);

impl<T, C: Compares<T>> Replaces<T> for Greatest<C> {
    #[inline(always)]
    fn replaces(&mut self, kept: &T, item: &T) -> bool {
        self.0.compare(kept, item) != Ordering::Greater
    }
}

/// How two items compare.
///
/// The comparisons are types of their own and no closures: the compiler asks of an opaque closure again, wherever it
/// stands, what was asked where it was made, and would tell one mistake three times.
pub trait Compares<T> {
    /// How `left` compares to `right`.
    fn compare(&mut self, left: &T, right: &T) -> Ordering;
}

/// By `Ord`.
#[derive(Clone, Copy, Debug)]
pub struct Natural;

impl<T: Ord> Compares<T> for Natural {
    #[inline(always)]
    fn compare(&mut self, left: &T, right: &T) -> Ordering {
        left.cmp(right)
    }
}

/// By a function of two items.
#[derive(Clone, Copy, Debug)]
pub struct By<C>(pub(super) C);

impl<T, C: FnMut(&T, &T) -> Ordering> Compares<T> for By<C> {
    #[inline(always)]
    fn compare(&mut self, left: &T, right: &T) -> Ordering {
        (self.0)(left, right)
    }
}

/// By the key that a function makes of an item.
#[derive(Clone, Copy, Debug)]
pub struct ByKey<C>(pub(super) C);

impl<T, Q: Ord, C: FnMut(&T) -> Q> Compares<T> for ByKey<C> {
    #[inline(always)]
    fn compare(&mut self, left: &T, right: &T) -> Ordering {
        (self.0)(left).cmp(&(self.0)(right))
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
