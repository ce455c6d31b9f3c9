#[cfg(feature = "time")]
pub(super) mod max_wait;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::task::{Context, Poll};

use foldhash::quality::RandomState;

use super::distinct::Key;
use crate::flow::Flow;
use crate::gather::{Flush, Gather, GatherFlow};
use crate::items::{Items, Stage, Staged};
use crate::live::{IntoSetting, Setting};
use crate::pipe::Pipe;

/// How many batches are open at most, unless told otherwise.
const MAX_KEYS: usize = 10_000;

impl<T, K> Items<T, K> {
    /// Gathers `size` items with equal keys into a `Vec`: a batch for each key.
    ///
    /// At most 10 000 batches are open, or [`max_keys`](Staged::max_keys): a new key brings out the one that was opened
    /// first. All of them are flushed at the end and before an error, in the order in which they were opened. It holds
    /// at most `size` items a key.
    ///
    /// `size` may be [`Live`](crate::Live): a change also holds for the batches that are open, and those that have as many
    /// items already are given at once, in the order in which they were opened.
    ///
    /// Options: [`max_wait`](Staged::max_wait), [`max_keys`](Staged::max_keys).
    ///
    /// # Panics
    ///
    /// If `size` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let batches = pipeline! { ["a1", "b1", "a2", "a3"] |> batch_by(|s| s.as_bytes()[0], 2) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(batches), [vec!["a1", "a2"], vec!["b1"], vec!["a3"]]);
    /// ```
    #[track_caller]
    pub fn batch_by<Q, F>(self, key: F, size: impl IntoSetting<usize>) -> Staged<BatchBy<F>, Vec<T>, K>
    where
        Q: Clone + Key,
        F: FnMut(&T) -> Q,
    {
        self.stage(BatchBy::new(key, size))
    }
}

impl<F: Flow> Pipe<F> {
    /// Gathers `size` items with equal keys into a `Vec`. See [`Items::batch_by`].
    #[track_caller]
    pub fn batch_by<Q, G>(
        self,
        key: G,
        size: impl IntoSetting<usize>,
    ) -> Pipe<GatherFlow<F, OpenBy<F::Item, Q, G>, F::Error>>
    where
        Q: Clone + Key,
        G: FnMut(&F::Item) -> Q,
    {
        let batches = BatchBy::new(key, size);
        self.with(|items| items.stage::<Vec<F::Item>, F::Error, _>(batches))
    }
}

impl<F, U, K> Staged<BatchBy<F>, U, K> {
    /// Has at most `keys` batches open.
    ///
    /// It may be [`Live`](crate::Live): a change holds from the next new key on, which brings out as many as are too many, in the
    /// order in which they were opened.
    ///
    /// # Panics
    ///
    /// If `keys` is 0.
    #[track_caller]
    pub fn max_keys(self, keys: impl IntoSetting<usize>) -> Self {
        self.map_op(|op| op.max_keys(keys))
    }
}

/// Gathers items by key: made by [`Items::batch_by`].
#[derive(Clone, Debug)]
pub struct BatchBy<F> {
    key: F,
    size: Setting<usize>,
    max_keys: Setting<usize>,
}

impl<F> BatchBy<F> {
    #[track_caller]
    fn new(key: F, size: impl IntoSetting<usize>) -> Self {
        let size = size.into_setting(|size| match size {
            0 => Err("a batch of 0 items has no meaning: `batch_by` takes a size of at least 1"),
            _ => Ok(()),
        });
        Self { key, size, max_keys: Setting::fixed(MAX_KEYS) }
    }

    #[track_caller]
    fn max_keys(self, keys: impl IntoSetting<usize>) -> Self {
        let max_keys = keys.into_setting(|keys| match keys {
            0 => Err("at most 0 open batches have no meaning: `max_keys` takes at least 1"),
            _ => Ok(()),
        });
        Self { max_keys, ..self }
    }
}

impl<F, Q, G> Stage<F> for BatchBy<G>
where
    F: Flow,
    Q: Clone + Key,
    G: FnMut(&F::Item) -> Q,
{
    type Flow = GatherFlow<F, OpenBy<F::Item, Q, G>, F::Error>;

    fn attach(self, upstream: F) -> Self::Flow {
        GatherFlow::new(upstream, OpenBy::new(self, ()))
    }
}

