use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::flow::{BUDGET, Downstream, Drive, Driven, Flow, yield_now};
use crate::items::{Items, Stage, Staged};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Makes many items of one: those of whatever can be iterated over that `f` gives, in order, one after the other.
    ///
    /// The iterator is walked as items are asked for; an endless one is fine, and what is below it takes what it wants.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let words = pipeline! { ["a b", "c"] |> flat_map(|line| line.split(' ')) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(words), ["a", "b", "c"]);
    /// ```
    pub fn flat_map<I, F>(self, f: F) -> Staged<FlatMap<F>, I::Item, K>
    where
        I: IntoIterator,
        F: FnMut(T) -> I,
    {
        self.stage(FlatMap { f })
    }
}

impl<F: Flow> Pipe<F> {
    /// Makes many items of one. See [`Items::flat_map`].
    #[track_caller]
    pub fn flat_map<I, G>(self, f: G) -> Pipe<FlatMapFlow<F, G, I::IntoIter>>
    where
        I: IntoIterator,
        G: FnMut(F::Item) -> I,
    {
        self.with(|items| items.flat_map(f))
    }
}

/// Makes many items of one: made by [`Items::flat_map`].
#[derive(Clone, Copy, Debug)]
pub struct FlatMap<F> {
    f: F,
}

impl<F, I, G> Stage<F> for FlatMap<G>
where
    F: Flow,
    I: IntoIterator,
    G: FnMut(F::Item) -> I,
{
    type Flow = FlatMapFlow<F, G, I::IntoIter>;

    fn attach(self, upstream: F) -> Self::Flow {
        FlatMapFlow { upstream, f: self.f, rest: None }
    }
}

pin_project! {
    /// The flow below [`FlatMap`].
    #[derive(Debug)]
    pub struct FlatMapFlow<F, G, I> {
        #[pin]
        upstream: F,
        f: G,
        // The iterator at which downstream, or the budget, broke.
        rest: Option<I>,
    }
}

impl<F, I, G> Flow for FlatMapFlow<F, G, I::IntoIter>
where
    F: Flow,
    I: IntoIterator,
    G: FnMut(F::Item) -> I,
{
    type Item = I::Item;
    type Error = F::Error;
    type Bound = F::Bound;

    #[inline(always)]
    fn poll_drive<D: Downstream<I::Item>>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<F::Error> {
        let mut me = self.project();
        let rest = me.rest.take();
        let mut flatten = Flatten { f: me.f, rest: me.rest, left: BUDGET, broke: false, down };
        if let Some(rest) = rest
            && flatten.walk(rest).is_break()
        {
            if flatten.broke {
                return Poll::Ready(Ok(Drive::Paused));
            }
            me.upstream.poll_progress(cx);
            return yield_now(cx);
        }
        let driven = me.upstream.as_mut().poll_drive(cx, &mut flatten);
        let own_break = flatten.rest.is_some() && !flatten.broke;
        if own_break { yield_now(cx) } else { driven }
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        self.project().upstream.poll_progress(cx);
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (at_least, at_most) = self.rest.as_ref().map_or((0, Some(0)), I::IntoIter::size_hint);
        let none_above = self.upstream.size_hint().1 == Some(0);
        (at_least, at_most.filter(|_| none_above))
    }
}

struct Flatten<'a, G, I, D> {
    f: &'a mut G,
    rest: &'a mut Option<I>,
    left: usize,
    broke: bool,
    down: &'a mut D,
}

impl<G, I: Iterator, D: Downstream<I::Item>> Flatten<'_, G, I, D> {
    /// Pushes the items of an iterator; on a break of `down`, or when the budget is used up, the rest is kept.
    #[inline(always)]
    fn walk(&mut self, mut iter: I) -> ControlFlow<()> {
        while self.left > 0 {
            let Some(item) = iter.next() else { return ControlFlow::Continue(()) };
            self.left -= 1;
            if self.down.push(item).is_break() {
                self.broke = true;
                break;
            }
        }
        *self.rest = Some(iter);
        ControlFlow::Break(())
    }
}

impl<T, G, I, D> Downstream<T> for Flatten<'_, G, I::IntoIter, D>
where
    I: IntoIterator,
    G: FnMut(T) -> I,
    D: Downstream<I::Item>,
{
    #[inline(always)]
    fn push(&mut self, item: T) -> ControlFlow<()> {
        let iter = (self.f)(item).into_iter();
        self.walk(iter)
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use futures::{FutureExt, StreamExt};

    use super::*;

    #[test]
    fn keeps_the_rest_when_downstream_breaks() {
        let mut numbers = Pipe::new([2, 0, 3]).flat_map(|n| 0..n);
        for expected in [0, 1, 0, 1, 2] {
            assert_eq!(numbers.next().now_or_never(), Some(Some(expected)));
        }
        assert_eq!(numbers.next().now_or_never(), Some(None));
    }

    #[test]
    fn yields_within_a_long_iterator() {
        let mut polls = 0;
        let mut sum = Pipe::new([1]).flat_map(|_| 0..10 * BUDGET).count();
        let counted = std::future::poll_fn(|cx| {
            polls += 1;
            sum.poll_unpin(cx)
        });
        assert_eq!(block_on(counted), 10 * BUDGET);
        assert!(polls >= 10, "{polls} polls");
    }
}
