use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::backpressure::Overloaded;
use crate::retry::{Cause, GaveUp};

/// Any error.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// An item failed for good: what the error handlers of a [`StreamProcessor`](super::StreamProcessor) are told. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The error of the last attempt; [`TimedOut`] if that took too long.
    pub error: Arc<dyn Error + Send + Sync>,
    /// How often it was tried, at least once.
    pub attempts: u32,
    /// Why there was no further attempt.
    pub gave_up: GaveUp,
    /// The [name](crate::Staged::named) of the stage.
    pub stage: Cow<'static, str>,
    /// When the first attempt began.
    pub began: SystemTime,
    /// When the last one failed.
    pub failed: SystemTime,
}

impl Failure {
    /// Whether the last attempt took longer than the `processing_timeout`.
    pub fn is_timeout(&self) -> bool {
        self.error.is::<TimedOut>()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { error, attempts, stage, .. } = self;
        let times = if *attempts == 1 { "attempt" } else { "attempts" };
        write!(f, "`{stage}` failed after {attempts} {times}: {error}")
    }
}

/// An attempt took longer than the `processing_timeout`, which was this long, and was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedOut(pub Duration);

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no answer within {:?}", self.0)
    }
}

impl Error for TimedOut {}

/// An item that failed for good, and how: what a dead-letter sink is given.
///
/// With the feature `serde` it is written as one record: the item, the error and why there was no further attempt as text, the
/// attempts, the stage, and the times in seconds since 1970.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct DeadLetter<T> {
    /// The item, as it came.
    pub item: T,
    /// How it failed.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub failure: Failure,
}

#[cfg(feature = "serde")]
impl serde::Serialize for Failure {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;

        let seconds = |time: SystemTime| {
            time.duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
        };
        let mut record = to.serialize_struct("Failure", 6)?;
        record.serialize_field("error", &self.error.to_string())?;
        record.serialize_field("attempts", &self.attempts)?;
        record.serialize_field("gave_up", &self.gave_up.to_string())?;
        record.serialize_field("stage", &self.stage)?;
        record.serialize_field("began", &seconds(self.began))?;
        record.serialize_field("failed", &seconds(self.failed))?;
        record.end()
    }
}

/// How a stream of a [`StreamProcessor`](super::StreamProcessor) fails.
#[derive(Clone)]
#[non_exhaustive]
pub enum ProcessError<T> {
    /// An item failed for good, and the processor was told to fail then.
    Failed(DeadLetter<T>),
    /// The strategy of the processor refused this item: the queue was full.
    Overloaded(T),
    /// The processor was stopped before the stream began.
    Stopped,
}

impl<T> fmt::Display for ProcessError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(letter) => letter.failure.fmt(f),
            Self::Overloaded(item) => Overloaded(item).fmt(f),
            Self::Stopped => Stopped.fmt(f),
        }
    }
}

/// Without the item, which need not be `Debug`.
impl<T> fmt::Debug for ProcessError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(letter) => f.debug_tuple("Failed").field(&letter.failure).finish(),
            Self::Overloaded(_) => f.write_str("Overloaded(..)"),
            Self::Stopped => f.write_str("Stopped"),
        }
    }
}

impl<T> Error for ProcessError<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Failed(letter) => Some(&*letter.failure.error),
            Self::Overloaded(_) | Self::Stopped => None,
        }
    }
}

/// The processor was stopped, and does not start again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the processor was stopped: make a new one")
    }
}

impl Error for Stopped {}

/// The error of an attempt, whatever it is.
pub(super) fn error_of<E: Into<BoxError>>(cause: Cause<E>) -> Arc<dyn Error + Send + Sync> {
    match cause {
        Cause::Failed(error) => error.into().into(),
        Cause::TimedOut(after) => Arc::new(TimedOut(after)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(cause: Cause<&'static str>) -> Failure {
        Failure {
            error: error_of(cause),
            attempts: 4,
            gave_up: GaveUp::Attempts,
            stage: "enrich".into(),
            began: SystemTime::UNIX_EPOCH,
            failed: SystemTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn says_what_happened() {
        let failed = failure(Cause::Failed("disk full"));
        assert_eq!(failed.to_string(), "`enrich` failed after 4 attempts: disk full");
        assert!(!failed.is_timeout());
        let error = ProcessError::Failed(DeadLetter { item: 7, failure: failed });
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("disk full"));
        let timed_out = failure(Cause::TimedOut(Duration::from_secs(30)));
        assert_eq!(timed_out.to_string(), "`enrich` failed after 4 attempts: no answer within 30s");
        assert!(timed_out.is_timeout());
        assert_eq!(ProcessError::<u32>::Stopped.to_string(), "the processor was stopped: make a new one");
    }
}
