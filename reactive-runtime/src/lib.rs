#![doc = include_str!(concat!("../", env!("CARGO_PKG_README")))]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate self as reactive_runtime;

mod fault;
pub mod flow;
pub mod gather;
mod items;
pub mod operator;
mod pipe;
mod plan;
mod rate;
pub mod source;
pub mod step;
pub mod terminal;
pub mod units;

pub use fault::{Failed, Fault, IsResult, Join};
pub use flow::{Bounded, Boundedness, Downstream, Drive, Driven, Flow, Unbounded};
pub use items::{Chain, Final, Finish, Items, Stage, Staged, Stepped, Terminal};
pub use operator::{Recover, Recovery};
pub use pipe::Pipe;
pub use plan::{Plan, PlanEntry};
pub use rate::Rate;
pub use source::Source;
pub use step::{Step, Stop};

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

/// What a pipeline is written with: `use reactive_runtime::prelude::*;`.
pub mod prelude {
    pub use crate::fault::Failed;
    pub use crate::flow::Flow;
    pub use crate::items::Items;
    pub use crate::operator::{BoxPipe, LocalBoxPipe, Recover, Window};
    pub use crate::pipe::Pipe;
    pub use crate::pipeline;
    pub use crate::rate::Rate;
    #[cfg(feature = "rt")]
    pub use crate::source::Lagged;
    #[cfg(feature = "time")]
    pub use crate::source::interval;
    pub use crate::source::{empty, once, repeat_with, unfold};
}

/// What the expansion of `pipeline!` names.
#[doc(hidden)]
pub mod __private {
    pub use reactive_macros::pipeline;

    pub use crate::items::items_of;
    pub use crate::source::probe::{ViaIter, ViaNothing, ViaSource, ViaStream, probe};
    pub use crate::step::Run;
}
