use crate::flow::Flow;
use crate::items::{Items, Stepped};
use crate::pipe::Pipe;
use crate::step::{AtMostOne, Step, StepFlow, Stop};

impl<T, K> Items<T, K> {
    /// Drops every item that equals the one before it.
    ///
    /// The first item of a run is emitted at once; nothing is delayed. It holds one item, and clones each that passes.
    ///
    /// # Data loss
    ///
    /// Repeats are dropped when they arrive.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let changes = pipeline! { [1, 1, 2, 2, 1] |> distinct_until_changed() |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(changes), [1, 2, 1]);
    /// ```
    #[doc(alias = "dedup")]
    pub fn distinct_until_changed(self) -> Stepped<DistinctUntilChanged<T>, T, K>
    where
        T: Repeats,
    {
        self.step(DistinctUntilChanged { last: None })
    }
}

impl<F: Flow> Pipe<F> {
    /// Drops every item that equals the one before it. See [`Items::distinct_until_changed`].
    #[track_caller]
    pub fn distinct_until_changed(self) -> Pipe<StepFlow<F, DistinctUntilChanged<F::Item>, AtMostOne>>
    where
        F::Item: Repeats,
    {
        self.with(Items::distinct_until_changed)
    }
}

/// What can be told from the item before it: whatever is `Clone` and `PartialEq`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be held and compared: it is not both `Clone` and `PartialEq`",
    label = "`{Self}` cannot be compared with the one before it",
    note = "derive `Clone, PartialEq` for it, or compare a key of it: `distinct_until_changed_by(|item| item.id)`"
)]
pub trait Repeats: Clone + PartialEq {}

#[diagnostic::do_not_recommend]
impl<T: Clone + PartialEq> Repeats for T {}

/// Drops repeats: made by [`Items::distinct_until_changed`].
#[derive(Clone, Copy, Debug)]
pub struct DistinctUntilChanged<T> {
    last: Option<T>,
}

impl<T: Clone + PartialEq> Step<T> for DistinctUntilChanged<T> {
    type Out = T;

    #[inline(always)]
    fn step(&mut self, item: T, _: &mut Stop) -> Option<T> {
        if self.last.as_ref() == Some(&item) {
            return None;
        }
        self.last = Some(item.clone());
        Some(item)
    }
}
