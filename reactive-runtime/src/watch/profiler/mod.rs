mod meter;
mod report;
mod run;
mod sampler;
#[cfg(test)]
mod tests;
mod turn;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

pub use self::meter::StageMeter;
pub use self::report::{Report, StageReport};
use self::run::Run;
use super::{Place, Watch};
use crate::plan::Plan;

/// Finds out where a pipeline is slow: `pipeline! { "users", watch = &profiler: rows |> .. }`.
///
/// A profiler is a handle: clones of it tell of the same pipeline, also from another task and while it runs. It tells of
/// one pipeline, the one that was written with it last. What busy, starved and blocked mean for each kind of stage stands
/// in [`watch`](super).
///
/// # Examples
///
/// ```
/// # use reactive_runtime::prelude::*;
/// # use std::time::Duration;
/// # use tokio::time::sleep;
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let profiler = Profiler::new();
/// let load = async |id: u32| {
///     sleep(Duration::from_millis(10)).await;
///     id
/// };
/// let save = async |_: Vec<u32>| sleep(Duration::from_millis(100)).await;
/// pipeline! {
///     "users", watch = &profiler:
///     0..100u32 |> map_async(load, concurrency = 4) |> batch(10) |> for_each_async(save)
/// }
/// .await;
///
/// let report = profiler.report();
/// let slowest = report.bottleneck().expect("something is slow");
/// assert_eq!((slowest.name.as_str(), slowest.items_in), ("for_each_async", 10));
/// assert!(report.to_string().contains("everything upstream is blocked on it"));
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Profiler {
    run: Arc<Mutex<Option<Arc<Run>>>>,
}

impl Profiler {
    /// A profiler that watches nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where the time went, from the first poll to now, or to the end.
    ///
    /// Of a pipeline that runs at this moment on another thread, a part may be one poll ahead of the others.
    pub fn report(&self) -> Report {
        match &*self.run.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(run) => Report::of(run),
            None => Report::default(),
        }
    }
}

impl fmt::Debug for Profiler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profiler").finish_non_exhaustive()
    }
}

impl Watch for &Profiler {
    type Run = Meters;
    type Meter = StageMeter;

    fn begin(self, plan: &'static Plan) -> Meters {
        let run = Arc::new(Run::new(plan));
        *self.run.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&run));
        Meters { run, made: 0 }
    }

    fn meter(meters: &mut Meters, place: Place) -> StageMeter {
        let at = meters.made;
        meters.made += 1;
        StageMeter::new(Arc::clone(&meters.run), at, place)
    }
}

/// A clone of one that is kept to ask.
impl Watch for Profiler {
    type Run = Meters;
    type Meter = StageMeter;

    fn begin(self, plan: &'static Plan) -> Meters {
        (&self).begin(plan)
    }

    fn meter(meters: &mut Meters, place: Place) -> StageMeter {
        <&Self as Watch>::meter(meters, place)
    }
}

/// Makes the meters of a pipeline that a [`Profiler`] watches.
#[derive(Debug)]
pub struct Meters {
    run: Arc<Run>,
    made: usize,
}
