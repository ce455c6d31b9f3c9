//! Watching a pipeline: a meter at each place, told when control enters what is above, an item comes and control leaves.
//!
//! `pipeline! { "users", watch = &profiler: rows |> .. }` puts a [`Meter`] below the source and below each stage, and one
//! around the terminal. A pipeline without `watch` is of another type, and has none of them.
#![cfg_attr(feature = "time", doc = "")]
#![cfg_attr(feature = "time", doc = include_str!("../../docs/where-is-it-slow.md"))]

#[cfg(feature = "metrics")]
mod counters;
mod place;
#[cfg(feature = "time")]
mod profiler;
#[cfg(feature = "tracing")]
mod spans;
mod watching;

#[cfg(feature = "metrics")]
pub use self::counters::{Counted, CountedMeter, Metrics};
pub use self::place::Place;
#[cfg(feature = "time")]
pub use self::profiler::{Profiler, Report, StageMeter, StageReport};
#[cfg(feature = "tracing")]
pub use self::spans::{SpanMeter, Spans, Tracing};
#[doc(hidden)]
pub use self::watching::Begin;
pub use self::watching::{Watched, WatchedBy, Watching};
use crate::operator::Meter;
use crate::plan::Plan;

/// Watches pipelines: what stands behind `watch =` in `pipeline!`.
///
/// # Examples
///
/// ```
/// # use reactive_runtime::{prelude::*, operator::Meter, watch::{Place, Watch}, Plan};
/// # use futures::executor::block_on;
/// # use std::{cell::Cell, rc::Rc};
/// /// Counts what each stage gives.
/// #[derive(Default)]
/// struct Counts(Vec<(String, Rc<Cell<u64>>)>);
///
/// struct Count(Rc<Cell<u64>>);
///
/// impl Meter for Count {
///     fn item(&mut self) {
///         self.0.set(self.0.get() + 1);
///     }
/// }
///
/// impl<'a> Watch for &'a mut Counts {
///     type Run = Self;
///     type Meter = Count;
///
///     fn begin(self, _: &'static Plan) -> Self {
///         self
///     }
///
///     fn meter(counts: &mut Self, place: Place) -> Count {
///         let count = Rc::default();
///         counts.0.push((place.name(), Rc::clone(&count)));
///         Count(count)
///     }
/// }
///
/// let mut counts = Counts::default();
/// block_on(pipeline! { watch = &mut counts: 0..9 |> filter(|x| x % 3 == 0) |> batch(2) |> drain() });
/// let counts: Vec<_> = counts.0.iter().map(|(name, count)| (name.as_str(), count.get())).collect();
/// assert_eq!(counts, [("0..9", 9), ("filter", 3), ("batch", 2), ("drain", 0)]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` watches no pipelines",
    label = "this is no `Watch`",
    note = "write `watch = &profiler` with a `Profiler`, or something else that implements `Watch`"
)]
pub trait Watch {
    /// What it keeps while the meters of a pipeline are made.
    type Run;

    /// What stands at each place.
    type Meter: Meter;

    /// A pipeline is written. Nothing of it is polled yet.
    fn begin(self, plan: &'static Plan) -> Self::Run;

    /// The meter of a place; from the source down.
    fn meter(run: &mut Self::Run, place: Place) -> Self::Meter;
}

/// Both of two watch.
impl<A: Watch, B: Watch> Watch for (A, B) {
    type Run = (A::Run, B::Run);
    type Meter = (A::Meter, B::Meter);

    fn begin(self, plan: &'static Plan) -> Self::Run {
        (self.0.begin(plan), self.1.begin(plan))
    }

    fn meter(run: &mut Self::Run, place: Place) -> Self::Meter {
        (A::meter(&mut run.0, place), B::meter(&mut run.1, place))
    }
}

#[cfg(test)]
mod tests;
