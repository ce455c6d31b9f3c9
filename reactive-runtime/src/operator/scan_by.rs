use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::Key;
use super::keyed::{Age, Forever, Lru, Memory};
use crate::flow::Flow;
use crate::items::{Items, Stepped};
use crate::live::IntoSetting;
use crate::pipe::Pipe;
use crate::step::{OneToOne, Step, StepFlow, Stop};

/// How many keys have a state at most, unless told otherwise.
const MAX_KEYS: usize = 100_000;

impl<T, K> Items<T, K> {
    /// Gives, for each item, what `f` makes of it and of the state of its key, which it may change.
    ///
    /// Each key begins with a clone of `init`. As with [`scan`](Items::scan), the initial state is not emitted, and `f` cannot
    /// end the pipeline.
    ///
    /// It holds the states of the 100 000 keys used last, or [`max_keys`](Stepped::max_keys); a state that was forgotten
    /// begins anew, and is counted.
    ///
    /// Options: [`max_keys`](Stepped::max_keys), [`idle`](Stepped::idle), [`count_evictions`](Stepped::count_evictions).
    ///
    /// # Data loss
    ///
    /// The state of a key that is forgotten is dropped; no item is.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let trades = [("a", 3), ("b", 5), ("a", 4)];
    /// let totals = pipeline! {
    ///     trades
    ///         |> scan_by(|(stock, _)| *stock, 0, |total, (stock, count)| { *total += count; (stock, *total) })
    ///         |> collect::<Vec<_>>()
    /// };
    /// assert_eq!(block_on(totals), [("a", 3), ("b", 5), ("a", 7)]);
    /// ```
    pub fn scan_by<Q, G, S, U, F>(self, key: G, init: S, f: F) -> Stepped<ScanBy<Q, G, S, F>, U, K, OneToOne>
    where
        Q: Clone + Key,
        G: FnMut(&T) -> Q,
        S: Clone,
        F: FnMut(&mut S, T) -> U,
    {
        self.step(ScanBy { key, init, f, states: Lru::new(Memory::new(MAX_KEYS)) }).one_to_one()
    }
}

impl<F: Flow> Pipe<F> {
    /// Gives, for each item, what `f` makes of it and of the state of its key. See [`Items::scan_by`].
    #[track_caller]
    pub fn scan_by<Q, G, S, U, H>(
        self,
        key: G,
        init: S,
        f: H,
    ) -> Pipe<StepFlow<F, ScanBy<Q, G, S, H>, OneToOne>>
    where
        Q: Clone + Key,
        G: FnMut(&F::Item) -> Q,
        S: Clone,
        H: FnMut(&mut S, F::Item) -> U,
    {
        self.with(|items| items.scan_by(key, init, f))
    }
}

impl<Q: Clone + Key, G, S, F, A: Age, U, K> Stepped<ScanBy<Q, G, S, F, A>, U, K, OneToOne> {
    /// Holds the states of the `keys` keys used last.
    ///
    /// It may be [`Live`](crate::Live): a change holds from the next new key on, which brings out as many as are too many.
    ///
    /// # Panics
    ///
    /// If `keys` is 0.
    #[track_caller]
    pub fn max_keys(self, keys: impl IntoSetting<usize>) -> Self {
        self.map_op(|op| op.map_memory(|memory| memory.max_keys(keys)))
    }

    /// Forgets the state of a key that no item had for `time`: when the next one has it, it begins anew. Memory is freed as
    /// items of other keys come.
    ///
    /// It may be [`Live`](crate::Live): a change holds from the next item on, also for the states that are held.
    ///
    /// # Panics
    ///
    /// If `time` is zero.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let visits = pipeline! {
    ///     interval(20min)
    ///         |> zip(["ann", "ann", "bob", "bob", "ann"])
    ///         |> scan_by(|(_, user)| *user, 0, |visits, (_, user)| { *visits += 1; (user, *visits) })
    ///             .idle(30min)
    ///         |> collect::<Vec<_>>()
    /// };
    /// assert_eq!(visits.await, [("ann", 1), ("ann", 2), ("bob", 1), ("bob", 2), ("ann", 1)]);
    /// # }
    /// ```
    #[cfg(feature = "time")]
    #[track_caller]
    pub fn idle(
        self,
        time: impl IntoSetting<std::time::Duration>,
    ) -> Stepped<ScanBy<Q, G, S, F, super::AtMost>, U, K, OneToOne> {
        let age = super::AtMost::idle(time);
        self.map_op(|op| op.map_memory(|memory| memory.age(age)))
    }

