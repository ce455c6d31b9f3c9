use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::{Calls, Worth};
use crate::circuit_breaker::{Admitted, CircuitError, CircuitOpen, Outcome, SharedBreaker};
use crate::timer::Timer;

/// Calls that pass a circuit breaker; `W` says what becomes of an item while that is open, `P` which errors are failures.
#[derive(Clone, Debug)]
pub struct Guarded<C, W, P> {
    pub(crate) calls: C,
    pub(crate) breaker: SharedBreaker,
    pub(crate) open: W,
    pub(crate) failure: P,
}

/// What becomes of an item while the circuit breaker is open: [`Hold`], [`Refuse`] or [`FallBack`].
pub trait WhileHeld<T, U, E> {
    /// The error of a call.
    type Error;

    /// The breaker is open: a result, or the item waits.
    fn open(&mut self, item: T, open: CircuitOpen) -> Result<Result<U, Self::Error>, T>;

    /// The call has failed.
    fn failed(error: E) -> Self::Error;
}

/// The item waits.
#[derive(Clone, Copy, Debug)]
pub struct Hold;

impl<T, U, E> WhileHeld<T, U, E> for Hold {
    type Error = E;

    fn open(&mut self, item: T, _: CircuitOpen) -> Result<Result<U, E>, T> {
        Err(item)
    }

    fn failed(error: E) -> E {
        error
    }
}

/// The item fails.
#[derive(Clone, Copy, Debug)]
pub struct Refuse;

impl<T, U, E> WhileHeld<T, U, E> for Refuse {
    type Error = CircuitError<E>;

    fn open(&mut self, _: T, open: CircuitOpen) -> Result<Result<U, CircuitError<E>>, T> {
        Ok(Err(CircuitError::Open(open)))
    }

    fn failed(error: E) -> CircuitError<E> {
        CircuitError::Failed(error)
    }
}

/// A closure gives the result in place of the call.
#[derive(Clone, Copy, Debug)]
pub struct FallBack<F>(pub(crate) F);

impl<T, U, E, F: FnMut(T) -> Result<U, E>> WhileHeld<T, U, E> for FallBack<F> {
    type Error = E;

    fn open(&mut self, item: T, _: CircuitOpen) -> Result<Result<U, E>, T> {
        Ok((self.0)(item))
    }

    fn failed(error: E) -> E {
        error
    }
}

pin_project! {
    /// A call that waits for the circuit breaker, or has passed it.
    pub struct GuardedJob<T, J> {
        #[pin]
        call: Option<J>,
        // Until the call begins.
        item: Option<T>,
        // While it runs; dropped with it, its place is free for another call.
        admitted: Option<Admitted>,
        timer: Timer,
    }
}

impl<T, U, E, C, W, P> Calls<T> for Guarded<C, W, P>
where
    C: Calls<T, Output = Result<U, E>>,
    W: WhileHeld<T, U, E>,
    P: Worth<E>,
{
    type Job = GuardedJob<T, C::Job>;
    type Output = Result<U, W::Error>;

    fn begin(&mut self, item: T) -> Self::Job {
        GuardedJob { call: None, item: Some(item), admitted: None, timer: Timer::default() }
    }

    fn poll_job(&mut self, job: Pin<&mut Self::Job>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut job = job.project();
        if let Some(item) = job.item.take() {
            let (admitted, item) = match self.breaker.acquire(self.breaker.now()) {
                Ok(admitted) => (admitted, item),
                Err(open) => match self.open.open(item, open) {
                    Ok(result) => return Poll::Ready(result),
                    Err(item) => match self.breaker.poll_admitted(job.timer, cx) {
                        Poll::Ready(admitted) => (admitted, item),
                        Poll::Pending => {
                            *job.item = Some(item);
                            return Poll::Pending;
                        }
                    },
                },
            };
            *job.admitted = Some(admitted);
            job.call.set(Some(self.calls.begin(item)));
        }
        let call = job.call.as_mut().as_pin_mut().expect("a call that has passed runs until it is ready");
        let result = ready!(self.calls.poll_job(call, cx));
        job.call.set(None);
        let failed = matches!(&result, Err(error) if self.failure.is_worth(error));
        if let Some(admitted) = job.admitted.take() {
            let outcome = if failed { Outcome::Failed } else { Outcome::Succeeded };
            admitted.record(self.breaker.now(), outcome);
        }
        Poll::Ready(result.map_err(W::failed))
    }
}
