use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::broker::Broker;
use super::error::{PublishError, SubscribeError, UnknownTopic};
use super::events::{Events, FromMessage};
use super::inbox::Inbox;
use super::memory::MemoryBroker;
use super::message::Message;
use super::pattern::{BadPattern, IntoPattern, Pattern};
use super::publish::Publish;
use super::topic::{BadTopic, IntoTopic, Topic};
use crate::pipe::Pipe;

/// Typed events by topic: see [the module](super).
///
/// Its clones are the same bus. On a [`MemoryBroker`], subscriptions end when the last one is gone, or with
/// [`close`](Self::close); so a pipeline that also publishes to its own bus ends by `close` or by a `take`.
pub struct EventBus<B = MemoryBroker> {
    broker: Arc<B>,
    // `None`: any topic will do.
    topics: Option<Arc<[Pattern]>>,
}

/// The flow of the events that a `B` brings, read as `T`s.
pub type EventFlow<T, B = MemoryBroker> = Events<<B as Broker>::Messages, T, <B as Broker>::Error>;

impl EventBus {
    /// A bus in this process.
    pub fn new() -> Self {
        Self::on(MemoryBroker::new())
    }

    /// Ends the bus: nothing is published any more, and subscriptions end when what waits for them is out.
    ///
    /// That holds for the answers, too, that pipelines would publish to what they have in hand: they fail. Where none may
    /// be lost, let those pipelines end first, by a `take` or a `take_until`.
    pub fn close(&self) {
        self.broker.close();
    }
}

impl<B: Broker> EventBus<B> {
    /// A bus on this broker.
    pub fn on(broker: B) -> Self {
        Self { broker: Arc::new(broker), topics: None }
    }

    /// The same bus, for those topics only that one of these patterns takes: so that a misspelt name is an error, and not
    /// an event that nobody gets. They take the place of those that were named before.
    ///
    /// # Errors
    ///
    /// If one of them is no pattern.
    ///
    /// # Examples
    ///
    /// ```
    /// use reactive_runtime::event_bus::EventBus;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bus = EventBus::new().restrict_to(["migration.>", "billing.*"])?;
    /// let error = bus.publish("migratoin.users", &1).await.unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "`migratoin.users` is not among the topics of the bus: `migration.>`, `billing.*`",
    /// );
    /// # Ok(()) }
    /// ```
    pub fn restrict_to<P: IntoPattern>(
        &self,
        topics: impl IntoIterator<Item = P>,
    ) -> Result<Self, BadPattern> {
        let topics = topics.into_iter().map(IntoPattern::into_pattern).collect::<Result<_, _>>()?;
        Ok(Self { broker: Arc::clone(&self.broker), topics: Some(topics) })
    }

    /// Publishes an event to all who have subscribed to its topic.
    ///
    /// It is written, once, before this returns; it is sent when the future is polled. On a [`MemoryBroker`] that waits only
    /// for subscribers whose inbox [blocks](super::WhenFull::Block) and is full, and gives how many have got it; none is no
    /// error.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, those subscribers do not get it for whose room it waited; the others have it.
    ///
    /// # Errors
    ///
    /// [`PublishError`]: the name is no topic or not among those of the bus, the event cannot be written, or the broker does not
    /// take it.
    ///
    /// # Examples
    ///
    /// ```
    /// use reactive_runtime::event_bus::EventBus;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bus = EventBus::new();
    /// assert_eq!(bus.publish("users.named", "Ada").await?, 0);
    /// let _names = bus.subscribe::<String>("users.>");
    /// assert_eq!(bus.publish("users.named", "Ada").await?, 1);
    ///
    /// let error = bus.publish("users..named", "Ada").await.unwrap_err();
    /// assert_eq!(error.to_string(), "`users..named` is no topic: token 2 is empty");
    /// # Ok(()) }
    /// ```
    pub fn publish<E: Serialize + ?Sized>(&self, topic: impl IntoTopic, event: &E) -> Publish<B> {
        self.send(self.message(topic.into_topic(), event))
    }

