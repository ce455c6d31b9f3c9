use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What happens to a source: how often it is polled, how much is taken of it, whether it is dropped.
///
/// Made by [`Timeline::watched`](super::Timeline::watched).
#[derive(Clone, Default)]
pub struct Watch(Arc<Happened>);

#[derive(Default)]
struct Happened {
    polls: AtomicUsize,
    pulled: AtomicUsize,
    dropped: AtomicBool,
}

impl Watch {
    /// How often it was polled.
    pub fn polls(&self) -> usize {
        self.0.polls.load(Ordering::Relaxed)
    }

    /// How many items were pulled from it.
    pub fn pulled(&self) -> usize {
        self.0.pulled.load(Ordering::Relaxed)
    }

    /// Whether it is dropped, as a source is that nobody needs any more.
    pub fn is_dropped(&self) -> bool {
        self.0.dropped.load(Ordering::Relaxed)
    }

    pub(super) fn polled(&self) {
        self.0.polls.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn item_pulled(&self) {
        self.0.pulled.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn source_dropped(&self) {
        self.0.dropped.store(true, Ordering::Relaxed);
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("polls", &self.polls())
            .field("pulled", &self.pulled())
            .field("is_dropped", &self.is_dropped())
            .finish()
    }
}
