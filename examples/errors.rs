//! Errors leave a pipeline by `?`, and `catch` decides what becomes of them. Run it with `cargo run --example errors`.

use std::fmt;
use std::num::{ParseIntError, TryFromIntError};

use reactive_runtime::prelude::*;

/// The error of the whole pipeline: each `?` converts into it with `From`.
#[derive(Debug)]
enum ReadError {
    NoNumber(ParseIntError),
    TooLarge(TryFromIntError),
}

impl From<ParseIntError> for ReadError {
    fn from(error: ParseIntError) -> Self {
        Self::NoNumber(error)
    }
}

impl From<TryFromIntError> for ReadError {
    fn from(error: TryFromIntError) -> Self {
        Self::TooLarge(error)
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoNumber(error) => write!(f, "no number: {error}"),
            Self::TooLarge(error) => write!(f, "too large: {error}"),
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let cells = ["17", "300", "x", "42"];

    // The first error ends the pipeline. `fails_with` names its type; without it, that of the first `?` is taken.
    let read = pipeline! {
        cells |> fails_with::<ReadError>() |> map(str::parse::<u32>)? |> map(u8::try_from)? |> collect::<Vec<_>>()
    };
    match read.await {
        Ok(bytes) => println!("all of them: {bytes:?}"),
        Err(error) => println!("the first mistake: {error}"),
    }

    // With a `catch` below, nothing ends: what it returns says how the pipeline goes on.
    let read = pipeline! {
        cells
            |> fails_with::<ReadError>()
            |> map(str::parse::<u32>)?
            |> map(u8::try_from)?
            |> catch(|error| match error {
                ReadError::TooLarge(_) => Recover::With(u8::MAX),
                ReadError::NoNumber(_) => Recover::Skip,
            })
            |> collect::<Vec<_>>()
    };
    println!("as much as can be had: {:?}", read.await);
}
