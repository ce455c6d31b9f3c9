//! Steps: one item in, at most one out, at once; and the run of steps that `pipeline!` fuses into one loop.

use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::fault::{Fault, Join};
use crate::flow::{Bounded, Boundedness, Downstream, Drive, Driven, Flow};
use crate::items::{Chain, Items, Stage, Stepped};

/// A synchronous operator that gives at most one item for each item, and cannot fail.
///
/// Runs of steps fuse: `pipeline!` calls them one after the other in one straight-line closure.
pub trait Step<In> {
    /// What it gives.
    type Out;

    /// Takes an item; `None` drops it. With [`Stop::stop`] it is the last one that the step sees.
    fn step(&mut self, item: In, stop: &mut Stop) -> Option<Self::Out>;

    /// Whether the step has had enough before its first item, as `take(0)` has. Its source is then never polled.
    fn finished(&self) -> bool {
        false
    }
}

/// How a step ends the pipeline.
#[derive(Debug, Default)]
pub struct Stop(bool);

impl Stop {
    /// Ends the pipeline after the item at hand, and frees what is upstream.
    #[inline(always)]
    pub fn stop(&mut self) {
        self.0 = true;
    }
}

/// What a step does to the number of items: [`OneToOne`], [`AtMostOne`] or [`MayStop`].
pub trait Effect {
    /// The effect of this one and then another.
    type Then<M: Effect>: Effect;

    /// The effect of dropping some items, and then this one.
    type AfterDrops: Effect;

    /// The boundedness of the flow below, given that of the flow above.
    type Bound<B: Boundedness>: Boundedness;

    /// Whether as many items come out as go in.
    const EXACT: bool;
}

/// One item out for each item in.
#[derive(Clone, Copy, Debug)]
pub enum OneToOne {}

/// At most one item out for each item in.
#[derive(Clone, Copy, Debug)]
pub enum AtMostOne {}

/// At most one item out for each item in, and the step may end the pipeline.
#[derive(Clone, Copy, Debug)]
pub enum MayStop {}

impl Effect for OneToOne {
    type Then<M: Effect> = M;
    type AfterDrops = AtMostOne;
    type Bound<B: Boundedness> = B;

    const EXACT: bool = true;
}

impl Effect for AtMostOne {
    type Then<M: Effect> = M::AfterDrops;
    type AfterDrops = Self;
    type Bound<B: Boundedness> = B;

    const EXACT: bool = false;
}

impl Effect for MayStop {
    type Then<M: Effect> = Self;
    type AfterDrops = Self;
    type Bound<B: Boundedness> = Bounded;

    const EXACT: bool = false;
}

pin_project! {
    /// The flow below a step, or below a fused run of steps.
    pub struct StepFlow<F, S, M> {
        // `None` once the step has stopped or upstream has ended: upstream is freed at once.
        #[pin]
        upstream: Option<F>,
        step: S,
        effect: PhantomData<fn() -> M>,
    }
}

impl<F, S, M> StepFlow<F, S, M> {
    pub(crate) fn new(upstream: F, step: S, finished: bool) -> Self {
        Self { upstream: (!finished).then_some(upstream), step, effect: PhantomData }
    }
}

impl<F: Flow, S: Step<F::Item>, M: Effect> Flow for StepFlow<F, S, M> {
    type Item = S::Out;
    type Error = F::Error;
    type Bound = M::Bound<F::Bound>;

    #[inline(always)]
    fn poll_drive<D: Downstream<S::Out>>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<F::Error> {
        let mut me = self.project();
        let Some(upstream) = me.upstream.as_mut().as_pin_mut() else { return Poll::Ready(Ok(Drive::Ended)) };
        let (mut stop, mut broke) = (Stop(false), false);
        let mut through = Through { step: me.step, stop: &mut stop, broke: &mut broke, down };
        let driven = upstream.poll_drive(cx, &mut through);
        if stop.0 || matches!(driven, Poll::Ready(Ok(Drive::Ended))) {
            me.upstream.set(None);
        }
        told(driven, stop, broke)
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        if let Some(upstream) = self.project().upstream.as_pin_mut() {
            upstream.poll_progress(cx);
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        hint::<F, M>(self.upstream.as_ref())
    }
}

/// What a call tells when the step has stopped in it: a break of `down` hides the end until the next call.
#[inline(always)]
fn told<E>(driven: Driven<E>, stop: Stop, broke: bool) -> Driven<E> {
    match stop.0 {
        true if broke => Poll::Ready(Ok(Drive::Paused)),
        true => Poll::Ready(Ok(Drive::Ended)),
        false => driven,
    }
}

fn hint<F: Flow, M: Effect>(upstream: Option<&F>) -> (usize, Option<usize>) {
    let (at_least, at_most) = upstream.map_or((0, Some(0)), Flow::size_hint);
    (if M::EXACT { at_least } else { 0 }, at_most)
}

struct Through<'a, S, D> {
    step: &'a mut S,
    stop: &'a mut Stop,
    broke: &'a mut bool,
    down: &'a mut D,
}

