use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::fault::Join;
use crate::flow::{Boundedness, Budget, Downstream, Drive, Driven, Flow, yield_now};
use crate::items::{Items, Stage, Staged};
use crate::pipe::Pipe;
use crate::source::{Same, Source};

/// The most items that one side gives before it is the other's turn, when both have plenty.
const QUANTUM_MAX: u8 = 32;

impl<T, K> Items<T, K> {
    /// Gives its own items and those of `other`, as they come.
    ///
    /// Fair: when both sides have items, they take turns, of one item at first, of up to 32 while both stay ready. It
    /// holds nothing. It ends when both have ended.
    ///
    /// Options: [`prefer_left`](Staged::prefer_left), [`end_with_any`](Staged::end_with_any).
    ///
    /// # Errors
    ///
    /// It fails at the first error of either side.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let sum = pipeline! { [1, 2] |> merge([3] |> map(|x| x * 10)) |> sum::<i32>() };
    /// assert_eq!(block_on(sum), 33);
    /// ```
    #[doc(alias = "select")]
    pub fn merge<S, G, H, U>(self, other: S) -> Staged<Merge<H>, T, K::Out>
    where
        S: Source<Flow = G>,
        G: Flow<Item = U> + Same<T, U, Flow = H>,
        K: Join<G::Error>,
    {
        self.stage(Merge { other: other.into_flow().same(), turns: Turns::Fair, end: PhantomData })
    }
}

impl<F: Flow> Pipe<F> {
    /// Gives its own items and those of `other`, as they come. See [`Items::merge`].
    #[track_caller]
    pub fn merge<S, G, H, U>(self, other: S) -> Pipe<MergeFlow<F, H, WithAll>>
    where
        S: Source<Flow = G>,
        G: Flow<Item = U> + Same<F::Item, U, Flow = H>,
        H: Flow<Item = F::Item>,
        F::Error: Join<G::Error> + Join<H::Error>,
    {
        self.with(|items| items.merge(other))
    }
}

impl<G, E, T, K> Staged<Merge<G, E>, T, K> {
    /// Takes from the left side whenever it has an item: the right one gets its turn while the left one is pending.
    ///
    /// The left side is asked first in each poll, and again after 32 items of the right one.
    pub fn prefer_left(self) -> Self {
        self.map_op(|op| Merge { turns: Turns::PreferLeft, ..op })
    }

    /// Ends as soon as one side has ended.
    ///
    /// # Data loss
    ///
    /// What the other side would still have given is not asked for.
    pub fn end_with_any(self) -> Staged<Merge<G, WithAny>, T, K> {
        self.map_op(|op| Merge { other: op.other, turns: op.turns, end: PhantomData })
    }
}

/// Mixes two flows: made by [`Items::merge`].
#[derive(Clone, Copy, Debug)]
pub struct Merge<G, E = WithAll> {
    other: G,
    turns: Turns,
    end: PhantomData<fn() -> E>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turns {
    Fair,
    PreferLeft,
}

/// When a [`Merge`] ends: [`WithAll`], or [`WithAny`].
pub trait MergeEnd {
    /// The boundedness of the two sides together.
    type Bound<A: Boundedness, B: Boundedness>: Boundedness;

    /// Whether the end of one side is enough.
    const ANY: bool;
}

/// It ends when both sides have.
#[derive(Clone, Copy, Debug)]
pub enum WithAll {}

/// It ends as soon as one side does.
#[derive(Clone, Copy, Debug)]
pub enum WithAny {}

impl MergeEnd for WithAll {
    type Bound<A: Boundedness, B: Boundedness> = A::And<B>;

    const ANY: bool = false;
}

impl MergeEnd for WithAny {
    type Bound<A: Boundedness, B: Boundedness> = A::Or<B>;

    const ANY: bool = true;
}

impl<F, G, E> Stage<F> for Merge<G, E>
where
    F: Flow,
    G: Flow<Item = F::Item>,
    F::Error: Join<G::Error>,
    E: MergeEnd,
{
    type Flow = MergeFlow<F, G, E>;

    fn attach(self, upstream: F) -> Self::Flow {
        MergeFlow::new(upstream, self.other, self.turns)
    }
}

pin_project! {
    /// The flow below [`Merge`].
    #[derive(Debug)]
    pub struct MergeFlow<F, G, E> {
        // Each is `None` once it has ended.
        #[pin]
        left: Option<F>,
        #[pin]
        right: Option<G>,
        turns: Turns,
        turn: Side,
        // How many items a side may give in its turn.
        quantum: u8,
        end: PhantomData<fn() -> E>,
    }
}

impl<F, G, E> MergeFlow<F, G, E> {
    fn new(left: F, right: G, turns: Turns) -> Self {
        Self { left: Some(left), right: Some(right), turns, turn: Side::Left, quantum: 1, end: PhantomData }
    }

