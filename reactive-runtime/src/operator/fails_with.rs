use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::Context;

use pin_project_lite::pin_project;

use crate::fault::{Failed, Fault};
use crate::flow::{Downstream, Driven, Flow};
use crate::items::{Items, Stage, Staged};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Names the error of the pipeline: errors from above convert into it here, those of later `?` when they leave.
    ///
    /// Without it the first `?` decides. It stands best before the first `?`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// type AnyError = Box<dyn std::error::Error>;
    ///
    /// let bytes = pipeline! {
    ///     ["7", "300"]
    ///         |> fails_with::<AnyError>()
    ///         |> map(str::parse::<u32>)?
    ///         |> map(u8::try_from)?
    ///         |> collect::<Vec<_>>()
    /// };
    /// assert_eq!(block_on(bytes).unwrap_err().to_string(), "out of range integral type conversion attempted");
    /// ```
    pub fn fails_with<E>(self) -> Staged<FailsWith<E>, T, Failed<E>>
    where
        K: IntoFailed<E>,
    {
        self.stage(FailsWith { error: PhantomData })
    }
}

impl<F: Flow> Pipe<F> {
    /// Names the error of the pipeline. See [`Items::fails_with`].
    #[track_caller]
    pub fn fails_with<E>(self) -> Pipe<ConvertFlow<F, E>>
    where
        F::Error: IntoFailed<E>,
    {
        self.with(Items::fails_with)
    }
}

/// A fault that converts into the error `E`.
#[diagnostic::on_unimplemented(
    message = "`{Self}`, the error of this pipeline so far, does not convert into `{E}`",
    note = "implement `From` for it, or name the error before the first `?`"
)]
pub trait IntoFailed<E>: Fault {
    /// The same, as an `E`.
    fn into_failed(self) -> Failed<E>;
}

impl<E> IntoFailed<E> for Infallible {
    fn into_failed(self) -> Failed<E> {
        match self {}
    }
}

impl<E: From<X>, X> IntoFailed<E> for Failed<X> {
    fn into_failed(self) -> Failed<E> {
        Failed(self.0.into())
    }
}

/// Converts errors: made by [`Items::fails_with`].
pub struct FailsWith<E> {
    error: PhantomData<fn() -> E>,
}

impl<E> Clone for FailsWith<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for FailsWith<E> {}

impl<E> fmt::Debug for FailsWith<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FailsWith")
    }
}

impl<F: Flow, E> Stage<F> for FailsWith<E>
where
    F::Error: IntoFailed<E>,
{
    type Flow = ConvertFlow<F, E>;

    fn attach(self, upstream: F) -> ConvertFlow<F, E> {
        ConvertFlow { upstream, error: PhantomData }
    }
}

pin_project! {
    /// The flow below [`FailsWith`].
    #[derive(Debug)]
    pub struct ConvertFlow<F, E> {
        #[pin]
        upstream: F,
        error: PhantomData<fn() -> E>,
    }
}

impl<F: Flow, E> Flow for ConvertFlow<F, E>
where
    F::Error: IntoFailed<E>,
{
    type Item = F::Item;
    type Error = Failed<E>;
    type Bound = F::Bound;

    #[inline(always)]
    fn poll_drive<D: Downstream<F::Item>>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<Failed<E>> {
        self.project().upstream.poll_drive(cx, down).map_err(IntoFailed::into_failed)
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        self.project().upstream.poll_progress(cx);
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.upstream.size_hint()
    }
}
