use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
#[cfg(feature = "time")]
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::breaker::{CircuitBreaker, CircuitMetrics, CircuitOpen, Outcome, Permit};
#[cfg(feature = "time")]
use crate::timer::{Timer, after};
#[cfg(feature = "time")]
use crate::waiting::Ticket;
use crate::waiting::Waiting;

/// A handle on a [`CircuitBreaker`], for calls that run at the same time: cheap to clone.
#[derive(Clone, Debug)]
pub struct SharedBreaker(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    // The first call, from which `call` counts the time.
    #[cfg(feature = "time")]
    origin: std::sync::OnceLock<tokio::time::Instant>,
}

#[derive(Debug)]
struct State {
    breaker: CircuitBreaker,
    // Those who wait until a call may pass.
    waiting: Waiting,
}

impl From<CircuitBreaker> for SharedBreaker {
    fn from(breaker: CircuitBreaker) -> Self {
        Self(Arc::new(Shared {
            state: Mutex::new(State { breaker, waiting: Waiting::default() }),
            #[cfg(feature = "time")]
            origin: std::sync::OnceLock::new(),
        }))
    }
}

impl SharedBreaker {
    /// Asks for a call to pass. See [`CircuitBreaker::acquire`].
    ///
    /// Whoever tells the time here uses no method that reads the clock itself: the two would begin at different origins.
    ///
    /// # Errors
    ///
    /// [`CircuitOpen`], with the time when to ask again.
    pub fn acquire(&self, now: Duration) -> Result<Admitted, CircuitOpen> {
        let permit = self.change(|state| state.breaker.acquire(now))?;
        Ok(self.admit(permit))
    }

    /// What the breaker has done so far.
    pub fn metrics(&self) -> CircuitMetrics {
        self.lock().breaker.metrics()
    }

    /// The breaker as it is now.
    pub fn snapshot(&self) -> CircuitBreaker {
        self.lock().breaker.clone()
    }

    #[cfg(feature = "time")]
    pub(crate) fn ask(&self, now: Duration) -> Result<Admitted, CircuitOpen> {
        let permit = self.change(|state| state.breaker.ask(now))?;
        Ok(self.admit(permit))
    }

    #[cfg(feature = "time")]
    pub(crate) fn reject(&self) {
        self.lock().breaker.reject();
    }

    fn admit(&self, permit: Permit) -> Admitted {
        Admitted { breaker: self.clone(), permit: Some(permit) }
    }

    /// A call has ended, or was given up: others may pass.
    fn end(&self, f: impl FnOnce(&mut CircuitBreaker)) {
        let waiting = self.change(|state| {
            f(&mut state.breaker);
            state.waiting.first(usize::MAX)
        });
        waiting.wake();
    }

    /// What may change the state, which is told once it is unlocked.
    fn change<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.lock();
        let before = state.breaker.state();
        let result = f(&mut state);
        let after = state.breaker.state();
        drop(state);
        if before != after {
            crate::event::circuit(after);
        }
        result
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<&Self> for SharedBreaker {
    fn from(breaker: &Self) -> Self {
        breaker.clone()
    }
}

/// A call that may pass. Dropped, it was given up: its place is free for another one.
#[derive(Debug)]
#[must_use = "a call that is dropped counts as given up"]
pub struct Admitted {
    breaker: SharedBreaker,
    permit: Option<Permit>,
}

impl Admitted {
    /// The call has ended.
    pub fn record(mut self, now: Duration, outcome: Outcome) {
        if let Some(permit) = self.permit.take() {
            self.breaker.end(|breaker| breaker.record(now, permit, outcome));
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            self.breaker.end(|breaker| breaker.release(permit));
        }
    }
}

#[cfg(feature = "time")]
impl SharedBreaker {
    /// Runs a call, if it may pass; an `Err` is a failure.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped counts as given up: its place is free for another one.
    ///
    /// # Errors
    ///
    /// [`CircuitError::Open`] without polling the call, or [`CircuitError::Failed`] with its error.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::circuit_breaker::{CircuitError, CircuitBreaker, SharedBreaker};
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let breaker = SharedBreaker::from(CircuitBreaker::consecutive(1));
    /// let failed = breaker.call(async { Err::<(), _>("down") }).await;
    /// assert_eq!(failed, Err(CircuitError::Failed("down")));
    /// assert!(matches!(breaker.call(async { Ok::<_, &str>(1) }).await, Err(CircuitError::Open(_))));
    /// tokio::time::sleep(Duration::from_secs(30)).await;
    /// assert_eq!(breaker.call(async { Ok::<_, &str>(1) }).await, Ok(1));
    /// # }
    /// ```
    pub async fn call<T, E>(&self, call: impl Future<Output = Result<T, E>>) -> Result<T, CircuitError<E>> {
        let admitted = self.acquire(self.now()).map_err(CircuitError::Open)?;
        let result = call.await;
        let outcome = if result.is_ok() { Outcome::Succeeded } else { Outcome::Failed };
        admitted.record(self.now(), outcome);
        result.map_err(CircuitError::Failed)
    }

