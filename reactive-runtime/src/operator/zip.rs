use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::fault::Join;
use crate::flow::{Boundedness, Budget, Downstream, Drive, Driven, Flow, OneItem, yield_now};
use crate::items::{Items, Stage, Staged};
use crate::pipe::Pipe;
use crate::source::Source;

/// How many pairs a poll makes: for each, the right side may look through a [`BUDGET`](crate::flow::BUDGET) of items.
const PAIRS: usize = 256;

impl<T, K> Items<T, K> {
    /// Pairs each item with one of `other`.
    ///
    /// Both sides are polled together; it holds at most one item of each. It ends as soon as one side can give no
    /// partner.
    ///
    /// # Data loss
    ///
    /// An item that waits for its partner when the other side ends is dropped.
    ///
    /// # Errors
    ///
    /// Those of both sides, when they are met.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let pairs = pipeline! { ["a", "b", "c"] |> zip(1..) |> take(2) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(pairs), [("a", 1), ("b", 2)]);
    /// ```
    pub fn zip<S, G>(self, other: S) -> Staged<Zip<G>, (T, G::Item), K::Out>
    where
        S: Source<Flow = G>,
        G: Flow,
        K: Join<G::Error>,
    {
        self.stage(Zip { other: other.into_flow() })
    }
}

impl<F: Flow> Pipe<F> {
    /// Pairs each item with one of `other`. See [`Items::zip`].
    #[track_caller]
    pub fn zip<S, G>(self, other: S) -> Pipe<ZipFlow<F, G, F::Item, G::Item>>
    where
        S: Source<Flow = G>,
        G: Flow,
        F::Error: Join<G::Error>,
    {
        self.with(|items| items.zip(other))
    }
}

/// Pairs two flows: made by [`Items::zip`].
#[derive(Clone, Copy, Debug)]
pub struct Zip<G> {
    other: G,
}

impl<F: Flow, G: Flow> Stage<F> for Zip<G>
where
    F::Error: Join<G::Error>,
{
    type Flow = ZipFlow<F, G, F::Item, G::Item>;

    fn attach(self, upstream: F) -> Self::Flow {
        let sides = Sides { left: upstream, right: self.other };
        ZipFlow { sides: Some(sides), waiting_left: None, waiting_right: None }
    }
}

pin_project! {
    /// The flow below [`Zip`].
    pub struct ZipFlow<F, G, T, U> {
        // `None` after the end.
        #[pin]
        sides: Option<Sides<F, G>>,
        waiting_left: Option<T>,
        waiting_right: Option<U>,
    }
}

pin_project! {
    struct Sides<F, G> {
        #[pin]
        left: F,
        #[pin]
        right: G,
    }
}

