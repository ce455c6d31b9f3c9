use std::iter;
use std::ops::{Add, ControlFlow};

use super::held::Held;
use super::{Consume, Consuming};
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
        S: iter::Sum<T> + Add<Output = S>,
    {
        self.terminal(Sum { total: Held::new(iter::empty().sum()) })
    }
}

impl<F: Flow> Pipe<F> {
    /// Adds the items up. See [`Items::sum`].
    #[track_caller]
    pub fn sum<S>(self) -> Consuming<F, Sum<S>>
    where
        S: iter::Sum<F::Item> + Add<Output = S>,
    {
        self.with(Items::sum)
    }
}

/// Adds items up: made by [`Items::sum`].
#[derive(Clone, Copy, Debug)]
pub struct Sum<S> {
    total: Held<S>,
}

impl<F, S> Terminal<F> for Sum<S>
where
    F: Flow,
    S: iter::Sum<F::Item> + Add<Output = S>,
{
    type Future = Consuming<F, Self>;

    fn run(self, upstream: F) -> Self::Future {
        Consuming::new(upstream, self)
    }
}

impl<T, S> Consume<T> for Sum<S>
where
    S: iter::Sum<T> + Add<Output = S>,
{
    type Output = S;

    #[inline(always)]
    fn consume(&mut self, item: T) -> ControlFlow<()> {
        self.total.update(|total| total + iter::once(item).sum());
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
