use std::sync::MutexGuard;

use super::state::{Shared, State};
use crate::backpressure::{Drops, OnDrop, Pressure, Reason, Strategy};
use crate::circuit_breaker::CircuitState;
use crate::event;

/// What was told under the lock, until it is handed over without it.
pub(super) struct Dropped<T> {
    told: Vec<Told<T>>,
    // Of items that nobody takes there may be many: they only count.
    untold: Option<Drops>,
    // Someone listens, or an item does something when it is dropped.
    keeps_items: bool,
    keeps_pressure: bool,
}

enum Told<T> {
    Dropped(T, Reason),
    Pressure(Pressure),
    Circuit(CircuitState),
}

impl<T> Dropped<T> {
    pub(super) fn for_listener<D: OnDrop<T>>(on_drop: &D) -> Self {
        let listens = on_drop.listens();
        Self {
            told: Vec::new(),
            untold: None,
            keeps_items: listens || std::mem::needs_drop::<T>(),
            keeps_pressure: listens,
        }
    }

    #[inline(always)]
    pub(super) fn holds_some(&self) -> bool {
        !self.told.is_empty() || (event::IS_TOLD && self.untold.is_some())
    }
}

impl<T> OnDrop<T> for Dropped<T> {
    #[inline(always)]
    fn dropped(&mut self, item: T, reason: Reason) {
        if self.keeps_items {
            self.told.push(Told::Dropped(item, reason));
        } else {
            self.dropped_untold(reason);
        }
    }

    #[inline(always)]
    fn dropped_untold(&mut self, reason: Reason) {
        if event::IS_TOLD {
            self.untold.get_or_insert_default().add(reason, 1);
        }
    }

    fn circuit(&mut self, state: CircuitState) {
        if event::IS_TOLD {
            self.told.push(Told::Circuit(state));
        }
    }

    #[inline(always)]
    fn takes_items(&self) -> bool {
        self.keeps_items
    }

    fn pressure(&mut self, pressure: Pressure) {
        if self.keeps_pressure {
            self.told.push(Told::Pressure(pressure));
        }
    }
}

/// The listener, and what it is being told.
pub(super) struct Handing<T, D> {
    on_drop: D,
    told: Vec<Told<T>>,
}

impl<T, D> Handing<T, D> {
    pub(super) fn new(on_drop: D) -> Self {
        Self { on_drop, told: Vec::new() }
    }
}

impl<T, S: Strategy<T>, D: OnDrop<T>> Shared<T, S, D, S::Fault> {
    /// Until nothing more was told meanwhile: so the listener is called by one at a time, and may itself feed.
    #[cold]
    pub(super) fn hand_over<'a>(&'a self, mut state: MutexGuard<'a, State<T, S, D, S::Fault>>) {
        if std::thread::panicking() {
            // A second panic would abort: so no closure is called.
            state.dropped().untold = None;
            let told = std::mem::take(&mut state.dropped().told);
            drop(state);
            return drop(told);
        }
        let Some(handing) = state.handing.take() else { return };
        let mut returning = Returning { to: self, handing: Some(handing) };
        while let Some(handing) = &mut returning.handing {
            std::mem::swap(&mut state.dropped().told, &mut handing.told);
            let untold = state.dropped().untold.take();
            if handing.told.is_empty() && untold.is_none() {
                state.handing = returning.handing.take();
                return;
            }
            drop(state);
            let Handing { on_drop, told } = &mut **handing;
            for (reason, count) in untold.iter().flat_map(Drops::iter) {
                event::dropped_many(reason, count);
            }
            told.drain(..).for_each(|told| match told {
                Told::Dropped(item, reason) => on_drop.dropped(item, reason),
                Told::Pressure(pressure) => on_drop.pressure(pressure),
                Told::Circuit(state) => on_drop.circuit(state),
            });
            state = self.lock();
        }
    }
}

/// Brings the listener back if it panics: who feeds on may hand over again.
struct Returning<'a, T, S: Strategy<T>, D, K> {
    to: &'a Shared<T, S, D, K>,
    handing: Option<Box<Handing<T, D>>>,
}

impl<T, S: Strategy<T>, D, K> Drop for Returning<'_, T, S, D, K> {
    fn drop(&mut self) {
        if let Some(handing) = self.handing.take() {
            self.to.lock().handing = Some(handing);
        }
    }
}
