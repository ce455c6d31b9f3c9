use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::{Attend, Gate};
use crate::flow_control::{Admission, Algorithm, ErrorClass, Governor, IntoFlowControl, Report};
use crate::timer::{Clock, Timer};

/// Calls under flow control; `X` says what their results mean: [`AnyResult`] or [`ByError`].
#[derive(Debug)]
pub struct Governed<A, X = AnyResult> {
    governor: Governor<A>,
    report: Report,
    classify: X,
    clock: Clock,
    timer: Timer,
}

impl<A: Algorithm> Governed<A> {
    #[track_caller]
    pub(crate) fn new(control: impl IntoFlowControl<Algorithm = A>) -> Self {
        let (governor, report) = control.into_flow_control().into_parts();
        Self { governor, report, classify: AnyResult, clock: Clock::default(), timer: Timer::default() }
    }

    pub(crate) fn map_governor(self, f: impl FnOnce(Governor<A>) -> Governor<A>) -> Self {
        Self { governor: f(self.governor), ..self }
    }
}

impl<A> Governed<A> {
    pub(crate) fn classified<X>(self, classify: X) -> Governed<A, X> {
        let Self { governor, report, clock, timer, .. } = self;
        Governed { governor, report, classify, clock, timer }
    }
}

/// A clone belongs to another stage.
impl<A: Clone, X: Clone> Clone for Governed<A, X> {
    fn clone(&self) -> Self {
        Self {
            governor: self.governor.clone(),
            report: self.report.clone(),
            classify: self.classify.clone(),
            clock: self.clock,
            timer: Timer::default(),
        }
    }
}

impl<A: Algorithm, X> Gate for Governed<A, X> {
    // As many as may wait for a stage by default.
    const PLACES: usize = 1000;

    fn advance(&mut self) {
        if self.governor.advance(self.clock.now()) {
            self.report.tell(&self.governor);
        }
    }

    #[inline]
    fn is_open(&self) -> bool {
        self.governor.is_open()
    }

    #[inline]
    fn enter(&mut self) {
        self.governor.enter();
    }

    #[inline]
    fn leave(&mut self) {
        self.governor.leave();
    }

    fn poll_rest(&mut self, wants_more: bool, cx: &mut Context<'_>) -> Poll<()> {
        self.governor.rest(wants_more);
        match self.governor.wake_at() {
            Some(at) => self.timer.poll_until(self.clock.instant(at), cx),
            None => {
                self.close();
                Poll::Pending
            }
        }
    }

    fn close(&mut self) {
        self.timer = Timer::default();
    }
}

pin_project! {
    /// A call under flow control.
    #[derive(Debug)]
    pub struct Attended<Fut> {
        #[pin]
        call: Fut,
        admission: Admission,
    }
}

impl<Fut, A, X> Attend<Fut> for Governed<A, X>
where
    Fut: Future,
    A: Algorithm,
    X: Classify<Fut::Output>,
{
    type Job = Attended<Fut>;

    #[inline]
    fn begin(&mut self, call: Fut) -> Self::Job {
        Attended { call, admission: self.governor.admit() }
    }

    #[inline]
    fn poll_job(&mut self, job: Pin<&mut Self::Job>, cx: &mut Context<'_>) -> Poll<Fut::Output> {
        let job = job.project();
        let polled = job.call.poll(cx);
        if let Poll::Ready(output) = &polled {
            self.governor.end(*job.admission, self.classify.class(output));
        }
        polled
    }

    fn time_out(&mut self, job: Pin<&mut Self::Job>) {
        self.governor.end(*job.project().admission, Err(ErrorClass::Timeout));
    }
}

/// What the result of a call says about the service that is called.
pub trait Classify<O> {
    /// Nothing but that it did its work, or what its error says.
    fn class(&mut self, output: &O) -> Result<(), ErrorClass>;
}

/// Whatever it is, work was done for it.
#[derive(Clone, Copy, Debug)]
pub struct AnyResult;

impl<O> Classify<O> for AnyResult {
    #[inline(always)]
    fn class(&mut self, _: &O) -> Result<(), ErrorClass> {
        Ok(())
    }
}

/// A closure says it of the error.
#[derive(Clone, Copy, Debug)]
pub struct ByError<F>(pub(crate) F);

impl<U, E, F: FnMut(&E) -> ErrorClass> Classify<Result<U, E>> for ByError<F> {
    #[inline]
    fn class(&mut self, output: &Result<U, E>) -> Result<(), ErrorClass> {
        output.as_ref().map(drop).map_err(&mut self.0)
    }
}
