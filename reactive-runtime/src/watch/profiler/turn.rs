//! One poll of the task that drives a pipeline. The outermost meter reads the clock; those inside take its word.

use std::cell::Cell;

/// The poll that this thread is in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    /// Of which pipeline; 0 is of none.
    pub(super) run: u64,
    /// The place of the outermost meter.
    pub(super) root: usize,
    /// When it began.
    pub(super) begin: u64,
}

thread_local! {
    static TURN: Cell<Turn> = const { Cell::new(Turn { run: 0, root: 0, begin: 0 }) };
}

impl Turn {
    pub(super) fn current() -> Self {
        TURN.get()
    }

    /// Takes the place of the current one, which is given back.
    pub(super) fn replace(self) -> Self {
        TURN.replace(self)
    }
}
