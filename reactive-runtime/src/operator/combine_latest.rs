use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::merge::{MergeFlow, WithAll};
use crate::fault::Join;
use crate::flow::{Boundedness, Downstream, Drive, Driven, Flow};
use crate::items::{Items, Stage, Staged};
use crate::pipe::Pipe;
use crate::source::Source;

impl<T, K> Items<T, K> {
    /// Gives the latest items of both sides, as a pair, at each item of either side.
    ///
    /// Nothing comes before both sides have had an item. It ends when both sides have ended, or at once when one ends
    /// without an item. It holds the latest item of each side; while both are ready they take turns as in
    /// [`merge`](Self::merge).
    ///
    /// # Data loss
    ///
    /// Items that a side replaces before the other one has had its first are in no pair.
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
    /// let boxes = pipeline! { [1, 2] |> combine_latest(["m", "cm"]) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(boxes), [(1, "m"), (2, "m"), (2, "cm")]);
    /// ```
    pub fn combine_latest<S, G>(self, other: S) -> Staged<CombineLatest<G>, (T, G::Item), K::Out>
    where
        S: Source<Flow = G>,
        G: Flow<Item: Clone>,
        T: Clone,
        K: Join<G::Error>,
    {
        self.stage(CombineLatest { other: other.into_flow() })
    }
}

impl<F: Flow> Pipe<F> {
    /// Gives the latest items of both sides at each item of either. See [`Items::combine_latest`].
    #[track_caller]
    pub fn combine_latest<S, G>(self, other: S) -> Pipe<CombineLatestFlow<F, G, F::Item, G::Item>>
    where
        S: Source<Flow = G>,
        G: Flow<Item: Clone>,
        F::Item: Clone,
        F::Error: Join<G::Error>,
    {
        self.with(|items| items.combine_latest(other))
    }
}

/// Pairs the latest items of two flows: made by [`Items::combine_latest`].
#[derive(Clone, Copy, Debug)]
pub struct CombineLatest<G> {
    other: G,
}

impl<F, G> Stage<F> for CombineLatest<G>
where
    F: Flow<Item: Clone>,
    G: Flow<Item: Clone>,
    F::Error: Join<G::Error>,
{
    type Flow = CombineLatestFlow<F, G, F::Item, G::Item>;

    fn attach(self, upstream: F) -> Self::Flow {
        let merged = MergeFlow::fair(Side::new(upstream), Side::new(self.other));
        CombineLatestFlow { merged: Some(merged), left: None, right: None }
    }
}

pin_project! {
    /// The flow below [`CombineLatest`].
    pub struct CombineLatestFlow<F, G, T, U> {
        // What either side tells, in turns. `None` after the end.
        #[pin]
        merged: Option<MergeFlow<Side<F, Left<U>>, Side<G, Right<T>>, WithAll>>,
        left: Option<T>,
        right: Option<U>,
    }
}

impl<F, G, T, U> Flow for CombineLatestFlow<F, G, T, U>
where
    F: Flow<Item = T>,
    G: Flow<Item = U>,
    T: Clone,
    U: Clone,
    F::Error: Join<G::Error>,
{
    type Item = (T, U);
    type Error = <F::Error as Join<G::Error>>::Out;
    type Bound = <F::Bound as Boundedness>::And<G::Bound>;

    fn poll_drive<D: Downstream<(T, U)>>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<Self::Error> {
        let mut me = self.project();
        let Some(merged) = me.merged.as_mut().as_pin_mut() else { return Poll::Ready(Ok(Drive::Ended)) };
        let mut latest = Latest { left: me.left, right: me.right, hopeless: false, down };
        let driven = merged.poll_drive(cx, &mut latest);
        if !latest.hopeless && !matches!(driven, Poll::Ready(Ok(Drive::Ended))) {
            return driven;
        }
        me.merged.set(None);
        (*me.left, *me.right) = (None, None);
        Poll::Ready(Ok(Drive::Ended))
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        if let Some(merged) = self.project().merged.as_pin_mut() {
            merged.poll_progress(cx);
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // At most a pair for each item: the first of a side may find no partner, and be replaced.
        (0, self.merged.as_ref().map_or(Some(0), |merged| merged.size_hint().1))
    }
}

struct Latest<'a, T, U, D> {
    left: &'a mut Option<T>,
    right: &'a mut Option<U>,
    // A side has ended without an item.
    hopeless: bool,
    down: &'a mut D,
}

impl<T: Clone, U: Clone, D: Downstream<(T, U)>> Downstream<Told<T, U>> for Latest<'_, T, U, D> {
    fn push(&mut self, told: Told<T, U>) -> ControlFlow<()> {
        match told {
            Told::Left(Some(item)) => *self.left = Some(item),
            Told::Right(Some(item)) => *self.right = Some(item),
            Told::Left(None) => return self.goes_on_without(self.left.is_some()),
            Told::Right(None) => return self.goes_on_without(self.right.is_some()),
        }
        match (&self.left, &self.right) {
            (Some(left), Some(right)) => self.down.push((left.clone(), right.clone())),
            _ => ControlFlow::Continue(()),
        }
    }
}

