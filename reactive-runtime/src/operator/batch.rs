#[cfg(feature = "time")]
pub(super) mod max_wait;
#[cfg(feature = "time")]
pub(super) mod waiting;

use std::task::{Context, Poll};

use crate::flow::Flow;
use crate::gather::{Flush, Gather, GatherFlow};
use crate::items::{Items, Stage, Staged};
use crate::live::{IntoSetting, Setting};
use crate::pipe::Pipe;

/// The room that the first batch gets at once; it grows to its full size if that many items come.
const FIRST_ROOM: usize = 1024;

impl<T, K> Items<T, K> {
    /// Gathers `size` items into a `Vec`.
    ///
    /// The last batch may be shorter, and is never empty: on the end it comes before the end, on an error before the
    /// error. Where an error should not cut a batch, put [`catch`](Items::catch) above the `batch`:
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let read = || ["1", "2", "x", "4"].map(str::parse::<u8>);
    /// let cut = pipeline! { read() |> or_fail() |> batch(3) |> catch(|_| Recover::Skip) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(cut), [vec![1, 2], vec![4]]);
    /// let whole = pipeline! { read() |> or_fail() |> catch(|_| Recover::Skip) |> batch(3) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(whole), [[1, 2, 4]]);
    /// ```
    ///
    /// It holds at most `size` items, in one allocation a batch.
    ///
    /// `size` may be [`Live`](crate::Live): a change also holds for the open batch, which is given at once where it has as
    /// many items already.
    ///
    /// Options: [`max_wait`](Staged::max_wait), [`max_weight`](Staged::max_weight).
    ///
    /// # Panics
    ///
    /// If `size` is 0. As a literal in `pipeline!`, that does not compile.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let batches = pipeline! { 0..5 |> batch(2) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(batches), [vec![0, 1], vec![2, 3], vec![4]]);
    /// ```
    #[doc(alias = "chunks")]
    #[track_caller]
    pub fn batch(self, size: impl IntoSetting<usize>) -> Staged<Batch, Vec<T>, K> {
        self.stage(Batch::new(size))
    }
}

impl<F: Flow> Pipe<F> {
    /// Gathers `size` items into a `Vec`. See [`Items::batch`].
    #[track_caller]
    pub fn batch(self, size: impl IntoSetting<usize>) -> Pipe<GatherFlow<F, Open<F::Item>, F::Error>> {
        let batch = Batch::new(size);
        self.with(|items| items.stage::<Vec<F::Item>, F::Error, _>(batch))
    }
}

impl<T, K> Staged<Batch, Vec<T>, K> {
    /// Ends a batch also by weight: no batch weighs more than `limit`, but an item that does so alone.
    ///
    /// An item that would make the open batch too heavy brings that out and begins the next; a batch that weighs `limit` or
    /// more is given at once. `weigh` is called once for each item: bytes, rows, or what it costs. `limit` may be
    /// [`Live`](crate::Live), as the size may.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let lines = ["aaa", "b", "ccccc", "d"];
    /// let batches = pipeline! { lines |> batch(100).max_weight(4B, |line| line.len()) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(batches), [vec!["aaa", "b"], vec!["ccccc"], vec!["d"]]);
    /// ```
    pub fn max_weight<W: FnMut(&T) -> usize>(
        self,
        limit: impl IntoSetting<usize>,
        weigh: W,
    ) -> Staged<WeightedBatch<W>, Vec<T>, K> {
        self.map_op(|batch| WeightedBatch::new(batch, limit, weigh))
    }
}

/// Gathers items: made by [`Items::batch`].
#[derive(Clone, Debug)]
pub struct Batch {
    size: Setting<usize>,
}

/// Gathers items by number and by weight: made by [`Staged::max_weight`].
#[derive(Clone, Debug)]
pub struct WeightedBatch<W> {
    batch: Batch,
    limit: Setting<usize>,
    weigh: W,
}