    pub(super) fn fair(left: F, right: G) -> Self {
        Self::new(left, right, Turns::Fair)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }
}

impl<F, G, E> Flow for MergeFlow<F, G, E>
where
    F: Flow,
    G: Flow<Item = F::Item>,
    F::Error: Join<G::Error>,
    E: MergeEnd,
{
    type Item = F::Item;
    type Error = <F::Error as Join<G::Error>>::Out;
    type Bound = E::Bound<F::Bound, G::Bound>;

    fn poll_drive<D: Downstream<F::Item>>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<Self::Error> {
        if self.turns == Turns::PreferLeft && self.left.is_some() {
            *self.as_mut().project().turn = Side::Left;
        }
        let mut waiting = None;
        let mut budget = Budget::drives();
        while budget.spend() {
            let side = self.turn;
            let mut turn = Turn { left: self.quantum(), given: 0, broke: false, down };
            let driven = self.as_mut().drive_side(cx, &mut turn);
            let (given, broke) = (turn.given, turn.broke);
            match driven {
                Poll::Ready(Ok(Drive::Ended)) if self.as_mut().side_ended() => {
                    return Poll::Ready(Ok(Drive::Ended));
                }
                Poll::Ready(Err(_)) => {
                    // An error is a turn: a side that fails again and again leaves the other its own.
                    self.as_mut().next_turn(given + 1, waiting);
                    return driven;
                }
                Poll::Pending if given > 0 && self.turns == Turns::PreferLeft => {
                    // It may have used up its budget, and has more: the other side is not asked yet.
                    self.as_mut().progress_right(cx);
                    return yield_now(cx);
                }
                // Not asked again in this call: what it did for nothing would be done once a turn.
                Poll::Pending if waiting.is_none() => waiting = Some(side),
                Poll::Pending => return self.wait(),
                Poll::Ready(Ok(_)) => {}
            }
            let someone_is_next = self.as_mut().next_turn(given, waiting);
            if broke {
                return Poll::Ready(Ok(Drive::Paused));
            }
            if !someone_is_next {
                return self.wait();
            }
        }
        yield_now(cx)
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        let me = self.project();
        if let Some(left) = me.left.as_pin_mut() {
            left.poll_progress(cx);
        }
        if let Some(right) = me.right.as_pin_mut() {
            right.poll_progress(cx);
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let ended = (0, Some(0));
        let (left_least, left_most) = self.left.as_ref().map_or(ended, F::size_hint);
        let (right_least, right_most) = self.right.as_ref().map_or(ended, G::size_hint);
        let at_least =
            if E::ANY { left_least.min(right_least) } else { left_least.saturating_add(right_least) };
        (at_least, left_most.zip(right_most).and_then(|(left, right)| left.checked_add(right)))
    }
}

impl<F, G, E> MergeFlow<F, G, E>
where
    F: Flow,
    G: Flow<Item = F::Item>,
    F::Error: Join<G::Error>,
    E: MergeEnd,
{
    /// How many items the side whose turn it is may give; 1 a turn would be fair too, but costs a call for each item.
    fn quantum(&self) -> usize {
        match (self.turns, self.turn) {
            _ if self.left.is_none() || self.right.is_none() => usize::MAX,
            (Turns::Fair, _) => usize::from(self.quantum),
            (Turns::PreferLeft, Side::Left) => usize::MAX,
            (Turns::PreferLeft, Side::Right) => usize::from(QUANTUM_MAX),
        }
    }

    fn progress_right(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        if let Some(right) = self.project().right.as_pin_mut() {
            right.poll_progress(cx);
        }
    }

    /// Nothing is ready on either side.
    fn wait<T>(self: Pin<&mut Self>) -> Poll<T> {
        *self.project().quantum = 1;
        Poll::Pending
    }

    fn drive_side<D: Downstream<F::Item>>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        turn: &mut Turn<'_, D>,
    ) -> Driven<<F::Error as Join<G::Error>>::Out> {
        let me = self.project();
        match me.turn {
            Side::Left => match me.left.as_pin_mut() {
                Some(left) => left.poll_drive(cx, turn).map_err(Join::left),
                None => Poll::Ready(Ok(Drive::Ended)),
            },
            Side::Right => match me.right.as_pin_mut() {
                Some(right) => right.poll_drive(cx, turn).map_err(<F::Error as Join<G::Error>>::right),
                None => Poll::Ready(Ok(Drive::Ended)),
            },
        }
    }

    /// Drops the side that has ended, or both where that is the end of all. `true`: it is.
    fn side_ended(self: Pin<&mut Self>) -> bool {
        let mut me = self.project();
        match me.turn {
            Side::Left => me.left.set(None),
            Side::Right => me.right.set(None),
        }
        if E::ANY {
            me.left.set(None);
            me.right.set(None);
        }
        me.left.is_none() && me.right.is_none()
    }

    /// Chooses the side that is driven next; `false`: there is none, but the one that is waiting.
    fn next_turn(self: Pin<&mut Self>, given: usize, waiting: Option<Side>) -> bool {
        let me = self.project();
        let next = match (*me.turns, *me.turn) {
            // It has given all that was ready only when it gives nothing.
            (Turns::PreferLeft, Side::Left) if given > 0 => Side::Left,
            (_, Side::Left) => Side::Right,
            (_, Side::Right) => {
                *me.quantum = (*me.quantum * 2).min(QUANTUM_MAX);
                Side::Left
            }
        };
        let there = |side| match side {
            Side::Left => me.left.is_some(),
            Side::Right => me.right.is_some(),
        };
        let can_give = |side| there(side) && waiting != Some(side);
        *me.turn = if can_give(next) { next } else { next.other() };
        can_give(*me.turn)
    }
}

/// One turn of one side.
struct Turn<'a, D> {
    left: usize,
    given: usize,
    broke: bool,
    down: &'a mut D,
}

