use super::accounting::Reason;
use super::pressure::Pressure;

/// What is called with each item that is dropped: a closure, or `()` for nothing.
pub trait OnDrop<T> {
    /// The item was dropped for this reason.
    fn dropped(&mut self, item: T, reason: Reason);

    /// Pressure has started or ended: the two in turn.
    #[inline(always)]
    fn pressure(&mut self, _: Pressure) {}

    /// Whether it does anything with what it is told.
    #[doc(hidden)]
    fn listens(&self) -> bool {
        true
    }
}

impl<T> OnDrop<T> for () {
    #[inline(always)]
    fn dropped(&mut self, _: T, _: Reason) {}

    fn listens(&self) -> bool {
        false
    }
}

impl<T, F: FnMut(T, Reason)> OnDrop<T> for F {
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

/// A closure for each.
#[derive(Clone, Copy, Debug)]
pub struct Listeners<D, P> {
    on_drop: D,
    on_pressure: P,
}

impl Listeners<(), ()> {
    /// None.
    pub(crate) const NONE: Self = Self { on_drop: (), on_pressure: () };
}

impl<D, P> Listeners<D, P> {
    pub(crate) fn on_drop<G>(self, on_drop: G) -> Listeners<G, P> {
        Listeners { on_drop, on_pressure: self.on_pressure }
    }

    pub(crate) fn on_pressure<G>(self, on_pressure: G) -> Listeners<D, G> {
        Listeners { on_drop: self.on_drop, on_pressure }
    }
}

impl<T, D: OnDrop<T>, P: OnPressure> OnDrop<T> for Listeners<D, P> {
    #[inline(always)]
    fn dropped(&mut self, item: T, reason: Reason) {
        self.on_drop.dropped(item, reason);
    }

    #[inline(always)]
    fn pressure(&mut self, pressure: Pressure) {
        self.on_pressure.turned(pressure);
    }

    fn listens(&self) -> bool {
        self.on_drop.listens() || self.on_pressure.listens()
    }
}
