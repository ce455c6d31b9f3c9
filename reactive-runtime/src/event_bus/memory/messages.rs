use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::mailbox::{Mailbox, Taken};
use super::{MemoryError, Subscribers};
use crate::event_bus::message::Message;
use crate::fault::Failed;
use crate::flow::{Bounded, Budget, Downstream, Drive, Driven, Flow, yield_now};

/// The messages of a subscription on a [`MemoryBroker`](super::MemoryBroker). Dropped, it is none any more.
pub struct MemoryMessages(Option<Subscription>);

struct Subscription {
    subscribers: Arc<Subscribers>,
    mailbox: Arc<Mailbox>,
}

impl MemoryMessages {
    pub(super) fn new(subscribers: Arc<Subscribers>, mailbox: Arc<Mailbox>) -> Self {
        Self(Some(Subscription { subscribers, mailbox }))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.subscribers.remove(&self.mailbox);
        self.mailbox.leave();
    }
}

impl Flow for MemoryMessages {
    type Item = Message;
    type Error = Failed<MemoryError>;
    type Bound = Bounded;

    #[inline]
    fn poll_drive<D: Downstream<Message>>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<Failed<MemoryError>> {
        let Some(Subscription { mailbox, .. }) = &self.0 else { return Poll::Ready(Ok(Drive::Ended)) };
        let mut budget = Budget::items();
        while budget.spend() {
            match mailbox.take(cx) {
                Taken::Message(message) => {
                    if down.push(message).is_break() {
                        return Poll::Ready(Ok(Drive::Paused));
                    }
                }
                Taken::Nothing => return Poll::Pending,
                Taken::Ended => {
                    self.0 = None;
                    return Poll::Ready(Ok(Drive::Ended));
                }
                Taken::Disconnected => {
                    let (pattern, capacity) = (mailbox.pattern.clone(), mailbox.capacity);
                    self.0 = None;
                    return Poll::Ready(Err(Failed(MemoryError::Disconnected { pattern, capacity })));
                }
            }
        }
        yield_now(cx)
    }

    fn poll_progress(self: Pin<&mut Self>, _: &mut Context<'_>) {}
}

impl fmt::Debug for MemoryMessages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pattern = self.0.as_ref().map(|subscription| &subscription.mailbox.pattern);
        f.debug_tuple("MemoryMessages").field(&pattern).finish()
    }
}
