//! A value that is replaced by what a function makes of it, item by item, in a loop that stays a loop.

// Not an `Option`: `repr` keeps the tag apart from the value, and so the optimiser folds it away; in a niche of the
// value it would be written for every item.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(super) enum Held<A> {
    /// The function has it.
    Out,
    In(A),
}

impl<A> Held<A> {
    pub(super) fn new(value: A) -> Self {
        Self::In(value)
    }

    /// Replaces the value; if `f` panics, it is gone.
    #[inline(always)]
    pub(super) fn update(&mut self, f: impl FnOnce(A) -> A) {
        if let Self::In(value) = std::mem::replace(self, Self::Out) {
            *self = Self::In(f(value));
        }
    }

    /// The same, known to be in.
    #[inline(always)]
    pub(super) fn resume(self) -> Self {
        Self::In(self.into_inner())
    }

    #[inline(always)]
    pub(super) fn into_inner(self) -> A {
        match self {
            Self::In(value) => value,
            Self::Out => unreachable!("a terminal does not go on after a panic"),
        }
    }
}
