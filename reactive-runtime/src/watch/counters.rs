use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

use metrics::{Label, counter, gauge, histogram};

use super::profiler::Meters;
use super::{Place, Profiler, Report, StageMeter, StageReport, Watch};
use crate::flow::{Activity, Downstream};
use crate::operator::{Enter, Leave, Meter};
use crate::plan::Plan;

/// Tells the recorder of the `metrics` crate where a pipeline is slow: `pipeline! { "users", watch = Metrics: rows |> .. }`.
///
/// With an exporter for Prometheus these are two lines: `PrometheusBuilder::new().install()?`, and this.
///
/// | metric | kind | labels |
/// |---|---|---|
/// | `pipeline_items_total` | counter: what a stage gave; what the terminal took | `pipeline`, `stage`, `line` |
/// | `pipeline_busy_microseconds_total`, `pipeline_starved_..`, `pipeline_blocked_..` | counter: see [`watch`](super) | the same |
/// | `pipeline_busy_ratio` | gauge: the part of the last second in which the stage was busy | the same |
/// | `pipelines_running` | gauge | `pipeline` |
/// | `pipeline_seconds` | histogram: from the first poll to the end | `pipeline` |
///
/// With the feature `metrics` the recorder is told of these by every pipeline, watched or not:
///
/// | metric | kind | labels |
/// |---|---|---|
/// | `items_dropped_total` | counter: what stages dropped | `reason`: see [`Reason`](crate::backpressure::Reason) |
/// | `circuit_breaker_changes_total` | counter: of circuit breakers around calls and before queues | `to`: `open`, `half_open`, `closed` |
///
/// A pipeline without a name has its file and line in `pipeline`. They are told once a second at most, in a poll, and at
/// the end. In a runtime of tokio, whose timer must be enabled, a task tells them every two seconds for a pipeline that is
/// not polled: so one that hangs is seen to wait, and for which stage. The task is gone with the pipeline.
///
/// For other metrics ask a [`Profiler`] for its [`report`](Profiler::report).
#[derive(Clone, Copy, Debug, Default)]
pub struct Metrics;

/// How long what was counted is kept back.
const PERIOD: Duration = Duration::from_secs(1);

/// The same where no poll comes to tell it.
#[cfg(feature = "rt")]
const PERIOD_UNPOLLED: Duration = Duration::from_secs(2);

impl Watch for Metrics {
    type Run = Counted;
    type Meter = CountedMeter;

    fn begin(self, plan: &'static Plan) -> Counted {
        let profiler = Profiler::new();
        let meters = (&profiler).begin(plan);
        let pipeline = plan.name.map_or_else(|| format!("{}:{}", plan.file, plan.line), str::to_owned);
        let told = Mutex::new(Told::default());
        Counted { meters, teller: Arc::new(Teller { profiler, pipeline, told }) }
    }

    fn meter(run: &mut Counted, place: Place) -> CountedMeter {
        CountedMeter {
            stage: <&Profiler as Watch>::meter(&mut run.meters, place),
            teller: Arc::clone(&run.teller),
        }
    }
}

/// Makes the meters of a pipeline that [`Metrics`] watches.
#[derive(Debug)]
pub struct Counted {
    meters: Meters,
    teller: Arc<Teller>,
}

/// A [`StageMeter`] that tells the recorder. See [`Metrics`].
#[derive(Debug)]
pub struct CountedMeter {
    // Before the teller: the last one tells of what ended with it.
    stage: StageMeter,
    teller: Arc<Teller>,
}

impl Meter for CountedMeter {
    const SEES_ACTIVITY: bool = true;

    #[inline]
    fn enter(&mut self, why: Enter) {
        self.stage.enter(why);
    }

    #[inline(always)]
    fn push<T, D: Downstream<T>>(&mut self, item: T, down: &mut D) -> std::ops::ControlFlow<()> {
        self.stage.push(item, down)
    }

    #[inline]
    fn leave(&mut self, why: Leave, activity: Activity) {
        let was_measured = self.stage.measures_poll();
        self.stage.leave(why, activity);
        if was_measured {
            self.teller.tell_if_due(self.stage.measured_poll(), PERIOD);
        }
    }
}

