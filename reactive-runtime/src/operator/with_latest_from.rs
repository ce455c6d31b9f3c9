use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::fault::Join;
use crate::flow::{Budget, Downstream, Drive, Driven, Flow, yield_now};
use crate::items::{Items, Stage, Staged};
use crate::pipe::Pipe;
use crate::source::Source;

/// The most items that one side gives before it is the other's turn, when both have plenty.
const TURN: usize = 32;

impl<T, K> Items<T, K> {
    /// Gives each item together with the latest one of `other`.
    ///
    /// `other` is asked first, so what it has ready counts for the next item; while both sides have plenty they take
    /// turns of 32 items. It holds the latest item of `other`, and ends with its own items.
    ///
    /// # Data loss
    ///
    /// Items that come before the first one of `other` are dropped, and those of `other` that are replaced by a later one
    /// before an item comes.
    ///
    /// # Errors
    ///
    /// It fails at the first error of either side.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (_sender, rate) = tokio::sync::watch::channel(1.25);
    /// let prices = pipeline! { [2.0, 4.0] |> with_latest_from(rate) |> map(|(price, rate)| price * rate) };
    /// assert_eq!(prices.collect::<Vec<_>>().await, [2.5, 5.0]);
    /// # }
    /// ```
    pub fn with_latest_from<S, G>(self, other: S) -> Staged<WithLatestFrom<G>, (T, G::Item), K::Out>
    where
        S: Source<Flow = G>,
        G: Flow<Item: Clone>,
        K: Join<G::Error>,
    {
        self.stage(WithLatestFrom { other: other.into_flow() })
    }
}

impl<F: Flow> Pipe<F> {
    /// Gives each item together with the latest one of `other`. See [`Items::with_latest_from`].
    #[track_caller]
    pub fn with_latest_from<S, G>(self, other: S) -> Pipe<WithLatestFromFlow<F, G, G::Item>>
    where
        S: Source<Flow = G>,
        G: Flow<Item: Clone>,
        F::Error: Join<G::Error>,
    {
        self.with(|items| items.with_latest_from(other))
    }
}

/// Pairs items with the latest one of another flow: made by [`Items::with_latest_from`].
#[derive(Clone, Copy, Debug)]
pub struct WithLatestFrom<G> {
    other: G,
}

impl<F, G> Stage<F> for WithLatestFrom<G>
where
    F: Flow,
    G: Flow<Item: Clone>,
    F::Error: Join<G::Error>,
{
    type Flow = WithLatestFromFlow<F, G, G::Item>;

    fn attach(self, upstream: F) -> Self::Flow {
        WithLatestFromFlow { upstream: Some(upstream), other: Some(self.other), latest: None }
    }
}

pin_project! {
    /// The flow below [`WithLatestFrom`].
    #[derive(Debug)]
    pub struct WithLatestFromFlow<F, G, U> {
        // `None` after the end.
        #[pin]
        upstream: Option<F>,
        // `None` once it has ended.
        #[pin]
        other: Option<G>,
        latest: Option<U>,
    }
}

