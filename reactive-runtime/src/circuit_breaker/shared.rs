use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
#[cfg(feature = "time")]
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::breaker::{CircuitBreaker, CircuitMetrics, CircuitOpen, Outcome, Permit};
#[cfg(feature = "time")]
use crate::timer::{Timer, after};

/// A handle on a [`CircuitBreaker`], for calls that run at the same time: cheap to clone.
#[derive(Clone, Debug)]
pub struct SharedBreaker(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    breaker: Mutex<CircuitBreaker>,
    // Of those who wait until a call may pass.
    wakers: Mutex<Vec<Waker>>,
    // The first call, from which `call` counts the time.
    #[cfg(feature = "time")]
    origin: std::sync::OnceLock<tokio::time::Instant>,
}

impl From<CircuitBreaker> for SharedBreaker {
    fn from(breaker: CircuitBreaker) -> Self {
        Self(Arc::new(Shared {
            breaker: Mutex::new(breaker),
            wakers: Mutex::default(),
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
        let permit = self.lock().acquire(now)?;
        Ok(Admitted { breaker: self.clone(), permit: Some(permit) })
    }

    /// What the breaker has done so far.
    pub fn metrics(&self) -> CircuitMetrics {
        self.lock().metrics()
    }

    /// The same, for whoever waits: woken when it may be worth to ask again.
    #[cfg(feature = "time")]
    fn acquire_or_wait(&self, now: Duration, waker: &Waker) -> Result<Admitted, CircuitOpen> {
        // First, so that nothing which ends meanwhile is missed.
        let mut wakers = self.0.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        let acquired = self.acquire(now);
        if acquired.is_err() && !wakers.iter().any(|known| known.will_wake(waker)) {
            wakers.push(waker.clone());
        }
        acquired
    }

    /// A call has ended, or was given up: another may pass.
    fn wake(&self) {
        let wakers = std::mem::take(&mut *self.0.wakers.lock().unwrap_or_else(PoisonError::into_inner));
        wakers.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, CircuitBreaker> {
        self.0.breaker.lock().unwrap_or_else(PoisonError::into_inner)
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
            self.breaker.lock().record(now, permit, outcome);
            self.breaker.wake();
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            self.breaker.lock().release(permit);
            self.breaker.wake();
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
        let mut timer = Timer::default();
        std::future::poll_fn(|cx| self.poll_admitted(&mut timer, cx)).await
    }

    pub(crate) fn poll_admitted(&self, timer: &mut Timer, cx: &mut Context<'_>) -> Poll<Admitted> {
        loop {
            let open = match self.acquire_or_wait(self.now(), cx.waker()) {
                Ok(admitted) => return Poll::Ready(admitted),
                Err(open) => open,
            };
            let Some(until) = open.until else { return Poll::Pending };
            let origin = *self.0.origin.get().expect("the clock was just read");
            ready!(timer.poll_until(after(origin, until), cx));
        }
    }

    pub(crate) fn now(&self) -> Duration {
        let now = tokio::time::Instant::now();
        now.duration_since(*self.0.origin.get_or_init(|| now))
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
}