impl<T, S: Step<T>, D: Downstream<S::Out>> Downstream<T> for Through<'_, S, D> {
    #[inline(always)]
    fn push(&mut self, item: T) -> ControlFlow<()> {
        let pushed = match self.step.step(item, self.stop) {
            Some(out) => self.down.push(out),
            None => ControlFlow::Continue(()),
        };
        // Written on the break path only: a store per item would keep the loop from being one.
        if pushed.is_break() {
            *self.broke = true;
        }
        if self.stop.0 { ControlFlow::Break(()) } else { pushed }
    }
}

/// Begins a run of steps: `pipeline!` adds its operators one by one, then the closure that calls them in a row.
#[doc(hidden)]
#[derive(Debug)]
pub struct Run<M> {
    finished: bool,
    effect: PhantomData<fn() -> M>,
}

impl<M> Clone for Run<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Run<M> {}

#[doc(hidden)]
impl Run<OneToOne> {
    #[expect(clippy::new_without_default, reason = "named by the expansion of `pipeline!` only")]
    pub fn new() -> Self {
        Self { finished: false, effect: PhantomData }
    }
}

#[doc(hidden)]
impl<M: Effect> Run<M> {
    #[expect(clippy::should_implement_trait, reason = "named by the expansion of `pipeline!` only")]
    pub fn add<S, U, K, N: Effect>(self, op: Stepped<S, U, K, N>) -> (Run<M::Then<N>>, S) {
        let (op, finished) = op.into_parts();
        (Run { finished: self.finished | finished, effect: PhantomData }, op)
    }

    /// A run without `?`: it adds no error.
    pub fn plain<T, K0, O, S, U, K>(
        self,
        _: Items<T, K0>,
        ops: O,
        body: S,
        _: Items<U, K>,
    ) -> Plain<T, O, S, M>
    where
        S: FnMut(&mut O, T, &mut Stop) -> Option<U>,
    {
        Plain { fused: Fused { ops, body }, run: self, items: PhantomData }
    }

    /// A run with at least one `?`.
    pub fn fallible<T, K0, O, S, U, K>(
        self,
        _: Items<T, K0>,
        ops: O,
        body: S,
        _: Items<U, K>,
    ) -> Fallible<T, O, S, K, M>
    where
        S: FnMut(&mut O, T, &mut Control<K>) -> Option<U>,
    {
        Fallible { fused: Fused { ops, body }, run: self, items: PhantomData }
    }
}

/// The operators of a run and the closure that calls them.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Fused<O, S> {
    ops: O,
    body: S,
}

impl<T, O, S, U> Step<T> for Fused<O, S>
where
    S: FnMut(&mut O, T, &mut Stop) -> Option<U>,
{
    type Out = U;

    #[inline(always)]
    fn step(&mut self, item: T, stop: &mut Stop) -> Option<U> {
        (self.body)(&mut self.ops, item, stop)
    }
}

/// A run of steps.
#[doc(hidden)]
#[derive(Debug)]
pub struct Plain<T, O, S, M> {
    fused: Fused<O, S>,
    run: Run<M>,
    items: PhantomData<fn(T)>,
}

impl<T, O: Clone, S: Clone, M> Clone for Plain<T, O, S, M> {
    fn clone(&self) -> Self {
        Self { fused: self.fused.clone(), run: self.run, items: PhantomData }
    }
}

impl<T, O: Copy, S: Copy, M> Copy for Plain<T, O, S, M> {}

#[doc(hidden)]
impl<T, O, S, M: Effect> Plain<T, O, S, M> {
    pub fn attach<F, U>(self, upstream: F) -> StepFlow<F, Fused<O, S>, M>
    where
        F: Flow<Item = T>,
        S: FnMut(&mut O, T, &mut Stop) -> Option<U>,
    {
        StepFlow::new(upstream, self.fused, self.run.finished)
    }

    pub fn __chain<A>(self, above: A) -> Chain<A, Self> {
        Chain(above, self)
    }
}

impl<F, T, O, S, U, M> Stage<F> for Plain<T, O, S, M>
where
    F: Flow<Item = T>,
    S: FnMut(&mut O, T, &mut Stop) -> Option<U>,
    M: Effect,
{
    type Flow = StepFlow<F, Fused<O, S>, M>;

    fn attach(self, upstream: F) -> Self::Flow {
        Self::attach(self, upstream)
    }
}

/// A run of steps with a `?` in it.
#[doc(hidden)]
#[derive(Debug)]
pub struct Fallible<T, O, S, K, M> {
    fused: Fused<O, S>,
    run: Run<M>,
    items: PhantomData<fn(T) -> K>,
}

