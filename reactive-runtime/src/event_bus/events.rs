use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use serde::de::DeserializeOwned;

use super::error::SubscribeError;
use super::message::{DecodeError, Message};
use crate::fault::Failed;
use crate::flow::{Downstream, Drive, Driven, Flow};

/// What a subscriber can ask for: whatever serde can read, or the [`Message`] itself, with its topic.
#[diagnostic::on_unimplemented(
    message = "a message cannot be read as `{Self}`",
    label = "not `Deserialize`",
    note = "derive `serde::Deserialize` for it; a type that borrows is read from a `Message`, with `decode`"
)]
pub trait FromMessage: Sized {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// If it is of another type.
    fn from_message(message: Message) -> Result<Self, DecodeError>;
}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> FromMessage for T {
    #[inline]
    fn from_message(message: Message) -> Result<Self, DecodeError> {
        message.decode()
    }
}

impl FromMessage for Message {
    #[inline]
    fn from_message(message: Message) -> Result<Self, DecodeError> {
        Ok(message)
    }
}

pin_project! {
    /// The flow of a subscription: made by [`EventBus::subscribe`](super::EventBus::subscribe).
    ///
    /// # Errors
    ///
    /// [`SubscribeError`]. A message that cannot be read is an event, and the next one follows; the others are the end.
    #[derive(Debug)]
    pub struct Events<M, T, E> {
        // `None` once it has ended, and where there never was a subscription.
        #[pin]
        messages: Option<M>,
        // Why there is none, until that is told.
        refused: Option<SubscribeError<E>>,
        // A pointer, so that the flow asks nothing of `T`: a type that cannot be read is told once, where it is named.
        read: fn(Message) -> Result<T, DecodeError>,
    }
}

impl<M, T: FromMessage, E> Events<M, T, E> {
    pub(super) fn new(messages: Result<M, SubscribeError<E>>) -> Self {
        let (messages, refused) = match messages {
            Ok(messages) => (Some(messages), None),
            Err(error) => (None, Some(error)),
        };
        Self { messages, refused, read: T::from_message }
    }
}

impl<M, T, E> Flow for Events<M, T, E>
where
    M: Flow<Item = Message, Error = Failed<E>>,
{
    type Item = T;
    type Error = Failed<SubscribeError<E>>;
    type Bound = M::Bound;

    fn poll_drive<D: Downstream<T>>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<Self::Error> {
        let mut me = self.project();
        if let Some(error) = me.refused.take() {
            return Poll::Ready(Err(Failed(error)));
        }
        let Some(messages) = me.messages.as_mut().as_pin_mut() else {
            return Poll::Ready(Ok(Drive::Ended));
        };
        let mut reading = Reading { read: *me.read, down, unread: None };
        let driven = messages.poll_drive(cx, &mut reading);
        if let Some(error) = reading.unread {
            return Poll::Ready(Err(Failed(SubscribeError::Decode(error))));
        }
        Poll::Ready(match ready!(driven) {
            Ok(Drive::Paused) => Ok(Drive::Paused),
            Ok(Drive::Ended) => {
                me.messages.set(None);
                Ok(Drive::Ended)
            }
            Err(Failed(error)) => {
                me.messages.set(None);
                Err(Failed(SubscribeError::Broker(error)))
            }
        })
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        if let Some(messages) = self.project().messages.as_pin_mut() {
            messages.poll_progress(cx);
        }
    }
}

/// Reads messages until one cannot be read.
struct Reading<'a, D, T> {
    read: fn(Message) -> Result<T, DecodeError>,
    down: &'a mut D,
    unread: Option<DecodeError>,
}

impl<T, D: Downstream<T>> Downstream<Message> for Reading<'_, D, T> {
    #[inline]
    fn push(&mut self, message: Message) -> ControlFlow<()> {
        match (self.read)(message) {
            Ok(event) => self.down.push(event),
            Err(error) => {
                self.unread = Some(error);
                ControlFlow::Break(())
            }
        }
    }
}