impl Batch {
    #[track_caller]
    fn new(size: impl IntoSetting<usize>) -> Self {
        Self::of(size, |size| match size {
            0 => Err("a batch of 0 items has no meaning: `batch` takes a size of at least 1"),
            _ => Ok(()),
        })
    }

    /// A batch whose size another operator gives.
    #[track_caller]
    pub(super) fn of(size: impl IntoSetting<usize>, check: fn(&usize) -> Result<(), &'static str>) -> Self {
        Self { size: size.into_setting(check) }
    }
}

impl<W> WeightedBatch<W> {
    fn new(batch: Batch, limit: impl IntoSetting<usize>, weigh: W) -> Self {
        Self { batch, limit: limit.into_setting(|_| Ok(())), weigh }
    }
}

impl<F: Flow> Stage<F> for Batch {
    type Flow = GatherFlow<F, Open<F::Item>, F::Error>;

    fn attach(self, upstream: F) -> Self::Flow {
        GatherFlow::new(upstream, Open::new(self))
    }
}

impl<F: Flow, W: FnMut(&F::Item) -> usize> Stage<F> for WeightedBatch<W> {
    type Flow = GatherFlow<F, WeightedOpen<F::Item, W>, F::Error>;

    fn attach(self, upstream: F) -> Self::Flow {
        GatherFlow::new(upstream, WeightedOpen::new(self))
    }
}

/// The batch of a [`Batch`] that is being filled.
#[derive(Debug)]
pub struct Open<T> {
    items: Vec<T>,
    size: Setting<usize>,
    // What the next batch allocates: as much as the last one held.
    room: usize,
}

impl<T> Open<T> {
    fn new(Batch { size }: Batch) -> Self {
        Self { items: Vec::new(), room: size.get().min(FIRST_ROOM), size }
    }

    #[inline(always)]
    fn is_full(&self) -> bool {
        self.items.len() >= self.size.get()
    }

    #[inline(always)]
    fn take(&mut self) -> Vec<T> {
        // Where time or weight cuts the batches, the next is like this one.
        self.room = self.items.len();
        std::mem::take(&mut self.items)
    }
}

impl<T> Gather<T> for Open<T> {
    type Out = Vec<T>;

    #[inline(always)]
    fn add(&mut self, item: T) -> Option<Vec<T>> {
        if self.items.is_empty() {
            self.items.reserve_exact(self.room);
        }
        self.items.push(item);
        self.is_full().then(|| self.take())
    }

    fn follow(&mut self) -> Option<Vec<T>> {
        self.size.changed();
        self.is_full().then(|| self.take())
    }

    fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.items.is_empty() { Poll::Pending } else { self.size.poll_changed(cx).map(drop) }
    }

    fn flush(&mut self, _: Flush) -> Option<Vec<T>> {
        (!self.items.is_empty()).then(|| self.take())
    }

    fn size_hint(
        &self,
        (at_least, at_most): (usize, Option<usize>),
        fallible: bool,
    ) -> (usize, Option<usize>) {
        let held = self.items.len();
        // An error cuts the batch that is open, so each item may be a batch; where the size may change, so may all of them.
        let fixed = self.size.is_fixed();
        let smallest = if fallible || !fixed { 1 } else { self.size.get() };
        let largest = if fixed { self.size.get() } else { usize::MAX };
        let batches = |items: usize, size| items.saturating_add(held).div_ceil(size);
        (batches(at_least, largest), at_most.map(|items| batches(items, smallest)))
    }
}

/// The batch of a [`WeightedBatch`] that is being filled.
#[derive(Debug)]
pub struct WeightedOpen<T, W> {
    open: Open<T>,
    weight: usize,
    limit: Setting<usize>,
    weigh: W,
}

impl<T, W> WeightedOpen<T, W> {
    fn new(WeightedBatch { batch, limit, weigh }: WeightedBatch<W>) -> Self {
        Self { open: Open::new(batch), weight: 0, limit, weigh }
    }
}

impl<T, W: FnMut(&T) -> usize> Gather<T> for WeightedOpen<T, W> {
    type Out = Vec<T>;

