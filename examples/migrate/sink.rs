//! Guards the database: what fails for a time is tried again, and a circuit breaker keeps from a database that is down what
//! can only fail.

use std::cell::Cell;
use std::time::Duration;

use reactive_runtime::circuit_breaker::CircuitMetrics;
use reactive_runtime::prelude::*;
use rusqlite::ErrorCode;

use crate::args::Args;

pub struct Sink {
    breaker: SharedBreaker,
    injects_faults: bool,
    attempts: Cell<u64>,
}

/// Why nothing was inserted.
pub type Refused = CircuitError<rusqlite::Error>;

impl Sink {
    pub fn new(args: &Args) -> Self {
        let breaker = CircuitBreaker::consecutive(3).recovery_timeout(Duration::from_millis(20));
        Self { breaker: breaker.into(), injects_faults: args.inject_faults, attempts: Cell::new(0) }
    }

    /// Inserts, unless the breaker is open.
    pub async fn call<U>(&self, insert: impl FnOnce() -> rusqlite::Result<U>) -> Result<U, Refused> {
        let attempt = async {
            self.fault()?;
            insert()
        };
        self.breaker.call(attempt).await
    }

    /// When an attempt follows one that failed: often enough to outlast an outage of some seconds.
    pub fn retry() -> Retry {
        Retry::exponential(Duration::from_millis(5)).max_retries(10)
    }

    /// Whether it may be better later. A disk that is full stays full.
    pub fn may_pass(refused: &Refused) -> bool {
        match refused {
            CircuitError::Open(_) => true,
            CircuitError::Failed(error) => {
                matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
            }
        }
    }

    pub fn metrics(&self) -> CircuitMetrics {
        self.breaker.metrics()
    }

    /// With `--inject-faults`, four of eight attempts in a row find the database busy.
    fn fault(&self) -> rusqlite::Result<()> {
        let attempt = self.attempts.replace(self.attempts.get() + 1);
        if self.injects_faults && (3..7).contains(&(attempt % 8)) {
            let busy = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
            return Err(rusqlite::Error::SqliteFailure(busy, Some("a fault on purpose".to_owned())));
        }
        Ok(())
    }
}
