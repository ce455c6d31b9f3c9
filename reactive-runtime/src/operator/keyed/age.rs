use std::fmt::Debug;
#[cfg(feature = "time")]
use std::time::Duration;

#[cfg(feature = "time")]
use tokio::time::Instant;

#[cfg(feature = "time")]
use crate::live::{IntoSetting, Setting};

/// For how long something is remembered: [`Forever`], or [`AtMost`] for a time.
pub trait Age {
    /// What is noted with it: when that was.
    type Stamp: Copy + Debug;

    /// What is noted now. To be asked first: it also follows a change of the time.
    fn now(&mut self) -> Self::Stamp;

    /// Whether what was noted `then` is forgotten `now`.
    fn is_over(&self, then: Self::Stamp, now: Self::Stamp) -> bool;
}

/// It is not forgotten by age. Asks no clock.
#[derive(Clone, Copy, Debug)]
pub struct Forever;

impl Age for Forever {
    type Stamp = ();

    #[inline(always)]
    fn now(&mut self) {}

    #[inline(always)]
    fn is_over(&self, (): (), (): ()) -> bool {
        false
    }
}

/// It is forgotten after a time. Asks the clock for each item.
#[cfg(feature = "time")]
#[derive(Clone, Debug)]
pub struct AtMost(Setting<Duration>);

#[cfg(feature = "time")]
impl AtMost {
    #[track_caller]
    pub(in crate::operator) fn idle(time: impl IntoSetting<Duration>) -> Self {
        Self(time.into_setting(|time| match *time {
            Duration::ZERO => Err("a memory of no time has no meaning: `idle` takes a time such as `1min`"),
            _ => Ok(()),
        }))
    }

    #[track_caller]
    pub(in crate::operator) fn ttl(time: impl IntoSetting<Duration>) -> Self {
        Self(time.into_setting(|time| match *time {
            Duration::ZERO => Err("a memory of no time has no meaning: `ttl` takes a time such as `1min`"),
            _ => Ok(()),
        }))
    }
}

#[cfg(feature = "time")]
impl Age for AtMost {
    type Stamp = Instant;

    fn now(&mut self) -> Instant {
        self.0.changed();
        Instant::now()
    }

    fn is_over(&self, then: Instant, now: Instant) -> bool {
        now.saturating_duration_since(then) >= self.0.get()
    }
}
