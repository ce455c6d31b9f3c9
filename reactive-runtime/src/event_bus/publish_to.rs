use serde::Serialize;

use super::broker::Broker;
use super::bus::EventBus;
use super::error::PublishError;
use super::sink::{EventSink, OneTopic, TopicBy};
use super::topic::IntoTopic;
use crate::fault::{Failed, Join};
use crate::flow::Flow;
use crate::items::{Final, Items};
use crate::pipe::Pipe;
use crate::terminal::{SendTo, Sending};

impl<T, K> Items<T, K> {
    /// Publishes each item to a topic of an [`EventBus`], one after the other.
    ///
    /// While a subscriber has no room, no item is asked for, and work in flight above goes on.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops the pipeline; of the item that is being published, as [`EventBus::publish`] says.
    ///
    /// # Errors
    ///
    /// The first error of the pipeline, or the first [`PublishError`]. It is the pipeline's, into which a `PublishError`
    /// converts with `From`; where the pipeline cannot fail it is that.
    ///
    /// # Examples
    ///
    /// ```
    /// use reactive_runtime::event_bus::EventBus;
    /// use reactive_runtime::prelude::*;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bus = EventBus::new();
    /// let squares = pipeline! { bus.subscribe::<u32>("squares") |> collect::<Vec<_>>() };
    /// pipeline! { 1..4u32 |> map(|x| x * x) |> publish_to(&bus, "squares") }.await?;
    /// bus.close();
    /// assert_eq!(squares.await?, [1, 4, 9]);
    /// # Ok(()) }
    /// ```
    pub fn publish_to<B>(
        self,
        bus: &EventBus<B>,
        topic: impl IntoTopic,
    ) -> Final<SendTo<EventSink<B, OneTopic>>>
    where
        T: Serialize,
        B: Broker,
        K: Join<Failed<PublishError<B::Error>>>,
    {
        self.send_to(bus.sink(topic))
    }

    /// Publishes each item to the topic that `topic_of` names for it. Otherwise as [`publish_to`](Self::publish_to).
    ///
    /// # Examples
    ///
    /// ```
    /// use reactive_runtime::event_bus::EventBus;
    /// use reactive_runtime::prelude::*;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bus = EventBus::new();
    /// let even = pipeline! { bus.subscribe::<u32>("numbers.even") |> collect::<Vec<_>>() };
    /// let parity = |x: &u32| if x % 2 == 0 { "numbers.even" } else { "numbers.odd" };
    /// pipeline! { 1..6u32 |> publish_by(&bus, parity) }.await?;
    /// bus.close();
    /// assert_eq!(even.await?, [2, 4]);
    /// # Ok(()) }
    /// ```
    pub fn publish_by<B, F, N>(
        self,
        bus: &EventBus<B>,
        topic_of: F,
    ) -> Final<SendTo<EventSink<B, TopicBy<F>>>>
    where
        T: Serialize,
        B: Broker,
        F: FnMut(&T) -> N,
        N: IntoTopic,
        K: Join<Failed<PublishError<B::Error>>>,
    {
        self.send_to(EventSink::new(bus, TopicBy(topic_of)))
    }
}

/// The future of [`Items::publish_to`] of a flow `F`.
type PublishingTo<F, B, N> = Sending<
    F,
    EventSink<B, N>,
    <<F as Flow>::Error as Join<Failed<PublishError<<B as Broker>::Error>>>>::Out,
>;

impl<F: Flow> Pipe<F> {
    /// Publishes each item to a topic of an [`EventBus`]. See [`Items::publish_to`].
    #[track_caller]
    pub fn publish_to<B>(self, bus: &EventBus<B>, topic: impl IntoTopic) -> PublishingTo<F, B, OneTopic>
    where
        F::Item: Serialize,
        B: Broker,
        F::Error: Join<Failed<PublishError<B::Error>>>,
    {
        self.with(|items| items.publish_to(bus, topic))
    }

    /// Publishes each item to the topic that `topic_of` names for it. See [`Items::publish_by`].
    #[track_caller]
    pub fn publish_by<B, G, N>(self, bus: &EventBus<B>, topic_of: G) -> PublishingTo<F, B, TopicBy<G>>
    where
        F::Item: Serialize,
        B: Broker,
        G: FnMut(&F::Item) -> N,
        N: IntoTopic,
        F::Error: Join<Failed<PublishError<B::Error>>>,
    {
        self.with(|items| items.publish_by(bus, topic_of))
    }
}
