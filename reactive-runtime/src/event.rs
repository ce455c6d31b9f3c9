//! Events of `tracing`, and what the recorder of `metrics` is told of single stages.

use crate::backpressure::Reason;
use crate::circuit_breaker::CircuitState;

/// An event of `tracing`, with the level, the fields and the message of `tracing::event!`; nothing without that feature.
macro_rules! event {
    ($($event:tt)*) => {
        #[cfg(feature = "tracing")]
        ::tracing::event!($($event)*);
    };
}

#[cfg(feature = "time")]
pub(crate) use event;

/// Whether anybody can be told.
#[cfg(feature = "time")]
pub(crate) const IS_TOLD: bool = cfg!(any(feature = "tracing", feature = "metrics"));

/// A stage drops an item.
#[inline]
pub(crate) fn dropped(reason: Reason) {
    event!(tracing::Level::DEBUG, %reason, "an item was dropped");
    count_drop(reason);
}

/// A stage has dropped so many items, of which nobody took any.
#[cfg(feature = "time")]
#[inline]
pub(crate) fn dropped_many(reason: Reason, items: u64) {
    if items > 0 {
        event!(tracing::Level::DEBUG, %reason, items, "items were dropped");
        count_drops(reason, items);
    }
}

/// Counts a drop of which a stage has an event of its own.
#[inline]
pub(crate) fn count_drop(reason: Reason) {
    count_drops(reason, 1);
}

#[inline]
fn count_drops(reason: Reason, items: u64) {
    // Without the feature nobody is told.
    let _ = (reason, items);
    #[cfg(feature = "metrics")]
    count(&DROPS[reason as usize], items);
}

/// A circuit breaker has changed its state.
#[cold]
pub(crate) fn circuit(state: CircuitState) {
    match state {
        CircuitState::Closed => {
            event!(tracing::Level::INFO, "the circuit breaker closed");
        }
        CircuitState::Open => {
            event!(tracing::Level::WARN, "the circuit breaker opened");
        }
        CircuitState::HalfOpen => {
            event!(tracing::Level::INFO, "the circuit breaker tries whether calls succeed");
        }
    }
    #[cfg(feature = "metrics")]
    {
        let to = match state {
            CircuitState::Closed => "closed",
            CircuitState::Open => "open",
            CircuitState::HalfOpen => "half_open",
        };
        metrics::counter!("circuit_breaker_changes_total", "to" => to).increment(1);
    }
}

/// The counters of what is dropped; made once, as it may be many items.
#[cfg(feature = "metrics")]
static DROPS: std::sync::LazyLock<[metrics::Key; Reason::ALL.len()]> = std::sync::LazyLock::new(|| {
    Reason::ALL.map(|reason| {
        let label = metrics::Label::from_static_parts("reason", reason.name());
        metrics::Key::from_parts("items_dropped_total", vec![label])
    })
});

#[cfg(feature = "metrics")]
fn count(counter: &metrics::Key, more: u64) {
    static METADATA: metrics::Metadata<'static> =
        metrics::Metadata::new(module_path!(), metrics::Level::INFO, Some(module_path!()));
    metrics::with_recorder(|recorder| recorder.register_counter(counter, &METADATA).increment(more));
}
