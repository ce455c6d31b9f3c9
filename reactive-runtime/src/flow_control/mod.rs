//! Algorithms that find the rate, and the number of items in flight, at which a stage is busy and its queue is short.
//!
//! They are plain code: an [`Algorithm`] is told what happened and when, and answers with a [`Decision`]. It reads no
//! clock, spawns nothing, takes no lock and allocates only when it is made. So it runs alone, in virtual time, or in a
//! stage. A [`Ledger`] does the counting for whoever has items to admit; [`FlowController`] makes do with three numbers.
//!
//! | algorithm | steers by | take it when |
//! |---|---|---|
//! | [`Adaptive`] | service rate and starvation | in doubt: it is the default |
//! | [`Bbr`] | delivery rate and latency | only latency can be seen, and waits must be short |
//! | [`Vegas`] | items that wait | waits must be very short, and service is steady |
//! | [`Gradient2`] | latency now against latency of late | as [`Vegas`], and items differ much in cost |
//! | [`Aimd`] | congestion alone | many senders share a service, and must share it fairly |
//! | [`Cubic`] | congestion alone | as [`Aimd`], where latencies are long and capacity is large |
//!
//! A rate alone is not enough: at 98 % utilization of a random server, items that are paced evenly still wait 230 ms (at
//! the 99th percentile), while ten in flight wait 25 ms. So every decision has a cap as well.

mod adaptive;
mod aimd;
mod baseline;
mod bbr;
#[cfg(feature = "time")]
mod concurrency;
mod config;
mod congestion;
mod congestion_algorithm;
#[cfg(feature = "time")]
mod control;
mod controller;
mod cubic;
mod error_class;
mod governor;
mod gradient2;
mod ledger;
mod metrics;
#[cfg(test)]
mod nonsense;
mod prediction;
mod rate_model;
mod selected;
mod service_rate;
mod signals;
#[cfg(test)]
mod testing;
mod vegas;

pub use adaptive::Adaptive;
pub use aimd::Aimd;
pub use bbr::{Bbr, BbrState};
#[cfg(feature = "time")]
pub use concurrency::{AdaptiveConcurrency, adaptive};
pub use config::FlowControlConfig;
pub use congestion_algorithm::{CongestionAlgorithm, UnknownAlgorithm};
#[cfg(feature = "time")]
pub(crate) use control::Report;
#[cfg(feature = "time")]
pub use control::{BoxAlgorithm, FlowControl, IntoFlowControl};
pub use controller::FlowController;
pub use cubic::Cubic;
pub use error_class::ErrorClass;
pub use governor::{Admission, Governor};
pub use gradient2::Gradient2;
pub use ledger::{Ledger, StageState, Ticket};
pub use metrics::FlowMetrics;
pub use prediction::Prediction;
pub use rate_model::{FEATURES, Features, Guarded, RateModel};
pub use selected::Selected;
pub use signals::{Completion, Decision, Outcome, Signals};
pub use vegas::Vegas;

/// Decides how fast items may enter a stage, and how many of them may be in it.
///
/// All times are since a start that the caller chooses, and never go back.
pub trait Algorithm {
    /// An item left the stage. Answers where this alone changes the decision; most algorithms wait for the interval.
    fn on_complete(&mut self, completion: &Completion) -> Option<Decision> {
        let _ = completion;
        None
    }

    /// A control interval is over.
    fn on_interval(&mut self, signals: &Signals) -> Decision;

    /// How often it took less because of congestion, so far.
    fn congestion_events(&self) -> u64;

    /// What it was made with; where there is nothing to tell, the defaults hold.
    ///
    /// A [`Governor`] takes the rate to begin with from it, and how often it asks.
    fn config(&self) -> Option<&FlowControlConfig> {
        None
    }

    /// Whether a forecast has a say in the decision, at the moment.
    fn prediction_active(&self) -> bool {
        false
    }

    /// How many items a second the stage can do, as far as is known.
    fn capacity_estimate(&self) -> Option<f64> {
        None
    }
}

impl<A: Algorithm + ?Sized> Algorithm for Box<A> {
    fn on_complete(&mut self, completion: &Completion) -> Option<Decision> {
        (**self).on_complete(completion)
    }

    fn on_interval(&mut self, signals: &Signals) -> Decision {
        (**self).on_interval(signals)
    }

    fn congestion_events(&self) -> u64 {
        (**self).congestion_events()
    }

    fn config(&self) -> Option<&FlowControlConfig> {
        (**self).config()
    }

    fn prediction_active(&self) -> bool {
        (**self).prediction_active()
    }

    fn capacity_estimate(&self) -> Option<f64> {
        (**self).capacity_estimate()
    }
}
