use super::map::Map;
use super::or_fail::{OrFail, OrFailFlow};
use crate::fault::{Failed, Join};
use crate::flow::Flow;
use crate::items::{Chain, Items, Staged, Stepped};
use crate::pipe::Pipe;
use crate::step::{OneToOne, StepFlow};

/// A `map` with a `?` behind it: made by [`Items::try_map`].
pub type TryMap<F, R, K> = Chain<Stepped<Map<F>, R, K, OneToOne>, OrFail>;

impl<T, K> Items<T, K> {
    /// Turns each item into the value that `f` makes of it, or lets the error of `f` leave: `map(f)?`.
    ///
    /// # Errors
    ///
    /// The error of `f`, as with [`or_fail`](Items::or_fail).
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let numbers = pipeline! { ["1", "2"] |> try_map(str::parse::<u8>) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(numbers), Ok(vec![1, 2]));
    /// ```
    pub fn try_map<U, E, F>(self, f: F) -> Staged<TryMap<F, Result<U, E>, K>, U, K::Out>
    where
        F: FnMut(T) -> Result<U, E>,
        K: Join<Failed<E>>,
    {
        self.map(f).or_fail()
    }
}

impl<F: Flow> Pipe<F> {
    /// Turns each item into the value that `f` makes of it, or lets its error leave. See [`Items::try_map`].
    #[track_caller]
    pub fn try_map<U, E, G>(self, f: G) -> Pipe<OrFailFlow<StepFlow<F, Map<G>, OneToOne>>>
    where
        G: FnMut(F::Item) -> Result<U, E>,
        F::Error: Join<Failed<E>>,
    {
        self.with(|items| items.try_map(f))
    }
}