impl<T, D: Downstream<T>> Downstream<T> for Turn<'_, D> {
    #[inline(always)]
    fn push(&mut self, item: T) -> ControlFlow<()> {
        self.given += 1;
        self.broke = self.down.push(item).is_break();
        if self.broke || self.given == self.left { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures::executor::block_on;
    use futures::{FutureExt, StreamExt};

    use super::*;
    use crate::flow::BUDGET;
    use crate::operator::Recover;
    use crate::operator::left_off::LeftOff;

    #[test]
    fn takes_turns_when_both_sides_are_ready() {
        let merged = Pipe::new(0..100).merge(100..200).take(8);
        assert_eq!(block_on(merged.collect::<Vec<_>>()), [0, 100, 1, 2, 101, 102, 3, 4]);
    }

    #[test]
    fn gives_every_item_of_both_sides() {
        let mut merged = block_on(Pipe::new(0..5000).merge(5000..10_000).collect::<Vec<_>>());
        merged.sort_unstable();
        assert!(merged.into_iter().eq(0..10_000));
    }

    #[test]
    fn prefers_the_left_side_across_its_chunks() {
        let merged = Pipe::new(0..10_000).with(|items| items.merge([-1]).prefer_left());
        assert_eq!(block_on(merged.collect::<Vec<_>>()).last(), Some(&-1));
    }

    #[tokio::test]
    async fn prefers_the_left_side_after_a_wait() {
        let (left, lefts) = tokio::sync::mpsc::unbounded_channel();
        let (right, rights) = tokio::sync::mpsc::unbounded_channel();
        let mut merged = Pipe::new(lefts).with(|items| items.merge(rights).prefer_left());
        assert_eq!(merged.next().now_or_never(), None);
        for item in [1, 2] {
            right.send(-item).unwrap();
            left.send(item).unwrap();
        }
        assert_eq!(merged.take(4).collect::<Vec<_>>().await, [1, 2, -1, -2]);
    }

    #[test]
    fn lets_the_right_side_go_on_while_it_prefers_the_left() {
        let (left, lefts) = tokio::sync::mpsc::unbounded_channel();
        let (rights, note) = LeftOff::watch(0..9);
        let mut merged = Pipe::new(lefts).with(|items| items.merge(rights).prefer_left());
        assert_eq!(merged.next().now_or_never(), Some(Some(0)));
        left.send(7).unwrap();
        note.begin();
        let counted = Pipe::new(&mut merged).count();
        assert_eq!(counted.now_or_never(), None);
        assert!(!note.is_left_off());
    }

    #[test]
    fn a_side_that_only_fails_leaves_the_other_its_turns() {
        let failing = Pipe::new(0..).try_map(Err::<i32, i32>);
        let merged = failing.merge([1, 2, 3]).catch(|_| Recover::Skip).take(3);
        assert_eq!(block_on(merged.collect::<Vec<_>>()), [1, 2, 3]);
    }

    #[test]
    fn asks_a_side_that_has_nothing_once_a_poll() {
        let asked = Cell::new(0);
        let nothing = || {
            Pipe::new(0..).filter(|_: &i32| {
                asked.set(asked.get() + 1);
                false
            })
        };
        let mut merged = nothing().merge(nothing().merge(nothing().merge(nothing())));
        assert_eq!(merged.next().now_or_never(), None);
        assert_eq!(asked.get(), 4 * BUDGET);
    }

    #[test]
    fn ends_with_any_side_when_told_so() {
        let merged = Pipe::new([1]).with(|items| items.merge(10..).end_with_any());
        assert!(block_on(merged.count()) <= 3);
    }
}
