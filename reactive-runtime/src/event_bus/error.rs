use std::error::Error;
use std::fmt;

use super::memory::MemoryError;
use super::message::{DecodeError, EncodeError};
use super::pattern::{BadPattern, Pattern};
use super::topic::BadTopic;

/// A name that no topic of the bus has: see [`EventBus::restrict_to`](super::EventBus::restrict_to).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownTopic {
    /// The topic, or the pattern.
    pub name: String,
    /// Those that the bus has.
    pub known: Vec<Pattern>,
}

impl fmt::Display for UnknownTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not among the topics of the bus", self.name)?;
        for (i, pattern) in self.known.iter().enumerate() {
            write!(f, "{} `{pattern}`", if i == 0 { ":" } else { "," })?;
        }
        Ok(())
    }
}

impl Error for UnknownTopic {}

/// An event was not published.
#[derive(Debug)]
#[non_exhaustive]
pub enum PublishError<E = MemoryError> {
    /// The name is no topic.
    BadTopic(BadTopic),
    /// The bus has no such topic.
    UnknownTopic(UnknownTopic),
    /// The event cannot be written.
    Encode(EncodeError),
    /// The broker did not take it.
    Broker(E),
}

/// A subscription failed.
///
/// [`Decode`](Self::Decode) is about one message, and the next one follows where a `catch` skips it. After the others the
/// subscription has ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum SubscribeError<E = MemoryError> {
    /// The name is no pattern.
    BadPattern(BadPattern),
    /// The bus has no topic that the pattern takes.
    UnknownTopic(UnknownTopic),
    /// A message is of another type.
    Decode(DecodeError),
    /// The broker has given up the subscription.
    Broker(E),
}

impl<E: fmt::Display> fmt::Display for PublishError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadTopic(error) => error.fmt(f),
            Self::UnknownTopic(error) => error.fmt(f),
            Self::Encode(error) => error.fmt(f),
            Self::Broker(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Display> fmt::Display for SubscribeError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadPattern(error) => error.fmt(f),
            Self::UnknownTopic(error) => error.fmt(f),
            Self::Decode(error) => error.fmt(f),
            Self::Broker(error) => error.fmt(f),
        }
    }
}

// Each speaks for the error within, so that one's source is its own.
impl<E: Error + 'static> Error for PublishError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::BadTopic(error) => error.source(),
            Self::UnknownTopic(error) => error.source(),
            Self::Encode(error) => error.source(),
            Self::Broker(error) => error.source(),
        }
    }
}

impl<E: Error + 'static> Error for SubscribeError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::BadPattern(error) => error.source(),
            Self::UnknownTopic(error) => error.source(),
            Self::Decode(error) => error.source(),
            Self::Broker(error) => error.source(),
        }
    }
}
