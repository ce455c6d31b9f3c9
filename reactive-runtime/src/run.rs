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

/// The steps of a run: `pipeline!` adds the closure that calls them in a row.
#[derive(Debug)]
pub struct Run<O, M> {
    ops: O,
    finished: bool,
    effect: PhantomData<fn() -> M>,
}

impl<O, M> Run<O, M> {
    pub fn new<S: Steps<Ops = O, Effect = M>>(steps: S) -> Self {
        let (ops, finished) = steps.into_ops();
        Self { ops, finished, effect: PhantomData }
    }

    /// A run without `?`: it adds no error.
    pub fn plain<T, K0, S, U, K>(self, _: Items<T, K0>, body: S, _: Items<U, K>) -> Plain<T, O, S, M>
    where
        S: FnMut(&mut O, T, &mut Stop) -> Option<U>,
    {
        let fused = Fused { ops: self.ops, body };
        Plain { fused, finished: self.finished, kind: PhantomData }
    }

    /// A run with at least one `?`.
    pub fn fallible<T, K0, S, U, K>(self, _: Items<T, K0>, body: S, _: Items<U, K>) -> Fallible<T, O, S, K, M>
    where
        S: FnMut(&mut O, T, &mut Control<K>) -> Option<U>,
    {
        let fused = Fused { ops: self.ops, body };
        Fallible { fused, finished: self.finished, kind: PhantomData }
    }
}

/// Steps one after the other: one, or a tuple of tuples of them.
pub trait Steps {
    /// What takes the items.
    type Ops;

    /// The effect of all of them.
    type Effect: Effect;

    /// The parts, and whether one of them has had enough before its first item.
    fn into_ops(self) -> (Self::Ops, bool);
}

impl<S, U, K, M: Effect> Steps for Stepped<S, U, K, M> {
    type Ops = S;
    type Effect = M;

    fn into_ops(self) -> (S, bool) {
        self.into_parts()
    }
}

/// A `?` alone.
impl Steps for () {
    type Ops = ();
    type Effect = OneToOne;

    fn into_ops(self) -> ((), bool) {
        ((), false)
    }
}

/// The effect of one and then another.
type Then<A, B> = <A as Effect>::Then<B>;

macro_rules! tuples_of_steps {
    ($($first:ident $($more:ident)*)?) => {$(
        impl<$first: Steps, $($more: Steps),*> Steps for ($first, $($more,)*) {
            type Ops = ($first::Ops, $($more::Ops,)*);
            type Effect = tuples_of_steps!(@effect $first $($more)*);

            #[expect(non_snake_case, reason = "a step is named as its type is")]
            fn into_ops(self) -> (Self::Ops, bool) {
                let ($first, $($more,)*) = self;
                let ($first, $($more,)*) = ($first.into_ops(), $($more.into_ops(),)*);
                (($first.0, $($more.0,)*), $first.1 $(| $more.1)*)
            }
        }
        tuples_of_steps! { $($more)* }
    )?};
    (@effect $last:ident) => { $last::Effect };
    (@effect $first:ident $($more:ident)+) => { Then<$first::Effect, tuples_of_steps!(@effect $($more)+)> };
}

tuples_of_steps! { A B C D E F G H }

/// A step in a run, as the pair of what reaches it and itself.
///
/// Method lookup finds this where the step takes these items, and else [`Misfit`]: what is wrong then was told where the
/// operator is named, and is not told again here.
pub trait InRun<T> {
    type Out;

    fn __step(self, item: T, stop: &mut Stop) -> Option<Self::Out>;
}

impl<T, K, S: Step<T>> InRun<T> for (Items<T, K>, &mut S) {
    type Out = S::Out;

    #[inline(always)]
    fn __step(self, item: T, stop: &mut Stop) -> Option<S::Out> {
        self.1.step(item, stop)
    }
}

/// A step that does not take what reaches it.
pub trait Misfit<T> {
    fn __step<U>(self, _: T, _: &mut Stop) -> Option<U>;
}

impl<T, K, S> Misfit<T> for &(Items<T, K>, &mut S) {
    fn __step<U>(self, _: T, _: &mut Stop) -> Option<U> {
        // If it was not told after all, it does not build.
        const { panic!("a step does not take the items that reach it") }
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
    finished: bool,
    kind: PhantomData<fn(T) -> M>,
}

impl<T, O: Clone, S: Clone, M> Clone for Plain<T, O, S, M> {
    fn clone(&self) -> Self {
        Self { fused: self.fused.clone(), finished: self.finished, kind: PhantomData }
    }
}

impl<T, O: Copy, S: Copy, M> Copy for Plain<T, O, S, M> {}

impl<T, O, S, M: Effect> Plain<T, O, S, M> {
    pub fn attach<F, U>(self, upstream: F) -> StepFlow<F, Fused<O, S>, M>
    where
        F: Flow<Item = T>,
        S: FnMut(&mut O, T, &mut Stop) -> Option<U>,
    {
        StepFlow::new(upstream, self.fused, self.finished)
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
    finished: bool,
    kind: PhantomData<fn(T) -> (K, M)>,
}

impl<T, O: Clone, S: Clone, K, M> Clone for Fallible<T, O, S, K, M> {
    fn clone(&self) -> Self {
        Self { fused: self.fused.clone(), finished: self.finished, kind: PhantomData }
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
        FallibleFlow { upstream: (!self.finished).then_some(upstream), fused: self.fused, kind: PhantomData }
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