    /// Subscribes to the topics that a pattern takes, with the default [`Inbox`]: a pipeline of `T`s.
    ///
    /// `T` is what the events are read as: any type that serde can read, or [`Message`] for the message itself, with its topic.
    /// It gets what is published from now on, also before it is polled first; so one that is kept and never polled holds up
    /// those who publish for it, as soon as its inbox is full.
    ///
    /// Dropped, or stopped early, it is no subscriber any more.
    ///
    /// # Errors
    ///
    /// [`SubscribeError`]. A name that is no pattern is told by the first poll. A message that is no `T` may be skipped, and
    /// the next one follows.
    ///
    /// # Examples
    ///
    /// ```
    /// use reactive_runtime::event_bus::{EventBus, SubscribeError};
    /// use reactive_runtime::prelude::*;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bus = EventBus::new();
    /// let mut unread = Vec::new();
    /// let sizes = pipeline! {
    ///     bus.subscribe::<u64>("files.*")
    ///         |> catch(|error| match error {
    ///             SubscribeError::Decode(error) => {
    ///                 unread.push(error.topic().to_string());
    ///                 Ok(Recover::Skip)
    ///             }
    ///             fatal => Recover::Fail(fatal),
    ///         })
    ///         |> collect::<Vec<_>>()
    /// };
    /// bus.publish("files.added", &7).await?;
    /// bus.publish("files.renamed", "seven").await?;
    /// bus.publish("files.added", &8).await?;
    /// bus.close();
    /// assert_eq!(sizes.await?, [7, 8]);
    /// assert_eq!(unread, ["files.renamed"]);
    /// # Ok(()) }
    /// ```
    pub fn subscribe<T: FromMessage>(&self, pattern: impl IntoPattern) -> Pipe<EventFlow<T, B>> {
        self.subscribe_with(pattern, Inbox::default())
    }

    /// Subscribes with an [`Inbox`] that says how many messages may wait, and what happens when it is full.
    ///
    /// # Data loss
    ///
    /// As the inbox says.
    ///
    /// # Errors
    ///
    /// As [`subscribe`](Self::subscribe); and where the inbox disconnects, that.
    pub fn subscribe_with<T: FromMessage>(
        &self,
        pattern: impl IntoPattern,
        inbox: Inbox,
    ) -> Pipe<EventFlow<T, B>> {
        let pattern = self.known_pattern(pattern.into_pattern());
        let messages = pattern.map(|pattern| self.broker.subscribe(pattern, inbox));
        Pipe::from_flow(Events::new(messages))
    }

    /// The broker, for what only that kind can do.
    pub fn broker(&self) -> &B {
        &self.broker
    }

    pub(super) fn message<E: Serialize + ?Sized>(
        &self,
        topic: Result<Topic, BadTopic>,
        event: &E,
    ) -> Result<Message, PublishError<B::Error>> {
        let topic = topic.map_err(PublishError::BadTopic)?;
        self.knows(topic.as_str(), |known| known.matches(&topic)).map_err(PublishError::UnknownTopic)?;
        Message::encode(topic, event).map_err(PublishError::Encode)
    }

    pub(super) fn send(&self, message: Result<Message, PublishError<B::Error>>) -> Publish<B> {
        Publish::new(message.map(|message| self.broker.publish(message)))
    }

    fn known_pattern(
        &self,
        pattern: Result<Pattern, BadPattern>,
    ) -> Result<Pattern, SubscribeError<B::Error>> {
        let pattern = pattern.map_err(SubscribeError::BadPattern)?;
        self.knows(pattern.as_str(), |known| known.overlaps(&pattern))
            .map_err(SubscribeError::UnknownTopic)?;
        Ok(pattern)
    }

    fn knows(&self, name: &str, is_meant: impl Fn(&Pattern) -> bool) -> Result<(), UnknownTopic> {
        match &self.topics {
            Some(topics) if !topics.iter().any(is_meant) => {
                Err(UnknownTopic { name: name.to_owned(), known: topics.to_vec() })
            }
            _ => Ok(()),
        }
    }
}

impl<B> Clone for EventBus<B> {
    fn clone(&self) -> Self {
        Self { broker: Arc::clone(&self.broker), topics: self.topics.clone() }
    }
}

impl Default for EventBus {
    fn default() -> Self {
        Self::new()
    }
}

impl<B: fmt::Debug> fmt::Debug for EventBus<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventBus").field("broker", &self.broker).field("topics", &self.topics).finish()
    }
}
