use crate::flow::Flow;
use crate::items::{Items, Stepped};
use crate::pipe::Pipe;
use crate::step::{AtMostOne, Step, StepFlow, Stop};

impl<T, K> Items<T, K> {
    /// Drops every item whose key equals that of the one before it.
    ///
    /// It holds one key.
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
    /// let first_of_each = pipeline! { ["a1", "a2", "b1"] |> distinct_until_changed_by(|s| s.as_bytes()[0]) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(first_of_each), ["a1", "b1"]);
    /// ```
    #[doc(alias = "dedup_by_key")]
    pub fn distinct_until_changed_by<Q, F>(self, key: F) -> Stepped<DistinctUntilChangedBy<Q, F>, T, K>
    where
        F: FnMut(&T) -> Q,
        Q: PartialEq,
    {
        self.step(DistinctUntilChangedBy { last: None, key })
    }
}

impl<F: Flow> Pipe<F> {
    /// Drops every item whose key equals that of the one before it. See [`Items::distinct_until_changed_by`].
    #[track_caller]
    pub fn distinct_until_changed_by<Q, G>(
        self,
        key: G,
    ) -> Pipe<StepFlow<F, DistinctUntilChangedBy<Q, G>, AtMostOne>>
    where
        G: FnMut(&F::Item) -> Q,
        Q: PartialEq,
    {
        self.with(|items| items.distinct_until_changed_by(key))
    }
}

/// Drops repeats of a key: made by [`Items::distinct_until_changed_by`].
#[derive(Clone, Copy, Debug)]
pub struct DistinctUntilChangedBy<Q, F> {
    last: Option<Q>,
    key: F,
}

impl<T, Q: PartialEq, F: FnMut(&T) -> Q> Step<T> for DistinctUntilChangedBy<Q, F> {
    type Out = T;

    #[inline(always)]
    fn step(&mut self, item: T, _: &mut Stop) -> Option<T> {
        let key = (self.key)(&item);
        if self.last.as_ref() == Some(&key) {
            return None;
        }
        self.last = Some(key);
        Some(item)
    }
}
