//! Operators are values, typed against the items that reach them and not against a source.

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;

use crate::below::Below;
use crate::fault::{Failed, IsResult, Join};
use crate::flow::{Activity, Flow};
use crate::operator::or_fail::OrFail;
use crate::operator::{Meter, Metered};
use crate::pipe::Pipe;
use crate::run::Control;
use crate::step::{AtMostOne, Effect, MayStop, OneToOne, Step, StepFlow};
use crate::watch::{WatchedBy, Watching};

/// The items that flow at one place of a pipeline: `T`s, which may fail with `K`.
///
/// Every operator is a method of this zero-sized token, and knows no source. What a method returns says of which
/// kind the operator is: [`Stepped`], [`Staged`] or [`Final`]; the options of an operator are setters on it.
///
/// A crate adds operators of its own with an extension trait on `Items<T, K>`, whose methods end in [`step`](Self::step),
/// [`stage`](Self::stage) or [`terminal`](Self::terminal).
pub struct Items<T, K = Infallible>(PhantomData<fn() -> (T, K)>);

impl<T, K> Clone for Items<T, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, K> Copy for Items<T, K> {}

impl<T, K> fmt::Debug for Items<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Items<{}>", std::any::type_name::<T>())
    }
}

impl<T, K> Items<T, K> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }

    /// For authors of operators: one in, at most one out, at once. Runs of steps fuse into one loop.
    ///
    /// Say more of it with [`Stepped::one_to_one`] or [`Stepped::may_stop`].
    pub fn step<S: Step<T>>(self, op: S) -> Stepped<S, S::Out, K> {
        Stepped { finished: op.finished(), op, kind: PhantomData }
    }

    /// For authors of operators: anything that turns the flow above it into a flow, of `U`s which may fail with `L`.
    pub fn stage<U, L, S>(self, op: S) -> Staged<S, U, L> {
        Staged { op, kind: PhantomData }
    }

    /// For authors of operators: the end of a pipeline, which turns the flow above it into a future.
    pub fn terminal<O>(self, op: O) -> Final<O> {
        Final { op }
    }

    /// Hands the items to `f`, which chooses the operator: for functions that bundle an operator and its options.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::{prelude::*, operator::Filter, Stepped};
    /// # use futures::executor::block_on;
    /// fn even<K>(items: Items<u32, K>) -> Stepped<Filter<fn(&u32) -> bool>, u32, K> {
    ///     items.filter(|x| x % 2 == 0)
    /// }
    ///
    /// let items = pipeline! { 0..6u32 |> via(even) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(items), [0, 2, 4]);
    /// ```
    pub fn via<R, F: FnOnce(Self) -> R>(self, f: F) -> R {
        f(self)
    }

    /// A closure that gives something for each item, as it is: so the compiler knows what it takes.
    #[doc(hidden)]
    pub fn __opens<S, F: FnMut(T) -> S>(self, open: F) -> F {
        open
    }

    /// `?` after a stage of `pipeline!`: what flows below it.
    #[doc(hidden)]
    pub fn __question<Y, X, L>(self) -> Items<Y, L>
    where
        T: IsResult<Ok = Y, Err = X>,
        K: Join<Failed<X>, Out = L>,
    {
        Items::new()
    }

    /// `?` in a run: the value, or the error leaves. It asks for the same as [`__question`](Self::__question), at the
    /// same place, so that an item which is no `Result` is told once.
    #[doc(hidden)]
    #[inline(always)]
    pub fn __leave<Y, X, L>(self, item: T, control: &mut Control<L>) -> Option<Y>
    where
        T: IsResult<Ok = Y, Err = X>,
        K: Join<Failed<X>, Out = L>,
    {
        match item.into_result() {
            Ok(value) => Some(value),
            Err(error) => control.fail(K::right(Failed(error))),
        }
    }
}

/// A step, as a stage of a pipeline: it gives `U`s, which may fail with `K`.
///
/// `M` is its [effect](Effect) on the number of items.
#[must_use = "an operator does nothing until it is part of a pipeline"]
pub struct Stepped<S, U, K, M = AtMostOne> {
    op: S,
    finished: bool,
    kind: PhantomData<fn() -> (U, K, M)>,
}

impl<S, U, K, M> Stepped<S, U, K, M> {
    /// Promises one item out for each item in.
    pub fn one_to_one(self) -> Stepped<S, U, K, OneToOne> {
        self.with_effect()
    }

    /// Says that the step may stop the pipeline, so that a chain which it ends counts as bounded.
    pub fn may_stop(self) -> Stepped<S, U, K, MayStop> {
        self.with_effect()
    }

