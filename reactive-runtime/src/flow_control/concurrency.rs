//! How many items a stage works on at a time, found out while it runs.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::{Adaptive, FlowControl, IntoFlowControl};

/// Finds out how many items a stage works on best at a time: `concurrency = adaptive(1..=256)`.
///
/// It does not pace: items come as soon as there is a place for them. The number grows only while it is used, falls when the
/// service that is called is slow or refuses work, and never leaves `limits`. By default [`Adaptive`] decides;
/// [`by`](AdaptiveConcurrency::by) takes another algorithm.
///
/// Where calls can fail, say with `classify` what their errors mean: an overload makes it take less, a bad request says
/// nothing. Without it every answer counts as work done.
///
/// # Panics
///
/// If there is no number above 0 in `limits`.
///
/// # Examples
///
/// ```
/// use reactive_runtime::flow_control::{ErrorClass, adaptive};
/// use reactive_runtime::prelude::*;
/// use std::cell::Cell;
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// // A service that does eight things at a time, and refuses more.
/// let running = Cell::new(0);
/// let call = async |id: u32| {
///     if running.get() == 8 {
///         return Err("busy");
///     }
///     running.set(running.get() + 1);
///     tokio::time::sleep(Duration::from_millis(20)).await;
///     running.set(running.get() - 1);
///     Ok(id)
/// };
///
/// let done = pipeline! {
///     0..5000
///         |> map_async(call, concurrency = adaptive(1..=256), classify = |_| ErrorClass::Overload).unordered()
///         |> filter(Result::is_ok)
///         |> count()
/// };
/// assert!(done.await > 4500);
/// # }
/// ```
#[track_caller]
pub fn adaptive(limits: RangeInclusive<usize>) -> AdaptiveConcurrency {
    assert!(
        *limits.start() > 0 && !limits.is_empty(),
        "an adaptive concurrency of `{limits:?}` has no meaning: the range begins at 1 or above, and is not empty",
    );
    AdaptiveConcurrency { limits, control: FlowControl::new(Adaptive::new()) }
}

/// A concurrency that is found out: made by [`adaptive`].
#[derive(Debug)]
pub struct AdaptiveConcurrency<A = Adaptive> {
    limits: RangeInclusive<usize>,
    control: FlowControl<A>,
}

impl AdaptiveConcurrency {
    /// How long items may wait in the service that is called, as far as that can be told from latency; 50 ms by default.
    ///
    /// # Panics
    ///
    /// If it is zero, or more than a day.
    #[track_caller]
    pub fn target_delay(self, delay: Duration) -> Self {
        let adaptive = Adaptive::new().target_delay(delay);
        self.by(adaptive)
    }
}

impl<A> AdaptiveConcurrency<A> {
    /// Decides by this algorithm, of whose decisions the rate is left out; a [`FlowControl`] lets one look at it.
    pub fn by<X: IntoFlowControl>(self, control: X) -> AdaptiveConcurrency<X::Algorithm> {
        AdaptiveConcurrency { limits: self.limits, control: control.into_flow_control() }
    }

    pub(crate) fn into_parts(self) -> (RangeInclusive<usize>, FlowControl<A>) {
        (self.limits, self.control)
    }
}