impl<F, G, U> Flow for WithLatestFromFlow<F, G, U>
where
    F: Flow,
    G: Flow<Item = U>,
    U: Clone,
    F::Error: Join<G::Error>,
{
    type Item = (F::Item, U);
    type Error = <F::Error as Join<G::Error>>::Out;
    type Bound = F::Bound;

    fn poll_drive<D: Downstream<Self::Item>>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<Self::Error> {
        let mut me = self.project();
        let Some(mut upstream) = me.upstream.as_mut().as_pin_mut() else {
            return Poll::Ready(Ok(Drive::Ended));
        };
        // Who waits is not asked again in this call.
        let (mut other_waits, mut upstream_waits) = (false, false);
        let mut budget = Budget::drives();
        while budget.spend() {
            match me.other.as_mut().as_pin_mut() {
                Some(other) if !other_waits => {
                    let mut newest = Newest { latest: me.latest, left: TURN };
                    match other.poll_drive(cx, &mut newest) {
                        Poll::Pending => other_waits = true,
                        Poll::Ready(Ok(Drive::Ended)) => me.other.set(None),
                        Poll::Ready(Ok(Drive::Paused)) => {}
                        Poll::Ready(Err(error)) => {
                            return Poll::Ready(Err(<F::Error as Join<G::Error>>::right(error)));
                        }
                    }
                }
                _ if upstream_waits => return Poll::Pending,
                _ => {}
            }
            if upstream_waits {
                continue;
            }
            let left = if other_waits || me.other.is_none() { usize::MAX } else { TURN };
            let mut pairing = Pairing { latest: me.latest, left, broke: false, down };
            match upstream.as_mut().poll_drive(cx, &mut pairing) {
                Poll::Pending => upstream_waits = true,
                Poll::Ready(Ok(Drive::Paused)) if pairing.broke => return Poll::Ready(Ok(Drive::Paused)),
                Poll::Ready(Ok(Drive::Paused)) => {}
                Poll::Ready(Ok(Drive::Ended)) => {
                    me.upstream.set(None);
                    me.other.set(None);
                    *me.latest = None;
                    return Poll::Ready(Ok(Drive::Ended));
                }
                failed => return failed.map_err(Join::left),
            }
        }
        yield_now(cx)
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        let me = self.project();
        if let Some(upstream) = me.upstream.as_pin_mut() {
            upstream.poll_progress(cx);
        }
        if let Some(other) = me.other.as_pin_mut() {
            other.poll_progress(cx);
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (at_least, at_most) = self.upstream.as_ref().map_or((0, Some(0)), F::size_hint);
        (if self.latest.is_some() { at_least } else { 0 }, at_most)
    }
}

/// A turn of the other side: only its last item counts.
struct Newest<'a, U> {
    latest: &'a mut Option<U>,
    left: usize,
}

impl<U> Downstream<U> for Newest<'_, U> {
    #[inline(always)]
    fn push(&mut self, item: U) -> ControlFlow<()> {
        *self.latest = Some(item);
        self.left -= 1;
        if self.left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// A turn of the items.
struct Pairing<'a, U, D> {
    latest: &'a Option<U>,
    left: usize,
    broke: bool,
    down: &'a mut D,
}

impl<T, U: Clone, D: Downstream<(T, U)>> Downstream<T> for Pairing<'_, U, D> {
    #[inline(always)]
    fn push(&mut self, item: T) -> ControlFlow<()> {
        self.left -= 1;
        if let Some(latest) = self.latest {
            self.broke = self.down.push((item, latest.clone())).is_break();
        }
        if self.broke || self.left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use futures::{FutureExt, StreamExt};

    use super::*;
    use crate::operator::Recover;

    #[test]
    fn asks_the_other_side_first() {
        let pairs = Pipe::new([1, 2]).with_latest_from(["a", "b"]);
        assert_eq!(block_on(pairs.collect::<Vec<_>>()), [(1, "b"), (2, "b")]);
    }

    #[test]
    fn goes_on_though_the_other_side_always_has_more() {
        let pairs = block_on(Pipe::new(0..1000).with_latest_from(0..).collect::<Vec<_>>());
        assert!(pairs.iter().map(|(item, _)| *item).eq(0..1000));
        assert!(pairs.is_sorted_by_key(|(_, latest)| *latest) && pairs[999].1 >= 1000);
    }

    #[test]
    fn drops_what_comes_before_the_first_of_the_other_side() {
        let never = Pipe::from_stream(futures::stream::pending::<u32>());
        assert_eq!(block_on(Pipe::new(0..100_000).with_latest_from(never).count()), 0);
        assert_eq!(block_on(Pipe::new(0..100_000).with_latest_from(0..0).count()), 0);
    }

    #[test]
    fn tells_an_error_of_the_other_side_while_no_item_comes() {
        let forever = Pipe::from_stream(futures::stream::pending::<u32>());
        let failing = Pipe::new(0..1000).try_map(|x| if x == 900 { Err("torn") } else { Ok(x) });
        let mut pairs = forever.with_latest_from(failing);
        assert_eq!(pairs.next().now_or_never(), Some(Some(Err("torn"))));
    }

    #[test]
    fn goes_on_behind_a_skipped_error() {
        let rates = Pipe::new([1, 2, 3]).try_map(|x| if x == 2 { Err(x) } else { Ok(x) });
        let pairs = Pipe::new(["a"]).with_latest_from(rates).catch(|_| Recover::Skip);
        assert_eq!(block_on(pairs.collect::<Vec<_>>()), [("a", 3)]);
    }
}
