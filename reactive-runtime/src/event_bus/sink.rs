use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_sink::Sink;
use pin_project_lite::pin_project;
use serde::Serialize;

use super::broker::Broker;
use super::bus::EventBus;
use super::error::PublishError;
use super::publish::Publish;
use super::topic::{BadTopic, IntoTopic, Topic};

pin_project! {
    /// A `futures::Sink` that publishes events, one after the other: made by [`EventBus::sink`].
    ///
    /// It is ready when the event before has been published. Closing it does not close the bus.
    pub struct EventSink<B: Broker, N> {
        bus: EventBus<B>,
        topic_of: N,
        #[pin]
        publishing: Option<Publish<B>>,
    }
}

/// Every event goes to the same topic.
#[derive(Clone, Debug)]
pub struct OneTopic(pub(super) Result<Topic, BadTopic>);

/// A closure names the topic of each event.
#[derive(Clone, Copy)]
pub struct TopicBy<F>(pub(super) F);

/// Names the topic of an event.
#[doc(hidden)]
pub trait TopicOf<E> {
    fn topic_of(&mut self, event: &E) -> Result<Topic, BadTopic>;
}

impl<E> TopicOf<E> for OneTopic {
    fn topic_of(&mut self, _: &E) -> Result<Topic, BadTopic> {
        self.0.clone()
    }
}

impl<E, N: IntoTopic, F: FnMut(&E) -> N> TopicOf<E> for TopicBy<F> {
    fn topic_of(&mut self, event: &E) -> Result<Topic, BadTopic> {
        (self.0)(event).into_topic()
    }
}

impl<B: Broker> EventBus<B> {
    /// A `futures::Sink` that publishes events to this topic, for code that feeds one. A pipeline has
    /// [`publish_to`](crate::Items::publish_to).
    pub fn sink(&self, topic: impl IntoTopic) -> EventSink<B, OneTopic> {
        EventSink::new(self, OneTopic(topic.into_topic()))
    }
}

impl<B: Broker, N> EventSink<B, N> {
    pub(super) fn new(bus: &EventBus<B>, topic_of: N) -> Self {
        Self { bus: bus.clone(), topic_of, publishing: None }
    }
}

impl<E, B, N> Sink<E> for EventSink<B, N>
where
    E: Serialize,
    B: Broker,
    N: TopicOf<E>,
{
    type Error = PublishError<B::Error>;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let mut publishing = self.project().publishing;
        let Some(event) = publishing.as_mut().as_pin_mut() else { return Poll::Ready(Ok(())) };
        let published = ready!(event.poll(cx));
        publishing.set(None);
        Poll::Ready(published.map(drop))
    }

    fn start_send(self: Pin<&mut Self>, event: E) -> Result<(), Self::Error> {
        let mut me = self.project();
        assert!(me.publishing.is_none(), "a sink takes an item only after it was ready");
        let topic = me.topic_of.topic_of(&event);
        me.publishing.set(Some(me.bus.send(me.bus.message(topic, &event))));
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Sink::<E>::poll_ready(self, cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Sink::<E>::poll_ready(self, cx)
    }
}

impl<B: Broker, N> fmt::Debug for EventSink<B, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSink").field("publishing", &self.publishing.is_some()).finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for TopicBy<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TopicBy(..)")
    }
}
