use std::hash::BuildHasher;

use foldhash::quality::RandomState;

use super::distinct::{Key, Remembers, Seen};
use super::keyed::{Age, Forever};
use crate::flow::Flow;
use crate::items::{Items, Stepped};
use crate::pipe::Pipe;
use crate::step::{AtMostOne, Step, StepFlow, Stop};

impl<T, K> Items<T, K> {
    /// Keeps the first of the items with equal keys.
    ///
    /// Its memory and its options are those of [`distinct`](Items::distinct); it holds keys, no items.
    ///
    /// # Data loss
    ///
    /// Later items with a key that it remembers are dropped when they arrive.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let first = pipeline! { ["ant", "bee", "ape"] |> distinct_by(|s| s.as_bytes()[0]) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(first), ["ant", "bee"]);
    /// ```
    #[doc(alias = "unique_by")]
    pub fn distinct_by<Q, F>(self, key: F) -> Stepped<DistinctBy<Q, F>, T, K>
    where
        Q: Key,
        F: FnMut(&T) -> Q,
    {
        self.step(DistinctBy { key, seen: Seen::new() })
    }
}

impl<F: Flow> Pipe<F> {
    /// Keeps the first of the items with equal keys. See [`Items::distinct_by`].
    #[track_caller]
    pub fn distinct_by<Q, G>(self, key: G) -> Pipe<StepFlow<F, DistinctBy<Q, G>, AtMostOne>>
    where
        Q: Key,
        G: FnMut(&F::Item) -> Q,
    {
        self.with(|items| items.distinct_by(key))
    }
}

/// Keeps the first item of each key: made by [`Items::distinct_by`].
#[derive(Clone, Debug)]
pub struct DistinctBy<Q, F, S = RandomState, A: Age = Forever> {
    key: F,
    seen: Seen<Q, S, A>,
}

impl<Q, F, S, A: Age> Remembers for DistinctBy<Q, F, S, A> {
    type Seen = Seen<Q, S, A>;
    type With<P, H, B: Age> = DistinctBy<P, F, H, B>;

    fn map_seen<P, H, B: Age>(self, f: impl FnOnce(Self::Seen) -> Seen<P, H, B>) -> DistinctBy<P, F, H, B> {
        DistinctBy { key: self.key, seen: f(self.seen) }
    }
}

impl<T, Q, F, S, A> Step<T> for DistinctBy<Q, F, S, A>
where
    Q: Key,
    F: FnMut(&T) -> Q,
    S: BuildHasher,
    A: Age,
{
    type Out = T;

    #[inline(always)]
    fn step(&mut self, item: T, _: &mut Stop) -> Option<T> {
        let key = (self.key)(&item);
        let now = self.seen.now();
        if self.seen.knows(&key, now) {
            return None;
        }
        self.seen.remember(key, now);
        Some(item)
    }
}
