//! A circuit breaker: keeps calls away from what is failing, and finds out when it works again.
//!
//! [`CircuitBreaker`] is a plain state machine that is told the time, a [`Duration`](std::time::Duration) since any origin
//! that the caller likes. [`SharedBreaker`] is a handle on one for calls that run at the same time.

mod breaker;
#[cfg(test)]
mod exploration;
#[cfg(test)]
mod model;
mod shared;
mod window;

pub use breaker::{CircuitBreaker, CircuitMetrics, CircuitOpen, CircuitState, Outcome, Permit};
#[cfg(feature = "time")]
pub(crate) use shared::Turn;
pub use shared::{Admitted, CircuitError, SharedBreaker};
