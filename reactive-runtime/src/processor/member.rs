use std::sync::{Arc, OnceLock};
use std::task::Context;

use super::Stopped;
use super::hub::Hub;
use super::tally::Tally;
use crate::backpressure::BackpressureMonitor;

/// A stream of a processor; the last of its parts that goes takes it out.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) hub: Arc<Hub>,
    pub(super) tally: Arc<Tally>,
    /// Of its queue, where that has a strategy.
    pub(super) monitor: OnceLock<BackpressureMonitor>,
    /// From its first poll on.
    id: OnceLock<usize>,
}

impl Member {
    pub(super) fn new(hub: Arc<Hub>) -> Self {
        Self { hub, tally: Arc::default(), monitor: OnceLock::new(), id: OnceLock::new() }
    }

    /// Begins, if it has not.
    pub(super) fn join(&self) -> Result<(), Stopped> {
        if self.id.get().is_none() {
            let id = self.hub.join(&self.tally, self.monitor.get())?;
            self.id.get_or_init(|| id);
        }
        Ok(())
    }

    pub(super) fn has_joined(&self) -> bool {
        self.id.get().is_some()
    }

    /// A poll begins.
    pub(super) fn enter(&self, reads_clock: bool) {
        self.tally.set_polled(true);
        if reads_clock {
            self.tally.set_now(self.hub.now());
        }
    }

    /// A poll is over; `pending` if the stream waits to be woken.
    pub(super) fn settle(&self, pending: Option<&Context<'_>>) {
        if let Some(id) = self.id.get() {
            self.hub.settle(*id, &self.tally, pending);
        }
    }

    #[inline(always)]
    pub(super) fn has_place(&self, cx: &Context<'_>) -> bool {
        self.id.get().is_some_and(|id| self.hub.has_place(*id, &self.tally, cx))
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if let Some(id) = self.id.get() {
            self.hub.leave(*id);
        }
    }
}