impl<T, O: Clone, S: Clone, K, M> Clone for Fallible<T, O, S, K, M> {
    fn clone(&self) -> Self {
        Self { fused: self.fused.clone(), run: self.run, items: PhantomData }
    }
}

impl<T, O: Copy, S: Copy, K, M> Copy for Fallible<T, O, S, K, M> {}

#[doc(hidden)]
impl<T, O, S, K: Fault, M: Effect> Fallible<T, O, S, K, M> {
    pub fn attach<F, U>(self, upstream: F) -> FallibleFlow<F, O, S, K, M>
    where
        F: Flow<Item = T>,
        F::Error: Join<K>,
        S: FnMut(&mut O, T, &mut Control<K>) -> Option<U>,
    {
        FallibleFlow {
            upstream: (!self.run.finished).then_some(upstream),
            fused: self.fused,
            kind: PhantomData,
        }
    }

    pub fn __chain<A>(self, above: A) -> Chain<A, Self> {
        Chain(above, self)
    }
}

impl<F, T, O, S, U, K, M> Stage<F> for Fallible<T, O, S, K, M>
where
    F: Flow<Item = T>,
    F::Error: Join<K>,
    S: FnMut(&mut O, T, &mut Control<K>) -> Option<U>,
    K: Fault,
    M: Effect,
{
    type Flow = FallibleFlow<F, O, S, K, M>;

    fn attach(self, upstream: F) -> Self::Flow {
        Self::attach(self, upstream)
    }
}

/// How a run with a `?` leaves its straight line: it stops, or an error goes out.
#[doc(hidden)]
#[derive(Debug)]
pub struct Control<K> {
    pub stop: Stop,
    failed: Option<K>,
}

impl<K> Control<K> {
    #[inline(always)]
    pub(crate) fn fail<T>(&mut self, fault: K) -> Option<T> {
        self.failed = Some(fault);
        None
    }
}

pin_project! {
    /// The flow below a fused run of steps with a `?` in it.
    #[doc(hidden)]
    pub struct FallibleFlow<F, O, S, K, M> {
        #[pin]
        upstream: Option<F>,
        fused: Fused<O, S>,
        kind: PhantomData<fn() -> (K, M)>,
    }
}

impl<F, O, S, U, K, M> Flow for FallibleFlow<F, O, S, K, M>
where
    F: Flow,
    F::Error: Join<K>,
    S: FnMut(&mut O, F::Item, &mut Control<K>) -> Option<U>,
    K: Fault,
    M: Effect,
{
    type Item = U;
    type Error = <F::Error as Join<K>>::Out;
    type Bound = M::Bound<F::Bound>;

    #[inline(always)]
    fn poll_drive<D: Downstream<U>>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<Self::Error> {
        let mut me = self.project();
        let Some(upstream) = me.upstream.as_mut().as_pin_mut() else { return Poll::Ready(Ok(Drive::Ended)) };
        let mut control = Control { stop: Stop(false), failed: None };
        let mut broke = false;
        let mut through = FallibleThrough { fused: me.fused, control: &mut control, broke: &mut broke, down };
        let driven = upstream.poll_drive(cx, &mut through).map_err(Join::left);
        // An error frees nothing: `catch` may go on behind it.
        if control.stop.0 || matches!(driven, Poll::Ready(Ok(Drive::Ended))) {
            me.upstream.set(None);
        }
        match control.failed {
            Some(fault) => Poll::Ready(Err(<F::Error as Join<K>>::right(fault))),
            None => told(driven, control.stop, broke),
        }
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        if let Some(upstream) = self.project().upstream.as_pin_mut() {
            upstream.poll_progress(cx);
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (_, at_most) = hint::<F, M>(self.upstream.as_ref());
        (0, at_most)
    }
}

struct FallibleThrough<'a, O, S, K, D> {
    fused: &'a mut Fused<O, S>,
    control: &'a mut Control<K>,
    broke: &'a mut bool,
    down: &'a mut D,
}

impl<T, U, O, S, K, D> Downstream<T> for FallibleThrough<'_, O, S, K, D>
where
    S: FnMut(&mut O, T, &mut Control<K>) -> Option<U>,
    D: Downstream<U>,
{
    #[inline(always)]
    fn push(&mut self, item: T) -> ControlFlow<()> {
        let pushed = match (self.fused.body)(&mut self.fused.ops, item, self.control) {
            Some(out) => self.down.push(out),
            None => ControlFlow::Continue(()),
        };
        if pushed.is_break() {
            *self.broke = true;
        }
        if self.control.stop.0 || self.control.failed.is_some() { ControlFlow::Break(()) } else { pushed }
    }
}
