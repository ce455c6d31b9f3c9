//! What the function of a processor gives: a value or a `Result`, at once or later.
//!
//! The four kinds are told apart by a marker `M`, which is inferred from the type that the function gives. A value and a
//! `Result` cannot be, as a `Result` is a value too: so there is a method for each, as `map` and `try_map` are two.

use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::tally::Tally;
use crate::concurrent::Begins;
use crate::items::WorksInFlight;

/// What the function of [`process`](crate::Items::process) gives: a value, or a future of one.
///
/// `M` says which of them it is. A value is [`Unpin`], which a bound has to say of a generic one; a future that is, as a boxed
/// one, could be both: await it in an `async` closure.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what the function of `process` can give",
    note = "it gives a value, or a future of one; where it gives a `Result`, it is for `try_process`",
    note = "a value is `Unpin`, as nearly all are; where its type is generic, say so: `U: Unpin`"
)]
pub trait Outcome<M> {
    /// The value.
    type Value;
}

/// What the function of [`try_process`](crate::Items::try_process) gives: a `Result`, or a future of one.
///
/// `M` says which of them it is.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a `Result` nor a future of one",
    note = "`try_process` is for functions that may fail; one that cannot is for `process`"
)]
pub trait TryOutcome<M> {
    /// The value.
    type Value;
    /// The error of an attempt.
    type Error;
}

/// The marker of a value: it is there at once, and nothing can fail.
#[derive(Debug)]
pub enum Value {}

/// The marker of a future of a value: it may take too long.
#[derive(Debug)]
pub enum Awaited {}

/// The marker of a `Result`.
#[derive(Debug)]
pub enum Fallible {}

/// The marker of a future of a `Result`.
#[derive(Debug)]
pub enum AwaitedFallible {}

/// The marker that makes a `Result` ambiguous where a value is meant: the function is for `try_process`.
#[derive(Debug)]
pub enum UseTryProcess {}

impl<U: Unpin> Outcome<Value> for U {
    type Value = U;
}

impl<F: Future> Outcome<Awaited> for F {
    type Value = F::Output;
}

/// A value that is no `Result`: for one, `N` is ambiguous, of which the compiler tells if there is nothing else to tell.
pub trait NoResult<N> {}

impl<U> NoResult<Value> for U {}

impl<U, E> NoResult<UseTryProcess> for Result<U, E> {}

impl<U, E> TryOutcome<Fallible> for Result<U, E> {
    type Value = U;
    type Error = E;
}

#[diagnostic::do_not_recommend]
impl<F: Future<Output = Result<U, E>>, U, E> TryOutcome<AwaitedFallible> for F {
    type Value = U;
    type Error = E;
}

/// Whether an item can be tried again, as a function of the kind `M` may fail.
#[diagnostic::on_unimplemented(
    message = "an item that may fail is `Clone`, and `{T}` is not",
    note = "it is kept for the next attempt and for the dead-letter sink: put it into an `Arc`, or let the function give a \
            value at once"
)]
pub trait Keeps<T> {}

impl<T> Keeps<T> for Value {}
#[diagnostic::do_not_recommend]
impl<T: Clone> Keeps<T> for Awaited {}
#[diagnostic::do_not_recommend]
impl<T: Clone> Keeps<T> for Fallible {}
#[diagnostic::do_not_recommend]
impl<T: Clone> Keeps<T> for AwaitedFallible {}

#[diagnostic::do_not_recommend]
impl WorksInFlight for Awaited {}
#[diagnostic::do_not_recommend]
impl WorksInFlight for AwaitedFallible {}

/// Calls a function of the kind `M`, as one that gives a future of a `Result`.
#[derive(Debug)]
pub struct As<M, F> {
    f: F,
    tally: Arc<Tally>,
    kind: PhantomData<fn() -> M>,
}

impl<M, F> As<M, F> {
    pub(super) fn new(f: F, tally: Arc<Tally>) -> Self {
        Self { f, tally, kind: PhantomData }
    }

    fn call<T, R>(&mut self, item: T) -> R
    where
        F: FnMut(T) -> R,
    {
        self.tally.attempts.add(1);
        (self.f)(item)
    }
}

impl<T, U, E, F: FnMut(T) -> Result<U, E>> Begins<T> for As<Fallible, F> {
    type Future = Ready<Result<U, E>>;

    fn begin(&mut self, item: T) -> Self::Future {
        ready(self.call(item))
    }
}

impl<T, F: FnMut(T) -> Fut, Fut: Future> Begins<T> for As<AwaitedFallible, F> {
    type Future = Fut;

    fn begin(&mut self, item: T) -> Fut {
        self.call(item)
    }
}

impl<T, F: FnMut(T) -> Fut, Fut: Future> Begins<T> for As<Awaited, F> {
    type Future = NeverFails<Fut>;

    fn begin(&mut self, item: T) -> Self::Future {
        NeverFails { future: self.call(item) }
    }
}

pin_project! {
    /// A future of a value, as one of a `Result`.
    #[derive(Debug)]
    pub struct NeverFails<F> {
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for NeverFails<F> {
    type Output = Result<F::Output, std::convert::Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().future.poll(cx).map(Ok)
    }
}
