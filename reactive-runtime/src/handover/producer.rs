use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::state::State;
use super::{Sender, Shared};
use crate::waiting::Ticket;

/// One of the ends that items go into. When all of them are gone, the hand-over has ended.
pub(crate) struct Producer<T, K> {
    pub(super) shared: Arc<Shared<T, K>>,
    has_left: bool,
}

/// Why an item was not taken, with the item.
#[derive(Debug)]
pub(crate) enum Refused<T> {
    Full(T),
    Closed(T),
}

impl<T, K> Producer<T, K> {
    pub(super) fn new(shared: Arc<Shared<T, K>>) -> Self {
        Self { shared, has_left: false }
    }

    /// Hands over an item, to be seen at once.
    #[inline]
    pub(crate) fn try_push(&self, item: T) -> Result<(), Refused<T>> {
        let waker = self.shared.with(|state| {
            if state.is_closed() {
                Err(Refused::Closed(item))
            } else if state.room() == 0 {
                Err(Refused::Full(item))
            } else {
                Ok(state.push(item))
            }
        })?;
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    /// Hands over an item when there is room.
    #[inline]
    pub(crate) fn push(&self, item: T) -> Push<'_, T, K> {
        Push { producer: self, item: Some(item), ticket: Ticket::default() }
    }

    /// The same end, for whoever gathers items.
    pub(crate) fn into_sender(self) -> Sender<T, K> {
        Sender::new(self)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.shared.with(|state| state.is_closed())
    }

    pub(crate) fn capacity(&self) -> usize {
        self.shared.with(|state| state.capacity())
    }

    /// Ready when there may be room: `Ok` with how much, `Err` when nobody will take it.
    pub(super) fn poll_room(&self, cx: &Context<'_>, ticket: &mut Ticket) -> Poll<Result<usize, ()>> {
        let (found, _stale) = self.shared.with(|state| match state.room() {
            _ if state.is_closed() || self.has_left => (Poll::Ready(Err(())), None),
            0 => (Poll::Pending, state.wait_for_room(ticket, cx.waker())),
            room => (Poll::Ready(Ok(room)), None),
        });
        if found.is_ready() {
            self.served(ticket);
        }
        found
    }

    /// It is an end no more, as if it were dropped.
    pub(super) fn leave(&mut self) {
        if !std::mem::replace(&mut self.has_left, true)
            && let Some(waker) = self.shared.with(State::producer_gone)
        {
            waker.wake();
        }
    }

    /// The producer has found room: it gives up its place among those who wait.
    fn served(&self, ticket: &mut Ticket) {
        if ticket.is_out() {
            let _waker = self.shared.with(|state| state.leave(ticket));
        }
    }

    /// The producer wants no room any more: if it was woken for some, another one is in its place.
    pub(super) fn give_up(&self, ticket: &mut Ticket) {
        if !ticket.is_out() {
            return;
        }
        let waker = self.shared.with(|state| state.leave(ticket));
        if waker.is_none() {
            self.shared.with(State::pass_on).wake();
        }
    }
}

impl<T, K> Clone for Producer<T, K> {
    fn clone(&self) -> Self {
        self.shared.with(State::producer_added);
        Self::new(Arc::clone(&self.shared))
    }
}

impl<T, K> Drop for Producer<T, K> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Waits for room for one item. Dropped before, it drops the item.
pub(crate) struct Push<'a, T, K> {
    producer: &'a Producer<T, K>,
    item: Option<T>,
    ticket: Ticket,
}

// The item is never pinned.
impl<T, K> Unpin for Push<'_, T, K> {}

impl<T, K> Future for Push<'_, T, K> {
    /// The item, when nobody will take it.
    type Output = Result<(), T>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), T>> {
        let me = &mut *self;
        loop {
            let item = me.item.take().expect("a push that was ready is not polled again");
            match me.producer.try_push(item) {
                Ok(()) => {
                    me.producer.served(&mut me.ticket);
                    return Poll::Ready(Ok(()));
                }
                Err(Refused::Closed(item)) => return Poll::Ready(Err(item)),
                Err(Refused::Full(item)) => me.item = Some(item),
            }
            if me.producer.poll_room(cx, &mut me.ticket).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

impl<T, K> Drop for Push<'_, T, K> {
    fn drop(&mut self) {
        self.producer.give_up(&mut self.ticket);
    }
}
