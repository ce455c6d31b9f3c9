//! A timer for stages: armed only when they wait, and made only when they first do.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// So far away that it is never reached, and no clock overflows.
const NEVER: Duration = Duration::from_secs(86_400 * 365 * 30);

/// What a clock of tokio's can tell apart.
pub(crate) const RESOLUTION: Duration = Duration::from_millis(1);

/// The time since the first poll, as plain code is told it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    start: Option<Instant>,
}

impl Clock {
    /// The time since this was called first.
    pub(crate) fn now(&mut self) -> Duration {
        let now = Instant::now();
        now - *self.start.get_or_insert(now)
    }

    pub(crate) fn has_started(&self) -> bool {
        self.start.is_some()
    }

    /// When that time is.
    pub(crate) fn instant(&self, at: Duration) -> Instant {
        after(self.start.expect("a clock is read before it is waited for"), at)
    }
}

/// Waits until a deadline, which may be another one at each poll.
///
/// It costs nothing while items flow: its place on the clock is made at the first wait, and moved at later ones.
#[derive(Debug, Default)]
pub(crate) struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    /// Ready once `deadline` has passed; till then the task is woken at that time.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with time enabled.
    pub(crate) fn poll_until(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if sleep.deadline() != deadline {
            sleep.as_mut().reset(deadline);
        }
        sleep.as_mut().poll(cx)
    }
}

/// The instant `wait` after `start`, or one that is never reached where that overflows.
pub(crate) fn after(start: Instant, wait: Duration) -> Instant {
    start.checked_add(wait).unwrap_or_else(|| start + NEVER)
}

/// The last multiple of `period` since `start` that is not after `now`.
pub(crate) fn last_multiple(start: Instant, period: Duration, now: Instant) -> Instant {
    let since = (now - start).as_nanos() % period.as_nanos();
    now - Duration::from_nanos_u128(since)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;
    use crate::units::ms;

    #[tokio::test(start_paused = true)]
    async fn waits_for_the_deadline_of_the_last_poll() {
        let (start, mut timer) = (Instant::now(), Timer::default());
        assert!(futures::poll!(poll_fn(|cx| timer.poll_until(start + ms(50), cx))).is_pending());
        poll_fn(|cx| timer.poll_until(start + ms(20), cx)).await;
        assert_eq!(start.elapsed(), ms(20));
        poll_fn(|cx| timer.poll_until(start + ms(30), cx)).await;
        assert_eq!(start.elapsed(), ms(30));
    }

    #[tokio::test(start_paused = true)]
    async fn takes_the_longest_wait() {
        let mut timer = Timer::default();
        let deadline = after(Instant::now(), Duration::MAX);
        assert!(futures::poll!(poll_fn(|cx| timer.poll_until(deadline, cx))).is_pending());
    }
}
