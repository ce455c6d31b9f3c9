//! Steps: one item in, at most one out, at once.

use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::flow::{Bounded, Boundedness, Downstream, Drive, Driven, Flow};

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
pub struct Stop(pub(crate) bool);

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
pub(crate) fn told<E>(driven: Driven<E>, stop: Stop, broke: bool) -> Driven<E> {
    match stop.0 {
        true if broke => Poll::Ready(Ok(Drive::Paused)),
        true => Poll::Ready(Ok(Drive::Ended)),
        false => driven,
    }
}

pub(crate) fn hint<F: Flow, M: Effect>(upstream: Option<&F>) -> (usize, Option<usize>) {
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
