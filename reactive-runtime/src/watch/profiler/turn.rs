//! Whose poll a thread is in: how a meter knows whether another one of its pipeline is around it.

use std::cell::Cell;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

thread_local! {
    static OUTERMOST: Cell<u64> = const { Cell::new(0) };
}

/// The number of the outermost meter of the poll that this thread is in; 0 is none.
pub(super) fn outermost() -> u64 {
    OUTERMOST.get()
}

/// Another meter is the outermost now; gives the number of the one before.
#[inline(always)]
pub(super) fn replace_outermost(number: u64) -> u64 {
    OUTERMOST.replace(number)
}

/// The time of the poll that a task is in: that at which somebody in it had to know it first.
#[derive(Debug)]
pub(super) struct Turn(AtomicU64);

const UNREAD: u64 = u64::MAX;

impl Default for Turn {
    fn default() -> Self {
        Self(AtomicU64::new(UNREAD))
    }
}

impl Turn {
    /// A poll begins.
    #[inline(always)]
    pub(super) fn begin(&self) {
        self.0.store(UNREAD, Relaxed);
    }

    /// A poll begins at that time.
    pub(super) fn begin_at(&self, now: u64) {
        self.0.store(now, Relaxed);
    }

    pub(super) fn time(&self, clock: impl FnOnce() -> u64) -> u64 {
        match self.0.load(Relaxed) {
            UNREAD => {
                let now = clock();
                self.begin_at(now);
                now
            }
            time => time,
        }
    }
}
