//! Flow control of a processor, and of one of its stages: each stream works with an algorithm of its own.

use crate::concurrent::Governed;
use crate::flow_control::{Algorithm, BoxAlgorithm, FlowControl, FlowMetrics, IntoFlowControl};

/// What holds the operations of a stream back, where something does.
pub type Control = Option<Governed<BoxAlgorithm>>;

/// What a processor was given, whatever the algorithm is.
pub(super) trait Controls: Send + Sync {
    /// For one more stream.
    fn control(&self) -> Governed<BoxAlgorithm>;

    /// Of the stream that ended a control interval last.
    fn metrics(&self) -> Option<FlowMetrics>;
}

impl<A: Algorithm + Clone + Send + Sync + 'static> Controls for FlowControl<A> {
    fn control(&self) -> Governed<BoxAlgorithm> {
        Governed::new(self.into_flow_control().into_boxed())
    }

    fn metrics(&self) -> Option<FlowMetrics> {
        Self::metrics(self)
    }
}
