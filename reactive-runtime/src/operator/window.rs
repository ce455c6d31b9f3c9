pub(super) mod by_key;
mod ring;

use std::fmt;
use std::ops::{Deref, Range};

use self::ring::{Handle, Ring};
use crate::flow::Flow;
use crate::gather::{Flush, Gather, GatherFlow};
use crate::items::{Items, Stage, Staged};
use crate::live::{IntoSetting, Setting};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Gives each run of `size` items in a row, as a [`Window`]: items 0 to `size` - 1, 1 to `size`, ..
    ///
    /// A `Window` is a handle on the ring that holds the items, and derefs to a slice. While no window is kept longer than
    /// until the next item comes, nothing is allocated and nothing cloned. Windows that are kept share an array, of 128
    /// items or of `size` where that is more; the next array begins with clones of the items that its first window shares
    /// with the last one.
    ///
    /// Nothing is given while there are fewer than `size` items. It holds at most `size` of them. `size` may be
    /// [`Live`](crate::Live): a change holds from the next item on, which then ends a window of that many.
    ///
    /// Options: [`step`](Staged::step), [`partial`](Staged::partial), [`by`](Staged::by) a key.
    ///
    /// # Data loss
    ///
    /// Items that are in no window are dropped: the rest at the end or before an error, unless
    /// [`partial`](Staged::partial) asks for it, and with a `step` larger than `size` those between the windows.
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
    /// let means = pipeline! { [1, 3, 5, 7] |> window(2) |> map(|w| w.iter().sum::<i32>() / 2) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(means), [2, 4, 6]);
    /// ```
    #[doc(alias = "sliding")]
    #[track_caller]
    pub fn window(self, size: impl IntoSetting<usize>) -> Staged<SlidingWindow, Window<T>, K>
    where
        T: Clone,
    {
        self.stage(SlidingWindow::new(size))
    }
}

impl<F: Flow<Item: Clone>> Pipe<F> {
    /// Gives each run of `size` items in a row. See [`Items::window`].
    #[track_caller]
    pub fn window(self, size: impl IntoSetting<usize>) -> Pipe<GatherFlow<F, Sliding<F::Item>, F::Error>> {
        let window = SlidingWindow::new(size);
        self.with(|items| items.stage::<Window<F::Item>, F::Error, _>(window))
    }
}

impl<U, K> Staged<SlidingWindow, U, K> {
    /// Begins a window at each `items`-th item, not at each.
    ///
    /// It may be [`Live`](crate::Live): a change holds from the next window on, which begins where it would have; the one
    /// behind it begins so many items later.
    ///
    /// # Panics
    ///
    /// If `items` is 0.
    #[track_caller]
    pub fn step(self, items: impl IntoSetting<usize>) -> Self {
        self.map_op(|op| op.step(items))
    }

    /// Also gives the rest, shorter than a window, where an item of it was in none.
    pub fn partial(self) -> Self {
        self.map_op(SlidingWindow::partial)
    }
}

/// Slides a window over the items: made by [`Items::window`].
#[derive(Clone, Debug)]
pub struct SlidingWindow {
    size: Setting<usize>,
    step: Setting<usize>,
    // The rest is given too.
    partial: bool,
}

impl SlidingWindow {
    #[track_caller]
    fn new(size: impl IntoSetting<usize>) -> Self {
        let size = size.into_setting(|size| match size {
            0 => Err("a window of 0 items has no meaning: `window` takes a size of at least 1"),
            _ => Ok(()),
        });
        Self { size, step: Setting::fixed(1), partial: false }
    }

    #[track_caller]
    fn step(self, items: impl IntoSetting<usize>) -> Self {
        let step = items.into_setting(|items| match items {
            0 => Err("windows that do not move have no meaning: `step` takes at least 1"),
            _ => Ok(()),
        });
        Self { step, ..self }
    }

    fn partial(self) -> Self {
        Self { partial: true, ..self }
    }

    /// Follows a change of its settings.
    fn follow(&mut self) {
        self.size.changed();
        self.step.changed();
    }
}

impl<F: Flow<Item: Clone>> Stage<F> for SlidingWindow {
    type Flow = GatherFlow<F, Sliding<F::Item>, F::Error>;

    fn attach(self, upstream: F) -> Self::Flow {
        GatherFlow::new(upstream, Sliding { windows: self, run: Run::new(Ring::new()) })
    }
}

/// Some items in a row: a cheap handle that derefs to a slice. `to_vec` makes a `Vec` of it.
pub struct Window<T> {
    items: Handle<T>,
    range: Range<usize>,
}

impl<T> Deref for Window<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.items.items()[self.range.clone()]
    }
}

impl<T> Clone for Window<T> {
    fn clone(&self) -> Self {
        Self { items: self.items.clone(), range: self.range.clone() }
    }
}

impl<T: fmt::Debug> fmt::Debug for Window<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<T: PartialEq, S: AsRef<[T]> + ?Sized> PartialEq<S> for Window<T> {
    fn eq(&self, other: &S) -> bool {
        **self == *other.as_ref()
    }
}

