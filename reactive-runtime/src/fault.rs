//! Errors out of band: what a flow may fail with, and how two such faults meet in one pipeline.

use std::convert::Infallible;

/// What a flow may fail with: [`Infallible`], or [`Failed<E>`].
///
/// One implementation of `Stream`, and of each terminal, serves both kinds of pipeline: its output is
/// [`Fault::Of<T>`], which is `T` where nothing can fail and `Result<T, E>` where something can.
///
/// The supertraits say that a fault joined with itself, or with nothing, is itself; so code that is generic over
/// [`Flow::Error`](crate::Flow::Error) needs no bounds of its own.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no fault of a flow",
    note = "a flow fails with `std::convert::Infallible` (never) or with `Failed<E>`"
)]
pub trait Fault: Sized + Join<Self, Out = Self> + Join<Infallible, Out = Self> {
    /// `T`, or `Result<T, E>`.
    type Of<T>;

    /// Whether the flow can fail at all.
    const FALLIBLE: bool;

    /// A value, as the pipeline hands it out.
    fn ok<T>(value: T) -> Self::Of<T>;

    /// An error, as the pipeline hands it out.
    fn err<T>(self) -> Self::Of<T>;
}

/// The fault of a flow that may fail with an `E`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed<E>(pub E);

impl Fault for Infallible {
    type Of<T> = T;

    const FALLIBLE: bool = false;

    #[inline(always)]
    fn ok<T>(value: T) -> T {
        value
    }

    fn err<T>(self) -> T {
        match self {}
    }
}

impl<E> Fault for Failed<E> {
    type Of<T> = Result<T, E>;

    const FALLIBLE: bool = true;

    #[inline(always)]
    fn ok<T>(value: T) -> Result<T, E> {
        Ok(value)
    }

    fn err<T>(self) -> Result<T, E> {
        Err(self.0)
    }
}

/// Two faults in one pipeline: the first that can happen decides, the other converts with `From`.
///
/// A generic function asks for it where it adds a `?`, and says what comes of it.
///
/// # Examples
///
/// ```
/// # use reactive_runtime::{prelude::*, Failed, Join};
/// # use futures::executor::block_on;
/// async fn sum<F: Flow<Item = &'static str>>(rows: Pipe<F>) -> Result<u32, std::num::ParseIntError>
/// where
///     F::Error: Join<Failed<std::num::ParseIntError>, Out = Failed<std::num::ParseIntError>>,
/// {
///     pipeline! { rows |> map(str::parse::<u32>)? |> sum::<u32>() }.await
/// }
///
/// assert_eq!(block_on(sum(Pipe::new(["3", "4"]))), Ok(7));
/// ```
pub trait Join<B>: Sized {
    /// The fault of the two together.
    type Out: Fault;

    /// The fault that was there before.
    fn left(self) -> Self::Out;

    /// The fault that joins it.
    fn right(other: B) -> Self::Out;
}

impl<B: Fault> Join<B> for Infallible {
    type Out = B;

    fn left(self) -> B {
        match self {}
    }

    fn right(other: B) -> B {
        other
    }
}

impl<E> Join<Infallible> for Failed<E> {
    type Out = Self;

    fn left(self) -> Self {
        self
    }

    fn right(other: Infallible) -> Self {
        match other {}
    }
}

impl<E: ConvertsFrom<X>, X> Join<Failed<X>> for Failed<E> {
    type Out = Self;

    fn left(self) -> Self {
        self
    }

    fn right(other: Failed<X>) -> Self {
        Self(E::convert(other.0))
    }
}

/// The error of a pipeline, into which an `X` converts: with [`From`].
#[diagnostic::on_unimplemented(
    message = "`{X}` does not convert into `{Self}`, the error of this pipeline",
    label = "no `From` conversion for the error that leaves here",
    note = "the first `?` decides the pipeline's error, later ones convert with `From`",
    note = "implement `From` for it, convert it here with `map_err(..)` on the `Result`, or name the error of the \
            whole pipeline before the first `?` with `|> fails_with::<MyError>()`"
)]
pub trait ConvertsFrom<X> {
    /// The same error, as that of the pipeline.
    fn convert(error: X) -> Self;
}

#[diagnostic::do_not_recommend]
impl<E: From<X>, X> ConvertsFrom<X> for E {
    fn convert(error: X) -> E {
        error.into()
    }
}

/// A `Result`, taken apart: what `?` asks of the items that reach it.
#[diagnostic::on_unimplemented(
    message = "`?` needs items that are a `Result`, and these are `{Self}`",
    label = "no `Result` flows here",
    note = "remove the `?`, or let the stage before it give a `Result`; for `Option`s there is `filter_map`"
)]
pub trait IsResult: Sized {
    /// The value.
    type Ok;

    /// The error.
    type Err;

    /// The item as what it is.
    fn into_result(self) -> Result<Self::Ok, Self::Err>;
}

impl<T, E> IsResult for Result<T, E> {
    type Ok = T;
    type Err = E;

    #[inline(always)]
    fn into_result(self) -> Self {
        self
    }
}
