use std::any::type_name;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::topic::Topic;

/// An event as it travels: a topic, and bytes. Its clones share both.
#[derive(Clone)]
pub struct Message(Arc<Parts>);

struct Parts {
    topic: Topic,
    payload: Vec<u8>,
}

impl Message {
    /// A message of these bytes: for brokers that receive them.
    pub fn new(topic: Topic, payload: impl Into<Vec<u8>>) -> Self {
        Self(Arc::new(Parts { topic, payload: payload.into() }))
    }

    /// Writes an event, as JSON.
    ///
    /// # Errors
    ///
    /// If the event cannot be written, as a map whose keys are no texts cannot.
    pub fn encode<T: Serialize + ?Sized>(topic: Topic, event: &T) -> Result<Self, EncodeError> {
        match serde_json::to_vec(event) {
            Ok(payload) => Ok(Self::new(topic, payload)),
            Err(cause) => Err(EncodeError { topic, type_name: type_name::<T>(), cause }),
        }
    }

    /// Reads it as a `T`, which may borrow from it.
    ///
    /// # Errors
    ///
    /// If it is no `T`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::event_bus::{Message, Topic};
    /// let message = Message::encode(Topic::new("users.named")?, "Ada")?;
    /// assert_eq!(message.payload(), br#""Ada""#);
    /// assert_eq!(message.decode::<&str>()?, "Ada");
    /// let error = message.decode::<u32>().unwrap_err();
    /// assert!(error.to_string().starts_with("a message on `users.named` is no `u32`: invalid type: string"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn decode<'a, T: Deserialize<'a>>(&'a self) -> Result<T, DecodeError> {
        serde_json::from_slice(self.payload()).map_err(|cause| DecodeError {
            message: self.clone(),
            type_name: type_name::<T>(),
            cause,
        })
    }

    /// What it was published to.
    pub fn topic(&self) -> &Topic {
        &self.0.topic
    }

    /// Its bytes.
    pub fn payload(&self) -> &[u8] {
        &self.0.payload
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let payload = String::from_utf8_lossy(self.payload());
        f.debug_struct("Message").field("topic", self.topic()).field("payload", &payload).finish()
    }
}

/// An event could not be written.
#[derive(Debug)]
pub struct EncodeError {
    topic: Topic,
    type_name: &'static str,
    cause: serde_json::Error,
}

impl EncodeError {
    /// Where it was to be published.
    pub fn topic(&self) -> &Topic {
        &self.topic
    }

    /// The type of the event.
    pub fn type_name(&self) -> &'static str {
        self.type_name
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a `{}` for `{}` cannot be written: {}", self.type_name, self.topic, self.cause)
    }
}

impl Error for EncodeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}

/// A message is not of the type that its subscriber asked for.
#[derive(Debug)]
pub struct DecodeError {
    message: Message,
    type_name: &'static str,
    cause: serde_json::Error,
}

impl DecodeError {
    /// What it was published to.
    pub fn topic(&self) -> &Topic {
        self.message.topic()
    }

    /// The type that was asked for.
    pub fn type_name(&self) -> &'static str {
        self.type_name
    }

    /// The message itself, so that it can be kept.
    pub fn message(&self) -> &Message {
        &self.message
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a message on `{}` is no `{}`: {}", self.topic(), self.type_name, self.cause)
    }
}

impl Error for DecodeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}