/// The batches of a [`BatchBy`] that are being filled; each is told `S` when it is opened.
#[derive(Debug)]
pub struct OpenBy<T, Q, F, S = ()> {
    op: BatchBy<F>,
    open: HashMap<Q, (u64, Vec<T>), RandomState>,
    // The keys in the order in which their batches were opened.
    order: BTreeMap<u64, (Q, S)>,
    next: u64,
    // What a batch is told that is opened now.
    told: S,
    // Those that were too large or too many when a setting changed, in their order.
    surplus: VecDeque<u64>,
    // All are to be given.
    all: bool,
}

impl<T, Q: Clone + Key, F, S> OpenBy<T, Q, F, S> {
    fn new(op: BatchBy<F>, told: S) -> Self {
        Self {
            op,
            open: HashMap::default(),
            order: BTreeMap::new(),
            next: 0,
            told,
            surplus: VecDeque::new(),
            all: false,
        }
    }

    fn take_oldest(&mut self) -> Option<Vec<T>> {
        let (_, (key, _)) = self.order.pop_first()?;
        self.open.remove(&key).map(|(_, items)| items)
    }

    fn take_surplus(&mut self) -> Option<Vec<T>> {
        while let Some(opened) = self.surplus.pop_front() {
            // It may have been given since.
            if let Some((key, _)) = self.order.remove(&opened) {
                return self.open.remove(&key).map(|(_, items)| items);
            }
        }
        None
    }

    /// There is another size.
    fn resized(&mut self, size: usize) {
        let is_overfull = |key: &Q| self.open.get(key).is_some_and(|(_, items)| items.len() >= size);
        let overfull = self.order.iter().filter(|(_, (key, _))| is_overfull(key));
        self.surplus = overfull.map(|(opened, _)| *opened).collect();
    }

    /// Makes room for one more.
    fn evict(&mut self) -> Option<Vec<T>> {
        self.op.max_keys.changed();
        let too_many = (self.open.len() + 1).saturating_sub(self.op.max_keys.get());
        if too_many > 1 {
            // The number has become smaller.
            self.surplus.extend(self.order.keys().skip(1).take(too_many - 1));
        }
        if too_many > 0 { self.take_oldest() } else { None }
    }

    fn take(&mut self, key: &Q) -> Option<Vec<T>> {
        let (opened, items) = self.open.remove(key)?;
        self.order.remove(&opened);
        Some(items)
    }
}

impl<T, Q: Clone + Key, F: FnMut(&T) -> Q, S: Copy> Gather<T> for OpenBy<T, Q, F, S> {
    type Out = Vec<T>;

    fn add(&mut self, item: T) -> Option<Vec<T>> {
        let key = (self.op.key)(&item);
        if let Some((_, items)) = self.open.get_mut(&key) {
            items.push(item);
            return if items.len() < self.op.size.get() { None } else { self.take(&key) };
        }
        if self.op.size.get() == 1 {
            return Some(vec![item]);
        }
        let oldest = self.evict();
        self.order.insert(self.next, (key.clone(), self.told));
        self.open.insert(key, (self.next, vec![item]));
        self.next += 1;
        oldest
    }

    fn more(&mut self) -> Option<Vec<T>> {
        if self.all { self.flush(Flush::End) } else { self.take_surplus() }
    }

    fn follow(&mut self) -> Option<Vec<T>> {
        if let Some(size) = self.op.size.changed() {
            self.resized(size);
        }
        self.take_surplus()
    }

    fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.open.is_empty() {
            return Poll::Pending;
        }
        self.op.size.poll_changed(cx).map(|size| self.resized(size))
    }

    fn flush(&mut self, _: Flush) -> Option<Vec<T>> {
        let oldest = self.take_oldest();
        self.all = oldest.is_some();
        oldest
    }

    fn size_hint(&self, (at_least, at_most): (usize, Option<usize>), _: bool) -> (usize, Option<usize>) {
        let open = self.open.len();
        // Each item may have a key of its own.
        (open.max(usize::from(at_least > 0)), at_most.and_then(|items| items.checked_add(open)))
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    #[test]
    fn a_new_key_brings_out_the_batch_that_was_opened_first() {
        let pipe = Pipe::new([10, 20, 11, 30]).with(|items| items.batch_by(|x| x / 10, 3).max_keys(2));
        assert_eq!(block_on(pipe.collect::<Vec<_>>()), [vec![10, 11], vec![20], vec![30]]);
    }

    #[test]
    fn flushes_all_before_an_error_and_goes_on_behind_it() {
        let read = [Ok(10), Ok(20), Err("torn"), Ok(11)];
        let pipe = Pipe::new(read).or_fail().batch_by(|x| x / 10, 2);
        let caught = pipe.catch(|_| crate::operator::Recover::Skip);
        assert_eq!(block_on(caught.collect::<Vec<_>>()), [[10], [20], [11]]);
    }
}
