use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::ring::Ring;
use super::{Run, SlidingWindow, Window};
use crate::flow::Flow;
use crate::gather::{Flush, Gather, GatherFlow};
use crate::items::{Stage, Staged};
use crate::live::IntoSetting;
use crate::operator::Key;
use crate::operator::keyed::{Age, Forever, Lru, Memory};

/// How many keys have a window at most, unless told otherwise.
const MAX_KEYS: usize = 10_000;

impl<T, K> Staged<SlidingWindow, Window<T>, K> {
    /// Gives each key windows of its own: each run of items with equal keys.
    ///
    /// It holds at most one window a key, of the 10 000 keys used last, or [`max_keys`](Staged::max_keys). A key that is
    /// forgotten begins anew; with [`partial`](Staged::partial) its rest is given then. At the end and before an error it is that
    /// of all keys, in the order of their last items.
    ///
    /// A live size is one for all keys, and holds for each from its next item on.
    ///
    /// Options: [`max_keys`](Staged::max_keys), [`idle`](Staged::idle), [`count_evictions`](Staged::count_evictions).
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let prices = [("a", 3), ("b", 5), ("a", 4), ("b", 1), ("a", 9)];
    /// let changes = pipeline! {
    ///     prices |> window(2).by(|(stock, _)| *stock) |> map(|w| (w[0].0, w[1].1 - w[0].1)) |> collect::<Vec<_>>()
    /// };
    /// assert_eq!(block_on(changes), [("a", 1), ("b", -4), ("a", 5)]);
    /// ```
    pub fn by<Q, F>(self, key: F) -> Staged<WindowByKey<F>, Window<T>, K>
    where
        Q: Clone + Key,
        F: FnMut(&T) -> Q,
    {
        self.map_op(|windows| WindowByKey { windows, key, memory: Memory::new(MAX_KEYS) })
    }
}

impl<F, A, U, K> Staged<WindowByKey<F, A>, U, K> {
    /// Begins a window at each `items`-th item of a key. See [`Staged::step`]. A live number is one for all keys.
    ///
    /// # Panics
    ///
    /// If `items` is 0.
    #[track_caller]
    pub fn step(self, items: impl IntoSetting<usize>) -> Self {
        self.map_op(|op| WindowByKey { windows: op.windows.step(items), ..op })
    }

    /// Also gives the rest of each key. See [`Staged::partial`].
    pub fn partial(self) -> Self {
        self.map_op(|op| WindowByKey { windows: op.windows.partial(), ..op })
    }

    /// Holds windows of the `keys` keys used last.
    ///
    /// It may be [`Live`](crate::Live): a change holds from the next new key on, which brings out as many as are too many.
    ///
    /// # Panics
    ///
    /// If `keys` is 0.
    #[track_caller]
    pub fn max_keys(self, keys: impl IntoSetting<usize>) -> Self {
        self.map_op(|op| WindowByKey { memory: op.memory.max_keys(keys), ..op })
    }

    /// Forgets a key that no item had for `time`: with the next one it begins anew. Memory is freed as items of other keys
    /// come.
    ///
    /// It may be [`Live`](crate::Live): a change holds from the next item on, also for the keys that are known.
    ///
    /// # Panics
    ///
    /// If `time` is zero.
    #[cfg(feature = "time")]
    #[track_caller]
    pub fn idle(
        self,
        time: impl IntoSetting<std::time::Duration>,
    ) -> Staged<WindowByKey<F, crate::operator::AtMost>, U, K> {
        let age = crate::operator::AtMost::idle(time);
        self.map_op(|WindowByKey { windows, key, memory }| WindowByKey {
            windows,
            key,
            memory: memory.age(age),
        })
    }

    /// Adds the number of keys that were forgotten to `counter`.
    pub fn count_evictions(self, counter: Arc<AtomicU64>) -> Self {
        self.map_op(|op| WindowByKey { memory: op.memory.count_evictions(counter), ..op })
    }
}

/// Slides a window over the items of each key: made by [`Staged::by`].
#[derive(Clone, Debug)]
pub struct WindowByKey<F, A = Forever> {
    windows: SlidingWindow,
    key: F,
    memory: Memory<A>,
}

impl<F, Q, G, A> Stage<F> for WindowByKey<G, A>
where
    F: Flow<Item: Clone>,
    Q: Clone + Key,
    G: FnMut(&F::Item) -> Q,
    A: Age,
{
    type Flow = GatherFlow<F, SlidingByKey<F::Item, Q, G, A>, F::Error>;

    fn attach(self, upstream: F) -> Self::Flow {
        let Self { windows, key, memory } = self;
        let gather =
            SlidingByKey { windows, key, keys: Lru::new(memory), ready: VecDeque::new(), all: false };
        GatherFlow::new(upstream, gather)
    }
}