impl<F: Flow<Item = T>, G: Flow<Item = U>, T, U> Flow for ZipFlow<F, G, T, U>
where
    F::Error: Join<G::Error>,
{
    type Item = (T, U);
    type Error = <F::Error as Join<G::Error>>::Out;
    type Bound = <F::Bound as Boundedness>::Or<G::Bound>;

    #[inline(always)]
    fn poll_drive<D: Downstream<Self::Item>>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<Self::Error> {
        let driven = self.as_mut().pair(cx, down);
        if matches!(driven, Poll::Ready(Ok(Drive::Ended))) {
            let mut me = self.project();
            me.sides.set(None);
            (*me.waiting_left, *me.waiting_right) = (None, None);
        }
        driven
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        if let Some(sides) = self.project().sides.as_pin_mut() {
            let sides = sides.project();
            sides.left.poll_progress(cx);
            sides.right.poll_progress(cx);
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let Some(Sides { left, right }) = &self.sides else { return (0, Some(0)) };
        let (left_least, left_most) = with_waiting(left.size_hint(), &self.waiting_left);
        let (right_least, right_most) = with_waiting(right.size_hint(), &self.waiting_right);
        let at_most = match (left_most, right_most) {
            (Some(left), Some(right)) => Some(left.min(right)),
            (left, right) => left.or(right),
        };
        // An error of one side is no item of it, so it may cost the other side's partner nothing.
        (left_least.min(right_least), at_most)
    }
}

fn with_waiting<T>(hint: (usize, Option<usize>), waiting: &Option<T>) -> (usize, Option<usize>) {
    let waiting = usize::from(waiting.is_some());
    (hint.0.saturating_add(waiting), hint.1.and_then(|n| n.checked_add(waiting)))
}

impl<F: Flow<Item = T>, G: Flow<Item = U>, T, U> ZipFlow<F, G, T, U>
where
    F::Error: Join<G::Error>,
{
    #[inline(always)]
    fn pair<D: Downstream<(T, U)>>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<<F::Error as Join<G::Error>>::Out> {
        let me = self.project();
        let Some(sides) = me.sides.as_pin_mut() else { return Poll::Ready(Ok(Drive::Ended)) };
        let sides = sides.project();
        let mut left = sides.left;
        let mut partner =
            Partner { flow: sides.right, waiting: me.waiting_right, cx: Context::from_waker(cx.waker()) };

        // An item of the left side that found no partner in an earlier call.
        if let Some(first) = me.waiting_left.take() {
            match partner.find() {
                Ok(second) => {
                    if down.push((first, second)).is_break() {
                        return Poll::Ready(Ok(Drive::Paused));
                    }
                }
                Err(alone) => {
                    *me.waiting_left = Some(first);
                    if alone.is_pending() {
                        left.poll_progress(cx);
                    }
                    return alone.map_err(<F::Error as Join<G::Error>>::right);
                }
            }
        }

        let mut pairs = Pairs {
            partner: &mut partner,
            waiting: me.waiting_left,
            alone: None,
            broke: false,
            budget: Budget::of(PAIRS),
            down,
        };
        let driven = left.as_mut().poll_drive(cx, &mut pairs);
        let (alone, broke) = (pairs.alone, pairs.broke);
        match alone {
            Some(alone) => {
                if alone.is_pending() {
                    left.poll_progress(cx);
                }
                alone.map_err(<F::Error as Join<G::Error>>::right)
            }
            None if !broke && matches!(driven, Poll::Ready(Ok(Drive::Paused))) => yield_now(cx),
            None if driven.is_ready() => driven.map_err(Join::left),
            None => partner.prepare().map_err(<F::Error as Join<G::Error>>::right),
        }
    }
}

/// The right side, which is asked for one item for each of the left.
struct Partner<'a, 'c, G: Flow> {
    flow: Pin<&'a mut G>,
    waiting: &'a mut Option<G::Item>,
    // `Context::waker` outlives the borrow of the context, so this second context needs no clone of the waker.
    cx: Context<'c>,
}

impl<G: Flow> Partner<'_, '_, G> {
    /// The next item of the right side, or why there is none now: it is pending, has ended or has failed.
    #[inline(always)]
    fn find(&mut self) -> Result<G::Item, Driven<G::Error>> {
        if let Some(item) = self.waiting.take() {
            return Ok(item);
        }
        let mut one = OneItem(None);
        let driven = self.flow.as_mut().poll_drive(&mut self.cx, &mut one);
        one.0.ok_or(driven)
    }

    /// The left side is pending: has the right one's next item ready for it, or goes on with what is in flight.
    fn prepare(&mut self) -> Driven<G::Error> {
        match self.find() {
            Ok(item) => *self.waiting = Some(item),
            Err(alone) => return alone,
        }
        // It broke off at that item, or was not asked.
        self.flow.as_mut().poll_progress(&mut self.cx);
        Poll::Pending
    }
}

struct Pairs<'p, 'a, 'c, T, G: Flow, D> {
    partner: &'p mut Partner<'a, 'c, G>,
    waiting: &'p mut Option<T>,
    // Why the right side had no partner for the item that waits.
    alone: Option<Driven<G::Error>>,
    broke: bool,
    budget: Budget,
    down: &'p mut D,
}

impl<T, G: Flow, D: Downstream<(T, G::Item)>> Downstream<T> for Pairs<'_, '_, '_, T, G, D> {
    #[inline(always)]
    fn push(&mut self, item: T) -> ControlFlow<()> {
        match self.partner.find() {
            Ok(partner) => {
                let pushed = self.down.push((item, partner));
                self.broke = pushed.is_break();
                if self.budget.spend() { pushed } else { ControlFlow::Break(()) }
            }
            Err(alone) => {
                *self.waiting = Some(item);
                self.alone = Some(alone);
                ControlFlow::Break(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::operator::left_off::LeftOff;

    #[test]
    fn ends_with_the_shorter_side() {
        assert_eq!(block_on(Pipe::new(0..9).zip([1, 2]).collect::<Vec<_>>()), [(0, 1), (1, 2)]);
        assert_eq!(block_on(Pipe::new([1, 2]).zip(0..9).collect::<Vec<_>>()), [(1, 0), (2, 1)]);
    }

    #[test]
    fn does_bounded_work_where_partners_are_rare() {
        let seen = std::cell::Cell::new(0);
        let rare = Pipe::new(0..).filter(|x: &u32| {
            seen.set(seen.get() + 1);
            x.is_multiple_of(4000)
        });
        let mut pairs = std::pin::pin!(Pipe::new(0..100_000).zip(rare).fold(0, |n, _| n + 1));
        assert!(pairs.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop())).is_pending());
        assert!(seen.get() <= (PAIRS + 1) * 4000);
    }

    #[test]
    fn lets_the_right_side_go_on_when_its_item_waits() {
        let (right, note) = LeftOff::watch(0..3);
        let mut zip = std::pin::pin!(Pipe::from_stream(futures::stream::pending::<u32>()).zip(right));
        for _ in 0..2 {
            note.begin();
            let mut cx = Context::from_waker(std::task::Waker::noop());
            assert!(zip.as_mut().poll_drive(&mut cx, &mut OneItem(None)).is_pending());
            assert!(!note.is_left_off());
        }
    }

    #[test]
    fn goes_on_with_the_held_item_after_a_skipped_error() {
        let right = Pipe::from_iter([Ok(10), Err("torn"), Ok(20)]).or_fail();
        let pairs = Pipe::new([1, 2]).zip(right).catch(|_| crate::operator::Recover::Skip);
        assert_eq!(block_on(pairs.collect::<Vec<_>>()), [(1, 10), (2, 20)]);
    }
}