/// Knows what it has told already.
struct Teller {
    profiler: Profiler,
    pipeline: String,
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    report: Report,
    is_running: bool,
    #[cfg(feature = "rt")]
    unpolled: Option<tokio::task::AbortHandle>,
}

impl fmt::Debug for Teller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Teller").field("pipeline", &self.pipeline).finish_non_exhaustive()
    }
}

/// The last meter is gone.
impl Drop for Teller {
    fn drop(&mut self) {
        let told = self.told.get_mut().unwrap_or_else(PoisonError::into_inner);
        if !told.is_running {
            return;
        }
        let mut told = std::mem::take(told);
        #[cfg(feature = "rt")]
        if let Some(task) = told.unpolled.take() {
            task.abort();
        }
        self.tell(&mut told);
        gauge!("pipelines_running", "pipeline" => self.pipeline.clone()).decrement(1.0);
        histogram!("pipeline_seconds", "pipeline" => self.pipeline.clone())
            .record(told.report.elapsed.as_secs_f64());
    }
}

impl Teller {
    /// At that time, if nothing was told for so long; where another thread tells, it leaves that alone.
    #[cold]
    fn tell_if_due(self: &Arc<Self>, now: Duration, period: Duration) {
        let mut told = match self.told.try_lock() {
            Ok(told) => told,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        if !told.is_running {
            told.is_running = true;
            #[cfg(feature = "rt")]
            {
                told.unpolled = self.tell_unpolled();
            }
            gauge!("pipelines_running", "pipeline" => self.pipeline.clone()).increment(1.0);
        } else if now.saturating_sub(told.report.elapsed) < period {
            return;
        }
        self.tell(&mut told);
    }

    /// Goes on telling while no poll does.
    #[cfg(feature = "rt")]
    fn tell_unpolled(self: &Arc<Self>) -> Option<tokio::task::AbortHandle> {
        let (runtime, teller) = (tokio::runtime::Handle::try_current().ok()?, Arc::downgrade(self));
        let task = runtime.spawn(async move {
            loop {
                tokio::time::sleep(PERIOD_UNPOLLED).await;
                let Some(teller) = teller.upgrade() else { return };
                // In between, so that a poll of the same instant comes before it.
                teller.tell_if_due(teller.profiler.report().elapsed, (PERIOD + PERIOD_UNPOLLED) / 2);
            }
        });
        Some(task.abort_handle())
    }

    /// What is new since the last time.
    fn tell(&self, told: &mut Told) {
        let report = self.profiler.report();
        let none = StageReport::default();
        let since = report.elapsed.saturating_sub(told.report.elapsed);
        for (at, stage) in report.stages.iter().enumerate() {
            self.tell_stage(stage, told.report.stages.get(at).unwrap_or(&none), since);
        }
        told.report = report;
    }

    fn tell_stage(&self, now: &StageReport, before: &StageReport, since: Duration) {
        let labels = vec![
            Label::new("pipeline", self.pipeline.clone()),
            Label::new("stage", now.name.clone()),
            Label::new("line", now.line.to_string()),
        ];
        let items = |stage: &StageReport| if stage.is_terminal { stage.items_in } else { stage.items_out };
        counter!("pipeline_items_total", labels.clone()).increment(items(now) - items(before));
        let micros = |now: Duration, before: Duration| now.saturating_sub(before).as_micros() as u64;
        counter!("pipeline_busy_microseconds_total", labels.clone()).increment(micros(now.busy, before.busy));
        counter!("pipeline_starved_microseconds_total", labels.clone())
            .increment(micros(now.starved, before.starved));
        counter!("pipeline_blocked_microseconds_total", labels.clone())
            .increment(micros(now.blocked, before.blocked));
        if !since.is_zero() {
            let busy = now.busy.saturating_sub(before.busy).as_secs_f64() / since.as_secs_f64();
            gauge!("pipeline_busy_ratio", labels).set(busy);
        }
    }
}

#[cfg(test)]
mod tests;
