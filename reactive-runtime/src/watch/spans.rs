use std::fmt;
use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};

use tracing::field::Empty;
use tracing::{Span, debug_span, info_span};

use super::{Place, Watch};
use crate::flow::{Activity, Downstream};
use crate::operator::{Enter, Leave, Meter};
use crate::plan::Plan;

/// Gives the stages of a pipeline spans of `tracing`: `pipeline! { "users", watch = Tracing: rows |> .. }`.
///
/// | span | level | stands for | in |
/// |---|---|---|---|
/// | `pipeline` | info | the pipeline, from its first poll until it is dropped | the span of the first poll |
/// | `stage` | info | the source, a stage or the terminal | `pipeline` |
/// | `batch` | debug | the items that one call of a stage gave; how many is in `items` | `stage` |
///
/// Each has the fields `pipeline`, the name if there is one, `file` and `line`; those of stages have `stage`, the name of the
/// operator. A span is entered while control is in its stage, and left while an item is handed on: so an event of your
/// closure is in the span of its stage, and `time.busy` of a subscriber is what the stage took.
///
/// Some stages have events of their own, in those spans: an attempt of `map_async` that is made again (debug) or was the
/// last (warn), an item that `timeout` waited for in vain (warn), items that come too late for their window (debug), items
/// that are dropped, with the reason (debug), and a circuit breaker that opens (warn), tries again or closes (info).
///
/// Whether somebody subscribes to the span of a stage is asked at its first poll. Where nobody does, it costs a branch an
/// item.
///
/// # Examples
///
/// ```
/// # use reactive_runtime::{prelude::*, watch::Tracing};
/// # use futures::executor::block_on;
/// let sum = pipeline! {
///     "numbers", watch = Tracing:
///     0..4u32 |> map(|x| { tracing::info!(x, "in the span of `map`"); 2 * x }) |> sum::<u32>()
/// };
/// assert_eq!(block_on(sum), 12);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Tracing;

impl Watch for Tracing {
    type Run = Spans;
    type Meter = SpanMeter;

    fn begin(self, plan: &'static Plan) -> Spans {
        Spans { plan, pipeline: Arc::default() }
    }

    fn meter(run: &mut Spans, place: Place) -> SpanMeter {
        let name = place.name();
        SpanMeter {
            pipeline: Arc::clone(&run.pipeline),
            place,
            name,
            stage: None,
            sees: Sees::Unknown,
            batch: Span::none(),
            items: 0,
            inside: false,
        }
    }
}

/// Makes the spans of a pipeline.
pub struct Spans {
    plan: &'static Plan,
    pipeline: Arc<OnceLock<Span>>,
}

impl fmt::Debug for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spans").field("plan", &self.plan).finish_non_exhaustive()
    }
}

/// Enters and leaves the spans of one stage: see [`Tracing`].
pub struct SpanMeter {
    pipeline: Arc<OnceLock<Span>>,
    place: Place,
    name: String,
    /// `None` before the first poll.
    stage: Option<Span>,
    sees: Sees,
    batch: Span,
    items: u64,
    /// Control is in the stage, and somebody subscribes to its span.
    inside: bool,
}

/// Whether somebody subscribes to the span of a stage: asked once, at its first poll.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sees {
    Unknown,
    Nobody,
    Somebody,
}

impl fmt::Debug for SpanMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanMeter").field("place", &self.place).finish_non_exhaustive()
    }
}

impl Meter for SpanMeter {
    #[inline(always)]
    fn enter(&mut self, why: Enter) {
        if self.sees != Sees::Nobody {
            self.begin(why);
        }
    }

    #[inline(always)]
    fn push<T, D: Downstream<T>>(&mut self, item: T, down: &mut D) -> ControlFlow<()> {
        // A local, which what is below cannot change.
        let inside = self.inside;
        if inside {
            self.items += 1;
            self.step_out();
        }
        let pushed = down.push(item);
        if inside {
            self.step_in();
        }
        pushed
    }

    #[inline(always)]
    fn leave(&mut self, _: Leave, _: Activity) {
        if self.inside {
            self.end();
        }
    }
}

/// After a panic control never left it.
impl Drop for SpanMeter {
    fn drop(&mut self) {
        if self.inside {
            self.end();
        }
    }
}

impl SpanMeter {
    #[cold]
    fn stage_span(&self) -> Span {
        let plan = self.place.plan();
        let pipeline = self
            .pipeline
            .get_or_init(|| info_span!("pipeline", pipeline = plan.name, file = plan.file, line = plan.line));
        info_span!(
            parent: pipeline,
            "stage",
            pipeline = plan.name,
            stage = self.name.as_str(),
            file = plan.file,
            line = self.place.line(),
        )
    }

    #[cold]
    fn begin(&mut self, why: Enter) {
        if self.sees == Sees::Unknown {
            let stage = self.stage_span();
            self.sees = if stage.is_disabled() { Sees::Nobody } else { Sees::Somebody };
            self.stage = Some(stage);
        }
        if self.sees == Sees::Nobody {
            return;
        }
        if let (Enter::Drive, Some(stage), false) = (why, &self.stage, self.place.is_terminal()) {
            let plan = self.place.plan();
            self.batch = debug_span!(
                parent: stage,
                "batch",
                pipeline = plan.name,
                stage = self.name.as_str(),
                file = plan.file,
                line = self.place.line(),
                items = Empty,
            );
        }
        self.items = 0;
        self.inside = true;
        self.step_in();
    }

    #[cold]
    fn end(&mut self) {
        self.batch.record("items", self.items);
        self.step_out();
        self.inside = false;
        self.batch = Span::none();
    }

    /// The span that control is in while it is in the stage.
    fn span(&self) -> Option<&Span> {
        if self.batch.is_disabled() { self.stage.as_ref() } else { Some(&self.batch) }
    }

    #[cold]
    fn step_in(&self) {
        self.span().and_then(|span| span.with_subscriber(|(id, subscriber)| subscriber.enter(id)));
    }

    #[cold]
    fn step_out(&self) {
        self.span().and_then(|span| span.with_subscriber(|(id, subscriber)| subscriber.exit(id)));
    }
}

#[cfg(test)]
mod tests;