    /// For setters: the same step with other options, of the same items.
    pub fn map_op<O>(self, f: impl FnOnce(S) -> O) -> Stepped<O, U, K, M> {
        Stepped { op: f(self.op), finished: self.finished, kind: PhantomData }
    }

    fn with_effect<N>(self) -> Stepped<S, U, K, N> {
        Stepped { op: self.op, finished: self.finished, kind: PhantomData }
    }

    /// What flows below it.
    pub fn items(&self) -> Items<U, K> {
        Items::new()
    }

    pub(crate) fn into_parts(self) -> (S, bool) {
        (self.op, self.finished)
    }
}

/// What an option for work in flight meets on a step. The bounds never hold: they carry the message.
#[doc(hidden)]
impl<S, U, K, M> Stepped<S, U, K, M> {
    pub fn flow_control<X>(self, _: X) -> Self
    where
        Self: WorksInFlight,
    {
        self
    }

    pub fn concurrency<X>(self, _: X) -> Self
    where
        Self: WorksInFlight,
    {
        self
    }
}

impl<S: Clone, U, K, M> Clone for Stepped<S, U, K, M> {
    fn clone(&self) -> Self {
        Self { op: self.op.clone(), finished: self.finished, kind: PhantomData }
    }
}

impl<S: Copy, U, K, M> Copy for Stepped<S, U, K, M> {}

#[doc(hidden)]
impl<S, U, K, M: Effect> Stepped<S, U, K, M> {
    pub fn __chain<A>(self, above: A) -> Chain<A, Self> {
        Chain(above, self)
    }

    pub fn __before_question(self) -> Self {
        self
    }

    pub fn __below<I, F>(self, items: I, flow: F) -> Below<Self, I, F> {
        Below::new(self, items, flow)
    }

    pub fn __watched<V, N: Meter>(
        self,
        watching: &mut Watching<V, N>,
        at: usize,
    ) -> Staged<Chain<Self, Metered<N>>, U, K> {
        Staged { op: Chain(self, watching.stage(at)), kind: PhantomData }
    }
}

/// A stage of a pipeline: it gives `U`s, which may fail with `K`.
#[must_use = "an operator does nothing until it is part of a pipeline"]
pub struct Staged<S, U, K> {
    op: S,
    kind: PhantomData<fn() -> (U, K)>,
}

impl<S, U, K> Staged<S, U, K> {
    /// What flows below it.
    pub fn items(&self) -> Items<U, K> {
        Items::new()
    }

    /// For setters: the same stage with other options, of the same items.
    pub fn map_op<O>(self, f: impl FnOnce(S) -> O) -> Staged<O, U, K> {
        Staged { op: f(self.op), kind: PhantomData }
    }

    pub(crate) fn into_op(self) -> S {
        self.op
    }
}

#[doc(hidden)]
impl<S, U, K> Staged<S, U, K> {
    pub fn __before_question(self) -> Self {
        self
    }

    pub fn __below<I, F>(self, items: I, flow: F) -> Below<Self, I, F> {
        Below::new(self, items, flow)
    }

    pub fn __watched<V, N: Meter>(
        self,
        watching: &mut Watching<V, N>,
        at: usize,
    ) -> Staged<Chain<S, Metered<N>>, U, K> {
        Staged { op: Chain(self.op, watching.stage(at)), kind: PhantomData }
    }
}

/// The end of a pipeline: it makes a future.
#[must_use = "a terminal does nothing until it ends a pipeline"]
pub struct Final<O> {
    op: O,
}

impl<O> Final<O> {
    /// For setters: the same terminal with other options.
    pub fn map_op<P>(self, f: impl FnOnce(O) -> P) -> Final<P> {
        Final { op: f(self.op) }
    }

    pub(crate) fn into_op(self) -> O {
        self.op
    }
}

#[doc(hidden)]
impl<O> Final<O> {
    pub fn __watched<V, N: Meter>(self, watching: &mut Watching<V, N>, at: usize) -> Final<WatchedBy<O, N>> {
        Final { op: watching.terminal(self.op, at) }
    }
}

/// What a stage behind a terminal meets. The bounds never hold: they carry the message; and what they would give is a
/// parameter of the method, so that nothing below says more.
#[doc(hidden)]
impl<O> Final<O> {
    pub fn items<I>(&self) -> I
    where
        Self: Continues<Items = I>,
    {
        unreachable!("no terminal continues")
    }

    pub fn __below<I, F>(self, items: I, flow: F) -> Below<Self, I, F> {
        Below::new(self, items, flow)
    }

    pub fn __chain<A, B>(self, _: A) -> B
    where
        Self: Continues<Flow = B>,
    {
        unreachable!("no terminal continues")
    }

