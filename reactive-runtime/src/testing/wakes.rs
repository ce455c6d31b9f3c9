use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

/// A waker that counts: how often it woke, and whether someone still keeps it.
///
/// # Examples
///
/// ```
/// use reactive_runtime::testing::WakeCounter;
///
/// let wakes = WakeCounter::new();
/// let kept = wakes.waker();
/// kept.wake_by_ref();
/// assert_eq!(wakes.count(), 1);
/// assert!(wakes.is_kept());
/// drop(kept);
/// assert!(!wakes.is_kept());
/// ```
#[derive(Debug, Default)]
pub struct WakeCounter(Arc<Count>);

#[derive(Debug, Default)]
struct Count(AtomicUsize);

impl WakeCounter {
    /// Nothing is woken yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A waker to poll with.
    pub fn waker(&self) -> Waker {
        Waker::from(self.0.clone())
    }

    /// How often one of its wakers woke.
    pub fn count(&self) -> usize {
        self.0.0.load(Ordering::Relaxed)
    }

    /// Whether any of its wakers is still there: kept by a timer, a channel, a source.
    pub fn is_kept(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