    #[inline(always)]
    fn add(&mut self, item: T) -> Option<Vec<T>> {
        let weight = (self.weigh)(&item);
        let too_heavy = self.weight.checked_add(weight).is_none_or(|all| all > self.limit.get());
        let done = if too_heavy { self.flush(Flush::End) } else { None };
        self.weight += weight;
        let full = self.open.add(item);
        if full.is_some() {
            // With what came before it, it would not have been full: so only one of the two is there.
            self.weight = 0;
        }
        done.or(full).or_else(|| self.more())
    }

    fn more(&mut self) -> Option<Vec<T>> {
        if self.weight < self.limit.get() { None } else { self.flush(Flush::End) }
    }

    fn follow(&mut self) -> Option<Vec<T>> {
        self.limit.changed();
        let full = self.open.follow();
        if full.is_some() {
            self.weight = 0;
        }
        full.or_else(|| self.more())
    }

    fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.open.items.is_empty() {
            return Poll::Pending;
        }
        let (limit, size) = (self.limit.poll_changed(cx), self.open.poll_changed(cx));
        if limit.is_ready() { Poll::Ready(()) } else { size }
    }

    fn flush(&mut self, cause: Flush) -> Option<Vec<T>> {
        self.weight = 0;
        self.open.flush(cause)
    }

    fn size_hint(&self, (at_least, at_most): (usize, Option<usize>), _: bool) -> (usize, Option<usize>) {
        // Each item may be heavy enough for a batch of its own.
        self.open.size_hint((at_least, at_most), true)
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use futures::{FutureExt, StreamExt};

    use super::*;

    #[test]
    fn emits_what_is_open_before_an_error() {
        let read = [Ok(1), Ok(2), Ok(3), Err("torn"), Ok(4)];
        let mut batches = Pipe::from_iter(read).or_fail().batch(2);
        assert_eq!(batches.next().now_or_never(), Some(Some(Ok(vec![1, 2]))));
        assert_eq!(batches.next().now_or_never(), Some(Some(Ok(vec![3]))));
        assert_eq!(batches.next().now_or_never(), Some(Some(Err("torn"))));
        assert_eq!(batches.next().now_or_never(), Some(None));
    }

    #[test]
    fn hints_at_batches_that_errors_cut() {
        let read = [Ok(1), Err("torn"), Ok(2), Ok(3), Err("torn"), Ok(4)];
        let batches = Pipe::from_iter(read).or_fail().batch(2);
        assert!(Flow::size_hint(&batches).1.is_some_and(|at_most| at_most >= 3));
    }

    #[test]
    fn emits_nothing_for_an_empty_source() {
        assert_eq!(block_on(Pipe::new(0..0).batch(3).count()), 0);
    }

    #[test]
    fn allocates_only_what_comes() {
        let batches = block_on(Pipe::new(0..10).batch(usize::MAX).collect::<Vec<_>>());
        assert_eq!(batches[0].capacity(), FIRST_ROOM);
    }

    #[test]
    fn weighs_its_items() {
        let batches = |weights: &[usize], size, limit| {
            let pipe =
                Pipe::new(weights).with(|items| items.batch(size).max_weight(limit, |weight| **weight));
            block_on(pipe.map(|batch| batch.into_iter().copied().collect::<Vec<_>>()).collect::<Vec<_>>())
        };
        assert_eq!(batches(&[2, 2, 2], 9, 4), [vec![2, 2], vec![2]]);
        assert_eq!(batches(&[1, 9, 1], 9, 4), [[1], [9], [1]]);
        assert_eq!(batches(&[1, 1, 1, 1], 3, 9), [vec![1, 1, 1], vec![1]]);
        assert_eq!(batches(&[3, 3], 1, 4), [[3], [3]]);
        assert_eq!(batches(&[0, 0, usize::MAX, 1], 9, 4), [vec![0, 0], vec![usize::MAX], vec![1]]);
    }

    #[test]
    #[should_panic(expected = "a batch of 0 items has no meaning")]
    fn refuses_zero() {
        let _ = Pipe::new(0..3).batch(0);
    }
}