    /// Adds the number of states that were forgotten to `counter`.
    pub fn count_evictions(self, counter: Arc<AtomicU64>) -> Self {
        self.map_op(|op| op.map_memory(|memory| memory.count_evictions(counter)))
    }
}

/// Carries a state along for each key: made by [`Items::scan_by`].
#[derive(Clone, Debug)]
pub struct ScanBy<Q, G, S, F, A: Age = Forever> {
    key: G,
    init: S,
    f: F,
    states: Lru<Q, S, A>,
}

impl<Q: Clone + Key, G, S, F, A: Age> ScanBy<Q, G, S, F, A> {
    fn map_memory<B: Age>(self, f: impl FnOnce(Memory<A>) -> Memory<B>) -> ScanBy<Q, G, S, F, B> {
        ScanBy { key: self.key, init: self.init, f: self.f, states: Lru::new(f(self.states.into_memory())) }
    }
}

impl<T, Q, G, S, U, F, A> Step<T> for ScanBy<Q, G, S, F, A>
where
    Q: Clone + Key,
    G: FnMut(&T) -> Q,
    S: Clone,
    F: FnMut(&mut S, T) -> U,
    A: Age,
{
    type Out = U;

    #[inline(always)]
    fn step(&mut self, item: T, _: &mut Stop) -> Option<U> {
        let now = self.states.now();
        self.states.expire(now);
        let state = self.states.state((self.key)(&item), now, || self.init.clone(), drop);
        Some((self.f)(state, item))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use futures::executor::block_on;

    use super::*;

    #[test]
    fn forgets_the_key_used_longest_ago_and_counts_that() {
        let evicted = Arc::new(AtomicU64::new(0));
        let counter = evicted.clone();
        let counts = Pipe::new(["a", "b", "a", "c", "a", "b"]).with(|items| {
            let count = |count: &mut u32, key| {
                *count += 1;
                (key, *count)
            };
            items.scan_by(|key| *key, 0, count).max_keys(2).count_evictions(counter)
        });
        let expected = [("a", 1), ("b", 1), ("a", 2), ("c", 1), ("a", 3), ("b", 1)];
        assert_eq!(block_on(counts.collect::<Vec<_>>()), expected);
        assert_eq!(evicted.load(Ordering::Relaxed), 2);
    }

    #[test]
    #[should_panic(expected = "a memory of 0 keys has no meaning")]
    fn refuses_a_memory_of_nothing() {
        let _ = Pipe::new([1]).with(|items| items.scan_by(|x| *x, 0, |_, x| x).max_keys(0));
    }

    #[cfg(feature = "time")]
    #[tokio::test(start_paused = true)]
    async fn begins_anew_with_a_key_that_was_idle() {
        use futures::StreamExt;
        use tokio::time::advance;

        use crate::units::ms;

        let evicted = Arc::new(AtomicU64::new(0));
        let counter = evicted.clone();
        let mut counts = Pipe::new([1, 2, 1, 1, 2]).with(|items| {
            let count = |count: &mut u32, _| {
                *count += 1;
                *count
            };
            items.scan_by(|x| *x, 0, count).idle(ms(50)).count_evictions(counter)
        });
        for (expected, forgotten) in [(1, 0), (1, 0), (2, 0), (3, 0), (1, 1)] {
            assert_eq!(counts.next().await, Some(expected));
            assert_eq!(evicted.load(Ordering::Relaxed), forgotten);
            advance(ms(20)).await;
        }
    }
}