    /// Waits until a call may pass.
    ///
    /// # Cancel safety
    ///
    /// Nothing is reserved before it is ready.
    ///
    /// # Panics
    ///
    /// When it has to wait outside of a tokio runtime with time enabled.
    pub async fn admitted(&self) -> Admitted {
        let mut turn = Turn::of(self);
        std::future::poll_fn(|cx| turn.poll_admitted(cx)).await
    }

    pub(crate) fn now(&self) -> Duration {
        tokio::time::Instant::now().duration_since(self.origin())
    }

    fn origin(&self) -> tokio::time::Instant {
        *self.0.origin.get_or_init(tokio::time::Instant::now)
    }
}

/// Waits until a call may pass. Dropped, it leaves nothing behind.
#[cfg(feature = "time")]
#[derive(Debug)]
pub(crate) struct Turn {
    breaker: SharedBreaker,
    ticket: Ticket,
    timer: Timer,
}

#[cfg(feature = "time")]
impl Turn {
    pub(crate) fn of(breaker: &SharedBreaker) -> Self {
        Self { breaker: breaker.clone(), ticket: Ticket::default(), timer: Timer::default() }
    }

    pub(crate) fn poll_admitted(&mut self, cx: &mut Context<'_>) -> Poll<Admitted> {
        loop {
            let now = self.breaker.now();
            // The second is dropped without the lock. When a call ends, all that wait are woken; else the timer wakes them.
            let (asked, _stale) = self.breaker.change(|state| match state.breaker.ask(now) {
                Ok(permit) => (Ok(permit), state.waiting.leave(&mut self.ticket)),
                Err(open) => (Err(open), state.waiting.register(&mut self.ticket, cx.waker())),
            });
            let until = match asked {
                Ok(permit) => return Poll::Ready(self.breaker.admit(permit)),
                Err(open) => open.until,
            };
            let Some(until) = until else { return Poll::Pending };
            ready!(self.timer.poll_until(after(self.breaker.origin(), until), cx));
        }
    }
}

#[cfg(feature = "time")]
impl Drop for Turn {
    fn drop(&mut self) {
        let _waker = self.breaker.lock().waiting.leave(&mut self.ticket);
    }
}

/// Why a call behind a circuit breaker gave no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CircuitError<E> {
    /// The call did not pass.
    Open(CircuitOpen),
    /// The call failed.
    Failed(E),
}

impl<E: std::fmt::Display> std::fmt::Display for CircuitError<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Open(open) => open.fmt(f),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for CircuitError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Open(_) => None,
            Self::Failed(error) => error.source(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_is_dropped_frees_its_place() {
        let at = Duration::from_secs;
        let breaker = SharedBreaker::from(CircuitBreaker::consecutive(1).recovery_timeout(at(1)));
        breaker.acquire(at(0)).unwrap().record(at(0), Outcome::Failed);
        let probe = breaker.acquire(at(1)).unwrap();
        assert!(breaker.acquire(at(1)).is_err());
        drop(probe);
        breaker.acquire(at(1)).unwrap().record(at(1), Outcome::Succeeded);
        assert_eq!(breaker.metrics().probes_cancelled, 1);
        assert!(breaker.acquire(at(1)).is_ok());
    }

    #[cfg(feature = "time")]
    #[tokio::test(start_paused = true)]
    async fn those_who_gave_up_waiting_leave_nothing_behind() {
        let breaker = SharedBreaker::from(CircuitBreaker::consecutive(1));
        assert!(breaker.call(std::future::ready(Err::<(), _>("down"))).await.is_err());
        for _ in 0..100 {
            let wait = tokio::time::timeout(Duration::from_millis(1), breaker.admitted());
            assert!(wait.await.is_err());
        }
        assert!(!breaker.lock().waiting.has_some());
        assert_eq!(breaker.metrics().rejected, 0, "they were not rejected, they waited");
    }

    #[cfg(feature = "time")]
    #[tokio::test(start_paused = true)]
    async fn all_who_wait_pass_when_the_probe_has_succeeded() {
        let breaker = SharedBreaker::from(CircuitBreaker::consecutive(1));
        assert!(breaker.call(std::future::ready(Err::<(), _>("down"))).await.is_err());
        let start = tokio::time::Instant::now();
        let calls = (0..100).map(|_| async {
            let admitted = breaker.admitted().await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            admitted.record(breaker.now(), Outcome::Succeeded);
        });
        futures::future::join_all(calls).await;
        assert_eq!(start.elapsed(), Duration::from_secs(30 + 1 + 1));
        assert_eq!(breaker.metrics().probes_started, 1);
    }
}
