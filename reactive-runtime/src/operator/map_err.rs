use std::pin::Pin;
use std::task::Context;

use pin_project_lite::pin_project;

use super::catch::CanFail;
use crate::fault::Failed;
use crate::flow::{Downstream, Driven, Flow};
use crate::items::{Items, Stage, Staged};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Turns the errors of all stages above it into what `f` makes of them.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let read = pipeline! { ["1", "x"] |> map(str::parse::<u8>)? |> map_err(|e| e.to_string()) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(read), Err("invalid digit found in string".to_owned()));
    /// ```
    pub fn map_err<E, E2, F, U>(self, f: F) -> Staged<MapErr<F>, U, Failed<E2>>
    where
        K: CanFail<Error = E, Beside<T> = U>,
        F: FnMut(E) -> E2,
    {
        self.stage(MapErr { f })
    }
}

impl<F: Flow<Error = Failed<E>>, E> Pipe<F> {
    /// Turns the errors of all stages above it into what `f` makes of them. See [`Items::map_err`].
    #[track_caller]
    pub fn map_err<E2, G: FnMut(E) -> E2>(self, f: G) -> Pipe<TurnErrFlow<F, MapErr<G>>> {
        self.with(|items| items.map_err(f))
    }
}

/// Turns errors into others: made by [`Items::map_err`].
#[derive(Clone, Copy, Debug)]
pub struct MapErr<F> {
    f: F,
}

/// What becomes of an error on its way: [`MapErr`], or [`InspectErr`](super::InspectErr).
pub trait Turn<E> {
    /// The error below.
    type Out;

    /// Takes the error from above.
    fn turn(&mut self, error: E) -> Self::Out;
}

impl<E, E2, F: FnMut(E) -> E2> Turn<E> for MapErr<F> {
    type Out = E2;

    fn turn(&mut self, error: E) -> E2 {
        (self.f)(error)
    }
}

impl<F: Flow<Error = Failed<E>>, E, E2, G: FnMut(E) -> E2> Stage<F> for MapErr<G> {
    type Flow = TurnErrFlow<F, Self>;

    fn attach(self, upstream: F) -> Self::Flow {
        TurnErrFlow { upstream, turn: self }
    }
}

pin_project! {
    /// The flow below [`MapErr`] or [`InspectErr`](super::InspectErr).
    #[derive(Debug)]
    pub struct TurnErrFlow<F, A> {
        #[pin]
        pub(super) upstream: F,
        pub(super) turn: A,
    }
}

impl<F: Flow<Error = Failed<E>>, E, A: Turn<E>> Flow for TurnErrFlow<F, A> {
    type Item = F::Item;
    type Error = Failed<A::Out>;
    type Bound = F::Bound;

    #[inline(always)]
    fn poll_drive<D: Downstream<F::Item>>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<Self::Error> {
        let me = self.project();
        me.upstream.poll_drive(cx, down).map_err(|Failed(error)| Failed(me.turn.turn(error)))
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        self.project().upstream.poll_progress(cx);
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.upstream.size_hint()
    }
}
