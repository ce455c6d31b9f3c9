//! What the tests of the algorithms share.

use std::time::Duration;

use super::{Algorithm, Signals, StageState};
use crate::units::ms;

/// A tenth of a second in which a stage did 50 items, none of which had to wait, and the source had more to give.
pub(super) fn signals() -> Signals {
    Signals {
        now: ms(100),
        interval: ms(100),
        queue_len: 0,
        queue_capacity: StageState::default().queue_capacity,
        in_flight: 5,
        admitted: 50,
        completed: 50,
        dropped: 0,
        admitted_total: 50,
        left_total: 45,
        busy: None,
        queue_wait: Some(Duration::ZERO),
        sojourn: Some(ms(12)),
        app_limited: false,
    }
}

/// Tells `algorithm` the same `count` times.
pub(super) fn repeat(algorithm: &mut impl Algorithm, signals: &Signals, count: u32) {
    for _ in 0..count {
        algorithm.on_interval(signals);
    }
}
