use std::ops::ControlFlow;

use super::{Checked, Consume};
use crate::fault::Fault;
use crate::flow::Flow;
use crate::items::{Final, Items, Terminal};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Gathers all items into a collection: `collect::<Vec<_>>()`, or whatever the use of the result asks for.
    ///
    /// [`into`](Final::into) gathers them into one that is there already: `collect(into = rows)`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// use std::collections::BTreeSet;
    ///
    /// let initials = pipeline! { ["ann", "abe", "bob"] |> filter_map(|s| s.chars().next()) |> collect::<BTreeSet<_>>() };
    /// assert!(block_on(initials).into_iter().eq(['a', 'b']));
    ///
    /// let more = pipeline! { [2, 3] |> collect(into = vec![1]) };
    /// assert_eq!(block_on(more), [1, 2, 3]);
    /// ```
    pub fn collect<C>(self) -> Final<Collect<C>>
    where
        T: CollectsInto<C>,
    {
        self.terminal(Collect { items: T::none() })
    }
}

impl<C> Final<Collect<C>> {
    /// Gathers the items into `items`, behind what it holds.
    pub fn into(self, items: C) -> Self {
        self.map_op(|_| Collect { items })
    }
}

impl<F: Flow> Pipe<F> {
    /// Gathers all items into a collection. See [`Items::collect`].
    #[track_caller]
    pub fn collect<C>(self) -> Checked<F, Collect<C>, <F::Error as Fault>::Of<C>>
    where
        F::Item: CollectsInto<C>,
    {
        self.with(Items::collect)
    }
}

/// An item that can be gathered into a collection `C`: every `T` with `C: FromIterator<T> + Extend<T>`.
#[diagnostic::on_unimplemented(
    message = "items of type `{Self}` cannot be gathered into `{C}`",
    label = "these items do not go into `{C}`",
    note = "a collection is anything with `FromIterator` and `Extend`; where the items are `Result`s, write a `?` behind the \
            stage that gives them"
)]
pub trait CollectsInto<C>: Sized {
    /// A collection of no items.
    fn none() -> C;

    /// Puts the item into the collection.
    fn add(self, items: &mut C);
}

// `Extend` alone leaves open whether a `Vec<_>` of `&u32`s is one of `u32`s; `FromIterator` says that it is not.
#[diagnostic::do_not_recommend]
impl<T, C: FromIterator<T> + Extend<T>> CollectsInto<C> for T {
    fn none() -> C {
        std::iter::empty().collect()
    }

    #[inline(always)]
    fn add(self, items: &mut C) {
        items.extend(Some(self));
    }
}

/// Gathers items: made by [`Items::collect`].
#[derive(Clone, Copy, Debug)]
pub struct Collect<C> {
    items: C,
}

impl<F: Flow<Item: CollectsInto<C>>, C> Terminal<F> for Collect<C> {
    type Future = Checked<F, Self, <F::Error as Fault>::Of<C>>;

    fn run(self, upstream: F) -> Self::Future {
        Checked::new(upstream, self)
    }
}

impl<T: CollectsInto<C>, C> Consume<T> for Collect<C> {
    type Output = C;

    #[inline(always)]
    fn consume(&mut self, item: T) -> ControlFlow<()> {
        item.add(&mut self.items);
        ControlFlow::Continue(())
    }

    fn finish(self) -> C {
        self.items
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use futures::executor::block_on;

    use crate::prelude::*;

    #[test]
    fn infers_the_items_where_they_are_borrowed_numbers() {
        let numbers = [1, 2, 3];
        assert_eq!(block_on(pipeline! { numbers.iter() |> skip(1) |> collect::<Vec<_>>() }), [&2, &3]);
        assert_eq!(block_on(Pipe::new(&numbers).collect::<HashSet<_>>()).len(), 3);
        let (odd, more): (Vec<_>, Vec<_>) =
            block_on(pipeline! { &numbers |> map(|x| (x % 2 == 1, x)) |> collect() });
        assert_eq!((odd, more), (vec![true, false, true], vec![&1, &2, &3]));
    }
}
