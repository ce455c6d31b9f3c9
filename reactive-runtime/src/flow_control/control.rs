//! What a stage takes as `flow_control`.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    Algorithm, CongestionAlgorithm, FlowControlConfig, FlowController, FlowMetrics, Governor, Selected,
    Signals,
};

/// An algorithm for a stage, and a look at how it does while that runs.
///
/// A stage is given it, or a reference to it, and works with an algorithm of its own; what it says is of the stage that
/// ended a control interval last.
///
/// # Examples
///
/// ```
/// use reactive_runtime::flow_control::{Bbr, FlowControl};
/// use reactive_runtime::prelude::*;
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let fetch = async |id: u32| {
///     tokio::time::sleep(Duration::from_millis(20)).await;
///     id
/// };
/// let control = FlowControl::new(Bbr::new());
/// let fetched = pipeline! { 0..1000 |> map_async(fetch, flow_control = &control) |> count() };
/// assert_eq!(fetched.await, 1000);
/// assert!(control.metrics().unwrap().current_rate > 500.0);
/// # }
/// ```
#[derive(Debug)]
pub struct FlowControl<A> {
    algorithm: A,
    config: FlowControlConfig,
    report: Report,
}

impl<A: Algorithm> FlowControl<A> {
    /// With this algorithm.
    pub fn new(algorithm: A) -> Self {
        let config = algorithm.config().cloned().unwrap_or_default();
        Self { algorithm, config, report: Report::default() }
    }

    /// How the stage did in its last control interval; `None` before the first is over.
    pub fn metrics(&self) -> Option<FlowMetrics> {
        self.report.get().map(|(metrics, _)| metrics)
    }

    /// What was measured in it.
    pub fn signals(&self) -> Option<Signals> {
        self.report.get().map(|(_, signals)| signals)
    }

    /// For a stage that need not know the type of the algorithm.
    pub(crate) fn into_boxed(self) -> FlowControl<BoxAlgorithm>
    where
        A: Send + Sync + 'static,
    {
        let Self { algorithm, config, report } = self;
        FlowControl { algorithm: Box::new(algorithm), config, report }
    }

    pub(crate) fn into_parts(self) -> (Governor<A>, Report) {
        (Governor::with_config(self.algorithm, &self.config), self.report)
    }
}

/// Any algorithm.
pub type BoxAlgorithm = Box<dyn Algorithm + Send + Sync>;

impl fmt::Debug for dyn Algorithm + Send + Sync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Algorithm").finish_non_exhaustive()
    }
}

/// What a stage told last. It is locked once a control interval.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report(Arc<Mutex<Option<(FlowMetrics, Signals)>>>);

impl Report {
    pub(crate) fn tell<A: Algorithm>(&self, governor: &Governor<A>) {
        let signals = governor.signals();
        *self.lock() = signals.map(|signals| (governor.metrics(), signals));
    }

    fn get(&self) -> Option<(FlowMetrics, Signals)> {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Option<(FlowMetrics, Signals)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a stage takes as `flow_control`: an [`Algorithm`], or what names one.
///
/// That is any algorithm, of yours too, a [`FlowControl`] or a reference to one, a [`FlowController`], a
/// [`FlowControlConfig`], or a [`CongestionAlgorithm`] with the default configuration.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no flow control",
    label = "expected an algorithm, such as `Bbr::new()`, or a `FlowControlConfig`",
    note = "flow control decides how fast items enter a stage and how many are in it: see `reactive_runtime::flow_control`"
)]
pub trait IntoFlowControl {
    /// The algorithm that decides.
    type Algorithm: Algorithm;

    /// What a stage holds.
    ///
    /// # Panics
    ///
    /// If it is a configuration, and [`FlowControlConfig::validate`] refuses that.
    #[track_caller]
    fn into_flow_control(self) -> FlowControl<Self::Algorithm>;
}

#[diagnostic::do_not_recommend]
impl<A: Algorithm> IntoFlowControl for A {
    type Algorithm = A;

    fn into_flow_control(self) -> FlowControl<A> {
        FlowControl::new(self)
    }
}

impl<A: Algorithm> IntoFlowControl for FlowControl<A> {
    type Algorithm = A;

    fn into_flow_control(self) -> Self {
        self
    }
}

impl<A: Algorithm + Clone> IntoFlowControl for &FlowControl<A> {
    type Algorithm = A;

    fn into_flow_control(self) -> FlowControl<A> {
        FlowControl {
            algorithm: self.algorithm.clone(),
            config: self.config.clone(),
            report: self.report.clone(),
        }
    }
}

impl<A: Algorithm> IntoFlowControl for FlowController<A> {
    type Algorithm = A;

    fn into_flow_control(self) -> FlowControl<A> {
        let (algorithm, config) = self.into_parts();
        FlowControl { config, ..FlowControl::new(algorithm) }
    }
}

impl IntoFlowControl for FlowControlConfig {
    type Algorithm = Selected;

    #[track_caller]
    fn into_flow_control(self) -> FlowControl<Selected> {
        FlowControl::new(self.algorithm())
    }
}

impl IntoFlowControl for &FlowControlConfig {
    type Algorithm = Selected;

    #[track_caller]
    fn into_flow_control(self) -> FlowControl<Selected> {
        FlowControl::new(self.algorithm())
    }
}

impl IntoFlowControl for CongestionAlgorithm {
    type Algorithm = Selected;

    fn into_flow_control(self) -> FlowControl<Selected> {
        FlowControlConfig { congestion_algorithm: self, ..FlowControlConfig::default() }.into_flow_control()
    }
}
