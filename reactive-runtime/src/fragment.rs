//! Chains without a source: `stage!`.

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;

use crate::fault::Join;
use crate::flow::Flow;
use crate::items::{Chain, Items, Stage, Staged};

impl<T, K> Items<T, K> {
    /// Puts a [`Fragment`] here: `|> clean` in `pipeline!`, or `|> splice(clean())` of a function that gives one.
    ///
    /// Its error converts with `From` into the pipeline's.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let clean = stage! { &str |> map(str::trim) |> filter(|s| !s.is_empty()) };
    /// let words = pipeline! { [" a", "", "b "] |> splice(clean) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(words), ["a", "b"]);
    /// ```
    pub fn splice<G, C, U, L, O>(self, fragment: G) -> Staged<C, U, O>
    where
        G: FragmentOf<T, Chain = C, Item = U, Fault = L>,
        K: Join<L, Out = O>,
    {
        self.stage(fragment.into_chain())
    }
}

/// A [`Fragment`] that takes `T`s: asked for in place of the type, whose name is as long as the chain.
#[diagnostic::on_unimplemented(
    message = "this is not a fragment of `{T}`, which flows here",
    label = "expected a fragment that takes `{T}`",
    note = "`stage! {{ Type |> .. }}` makes a fragment, which takes items of that type: `map` them into it first",
    note = "a function is no stage; one from item to item stands in an operator: `|> map(f)`"
)]
pub trait FragmentOf<T> {
    /// The chain of operators.
    type Chain;

    /// What it gives.
    type Item;

    /// What it may fail with.
    type Fault;

    #[doc(hidden)]
    fn into_chain(self) -> Self::Chain;
}

impl<C, T, U, K> FragmentOf<T> for Fragment<C, T, U, K> {
    type Chain = C;
    type Item = U;
    type Fault = K;

    fn into_chain(self) -> C {
        self.chain
    }
}

/// A chain of operators without a source, made by [`stage!`](crate::stage): it takes `T`s and gives `U`s, which may fail
/// with `K`.
///
/// It stands in a pipeline by its name, as a stage. It is `Copy` or `Clone`, and so can stand in several, where its parts
/// are: a closure is where what it captures is.
pub struct Fragment<C, T, U, K = Infallible> {
    chain: C,
    items: PhantomData<fn(T) -> (U, K)>,
}

impl<C: Clone, T, U, K> Clone for Fragment<C, T, U, K> {
    fn clone(&self) -> Self {
        Self { chain: self.chain.clone(), items: PhantomData }
    }
}

impl<C: Copy, T, U, K> Copy for Fragment<C, T, U, K> {}

impl<C, T, U, K> fmt::Debug for Fragment<C, T, U, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fragment<{} to {}>", std::any::type_name::<T>(), std::any::type_name::<U>())
    }
}

/// The beginning of a [`Fragment`]: the flow that it is attached to.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Start;

impl<F: Flow> Stage<F> for Start {
    type Flow = F;

    fn attach(self, upstream: F) -> F {
        upstream
    }
}

#[doc(hidden)]
impl Start {
    pub fn items<T>() -> Items<T> {
        Items::new()
    }
}

#[doc(hidden)]
impl<T> Items<T> {
    pub fn __fragment<C, U, K>(self, chain: C, _: Items<U, K>) -> Fragment<C, T, U, K> {
        Fragment { chain, items: PhantomData }
    }
}

/// How a stage of `stage!` follows another.
#[doc(hidden)]
impl<S, U, K> Staged<S, U, K> {
    pub fn __chain<A>(self, above: A) -> Chain<A, S> {
        Chain(above, self.into_op())
    }
}
