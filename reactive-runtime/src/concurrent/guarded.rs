use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::{Calls, Worth};
use crate::backpressure::{Ledger, Reason};
use crate::circuit_breaker::{Admitted, CircuitError, CircuitOpen, Outcome, SharedBreaker, Turn};
use crate::event;

/// Calls that pass a circuit breaker; `W` says what becomes of an item while that is open, `P` which errors are failures.
#[derive(Clone, Debug)]
pub struct Guarded<C, W, P> {
    pub(crate) calls: C,
    pub(crate) breaker: SharedBreaker,
    pub(crate) open: W,
    pub(crate) failure: P,
}

/// What becomes of an item while the circuit breaker is open: [`Hold`], [`Refuse`], [`FallBack`] or [`Discard`].
pub trait WhileHeld<T, U, E> {
    /// What comes of an item.
    type Output;

    /// The breaker is open: what comes in place of the result, or the item waits.
    fn open(&mut self, item: T, open: CircuitOpen) -> Result<Self::Output, T>;

    /// The call has ended.
    fn ended(result: Result<U, E>) -> Self::Output;
}

/// The item waits.
#[derive(Clone, Copy, Debug)]
pub struct Hold;

impl<T, U, E> WhileHeld<T, U, E> for Hold {
    type Output = Result<U, E>;

    fn open(&mut self, item: T, _: CircuitOpen) -> Result<Result<U, E>, T> {
        Err(item)
    }

    fn ended(result: Result<U, E>) -> Result<U, E> {
        result
    }
}

/// The item fails.
#[derive(Clone, Copy, Debug)]
pub struct Refuse;

impl<T, U, E> WhileHeld<T, U, E> for Refuse {
    type Output = Result<U, CircuitError<E>>;

    fn open(&mut self, _: T, open: CircuitOpen) -> Result<Self::Output, T> {
        Ok(Err(CircuitError::Open(open)))
    }

    fn ended(result: Result<U, E>) -> Self::Output {
        result.map_err(CircuitError::Failed)
    }
}

/// A closure gives the result in place of the call.
#[derive(Clone, Copy, Debug)]
pub struct FallBack<F>(pub(crate) F);

impl<T, U, E, F: FnMut(T) -> Result<U, E>> WhileHeld<T, U, E> for FallBack<F> {
    type Output = Result<U, E>;

    fn open(&mut self, item: T, _: CircuitOpen) -> Result<Result<U, E>, T> {
        Ok((self.0)(item))
    }

    fn ended(result: Result<U, E>) -> Result<U, E> {
        result
    }
}

/// A closure takes the item, and nothing comes of it.
#[derive(Clone, Debug)]
pub struct Discard<F> {
    pub(crate) on_drop: F,
    // Which counts it, if there is one.
    pub(crate) ledger: Option<Ledger>,
}

impl<T, U, E, F: FnMut(T)> WhileHeld<T, U, E> for Discard<F> {
    type Output = Option<Result<U, E>>;

    fn open(&mut self, item: T, _: CircuitOpen) -> Result<Self::Output, T> {
        event::dropped(Reason::CircuitOpen);
        if let Some(ledger) = &self.ledger {
            ledger.dropped(Reason::CircuitOpen);
        }
        (self.on_drop)(item);
        Ok(None)
    }

    fn ended(result: Result<U, E>) -> Self::Output {
        Some(result)
    }
}

pin_project! {
    /// A call that waits for the circuit breaker, or has passed it.
    pub struct GuardedJob<T, J> {
        #[pin]
        call: Option<J>,
        // Until the call begins.
        item: Option<T>,
        // While the item waits.
        turn: Option<Turn>,
        // While it runs; dropped with it, its place is free for another call.
        admitted: Option<Admitted>,
    }
}

/// What the circuit breaker says of an item.
enum Admission<T, O> {
    Passes(T, Admitted),
    Instead(O),
    Waits(T),
}

impl<C, W, P> Guarded<C, W, P> {
    fn poll_admitted<T, U, E>(
        &mut self,
        item: T,
        turn: &mut Option<Turn>,
        cx: &mut Context<'_>,
    ) -> Admission<T, W::Output>
    where
        W: WhileHeld<T, U, E>,
    {
        let (item, turn) = match turn {
            Some(turn) => (item, turn),
            None => match self.breaker.ask(self.breaker.now()) {
                Ok(admitted) => return Admission::Passes(item, admitted),
                Err(open) => match self.open.open(item, open) {
                    Ok(output) => {
                        self.breaker.reject();
                        return Admission::Instead(output);
                    }
                    Err(item) => (item, turn.insert(Turn::of(&self.breaker))),
                },
            },
        };
        match turn.poll_admitted(cx) {
            Poll::Ready(admitted) => Admission::Passes(item, admitted),
            Poll::Pending => Admission::Waits(item),
        }
    }
}

impl<T, U, E, C, W, P> Calls<T> for Guarded<C, W, P>
where
    C: Calls<T, Output = Result<U, E>>,
    W: WhileHeld<T, U, E>,
    P: Worth<E>,
{
    type Job = GuardedJob<T, C::Job>;
    type Output = W::Output;
    type Gate = C::Gate;

    fn gate(&self) -> &C::Gate {
        self.calls.gate()
    }

    fn gate_mut(&mut self) -> &mut C::Gate {
        self.calls.gate_mut()
    }

    fn begin(&mut self, item: T) -> Self::Job {
        GuardedJob { call: None, item: Some(item), turn: None, admitted: None }
    }

    fn poll_job(&mut self, job: Pin<&mut Self::Job>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut job = job.project();
        if let Some(item) = job.item.take() {
            let (item, admitted) = match self.poll_admitted(item, job.turn, cx) {
                Admission::Passes(item, admitted) => (item, admitted),
                Admission::Instead(output) => return Poll::Ready(output),
                Admission::Waits(item) => {
                    *job.item = Some(item);
                    return Poll::Pending;
                }
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
        Poll::Ready(W::ended(result))
    }
}
