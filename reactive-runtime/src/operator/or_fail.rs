use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::fault::{Failed, IsResult, Join};
use crate::flow::{Downstream, Driven, Flow};
use crate::items::{Items, Stage, Staged};
use crate::pipe::Pipe;

impl<T, E, K> Items<Result<T, E>, K> {
    /// Turns `Result` items into values; an error leaves the pipeline, out of band.
    ///
    /// `stage(..)?` in `pipeline!` is `stage(..) |> or_fail()`; a source of `Result`s begins `source |> or_fail()`.
    ///
    /// By default the first error ends the pipeline, after everything emitted before it; a
    /// [`catch`](Items::catch) below decides otherwise. The pipeline is then a `Stream` of `Result`s.
    ///
    /// # Errors
    ///
    /// The error of an item, converted with `From` into the pipeline's. The first that can happen decides which that
    /// is; [`fails_with`](Items::fails_with) names another.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let read = [Ok(1), Err("torn"), Ok(3)];
    /// let sum = pipeline! { read |> or_fail() |> sum::<i32>() };
    /// assert_eq!(block_on(sum), Err("torn"));
    /// ```
    pub fn or_fail(self) -> Staged<OrFail, T, K::Out>
    where
        K: Join<Failed<E>>,
    {
        self.stage(OrFail)
    }
}

impl<F: Flow> Pipe<F> {
    /// Turns `Result` items into values; an error leaves the pipeline. See [`Items::or_fail`].
    #[track_caller]
    pub fn or_fail<G>(self) -> Pipe<G>
    where
        F::Item: OrFails<F, Flow = G>,
    {
        F::Item::or_fail(self)
    }
}

/// Items that are `Result`s, and what flows below an [`or_fail`](Pipe::or_fail). Of others that is not known, so what follows
/// by method tells nothing of them.
#[diagnostic::on_unimplemented(
    message = "`or_fail` needs items that are a `Result`, and these are `{Self}`",
    label = "no `Result` flows here",
    note = "remove the `or_fail`, or let the stage before it give a `Result`; for `Option`s there is `filter_map`"
)]
pub trait OrFails<F> {
    /// The flow of the values.
    type Flow;

    #[doc(hidden)]
    fn or_fail(pipe: Pipe<F>) -> Pipe<Self::Flow>;
}

impl<F, T, E> OrFails<F> for Result<T, E>
where
    F: Flow<Item = Self>,
    F::Error: Join<Failed<E>>,
{
    type Flow = OrFailFlow<F>;

    fn or_fail(pipe: Pipe<F>) -> Pipe<OrFailFlow<F>> {
        pipe.with(Items::or_fail)
    }
}

/// Lets errors leave: made by [`Items::or_fail`].
#[derive(Clone, Copy, Debug)]
pub struct OrFail;

impl<F, T, E> Stage<F> for OrFail
where
    F: Flow<Item = Result<T, E>>,
    F::Error: Join<Failed<E>>,
{
    type Flow = OrFailFlow<F>;

    fn attach(self, upstream: F) -> OrFailFlow<F> {
        OrFailFlow { upstream }
    }
}

pin_project! {
    /// The flow below [`OrFail`].
    #[derive(Debug)]
    pub struct OrFailFlow<F> {
        #[pin]
        upstream: F,
    }
}

impl<F> Flow for OrFailFlow<F>
where
    F: Flow<Item: IsResult>,
    F::Error: Join<Failed<<F::Item as IsResult>::Err>>,
{
    type Item = <F::Item as IsResult>::Ok;
    type Error = <F::Error as Join<Failed<<F::Item as IsResult>::Err>>>::Out;
    type Bound = F::Bound;

    #[inline(always)]
    fn poll_drive<D: Downstream<Self::Item>>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<Self::Error> {
        let mut values = Values { error: None, down };
        let driven = self.project().upstream.poll_drive(cx, &mut values);
        match values.error {
            Some(error) => Poll::Ready(Err(F::Error::right(Failed(error)))),
            None => driven.map_err(Join::left),
        }
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        self.project().upstream.poll_progress(cx);
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.upstream.size_hint().1)
    }
}

struct Values<'a, E, D> {
    error: Option<E>,
    down: &'a mut D,
}

impl<R: IsResult, D: Downstream<R::Ok>> Downstream<R> for Values<'_, R::Err, D> {
    #[inline(always)]
    fn push(&mut self, item: R) -> ControlFlow<()> {
        match item.into_result() {
            Ok(value) => self.down.push(value),
            Err(error) => {
                self.error = Some(error);
                ControlFlow::Break(())
            }
        }
    }
}
