use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::accounting::{Accounting, Drops, Reason};
use super::listeners::OnDrop;
use super::metrics::{BackpressureMetrics, BackpressureMonitor};
use crate::circuit_breaker::{CircuitState, SharedBreaker};

/// The account of one stage, which its doors and its listener keep: a handle, cheap to clone.
///
/// What is inside the stage is what came, and has neither gone on nor been dropped. Whoever lets go of it last, when the
/// stage is dropped, shows how it ended: what never came out was lost to a panic, or in flight.
#[derive(Clone, Debug)]
pub struct Ledger(Arc<Entries>);

/// Only who polls the stage writes, so the numbers need no more than to be seen by the next one who does.
#[derive(Debug)]
struct Entries {
    stage: &'static str,
    inside: Inside,
    offered: AtomicU64,
    delivered: AtomicU64,
    dropped: [AtomicU64; Reason::ALL.len()],
    // The one before the stage, if there is one.
    breaker: OnceLock<SharedBreaker>,
    monitor: BackpressureMonitor,
}

/// What an item is that is inside a stage, and what becomes of it when the stage is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inside {
    /// It waits there, and the stage tells when it drops it.
    Buffered,
    /// It waits there, and is dropped with the stage.
    Gathered,
    /// It is worked on. Dropped with the stage, it has failed: nobody can tell any more how it ended.
    InFlight,
}

impl Ledger {
    pub(crate) fn new(stage: &'static str, inside: Inside, monitor: BackpressureMonitor) -> Self {
        let (offered, delivered, dropped, breaker) = Default::default();
        Self(Arc::new(Entries { stage, inside, offered, delivered, dropped, breaker, monitor }))
    }

    /// Shows too whether this circuit breaker is open.
    pub(crate) fn watch(&self, breaker: &SharedBreaker) {
        // A stage has one.
        let _ = self.0.breaker.set(breaker.clone());
    }

    #[inline(always)]
    pub(crate) fn offered(&self) {
        add(&self.0.offered, 1);
    }

    #[inline(always)]
    pub(crate) fn delivered(&self, items: u64) {
        add(&self.0.delivered, items);
    }

    /// An item was dropped inside of the stage.
    #[inline(always)]
    pub fn dropped(&self, reason: Reason) {
        add(&self.0.dropped[reason as usize], 1);
    }

    pub(crate) fn show(&self) {
        self.0.show(|accounting, inside| match self.0.inside {
            Inside::Buffered | Inside::Gathered => accounting.buffered = inside,
            Inside::InFlight => accounting.in_flight = inside,
        });
    }
}

impl Entries {
    fn show(&self, place: impl FnOnce(&mut Accounting, u64)) {
        let mut dropped = Drops::default();
        for (reason, count) in Reason::ALL.into_iter().zip(&self.dropped) {
            dropped.add(reason, read(count));
        }
        let (offered, delivered) = (read(&self.offered), read(&self.delivered));
        let mut accounting = Accounting { offered, delivered, dropped, ..Accounting::default() };
        place(&mut accounting, offered - delivered - dropped.total());
        let (strategy, dropped_items) = (self.stage.into(), accounting.dropped);
        let circuit = self.breaker.get().map(|breaker| breaker.metrics().state);
        let circuit_open = circuit.is_some_and(|state| state != CircuitState::Closed);
        let metrics =
            BackpressureMetrics { strategy, dropped_items, circuit_open, accounting, ..Default::default() };
        self.monitor.show(metrics);
    }
}

impl Drop for Entries {
    fn drop(&mut self) {
        let inside = self.inside;
        self.show(|accounting, left| match inside {
            Inside::Gathered => accounting.dropped.add(Reason::Shutdown, left),
            Inside::Buffered | Inside::InFlight => accounting.failed = left,
        });
    }
}

/// Cheaper than an addition that others may cross.
#[inline(always)]
fn add(count: &AtomicU64, more: u64) {
    count.store(read(count) + more, Ordering::Relaxed);
}

#[inline(always)]
fn read(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

/// Counts what is dropped in a [`Ledger`], then tells `D`.
#[derive(Clone, Debug)]
pub struct Counted<D> {
    on_drop: D,
    ledger: Ledger,
}

impl<D> Counted<D> {
    pub(crate) fn new(on_drop: D, ledger: &Ledger) -> Self {
        Self { on_drop, ledger: ledger.clone() }
    }
}

impl<T, D: OnDrop<T>> OnDrop<T> for Counted<D> {
    #[inline(always)]
    fn dropped(&mut self, item: T, reason: Reason) {
        // Counted first: the closure may panic.
        self.ledger.dropped(reason);
        self.on_drop.dropped(item, reason);
    }

    fn dropped_untold(&mut self, reason: Reason) {
        self.ledger.dropped(reason);
    }
}
