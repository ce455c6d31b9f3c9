//! What a processor does for an item: it calls the function, and tells of a failure.

use std::borrow::Cow;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::Instant;

use super::OnFailure;
use super::failure::{BoxError, DeadLetter, Failure, error_of};
use super::handlers::Handling;
use super::latencies::Sampling;
use super::letters::Letters;
use super::member::Member;
use super::tally::OnPanic;
use crate::concurrent::{Calls, Ungoverned};
use crate::retry::CallError;

/// What became of an item.
#[derive(Debug)]
pub enum Operated<U, T> {
    /// The function gave this.
    Done(U),
    /// It failed, and the stream goes on.
    Skipped,
    /// It failed, and the stream is to fail.
    // In a box: it is rare, and what became of an item is moved from hand to hand.
    Failed(Box<DeadLetter<T>>),
}

/// Operations that are over at once, and cannot fail.
#[derive(Debug)]
pub struct AtOnce<F> {
    f: F,
    gate: Ungoverned,
    member: Arc<Member>,
    sampling: Sampling,
}

impl<F> AtOnce<F> {
    pub(super) fn new(f: F, member: Arc<Member>) -> Self {
        Self { f, gate: Ungoverned, sampling: Sampling::new(member.hub.config.enable_metrics), member }
    }
}

impl<T, U, F: FnMut(T) -> U> Calls<T> for AtOnce<F> {
    type Job = Ready<Operated<U, T>>;
    type Output = Operated<U, T>;
    type Gate = Ungoverned;

    #[inline(always)]
    fn gate(&self) -> &Ungoverned {
        &self.gate
    }

    #[inline(always)]
    fn gate_mut(&mut self) -> &mut Ungoverned {
        &mut self.gate
    }

    #[inline(always)]
    fn begin(&mut self, item: T) -> Self::Job {
        let on_panic = OnPanic(&self.member.tally);
        let value = if self.sampling.is_due() {
            let start = Instant::now();
            let value = (self.f)(item);
            self.member.hub.latencies().record(start.elapsed());
            value
        } else {
            (self.f)(item)
        };
        on_panic.none();
        ready(Operated::Done(value))
    }

    #[inline(always)]
    fn poll_job(&mut self, job: Pin<&mut Self::Job>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        job.poll(cx)
    }
}

/// Operations that may take their time, fail and be tried again: `A` are the attempts, `D` takes the dead letters.
#[derive(Debug)]
pub struct Operating<A, D> {
    attempts: A,
    letters: D,
    stage: Cow<'static, str>,
    member: Arc<Member>,
    sampling: Sampling,
}

impl<A, D> Operating<A, D> {
    pub(super) fn new(attempts: A, letters: D, stage: Cow<'static, str>, member: Arc<Member>) -> Self {
        let sampling = Sampling::new(member.hub.config.enable_metrics);
        Self { attempts, letters, stage, member, sampling }
    }
}

pin_project! {
    /// An operation, from its first attempt until everybody knows that it has failed.
    pub struct Operation<J, T, L> {
        // `None` once it has failed.
        #[pin]
        attempts: Option<J>,
        began: Duration,
        // In a box, as few fail.
        telling: Option<Pin<Box<Telling<T, L>>>>,
    }
}

pin_project! {
    // Who is still to be told of a failure.
    struct Telling<T, L> {
        // What the asynchronous error handlers still do; the last one is first.
        handling: Vec<Handling>,
        // For the sink, once they are done.
        letter: Option<DeadLetter<T>>,
        #[pin]
        sending: Option<L>,
        // For the error of the stream.
        failed: Option<Box<DeadLetter<T>>>,
    }
}

impl<T, U, E, A, D> Calls<T> for Operating<A, D>
where
    T: Clone,
    A: Calls<T, Output = Result<U, CallError<E, T>>>,
    E: Into<BoxError>,
    D: Letters<T>,
{
    type Job = Operation<A::Job, T, D::Sending>;
    type Output = Operated<U, T>;
    type Gate = A::Gate;

    #[inline(always)]
    fn gate(&self) -> &A::Gate {
        self.attempts.gate()
    }

    #[inline(always)]
    fn gate_mut(&mut self) -> &mut A::Gate {
        self.attempts.gate_mut()
    }

    fn begin(&mut self, item: T) -> Self::Job {
        let tally = &self.member.tally;
        tally.run();
        tally.begun.add(1);
        let on_panic = OnPanic(tally);
        let attempts = Some(self.attempts.begin(item));
        on_panic.none();
        Operation { attempts, began: tally.now(), telling: None }
    }

    fn poll_job(&mut self, job: Pin<&mut Self::Job>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut job = job.project();
        if let Some(attempts) = job.attempts.as_mut().as_pin_mut() {
            let on_panic = OnPanic(&self.member.tally);
            let polled = self.attempts.poll_job(attempts, cx);
            on_panic.none();
            let result = ready!(polled);
            job.attempts.set(None);
            self.member.tally.ran();
            match result {
                Ok(value) => {
                    if self.sampling.is_due() {
                        let latency = self.member.tally.now().saturating_sub(*job.began);
                        self.member.hub.latencies().record(latency);
                    }
                    return Poll::Ready(Operated::Done(value));
                }
                Err(error) => {
                    *job.telling = Some(self.fail(error, *job.began));
                }
            }
        }
        let telling = job.telling.as_mut().expect("an operation that has failed is told of");
        let failed = ready!(telling.as_mut().poll(cx, &mut self.letters, self.member.hub.config.on_failure));
        Poll::Ready(failed.map_or(Operated::Skipped, Operated::Failed))
    }
}

impl<T: Clone, L: Future<Output = ()>> Telling<T, L> {
    /// Ready when everybody knows; with the letter if the stream is to fail.
    fn poll<D: Letters<T, Sending = L>>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        letters: &mut D,
        on_failure: OnFailure,
    ) -> Poll<Option<Box<DeadLetter<T>>>> {
        let mut me = self.project();
        while let Some(handling) = me.handling.last_mut() {
            ready!(handling.as_mut().poll(cx));
            me.handling.pop();
        }
        if let Some(letter) = me.letter.take() {
            *me.failed = (on_failure == OnFailure::Fail).then(|| Box::new(letter.clone()));
            me.sending.set(letters.send(letter));
        }
        if let Some(sending) = me.sending.as_mut().as_pin_mut() {
            ready!(sending.poll(cx));
            me.sending.set(None);
        }
        Poll::Ready(me.failed.take())
    }
}

impl<A, D> Operating<A, D> {
    /// An item has failed for good: tells the error handlers.
    #[cold]
    fn fail<T, E: Into<BoxError>, L>(
        &self,
        error: CallError<E, T>,
        began: Duration,
    ) -> Pin<Box<Telling<T, L>>> {
        let Member { hub, tally, .. } = &*self.member;
        tally.failed.add(1);
        let CallError { item, attempts, cause, gave_up } = error;
        let failure = Failure {
            error: error_of(cause),
            attempts,
            gave_up,
            stage: self.stage.clone(),
            began: hub.wall(began),
            failed: hub.wall(hub.now()),
        };
        let handling = hub.handlers.call(&failure);
        let letter = Some(DeadLetter { item, failure });
        Box::pin(Telling { handling, letter, sending: None, failed: None })
    }
}
