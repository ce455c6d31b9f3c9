//! Runs of steps, which `pipeline!` fuses into one loop. Named by its expansion, and by nobody else.

use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::fault::{Fault, Join};
use crate::flow::{Downstream, Drive, Driven, Flow};
use crate::items::{Chain, Items, Stage, Stepped};
use crate::step::{Effect, OneToOne, Step, StepFlow, Stop, hint, told};

/// Begins a run of steps: `pipeline!` adds its operators one by one, then the closure that calls them in a row.
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

impl Run<OneToOne> {
    #[expect(clippy::new_without_default, reason = "named by the expansion of `pipeline!` only")]
    pub fn new() -> Self {
        Self { finished: false, effect: PhantomData }
    }
}

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
