use std::fmt::Debug;
#[cfg(feature = "time")]
use std::time::Duration;

#[cfg(feature = "time")]
use tokio::time::Instant;

#[cfg(feature = "time")]
use crate::units::IntoDuration;

/// For how long something is remembered: [`Forever`], or [`AtMost`] for a time.
pub trait Age {
    /// What is noted with it: when that was.
    type Stamp: Copy + Debug;

    /// What is noted now.
    fn now(&self) -> Self::Stamp;

    /// Whether what was noted `then` is forgotten `now`.
    fn is_over(&self, then: Self::Stamp, now: Self::Stamp) -> bool;
}

/// It is not forgotten by age. Asks no clock.
#[derive(Clone, Copy, Debug)]
pub struct Forever;

impl Age for Forever {
    type Stamp = ();

    #[inline(always)]
    fn now(&self) {}

    #[inline(always)]
    fn is_over(&self, (): (), (): ()) -> bool {
        false
    }
}

/// It is forgotten after a time. Asks the clock for each item.
#[cfg(feature = "time")]
#[derive(Clone, Copy, Debug)]
pub struct AtMost(Duration);

#[cfg(feature = "time")]
impl AtMost {
    #[track_caller]
    pub(in crate::operator) fn of(time: impl IntoDuration, setter: &str) -> Self {
        let time = time.into_duration();
        assert!(
            !time.is_zero(),
            "a memory of no time has no meaning: `{setter}` takes a time such as `1min`"
        );
        Self(time)
    }
}

#[cfg(feature = "time")]
impl Age for AtMost {
    type Stamp = Instant;

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn is_over(&self, then: Instant, now: Instant) -> bool {
        now.saturating_duration_since(then) >= self.0
    }
}
