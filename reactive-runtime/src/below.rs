//! How `pipeline!` puts an operator below what flows there. Named by its expansion, and by nobody else.
//!
//! What an operator asks of its arguments is told where it is named, and its flow asks for the same; told again there, one
//! mistake would be two errors, at two places. So the macro asks first, as it does for sources: method lookup finds the
//! methods of [`Below`] where the operator fits, and else those of [`Refused`], which give [`Unmade`]. That fits
//! everywhere, so nothing below says more. The steps of a run are asked where the run calls them, by `InRun` of `run.rs`.
//!
//! The flow above is as deep as the pipeline is long, and to ask of it takes the compiler long. So an operator that the
//! macro knows is asked whether it fits [`Shown`], any flow of these items. Another one, which may be made for a flow and not
//! for all, is handed no items: then [`Deep`] asks of the flow.
//!
//! An operator of another crate may ask for something that its method does not. So `Refused` asks too, but last: of a
//! [`Literal`], whose type is open until all else is checked. If there was an error by then it is one too, of which the
//! compiler tells nothing.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::fault::Fault;
use crate::flow::{Bounded, Downstream, Driven, Flow};
use crate::items::{Continues, Final, Items, Stage, Staged, Stepped, Terminal};
use crate::pipe::Pipe;
use crate::plan::Plan;
use crate::step::{Effect, Step, StepFlow};

/// An operator, the items that reach it, and the flow above it.
#[derive(Debug)]
pub struct Below<O, I, F> {
    op: O,
    items: PhantomData<fn(I)>,
    flow: F,
}

impl<O, I, F> Below<O, I, F> {
    pub(crate) fn new(op: O, _: I, flow: F) -> Self {
        Self { op, items: PhantomData, flow }
    }
}

/// What a call gives is a parameter of its own: a projection in the return type would turn a worded error into "the
/// method exists, but its trait bounds were not satisfied".
impl<S: Stage<Shown<T, J>>, U, K, T, J: Fault, F> Below<Staged<S, U, K>, Items<T, J>, F> {
    pub fn attach<G>(self, _: i32) -> G
    where
        S: Stage<F, Flow = G>,
    {
        self.op.into_op().attach(self.flow)
    }

    pub fn finish<G>(self, _: i32, plan: &'static Plan) -> Pipe<G>
    where
        S: Stage<F, Flow = G>,
    {
        Pipe::planned(self.op.into_op().attach(self.flow), plan)
    }
}

impl<O: Terminal<Shown<T, J>>, T, J: Fault, F> Below<Final<O>, Items<T, J>, F> {
    pub fn finish<R>(self, _: i32, _: &'static Plan) -> R
    where
        F: Flow,
        O: Terminal<F, Future = R>,
    {
        self.op.into_op().run(self.flow)
    }
}

impl<O, I, F> Below<Final<O>, I, F> {
    pub fn attach<G>(self, _: i32) -> G
    where
        Final<O>: Continues<Flow = G>,
    {
        unreachable!("no terminal continues")
    }
}

/// An operator that is asked whether it fits this very flow.
pub trait Deep<F>: Sized {
    type Flow: Flow;

    fn attach(self, _: i32) -> Self::Flow;

    fn finish(self, _: i32, plan: &'static Plan) -> Pipe<Self::Flow> {
        Pipe::planned(self.attach(0), plan)
    }
}

impl<S: Stage<F>, U, K, I, F: Flow> Deep<F> for Below<Staged<S, U, K>, I, F> {
    type Flow = S::Flow;

    fn attach(self, _: i32) -> S::Flow {
        self.op.into_op().attach(self.flow)
    }
}

impl<S: Step<F::Item>, U, K, M: Effect, I, F: Flow> Deep<F> for Below<Stepped<S, U, K, M>, I, F> {
    type Flow = StepFlow<F, S, M>;

    fn attach(self, _: i32) -> Self::Flow {
        Stage::attach(self.op, self.flow)
    }
}

/// A terminal that is asked whether it fits this very flow.
pub trait DeepFinal<F> {
    type Future;

    fn finish(self, _: i32, plan: &'static Plan) -> Self::Future;
}

impl<O: Terminal<F>, I, F: Flow> DeepFinal<F> for Below<Final<O>, I, F> {
    type Future = O::Future;

    fn finish(self, _: i32, _: &'static Plan) -> O::Future {
        self.op.into_op().run(self.flow)
    }
}

impl<O, I, F> Deref for Below<O, I, F> {
    type Target = Refused<O, I, F>;

    fn deref(&self) -> &Refused<O, I, F> {
        &Refused(PhantomData)
    }
}

/// An operator that does not fit. Its methods are never run: a pipeline with one does not compile.
#[derive(Debug)]
pub struct Refused<O, I, F>(PhantomData<fn() -> (O, I, F)>);

impl<S, U, K, M, I, F: Flow> Refused<Stepped<S, U, K, M>, I, F> {
    pub fn attach<N: Literal>(&self, _: N) -> Unmade<U, K>
    where
        N::Same<S>: Step<F::Item>,
    {
        unreachable!("it does not compile")
    }

    pub fn finish<N: Literal>(&self, _: N, _: &'static Plan) -> Pipe<Unmade<U, K>>
    where
        N::Same<S>: Step<F::Item>,
    {
        unreachable!("it does not compile")
    }
}

impl<S, U, K, I, F: Flow> Refused<Staged<S, U, K>, I, F> {
    pub fn attach<N: Literal>(&self, _: N) -> Unmade<U, K>
    where
        N::Same<S>: Stage<F>,
    {
        unreachable!("it does not compile")
    }

    pub fn finish<N: Literal>(&self, _: N, _: &'static Plan) -> Pipe<Unmade<U, K>>
    where
        N::Same<S>: Stage<F>,
    {
        unreachable!("it does not compile")
    }
}

impl<O, I, F: Flow> Refused<Final<O>, I, F> {
    pub fn finish<N: Literal, R>(&self, _: N, _: &'static Plan) -> Unmade<R>
    where
        N::Same<O>: Terminal<F>,
    {
        unreachable!("it does not compile")
    }
}

/// The type of a `0` without a suffix. There is more than one, so the compiler decides last.
pub trait Literal {
    /// `S`, once it is decided.
    type Same<S>;
}

impl Literal for i32 {
    type Same<S> = S;
}

impl Literal for u8 {
    type Same<S> = S;
}

/// A flow of `U`s that may fail with `K`, of which nothing else is known. It is never made.
#[derive(Debug)]
pub struct Unmade<U, K = Infallible>(PhantomData<fn() -> (U, K)>);

/// What is shown to an operator in place of the flow above it.
pub type Shown<U, K> = Unmade<U, K>;

impl<U, K: Fault> Flow for Unmade<U, K> {
    type Item = U;
    type Error = K;
    type Bound = Bounded;

    fn poll_drive<D: Downstream<U>>(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut D) -> Driven<K> {
        unreachable!("it is never made")
    }

    fn poll_progress(self: Pin<&mut Self>, _: &mut Context<'_>) {
        unreachable!("it is never made")
    }
}

/// In place of the future of a terminal that was refused.
impl<R> Future for Unmade<R> {
    type Output = R;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<R> {
        unreachable!("it is never made")
    }
}
