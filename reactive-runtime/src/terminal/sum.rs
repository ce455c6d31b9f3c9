use std::iter;
use std::ops::{Add, ControlFlow};

use super::held::Held;
use super::{Checked, Consume};
use crate::fault::Fault;
use crate::flow::Flow;
use crate::items::{Final, Items, Terminal};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Adds the items up: `sum::<u64>()`. Of no items it is zero.
    ///
    /// # Panics
    ///
    /// On an overflow of an integer in a debug build, as on `Iterator`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// assert_eq!(block_on(pipeline! { &[1.5, 2.5] |> sum::<f64>() }), 4.0);
    /// ```
    pub fn sum<S>(self) -> Final<Sum<S>>
    where
        T: AddsTo<S>,
    {
        self.terminal(Sum { total: Held::new(T::zero()) })
    }
}

impl<F: Flow> Pipe<F> {
    /// Adds the items up. See [`Items::sum`].
    #[track_caller]
    pub fn sum<S>(self) -> Checked<F, Sum<S>, <F::Error as Fault>::Of<S>>
    where
        F::Item: AddsTo<S>,
    {
        self.with(Items::sum)
    }
}

/// An item that can be added to a total of type `S`: every `T` with `S: std::iter::Sum<T> + Add<Output = S>`.
#[diagnostic::on_unimplemented(
    message = "items of type `{Self}` cannot be added up to `{S}`",
    label = "these items do not add up to `{S}`",
    note = "`map` them into numbers first; where they are `Result`s, write a `?` behind the stage that gives them"
)]
pub trait AddsTo<S> {
    /// The total of no items.
    fn zero() -> S;

    /// The total with one more.
    fn add(total: S, item: Self) -> S;
}

#[diagnostic::do_not_recommend]
impl<T, S: iter::Sum<T> + Add<Output = S>> AddsTo<S> for T {
    fn zero() -> S {
        iter::empty::<T>().sum()
    }

    #[inline(always)]
    fn add(total: S, item: T) -> S {
        total + iter::once(item).sum()
    }
}

/// Adds items up: made by [`Items::sum`].
#[derive(Clone, Copy, Debug)]
pub struct Sum<S> {
    total: Held<S>,
}

impl<F: Flow<Item: AddsTo<S>>, S> Terminal<F> for Sum<S> {
    type Future = Checked<F, Self, <F::Error as Fault>::Of<S>>;

    fn run(self, upstream: F) -> Self::Future {
        Checked::new(upstream, self)
    }
}

impl<T: AddsTo<S>, S> Consume<T> for Sum<S> {
    type Output = S;

    #[inline(always)]
    fn consume(&mut self, item: T) -> ControlFlow<()> {
        self.total.update(|total| T::add(total, item));
        ControlFlow::Continue(())
    }

    #[inline(always)]
    fn resume(self) -> Self {
        Self { total: self.total.resume() }
    }

    fn finish(self) -> S {
        self.total.into_inner()
    }
}
