use super::accounting::Reason;
use super::pressure::Pressure;
use crate::circuit_breaker::CircuitState;
use crate::event;

/// What is called with each item that is dropped: a closure, or `()` for nothing.
///
/// One rule holds for all queues and stages that may drop: what they still hold when they are dropped themselves is offered
/// too, for [`Reason::Shutdown`]; but not while a panic unwinds, as a second one would abort. It is counted all the same.
pub trait OnDrop<T> {
    /// The item was dropped for this reason.
    fn dropped(&mut self, item: T, reason: Reason);

    /// Pressure has started or ended: the two in turn.
    #[inline(always)]
    fn pressure(&mut self, _: Pressure) {}

    /// An item was dropped that is not handed over: nobody takes it, or it was merged, or a panic unwinds, when no closure is
    /// called, as a second panic would abort.
    #[doc(hidden)]
    #[inline(always)]
    fn dropped_untold(&mut self, _: Reason) {}

    /// The circuit breaker of the strategy has changed its state.
    #[doc(hidden)]
    #[inline(always)]
    fn circuit(&mut self, _: CircuitState) {}

    /// Whether it does anything with what it is told.
    #[doc(hidden)]
    fn listens(&self) -> bool {
        true
    }

    /// Whether it does anything with an item: if not, it may be dropped without being handed over.
    #[doc(hidden)]
    fn takes_items(&self) -> bool {
        self.listens()
    }
}

/// A stage is dropped, and what it holds with it.
#[cfg(feature = "time")]
pub(crate) fn shut_down<T>(on_drop: &mut impl OnDrop<T>, held: impl Iterator<Item = T>) {
    for item in held {
        event::dropped(Reason::Shutdown);
        if std::thread::panicking() {
            on_drop.dropped_untold(Reason::Shutdown);
        } else {
            on_drop.dropped(item, Reason::Shutdown);
        }
    }
}

impl<T> OnDrop<T> for () {
    #[inline(always)]
    fn dropped(&mut self, _: T, _: Reason) {}

    #[inline(always)]
    fn listens(&self) -> bool {
        false
    }
}

impl<T, F: FnMut(T, Reason)> OnDrop<T> for F {
    #[inline(always)]
    fn dropped(&mut self, item: T, reason: Reason) {
        self(item, reason);
    }
}

/// What is called when pressure starts and when it ends: a closure, or `()` for nothing.
pub trait OnPressure {
    /// The usage has reached the high watermark, or fallen to the low one: the two in turn.
    fn turned(&mut self, pressure: Pressure);

    /// Whether it does anything with what it is told.
    #[doc(hidden)]
    fn listens(&self) -> bool {
        true
    }
}

impl OnPressure for () {
    #[inline(always)]
    fn turned(&mut self, _: Pressure) {}

    fn listens(&self) -> bool {
        false
    }
}

impl<F: FnMut(Pressure)> OnPressure for F {
    fn turned(&mut self, pressure: Pressure) {
        self(pressure);
    }
}

/// Closures for both, for a [`BoundedQueue`](super::BoundedQueue) that is made [`with`](super::BoundedQueue::with) them.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use reactive_runtime::backpressure::{BoundedQueue, DropOldest, Listeners, Pressure};
///
/// let (mut dropped, mut pressures) = (Vec::new(), Vec::new());
/// let listeners = Listeners::none()
///     .on_drop(|item: u32, _| dropped.push(item))
///     .on_pressure(|pressure| pressures.push(pressure));
/// let mut queue = BoundedQueue::with(3, DropOldest, listeners);
/// for item in 0..5 {
///     let _ = queue.offer(Duration::ZERO, item);
/// }
/// drop(queue);
/// assert_eq!(dropped, [0, 1, 2, 3, 4], "the last ones when the queue is dropped");
/// assert_eq!(pressures, [Pressure::Pressured, Pressure::Normal]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Listeners<D, P> {
    on_drop: D,
    on_pressure: P,
}

impl Listeners<(), ()> {
    /// None.
    pub const fn none() -> Self {
        Self { on_drop: (), on_pressure: () }
    }
}

impl<D, P> Listeners<D, P> {
    /// Hands each item that is dropped to `on_drop`, with the reason.
    pub fn on_drop<T, G: OnDrop<T>>(self, on_drop: G) -> Listeners<G, P> {
        Listeners { on_drop, on_pressure: self.on_pressure }
    }

    /// Calls `on_pressure` when pressure starts and when it ends.
    pub fn on_pressure<G: FnMut(Pressure)>(self, on_pressure: G) -> Listeners<D, G> {
        Listeners { on_drop: self.on_drop, on_pressure }
    }
}

impl<T, D: OnDrop<T>, P: OnPressure> OnDrop<T> for Listeners<D, P> {
    #[inline(always)]
    fn dropped(&mut self, item: T, reason: Reason) {
        event::dropped(reason);
        self.on_drop.dropped(item, reason);
    }

    #[inline(always)]
    fn dropped_untold(&mut self, reason: Reason) {
        event::dropped(reason);
    }

    fn circuit(&mut self, state: CircuitState) {
        event::circuit(state);
    }

    #[inline(always)]
    fn pressure(&mut self, pressure: Pressure) {
        self.on_pressure.turned(pressure);
    }

    fn listens(&self) -> bool {
        self.on_drop.listens() || self.on_pressure.listens()
    }

    #[inline(always)]
    fn takes_items(&self) -> bool {
        self.on_drop.takes_items()
    }
}