impl<T> AsRef<[T]> for Window<T> {
    fn as_ref(&self) -> &[T] {
        self
    }
}

impl<'a, T> IntoIterator for &'a Window<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The state of a [`SlidingWindow`].
#[derive(Debug)]
pub struct Sliding<T> {
    windows: SlidingWindow,
    run: Run<T>,
}

/// Items in a row, over which windows of any size slide.
#[derive(Debug)]
struct Run<T> {
    ring: Ring<T>,
    // How many items are between this window and the next.
    skip: usize,
    // Whether an item has come that is in no window yet.
    fresh: bool,
}

impl<T> Run<T> {
    fn new(ring: Ring<T>) -> Self {
        Self { ring, skip: 0, fresh: false }
    }

    /// The rest, where it is asked for; and begins anew.
    fn rest(&mut self, partial: bool) -> Option<Window<T>> {
        self.skip = 0;
        let rest = self.ring.take();
        let fresh = std::mem::replace(&mut self.fresh, false);
        (partial && fresh).then_some(rest)
    }
}

impl<T: Clone> Run<T> {
    #[inline(always)]
    fn add(&mut self, item: T, size: usize, step: usize) -> Option<Window<T>> {
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        self.ring.push(item, size);
        self.fresh = true;
        let beyond = self.ring.held().checked_sub(size)?;
        if beyond > 0 {
            // The windows have become smaller.
            self.ring.forget(beyond);
        }
        self.skip = step.saturating_sub(size);
        self.fresh = false;
        Some(self.ring.window(step.min(size)))
    }
}

impl<T: Clone> Gather<T> for Sliding<T> {
    type Out = Window<T>;

    #[inline(always)]
    fn add(&mut self, item: T) -> Option<Window<T>> {
        self.run.add(item, self.windows.size.get(), self.windows.step.get())
    }

    fn follow(&mut self) -> Option<Window<T>> {
        self.windows.follow();
        None
    }

    fn flush(&mut self, _: Flush) -> Option<Window<T>> {
        self.run.rest(self.windows.partial)
    }

    fn size_hint(
        &self,
        (at_least, at_most): (usize, Option<usize>),
        fallible: bool,
    ) -> (usize, Option<usize>) {
        let SlidingWindow { size, step, partial } = &self.windows;
        let Run { ring, skip, .. } = &self.run;
        let windows = |items: usize| {
            let items = items.saturating_sub(*skip).saturating_add(ring.held());
            items.checked_sub(size.get()).map_or(0, |others| others / step.get() + 1)
        };
        // An error begins anew, and another size or step does not say what it makes of the items.
        let known = !fallible && size.is_fixed() && step.is_fixed();
        let at_least = if known { windows(at_least) } else { 0 };
        let rest = usize::from(*partial);
        let at_most = at_most.and_then(|items| {
            // Each error may bring a rest, and each item an error.
            let windows = if known { windows(items) } else { items.checked_add(ring.held())? };
            windows.checked_add(rest)
        });
        (at_least, at_most)
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    fn windows(count: u32, size: usize, step: usize, partial: bool) -> Vec<Vec<u32>> {
        let pipe = Pipe::new(0..count).with(|items| {
            let op = items.window(size).step(step);
            if partial { op.partial() } else { op }
        });
        block_on(pipe.map(|window| window.to_vec()).collect())
    }

    #[test]
    fn begins_at_each_step() {
        assert_eq!(windows(5, 3, 1, false), [[0, 1, 2], [1, 2, 3], [2, 3, 4]]);
        assert_eq!(windows(7, 3, 2, false), [[0, 1, 2], [2, 3, 4], [4, 5, 6]]);
        assert_eq!(windows(7, 2, 3, false), [[0, 1], [3, 4]]);
        assert_eq!(windows(2, 3, 1, false), Vec::<Vec<u32>>::new());
    }

    #[test]
    fn gives_the_rest_only_when_asked_and_only_what_was_in_no_window() {
        assert_eq!(windows(5, 2, 2, true), [vec![0, 1], vec![2, 3], vec![4]]);
        assert_eq!(windows(4, 3, 1, true), [[0, 1, 2], [1, 2, 3]]);
        assert_eq!(windows(2, 3, 1, true), [[0, 1]]);
        assert_eq!(windows(6, 2, 4, true), [[0, 1], [4, 5]]);
    }

    #[test]
    fn kept_windows_stay_as_they_are() {
        let kept = block_on(Pipe::new(0..500u32).window(3).collect::<Vec<_>>());
        for (start, window) in (0..).zip(&kept) {
            assert_eq!(*window, [start, start + 1, start + 2]);
        }
    }

    #[test]
    fn windows_that_are_used_up_share_one_ring() {
        let mut places = std::collections::HashSet::new();
        block_on(Pipe::new(0..10_000u32).window(3).for_each(|window| {
            places.insert(window.as_ptr());
        }));
        assert!(places.len() < 100);
    }
}
