//! The two macros, in a file of their own: the compiler names its lines in messages.

#[cfg(doc)]
use crate::{Fragment, Items, Pipe, Rate, source, units, watch};

/// Writes a pipeline inline: `source |> operator(arguments, option = value)? |> ..`.
///
/// It gives a [`Pipe`], which is a `Stream`, or the future of the terminal that stands last.
///
/// - The source is anything: see [`source`].
/// - An operator is a method of [`Items`], or of an extension trait on it; its options are setters on what it returns,
///   `name = value` in the arguments or `.name(value)` behind them.
/// - `?` turns `Result` items into values and lets errors leave: see [`Items::or_fail`].
/// - Units: `100ms`, `1h30min`, `64KiB`, `20k`, `20/s`, `5%`; see [`units`] and [`Rate`].
/// - An argument that holds a `|>` is a pipeline: `merge(other |> map(f))`.
/// - A name and a [`watch`] stand before the source: `"users", watch = &profiler: source |> ..`.
///
/// Arguments are evaluated once, in order, before anything runs; a temporary that one of them borrows from needs a `let`
/// before the pipeline. They may use `?`, `.await` and `return` of the function around them.
///
/// # Examples
///
/// ```
/// # use reactive_runtime::prelude::*;
/// # use futures::executor::block_on;
/// let report = pipeline! {
///     ["3", "4", "x", "6"]
///         |> map(str::parse::<u32>)?
///         |> catch(|_| Recover::Skip)
///         |> filter(|x| x % 2 == 0)
///         |> batch(2)
///         |> collect::<Vec<_>>()
/// };
/// assert_eq!(block_on(report), [[4, 6]]);
/// ```
#[macro_export]
macro_rules! pipeline {
    ($($tokens:tt)*) => {
        $crate::__private::pipeline!(($crate) $($tokens)*)
    };
}

/// Writes a chain of operators without a source: a [`Fragment`], which stands in pipelines by its name.
///
/// It begins with the type of the items that it takes, or with `|>` where they can be inferred. Everything else is as in
/// [`pipeline!`]; it cannot end in a terminal. A `?` in it makes it fail with that error, which converts into the
/// pipeline's.
///
/// # Examples
///
/// ```
/// # use reactive_runtime::prelude::*;
/// # use futures::executor::block_on;
/// fn valid(word: &String) -> bool {
///     word.len() > 1
/// }
///
/// let clean = stage! { String |> map(|s| s.trim().to_owned()) |> filter(valid) };
/// let words = || vec![" ab ".to_owned(), "c".to_owned()];
///
/// let lengths = pipeline! { words() |> clean.clone() |> map(|s| s.len()) |> collect::<Vec<_>>() };
/// assert_eq!(block_on(lengths), [2]);
/// let joined = pipeline! { words() |> clean |> collect::<String>() };
/// assert_eq!(block_on(joined), "ab");
/// ```
#[macro_export]
macro_rules! stage {
    ($($tokens:tt)*) => {
        $crate::__private::stage!(($crate) $($tokens)*)
    };
}
