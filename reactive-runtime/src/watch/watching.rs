use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::{Place, Watch};
use crate::flow::{Activity, Flow};
use crate::items::Terminal;
use crate::operator::{Enter, Leave, Meter, Metered, MeteredFlow};
use crate::plan::Plan;

/// Somebody may watch the pipeline of this plan. Named by the expansion of `pipeline!`.
#[derive(Debug)]
pub struct Begin(&'static Plan);

/// Puts meters into a pipeline while it is made. Named by the expansion of `pipeline!`.
///
/// `R` and `M` are the `Run` and the `Meter` of a [`Watch`], as plain parameters: so what watches nothing is told once.
pub struct Watching<R, M> {
    plan: &'static Plan,
    run: R,
    meter: fn(&mut R, Place) -> M,
}

impl Begin {
    /// With the plan of the pipeline.
    pub fn new(plan: &'static Plan) -> Self {
        Self(plan)
    }

    /// By whom it is watched.
    pub fn watch<W, R, M>(self, watch: W) -> Watching<R, M>
    where
        W: Watch<Run = R, Meter = M>,
    {
        Watching { plan: self.0, run: watch.begin(self.0), meter: W::meter }
    }
}

impl<R, M> fmt::Debug for Watching<R, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watching").field("plan", &self.plan).finish_non_exhaustive()
    }
}

impl<R, M> Watching<R, M> {
    /// The meter below the source.
    pub fn source<F>(&mut self, flow: F) -> MeteredFlow<F, M> {
        MeteredFlow::new(flow, (self.meter)(&mut self.run, Place::source(self.plan)))
    }

    /// The meter below the stages from `first` to `last`.
    pub fn below<F>(&mut self, flow: F, first: usize, last: usize) -> MeteredFlow<F, M> {
        MeteredFlow::new(flow, (self.meter)(&mut self.run, Place::stages(self.plan, first, last)))
    }

    /// The meter below a stage, as the stage that puts it there.
    pub(crate) fn stage(&mut self, at: usize) -> Metered<M> {
        Metered::new((self.meter)(&mut self.run, Place::stages(self.plan, at, at)))
    }

    /// The terminal with the meter around it.
    pub(crate) fn terminal<O>(&mut self, op: O, at: usize) -> WatchedBy<O, M> {
        WatchedBy { op, meter: (self.meter)(&mut self.run, Place::terminal(self.plan, at)) }
    }
}

/// A terminal that is watched: made by `pipeline!`.
#[derive(Debug)]
pub struct WatchedBy<O, M> {
    op: O,
    meter: M,
}

impl<F: Flow, O: Terminal<F>, M: Meter> Terminal<F> for WatchedBy<O, M> {
    type Future = Watched<O::Future, M>;

    fn run(self, upstream: F) -> Self::Future {
        Watched { future: self.op.run(upstream), meter: self.meter, activity: O::activity }
    }
}

pin_project! {
    /// The future of a terminal that is watched.
    #[must_use = "a pipeline does nothing unless it is polled: `.await` it"]
    pub struct Watched<R, M> {
        // Before the meter: what is dropped here is still watched.
        #[pin]
        future: R,
        meter: M,
        activity: fn(&R) -> Activity,
    }
}

impl<R: fmt::Debug, M> fmt::Debug for Watched<R, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("future", &self.future).finish_non_exhaustive()
    }
}

impl<R: Future, M: Meter> Future for Watched<R, M> {
    type Output = R::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R::Output> {
        let mut me = self.project();
        me.meter.enter(Enter::Drive);
        let polled = me.future.as_mut().poll(cx);
        let why = if polled.is_ready() { Leave::Ended } else { Leave::Pending };
        let activity = if M::SEES_ACTIVITY && polled.is_pending() {
            (me.activity)(me.future.as_ref().get_ref())
        } else {
            Activity::Unknown
        };
        me.meter.leave(why, activity);
        polled
    }
}
