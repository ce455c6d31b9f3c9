//! A transformer: a function for each item on threads of their own, whose results are validated, and kept for equal items.
//!
//! It is a [`StreamProcessor`] whose operations run on tokio's blocking threads: so its limits, retries, error handlers and
//! metrics are those.
//!
//! [`StreamProcessor`]: crate::processor::StreamProcessor

mod cache;
mod config;
mod metrics;
mod reactive_transformer;
mod validation;
mod workers;

pub use config::TransformationConfig;
pub use metrics::{CacheMetrics, TransformerMetrics};
pub use reactive_transformer::ReactiveTransformer;
pub use validation::{Invalid, Rules, Verdict, Violation};
