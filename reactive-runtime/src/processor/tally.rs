use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// What one stream of a processor has done.
///
/// Only the task that polls the stream writes, so loads and stores do; whoever asks for metrics reads it meanwhile.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Items that were read ahead or handed to the operations.
    pub(super) taken: Count,
    /// Items that were offered to a strategy, which has them before they are taken; none where there is no strategy.
    pub(super) offered: Count,
    /// Results that were given on.
    pub(super) processed: Count,
    /// Items that failed for good.
    pub(super) failed: Count,
    /// Calls of the function, further attempts included.
    pub(super) attempts: Count,
    /// Items that the function was called with.
    pub(super) begun: Count,
    /// Items that were read ahead.
    pub(super) buffered: Count,
    /// Items that a strategy dropped.
    pub(super) dropped: Count,
    /// Places for operations: those of running ones, and those that are free for the next.
    running: AtomicUsize,
    spare: AtomicUsize,
    /// The time of this poll, since the start of the processor.
    now: AtomicU64,
    polled: AtomicBool,
    /// Whether it takes no new items, as the processor stops.
    closed: AtomicBool,
}

/// A number that one task writes.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    #[inline(always)]
    pub(super) fn add(&self, count: u64) {
        self.set(self.get() + count);
    }

    #[inline(always)]
    pub(super) fn set(&self, count: u64) {
        self.0.store(count, Ordering::Relaxed);
    }

    #[inline(always)]
    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Tally {
    /// How many items came from the source.
    pub(super) fn came(&self) -> u64 {
        self.offered.get().max(self.taken.get())
    }

    /// How many items a strategy has, that of which it is not decided yet among them.
    pub(super) fn queued(&self) -> u64 {
        self.offered.get().saturating_sub(self.dropped.get() + self.taken.get())
    }

    /// How many items came of which nothing has become yet.
    pub(super) fn unfinished(&self) -> u64 {
        self.came().saturating_sub(self.processed.get() + self.failed.get() + self.dropped.get())
    }

    /// Whether nothing is to be waited for: what is not finished is not there, and nobody polls.
    pub(super) fn is_idle(&self) -> bool {
        !self.polled.load(Ordering::SeqCst) && self.unfinished() == 0
    }

    /// Who polls the stream says so, and asks only then whether the processor is to stop: so none of the two is missed.
    pub(super) fn set_polled(&self, polled: bool) {
        self.polled.store(polled, Ordering::SeqCst);
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    #[inline(always)]
    pub(super) fn now(&self) -> Duration {
        Duration::from_nanos(self.now.load(Ordering::Relaxed))
    }

    pub(super) fn set_now(&self, now: Duration) {
        self.now.store(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    #[inline(always)]
    pub(super) fn has_spare(&self) -> bool {
        self.spare.load(Ordering::Relaxed) > 0
    }

    pub(super) fn add_spare(&self) {
        self.spare.store(self.spare.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// The places that are not used.
    pub(super) fn take_spare(&self) -> usize {
        let spare = self.spare.load(Ordering::Relaxed);
        self.spare.store(0, Ordering::Relaxed);
        spare
    }

    /// All of its places.
    pub(super) fn take_places(&self) -> usize {
        let running = self.running.load(Ordering::Relaxed);
        self.running.store(0, Ordering::Relaxed);
        running + self.take_spare()
    }

    pub(super) fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }

    /// An operation begins, in a spare place.
    #[inline(always)]
    pub(super) fn run(&self) {
        self.spare.store(self.spare.load(Ordering::Relaxed) - 1, Ordering::Relaxed);
        self.running.store(self.running.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// An operation has ended.
    #[inline(always)]
    pub(super) fn ran(&self) {
        self.running.store(self.running.load(Ordering::Relaxed) - 1, Ordering::Relaxed);
        self.spare.store(self.spare.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }
}

/// Counts an item as failed if the function panics.
pub(super) struct OnPanic<'a>(pub(super) &'a Tally);

impl OnPanic<'_> {
    #[inline(always)]
    pub(super) fn none(self) {
        std::mem::forget(self);
    }
}

impl Drop for OnPanic<'_> {
    fn drop(&mut self) {
        self.0.failed.add(1);
    }
}
