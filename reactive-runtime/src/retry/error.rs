use std::error::Error;
use std::fmt;
use std::time::Duration;

/// A call failed, and is not tried again.
///
/// It carries the last cause, how often the call was tried, why it is not tried again, and, of a stage with a `retry`, the
/// item: so nothing is lost that could be written to a dead-letter file, or tried later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallError<E, T = ()> {
    /// What the call was given.
    pub item: T,
    /// How often it was tried, at least once.
    pub attempts: u32,
    /// How the last attempt failed.
    pub cause: Cause<E>,
    /// Why there was no further one.
    pub gave_up: GaveUp,
}

/// How an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause<E> {
    /// It gave this error.
    Failed(E),
    /// It took longer than its `attempt_timeout`, which was this long, and was dropped.
    TimedOut(Duration),
}

/// Why a call is not tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GaveUp {
    /// All tries were used up.
    Attempts,
    /// The next try would have begun later than `max_elapsed` allows.
    Elapsed,
    /// The budget of the stage is used up: too large a share of the calls were retries.
    Budget,
    /// `retry_if` said that another try makes no sense.
    Permanent,
}

impl<E, T> CallError<E, T> {
    /// The error of the last attempt, unless that timed out.
    pub fn into_failed(self) -> Option<E> {
        match self.cause {
            Cause::Failed(error) => Some(error),
            Cause::TimedOut(_) => None,
        }
    }

    /// Whether the last attempt timed out.
    pub fn is_timeout(&self) -> bool {
        matches!(self.cause, Cause::TimedOut(_))
    }
}

impl<E: fmt::Display> fmt::Display for Cause<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::TimedOut(after) => write!(f, "no answer within {after:?}"),
        }
    }
}

impl fmt::Display for GaveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Attempts => "all tries are used up",
            Self::Elapsed => "the time for tries is used up",
            Self::Budget => "the budget for tries is used up",
            Self::Permanent => "it is not worth another try",
        })
    }
}

impl<E: fmt::Display, T> fmt::Display for CallError<E, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { attempts, cause, gave_up, .. } = self;
        match attempts {
            1 => write!(f, "the call failed: {cause}"),
            _ => write!(f, "the call failed {attempts} times, and {gave_up}: {cause}"),
        }
    }
}

impl<E: Error + 'static, T: fmt::Debug> Error for CallError<E, T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            Cause::Failed(error) => Some(error),
            Cause::TimedOut(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::s;

    #[test]
    fn says_what_happened() {
        let error =
            CallError { item: 7, attempts: 1, cause: Cause::Failed("busy"), gave_up: GaveUp::Attempts };
        assert_eq!(error.to_string(), "the call failed: busy");
        let error = CallError { attempts: 3, cause: Cause::TimedOut(s(2)), ..error };
        assert_eq!(
            error.to_string(),
            "the call failed 3 times, and all tries are used up: no answer within 2s"
        );
        assert!(error.is_timeout() && error.into_failed().is_none());
    }

    #[test]
    fn leads_to_its_source() {
        let cause = Cause::Failed(fmt::Error);
        let error = CallError { item: (), attempts: 2, cause, gave_up: GaveUp::Budget };
        assert!(error.source().is_some_and(<dyn Error>::is::<fmt::Error>));
    }
}
