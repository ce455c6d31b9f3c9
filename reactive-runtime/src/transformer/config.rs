use std::num::NonZeroUsize;
use std::time::Duration;

use crate::config::{Checks, ConfigError};

/// How a [`ReactiveTransformer`](super::ReactiveTransformer) transforms.
///
/// With the feature `serde` it is read from formats that name their fields, as TOML and JSON do; what is left out has its
/// default, and a name that it does not know is an error that says which one was meant. Durations are text (`"30s"`) or
/// seconds (`30.0`).
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct TransformationConfig {
    /// On how many threads it transforms. Default: the available parallelism.
    pub max_workers: usize,
    /// Whether the results of equal items are computed once, and kept. Default: no; then it costs nothing.
    pub enable_caching: bool,
    /// How many results are kept, for each stream. Default: 10 000.
    pub cache_size: usize,
    /// For how long a result is kept. Default: for as long as there is room.
    #[cfg_attr(feature = "serde", serde(serialize_with = "written::serialize"))]
    pub cache_ttl: Option<Duration>,
    /// Whether results are validated. Default: yes.
    pub enable_validation: bool,
}

impl Default for TransformationConfig {
    fn default() -> Self {
        Self {
            max_workers: available_parallelism(),
            enable_caching: false,
            cache_size: 10_000,
            cache_ttl: None,
            enable_validation: true,
        }
    }
}

impl TransformationConfig {
    /// For items that come again and again: their results are kept.
    pub fn repeated() -> Self {
        Self { enable_caching: true, ..Self::default() }
    }

    /// For items that are all different: nothing is kept, and there are twice as many threads.
    pub fn unique() -> Self {
        Self { max_workers: 2 * available_parallelism(), ..Self::default() }
    }

    /// Looks at every field.
    ///
    /// # Errors
    ///
    /// All fields that have no meaning as they are.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let Self { max_workers, cache_size, cache_ttl, .. } = *self;
        let mut checks = Checks::default();
        checks.field("max_workers", max_workers, max_workers > 0, "at least 1");
        checks.field("cache_size", cache_size, cache_size > 0, "at least 1");
        checks.field("cache_ttl", cache_ttl, cache_ttl != Some(Duration::ZERO), "more than zero");
        checks.finish()
    }
}

fn available_parallelism() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

crate::config::fields::setters! {
    TransformationConfig:
    max_workers: usize,
    enable_caching: bool,
    cache_size: usize,
    cache_ttl: Option<Duration>,
    enable_validation: bool,
}

#[cfg(feature = "serde")]
crate::config::fields::reads_fields! {
    TransformationConfig:
    max_workers,
    enable_caching,
    cache_size,
    cache_ttl as written::Optional,
    enable_validation,
}

/// A duration that may be left out: text or seconds.
#[cfg(feature = "serde")]
mod written {
    use std::time::Duration;

    use serde::Serializer;

    use crate::config::{duration, fields::TextOrSeconds};

    #[derive(serde::Deserialize)]
    pub(super) struct Optional(Option<TextOrSeconds>);

    impl From<Optional> for Option<Duration> {
        fn from(Optional(duration): Optional) -> Self {
            duration.map(Into::into)
        }
    }

    pub(super) fn serialize<S: Serializer>(duration: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => duration::serialize(duration, to),
            None => to.serialize_none(),
        }
    }
}
