use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::fault::Join;
use crate::flow::{Boundedness, Downstream, Drive, Driven, Flow};
use crate::items::{Items, Stage, Staged};
use crate::pipe::Pipe;
use crate::source::{Same, Source};

impl<T, K> Items<T, K> {
    /// Gives the items of `other` after its own.
    ///
    /// `other` is not asked for an item before it is its turn; only what it has begun with, if it was polled before it came
    /// here, goes on. So two branches of one [`broadcast`](Self::broadcast) cannot be put one behind the other: once the
    /// second is full, the first gets nothing more, and both wait for ever.
    ///
    /// # Errors
    ///
    /// Those of both, at their places; an error of the first does not begin the second.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let all = pipeline! { [1, 2] |> concat([3] |> map(|x| x * 10)) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(all), [1, 2, 30]);
    /// ```
    #[doc(alias = "chain")]
    pub fn concat<S, G, H, U>(self, other: S) -> Staged<Concat<H>, T, K::Out>
    where
        S: Source<Flow = G>,
        G: Flow<Item = U> + Same<T, U, Flow = H>,
        K: Join<G::Error>,
    {
        self.stage(Concat { other: other.into_flow().same() })
    }
}

impl<F: Flow> Pipe<F> {
    /// Gives the items of `other` after its own. See [`Items::concat`].
    #[track_caller]
    pub fn concat<S, G, H, U>(self, other: S) -> Pipe<ConcatFlow<F, H>>
    where
        S: Source<Flow = G>,
        G: Flow<Item = U> + Same<F::Item, U, Flow = H>,
        H: Flow<Item = F::Item>,
        F::Error: Join<G::Error> + Join<H::Error>,
    {
        self.with(|items| items.concat(other))
    }
}

/// Puts one flow behind another: made by [`Items::concat`].
#[derive(Clone, Copy, Debug)]
pub struct Concat<G> {
    other: G,
}

impl<F, G> Stage<F> for Concat<G>
where
    F: Flow,
    G: Flow<Item = F::Item>,
    F::Error: Join<G::Error>,
{
    type Flow = ConcatFlow<F, G>;

    fn attach(self, upstream: F) -> ConcatFlow<F, G> {
        ConcatFlow::new(upstream, self.other)
    }
}

pin_project! {
    /// The flow below [`Concat`].
    #[derive(Debug)]
    pub struct ConcatFlow<F, G> {
        // `None` once it has ended.
        #[pin]
        first: Option<F>,
        #[pin]
        second: G,
    }
}

impl<F, G> ConcatFlow<F, G> {
    pub(crate) fn new(first: F, second: G) -> Self {
        Self { first: Some(first), second }
    }
}

impl<F, G> Flow for ConcatFlow<F, G>
where
    F: Flow,
    G: Flow<Item = F::Item>,
    F::Error: Join<G::Error>,
{
    type Item = F::Item;
    type Error = <F::Error as Join<G::Error>>::Out;
    type Bound = <F::Bound as Boundedness>::And<G::Bound>;

    #[inline(always)]
    fn poll_drive<D: Downstream<F::Item>>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<Self::Error> {
        let mut me = self.project();
        if let Some(first) = me.first.as_mut().as_pin_mut() {
            match first.poll_drive(cx, down) {
                Poll::Ready(Ok(Drive::Ended)) => me.first.set(None),
                Poll::Pending => {
                    // It may have been driven before it was put here.
                    me.second.poll_progress(cx);
                    return Poll::Pending;
                }
                driven => return driven.map_err(Join::left),
            }
        }
        me.second.poll_drive(cx, down).map_err(<F::Error as Join<G::Error>>::right)
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        let me = self.project();
        if let Some(first) = me.first.as_pin_mut() {
            first.poll_progress(cx);
        }
        me.second.poll_progress(cx);
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (first_least, first_most) = self.first.as_ref().map_or((0, Some(0)), F::size_hint);
        let (second_least, second_most) = self.second.size_hint();
        let at_most = first_most.zip(second_most).and_then(|(a, b)| a.checked_add(b));
        (first_least.saturating_add(second_least), at_most)
    }
}
