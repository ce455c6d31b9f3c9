use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::mailbox::{Mailbox, Offered};
use super::{MemoryError, Subscribers};
use crate::event_bus::message::Message;
use crate::waiting::Ticket;

/// Brings a message to all who want it: ready when each of them has it, or is gone.
///
/// At its first poll it finds the subscribers, and serves all who do not block; then it waits for room at the others, at all
/// of them at once. Dropped before that, it serves those no more.
#[must_use = "a message is published when this is polled: `.await` it"]
pub struct Publishing {
    subscribers: Arc<Subscribers>,
    message: Message,
    begun: bool,
    waiting: Vec<(Arc<Mailbox>, Ticket)>,
    reached: usize,
    closed: bool,
}

impl Publishing {
    pub(super) fn new(subscribers: Arc<Subscribers>, message: Message) -> Self {
        Self { subscribers, message, begun: false, waiting: Vec::new(), reached: 0, closed: false }
    }

    fn begin(&mut self) {
        let Self { subscribers, message, waiting, reached, closed, .. } = self;
        let (mut wakers, mut disconnected) = (Vec::new(), Vec::new());
        let open = subscribers.each(message.topic(), |mailbox| {
            let (offered, waker) = mailbox.offer(message);
            wakers.extend(waker);
            match offered {
                Offered::Kept => *reached += 1,
                Offered::Full => waiting.push((Arc::clone(mailbox), Ticket::default())),
                Offered::Disconnected => disconnected.push(Arc::clone(mailbox)),
                Offered::Closed => *closed = true,
                Offered::Gone => {}
            }
        });
        *closed |= !open;
        wakers.into_iter().for_each(Waker::wake);
        disconnected.iter().for_each(|mailbox| subscribers.remove(mailbox));
    }

    fn serve(&mut self, cx: &Context<'_>) {
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.retain_mut(|(mailbox, ticket)| match mailbox.poll_offer(cx, &self.message, ticket) {
            Poll::Pending => true,
            Poll::Ready(offered) => {
                self.reached += usize::from(offered == Offered::Kept);
                self.closed |= offered == Offered::Closed;
                false
            }
        });
        self.waiting = waiting;
    }
}

impl Future for Publishing {
    /// How many have got it.
    type Output = Result<usize, MemoryError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if !std::mem::replace(&mut self.begun, true) {
            self.begin();
        }
        self.serve(cx);
        match self.closed {
            _ if !self.waiting.is_empty() => Poll::Pending,
            true => Poll::Ready(Err(MemoryError::Closed)),
            false => Poll::Ready(Ok(self.reached)),
        }
    }
}

impl Drop for Publishing {
    fn drop(&mut self) {
        for (mailbox, ticket) in &mut self.waiting {
            mailbox.give_up(ticket);
        }
    }
}

impl fmt::Debug for Publishing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publishing")
            .field("message", &self.message)
            .field("waiting", &self.waiting.len())
            .finish_non_exhaustive()
    }
}