/// The state of a [`WindowByKey`].
#[derive(Debug)]
pub struct SlidingByKey<T, Q, F, A: Age> {
    windows: SlidingWindow,
    key: F,
    keys: Lru<Q, Run<T>, A>,
    // What one item made ready: a window, and rests of keys that were forgotten.
    ready: VecDeque<Window<T>>,
    // All are to be given.
    all: bool,
}

impl<T: Clone, Q: Clone + Key, F: FnMut(&T) -> Q, A: Age> Gather<T> for SlidingByKey<T, Q, F, A> {
    type Out = Window<T>;

    fn add(&mut self, item: T) -> Option<Window<T>> {
        let now = self.keys.now();
        let Self { windows, key, keys, ready, .. } = self;
        let mut give_rest = |mut gone: Run<T>| ready.extend(gone.rest(windows.partial));
        keys.expire(now).map(&mut give_rest);
        let (size, step) = (windows.size.get(), windows.step.get());
        let begin = || Run::new(Ring::small(size));
        let of_key = keys.state(key(&item), now, begin, give_rest);
        let window = of_key.add(item, size, step);
        ready.extend(window);
        ready.pop_front()
    }

    fn more(&mut self) -> Option<Window<T>> {
        if let Some(ready) = self.ready.pop_front() {
            return Some(ready);
        }
        while self.all {
            let oldest = self.keys.pop_oldest();
            self.all = oldest.is_some();
            if let Some(rest) = oldest.and_then(|mut gone| gone.rest(self.windows.partial)) {
                return Some(rest);
            }
        }
        None
    }

    fn follow(&mut self) -> Option<Window<T>> {
        self.windows.follow();
        None
    }

    fn flush(&mut self, _: Flush) -> Option<Window<T>> {
        self.all = true;
        self.more()
    }

    fn size_hint(&self, (_, at_most): (usize, Option<usize>), _: bool) -> (usize, Option<usize>) {
        // Each item may complete a window, or begin a rest.
        let held = self.keys.len() + self.ready.len();
        (0, at_most.and_then(|items| items.checked_add(held)))
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::pipe::Pipe;

    fn windows<F: Flow<Item = Window<u32>, Error = std::convert::Infallible>>(
        pipe: Pipe<F>,
    ) -> Vec<Vec<u32>> {
        block_on(pipe.map(|window| window.to_vec()).collect())
    }

    #[test]
    fn are_as_if_each_key_had_a_pipeline_of_its_own() {
        for (size, step) in [(1, 1), (3, 1), (3, 2), (2, 5), (70, 1)] {
            let items: Vec<u32> = (0..600).map(|x| x * x % 251).collect();
            let by_key =
                Pipe::new(items.clone()).with(|items| items.window(size).by(|x| x % 4).step(step).partial());
            let mut by_key = windows(by_key);
            let mut expected = Vec::new();
            for key in 0..4 {
                let of_key = Pipe::new(items.clone()).filter(move |x| x % 4 == key);
                expected.extend(windows(of_key.with(|items| items.window(size).step(step).partial())));
            }
            by_key.sort();
            expected.sort();
            assert_eq!(by_key, expected);
        }
    }

    #[test]
    fn a_key_that_is_forgotten_begins_anew_and_gives_its_rest() {
        let pipe = || Pipe::new([10u32, 20, 11, 30, 21]);
        let dropped = pipe().with(|items| items.window(2).by(|x| x / 10).max_keys(2));
        assert_eq!(windows(dropped), [[10, 11]]);
        let given = pipe().with(|items| items.window(2).by(|x| x / 10).max_keys(2).partial());
        assert_eq!(windows(given), [vec![10, 11], vec![20], vec![30], vec![21]]);
    }

    #[cfg(feature = "time")]
    #[tokio::test(start_paused = true)]
    async fn a_key_that_was_idle_begins_anew() {
        use futures::StreamExt;
        use tokio::time::advance;

        use crate::units::ms;

        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
        let mut windows =
            Pipe::new(receiver).with(|items| items.window(2).by(|x| x / 10).idle(ms(50)).partial());
        for item in [10, 20, 11] {
            sender.send(item).unwrap();
            let _ = futures::poll!(windows.next());
            advance(ms(30)).await;
        }
        drop(sender);
        let rest = windows.map(|window| window.to_vec()).collect::<Vec<_>>().await;
        assert_eq!(rest, [[20], [11]]);
    }
}