    pub fn __before_question<S>(self) -> S
    where
        Self: Fails<Stage = S>,
    {
        unreachable!("no terminal fails")
    }
}

/// Whether an operator takes `flow_control`: no step does, and `process` where its function gives a future. Carries the message.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a synchronous stage has nothing in flight that could be controlled",
    label = "this belongs to a stage of asynchronous calls: `map_async`, `for_each_async`, `process` with an async function",
    note = "one item is done here before the next one comes, so none is in flight and none waits; for a fixed pace put \
            `throttle(100/s)` above it, and for work on other threads take `parallel(8, f)`"
)]
pub trait WorksInFlight {}

/// Never implemented: carries the message for a stage after a terminal.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "nothing can follow a terminal",
    label = "this ends the pipeline: put it last",
    note = "a terminal turns the pipeline into a future; `.await` it, and begin another pipeline with what it gives"
)]
pub trait Continues {
    type Items;
    type Flow: Flow;
}

/// Never implemented: carries the message for `?` after a terminal.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`?` cannot follow a terminal, which gives a future and no items",
    label = "write it behind the `.await` of the pipeline"
)]
pub trait Fails {
    type Stage;
}

/// Turns the flow above it into a flow: every operator that is more than a [`Step`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be attached to this flow",
    note = "the items or the error that reach it are not those that it was made for"
)]
pub trait Stage<F> {
    /// The flow below it.
    type Flow: Flow;

    /// Puts the stage below `upstream`. Nothing is polled yet.
    fn attach(self, upstream: F) -> Self::Flow;
}

/// Turns the flow above it into a future: the last operator of a pipeline.
pub trait Terminal<F: Flow> {
    /// The future. It drives the flow at full speed; dropped, it drops the pipeline.
    type Future: Future;

    /// Puts the terminal below `upstream`. Nothing is polled yet.
    fn run(self, upstream: F) -> Self::Future;

    /// What it does by itself while it is pending: see [`Flow::activity`].
    fn activity(future: &Self::Future) -> Activity {
        let _ = future;
        Activity::Unknown
    }
}

/// One stage below another, as one stage.
#[derive(Clone, Copy, Debug)]
pub struct Chain<A, B>(pub A, pub B);

impl<F: Flow, A: Stage<F>, B: Stage<A::Flow>> Stage<F> for Chain<A, B> {
    type Flow = B::Flow;

    fn attach(self, upstream: F) -> B::Flow {
        self.1.attach(self.0.attach(upstream))
    }
}

impl<F: Flow, S: Step<F::Item>, U, K, M: Effect> Stage<F> for Stepped<S, U, K, M> {
    type Flow = StepFlow<F, S, M>;

    fn attach(self, upstream: F) -> Self::Flow {
        StepFlow::new(upstream, self.op, self.finished)
    }
}

impl<S, T, E, K, M> Stepped<S, Result<T, E>, K, M> {
    /// The step with a `?` behind it, as one stage.
    pub(crate) fn or_fail(self) -> Staged<Chain<Self, OrFail>, T, K::Out>
    where
        K: Join<Failed<E>>,
    {
        Staged { op: Chain(self, OrFail), kind: PhantomData }
    }
}

/// What can stand last on a [`Pipe`]: an operator gives a `Pipe`, a terminal its future. Asked for by [`Pipe::with`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no operator for this pipeline",
    note = "`with` takes a closure that calls an operator on the items: `pipe.with(|items| items.batch(10))`"
)]
pub trait Finish<F: Flow> {
    /// The `Pipe`, or the future.
    type Out;

    /// Puts the operator below `upstream`.
    fn finish(self, upstream: F) -> Self::Out;
}

impl<F: Flow, S: Step<F::Item>, U, K, M: Effect> Finish<F> for Stepped<S, U, K, M> {
    type Out = Pipe<StepFlow<F, S, M>>;

    fn finish(self, upstream: F) -> Self::Out {
        Pipe::from_flow(self.attach(upstream))
    }
}

impl<F: Flow, S: Stage<F>, U, K> Finish<F> for Staged<S, U, K> {
    type Out = Pipe<S::Flow>;

    fn finish(self, upstream: F) -> Self::Out {
        Pipe::from_flow(self.op.attach(upstream))
    }
}

impl<F: Flow, O: Terminal<F>> Finish<F> for Final<O> {
    type Out = O::Future;

    fn finish(self, upstream: F) -> O::Future {
        self.op.run(upstream)
    }
}

/// The items of a flow.
#[doc(hidden)]
pub fn items_of<F: Flow>(_: &F) -> Items<F::Item, F::Error> {
    Items::new()
}

const _: () = assert!(size_of::<Items<String, Failed<String>>>() == 0, "tokens are free");