impl<T, U, D> Latest<'_, T, U, D> {
    /// A side has ended.
    fn goes_on_without(&mut self, had_an_item: bool) -> ControlFlow<()> {
        self.hopeless = !had_an_item;
        if had_an_item { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

/// What a side tells: an item, or `None`: it has ended.
enum Told<T, U> {
    Left(Option<T>),
    Right(Option<U>),
}

/// Which side a [`Side`] is, and what the items of the other one are.
trait Tell<T> {
    type Told;

    fn tell(item: Option<T>) -> Self::Told;
}

struct Left<U>(PhantomData<fn() -> U>);
struct Right<T>(PhantomData<fn() -> T>);

impl<T, U> Tell<T> for Left<U> {
    type Told = Told<T, U>;

    fn tell(item: Option<T>) -> Told<T, U> {
        Told::Left(item)
    }
}

impl<T, U> Tell<U> for Right<T> {
    type Told = Told<T, U>;

    fn tell(item: Option<U>) -> Told<T, U> {
        Told::Right(item)
    }
}

pin_project! {
    /// One of the two sides.
    struct Side<F, W> {
        // `None` once it has ended and that is told.
        #[pin]
        flow: Option<F>,
        tell: PhantomData<fn() -> W>,
    }
}

impl<F, W> Side<F, W> {
    fn new(flow: F) -> Self {
        Self { flow: Some(flow), tell: PhantomData }
    }
}

impl<F: Flow, W: Tell<F::Item>> Flow for Side<F, W> {
    type Item = W::Told;
    type Error = F::Error;
    type Bound = F::Bound;

    #[inline(always)]
    fn poll_drive<D: Downstream<W::Told>>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<F::Error> {
        let mut me = self.project();
        let Some(flow) = me.flow.as_mut().as_pin_mut() else { return Poll::Ready(Ok(Drive::Ended)) };
        let driven = flow.poll_drive(cx, &mut Telling::<_, W> { down, tell: PhantomData });
        if !matches!(driven, Poll::Ready(Ok(Drive::Ended))) {
            return driven;
        }
        me.flow.set(None);
        let drive = if down.push(W::tell(None)).is_break() { Drive::Paused } else { Drive::Ended };
        Poll::Ready(Ok(drive))
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        if let Some(flow) = self.project().flow.as_pin_mut() {
            flow.poll_progress(cx);
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.flow.as_ref().map_or((0, Some(0)), F::size_hint)
    }
}

struct Telling<'a, D, W> {
    down: &'a mut D,
    tell: PhantomData<fn() -> W>,
}

impl<T, D: Downstream<W::Told>, W: Tell<T>> Downstream<T> for Telling<'_, D, W> {
    #[inline(always)]
    fn push(&mut self, item: T) -> ControlFlow<()> {
        self.down.push(W::tell(Some(item)))
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

    #[test]
    fn ends_at_once_when_a_side_has_no_item() {
        assert_eq!(block_on(Pipe::new(0..).combine_latest(0..0).count()), 0);
        assert_eq!(block_on(Pipe::new(0..0).combine_latest(0..).count()), 0);
        let forever = Pipe::from_stream(futures::stream::pending::<u32>());
        assert_eq!(Pipe::new(0..0).combine_latest(forever).next().now_or_never(), Some(None));
    }

    #[tokio::test]
    async fn goes_on_with_the_last_item_of_a_side_that_has_ended() {
        let (left, lefts) = tokio::sync::mpsc::unbounded_channel();
        let mut pairs = Pipe::new(lefts).combine_latest(["only"]);
        assert_eq!(pairs.next().now_or_never(), None);
        for item in [1, 2] {
            left.send(item).unwrap();
            assert_eq!(pairs.next().now_or_never(), Some(Some((item, "only"))));
        }
        drop(left);
        assert_eq!(pairs.next().now_or_never(), Some(None));
    }

    #[test]
    fn both_sides_get_their_turns() {
        let pairs = block_on(Pipe::new(0..).combine_latest(0..).take(1000).collect::<Vec<_>>());
        let (left, right) = pairs[999];
        assert!((400..600).contains(&left) && (400..600).contains(&right), "{left} and {right}");
    }

    #[test]
    fn goes_on_behind_a_skipped_error() {
        let right = Pipe::new([10, 20, 30]).try_map(|x| if x == 20 { Err(x) } else { Ok(x) });
        let pairs = Pipe::new([1]).combine_latest(right).catch(|_| Recover::Skip);
        assert_eq!(block_on(pairs.collect::<Vec<_>>()), [(1, 10), (1, 30)]);
    }

    #[test]
    fn an_error_of_a_side_is_no_end_without_an_item() {
        let right = Pipe::new([10, 20]).try_map(|x| if x == 10 { Err(x) } else { Ok(x) });
        let pairs = Pipe::new([1]).combine_latest(right).catch(|_| Recover::Skip);
        assert_eq!(block_on(pairs.collect::<Vec<_>>()), [(1, 20)]);
    }

    #[test]
    fn asks_a_side_that_has_nothing_once_a_poll() {
        let asked = Cell::new(0);
        let nothing = Pipe::new(0..).filter(|_: &i32| {
            asked.set(asked.get() + 1);
            false
        });
        assert_eq!(nothing.combine_latest(0..).next().now_or_never(), None);
        assert_eq!(asked.get(), BUDGET);
    }
}
