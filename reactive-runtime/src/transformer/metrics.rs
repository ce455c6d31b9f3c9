use crate::processor::ProcessorMetrics;

/// How a [`ReactiveTransformer`](super::ReactiveTransformer) does, over all of its streams: a snapshot.
///
/// With the feature `serde`, the metrics of its processor stand beside its own.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TransformerMetrics {
    /// Those of its processor: an operation is a transform, from its place in the queue to its end.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub processor: ProcessorMetrics,
    /// How many results were not valid; they are among those that failed.
    pub items_invalid: u64,
    /// Those of its caches.
    pub cache: CacheMetrics,
}

/// How the caches of a [`ReactiveTransformer`](super::ReactiveTransformer) do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CacheMetrics {
    /// How often a result was known, or computed already for an equal item.
    pub hits: u64,
    /// How often it was computed.
    pub misses: u64,
    /// How many results had to go for others.
    pub evictions: u64,
    /// How many were too old when they were wanted.
    pub expired: u64,
}

impl CacheMetrics {
    /// Which part of the results was known, from 0 to 1; 0 before the first.
    pub fn hit_ratio(&self) -> f64 {
        let all = self.hits + self.misses;
        if all == 0 { 0.0 } else { self.hits as f64 / all as f64 }
    }
}
