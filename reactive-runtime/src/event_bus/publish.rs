use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::broker::Broker;
#[cfg(doc)]
use super::bus::EventBus;
use super::error::PublishError;

pin_project! {
    /// The future of [`EventBus::publish`].
    #[must_use = "an event is published when this is polled: `.await` it"]
    pub struct Publish<B: Broker> {
        #[pin]
        sending: Option<B::Publishing>,
        // Why it is not sent.
        refused: Option<PublishError<B::Error>>,
    }
}

impl<B: Broker> Publish<B> {
    pub(super) fn new(sending: Result<B::Publishing, PublishError<B::Error>>) -> Self {
        let (sending, refused) = match sending {
            Ok(sending) => (Some(sending), None),
            Err(error) => (None, Some(error)),
        };
        Self { sending, refused }
    }
}

impl<B: Broker> Future for Publish<B> {
    type Output = Result<B::Receipt, PublishError<B::Error>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let me = self.project();
        match me.sending.as_pin_mut() {
            Some(sending) => sending.poll(cx).map_err(PublishError::Broker),
            None => Poll::Ready(Err(me.refused.take().expect("a future that was ready is not polled again"))),
        }
    }
}

impl<B: Broker> fmt::Debug for Publish<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publish").field("refused", &self.refused).finish_non_exhaustive()
    }
}
