use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::event_bus::inbox::{Inbox, InboxCounts, WhenFull};
use crate::event_bus::message::Message;
use crate::event_bus::pattern::Pattern;
use crate::waiting::{Ticket, Waiting};

/// The messages that wait for one subscriber.
///
/// All is decided under its lock, which is held for nothing but that: tasks are woken, and messages dropped, when it is free.
pub(in crate::event_bus) struct Mailbox {
    pub(super) id: u64,
    pub(super) pattern: Pattern,
    pub(super) capacity: usize,
    when_full: WhenFull,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Message>,
    life: Life,
    offered: u64,
    delivered: u64,
    dropped: u64,
    abandoned: u64,
    subscriber: Option<Waker>,
    publishers: Waiting,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Life {
    #[default]
    Open,
    /// The bus is: what is queued is the rest.
    Closed,
    /// It was full: what is queued is the rest, and then it fails.
    Disconnected,
    /// The subscriber is gone.
    Gone,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offered {
    Kept,
    /// There is no room; whoever publishes waits.
    Full,
    /// There was no room, so the subscriber is disconnected.
    Disconnected,
    /// The bus was closed.
    Closed,
    /// The subscriber is gone.
    Gone,
}

/// What the subscriber found.
pub(super) enum Taken {
    Message(Message),
    /// Its waker is kept.
    Nothing,
    Ended,
    Disconnected,
}

impl Mailbox {
    pub(super) fn new(id: u64, pattern: Pattern, inbox: &Inbox) -> Self {
        let (capacity, when_full) = (inbox.capacity(), inbox.policy());
        Self { id, pattern, capacity, when_full, state: Mutex::default() }
    }

    /// Puts a message in, if the policy has it so; and says who is to be woken for it.
    pub(super) fn offer(&self, message: &Message) -> (Offered, Option<Waker>) {
        let mut state = self.lock();
        let (offered, oldest) = state.offer(message, self.capacity, self.when_full);
        let subscriber = if offered == Offered::Full { None } else { state.subscriber.take() };
        drop((state, oldest));
        (offered, subscriber)
    }

    /// Puts a message in as soon as there is room. Who waits longest is woken first.
    pub(super) fn poll_offer(
        &self,
        cx: &Context<'_>,
        message: &Message,
        ticket: &mut Ticket,
    ) -> Poll<Offered> {
        let mut state = self.lock();
        let (offered, oldest) = state.offer(message, self.capacity, self.when_full);
        if offered == Offered::Full {
            let stale = state.publishers.register(ticket, cx.waker());
            drop((state, stale));
            return Poll::Pending;
        }
        let (stale, subscriber) = (state.publishers.leave(ticket), state.subscriber.take());
        drop((state, stale, oldest));
        subscriber.into_iter().for_each(Waker::wake);
        Poll::Ready(offered)
    }

    /// Whoever waited does so no more: if it was woken for room, another one is in its place.
    pub(super) fn give_up(&self, ticket: &mut Ticket) {
        if !ticket.is_out() {
            return;
        }
        let mut state = self.lock();
        if let Some(waker) = state.publishers.leave(ticket) {
            drop(state);
            drop(waker);
            return;
        }
        let room = self.capacity.saturating_sub(state.queue.len());
        let wakes = state.publishers.first(room);
        drop(state);
        wakes.wake();
    }

    /// Takes the oldest message out.
    pub(super) fn take(&self, cx: &Context<'_>) -> Taken {
        let mut state = self.lock();
        if let Some(message) = state.queue.pop_front() {
            state.delivered += 1;
            let publisher = state.publishers.one();
            drop(state);
            publisher.wake();
            return Taken::Message(message);
        }
        match state.life {
            Life::Open => {}
            Life::Closed | Life::Gone => return Taken::Ended,
            Life::Disconnected => return Taken::Disconnected,
        }
        let known = state.subscriber.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        let stale = if known { None } else { state.subscriber.replace(cx.waker().clone()) };
        drop((state, stale));
        Taken::Nothing
    }

    /// The bus is closed.
    pub(super) fn close(&self) {
        self.end(Life::Closed);
    }

    /// The subscriber is gone, and what waits for it goes too.
    pub(super) fn leave(&self) {
        let queue = self.end(Life::Gone);
        drop(queue);
    }

    pub(in crate::event_bus) fn counts(&self) -> InboxCounts {
        let state = self.lock();
        let State { offered, delivered, dropped, abandoned, .. } = *state;
        InboxCounts { offered, delivered, dropped, abandoned, buffered: state.queue.len() as u64 }
    }

    fn end(&self, life: Life) -> VecDeque<Message> {
        let mut state = self.lock();
        let mut queue = VecDeque::new();
        if life == Life::Gone {
            queue = std::mem::take(&mut state.queue);
            state.abandoned += queue.len() as u64;
        } else if state.life != Life::Open {
            return queue;
        }
        state.life = life;
        let (subscriber, publishers) = (state.subscriber.take(), state.publishers.first(usize::MAX));
        drop(state);
        subscriber.into_iter().for_each(Waker::wake);
        publishers.wake();
        queue
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Only a waker's own `clone` could panic under the lock, and that leaves the state as it was.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What becomes of the message, and the one that made room for it.
    fn offer(
        &mut self,
        message: &Message,
        capacity: usize,
        when_full: WhenFull,
    ) -> (Offered, Option<Message>) {
        match self.life {
            Life::Open => {}
            Life::Closed => return (Offered::Closed, None),
            Life::Disconnected | Life::Gone => return (Offered::Gone, None),
        }
        let mut oldest = None;
        if self.queue.len() >= capacity {
            match when_full {
                WhenFull::Block => return (Offered::Full, None),
                WhenFull::DropOldest => oldest = self.queue.pop_front(),
                WhenFull::Disconnect => {
                    self.life = Life::Disconnected;
                    self.offered += 1;
                    self.dropped += 1;
                    return (Offered::Disconnected, None);
                }
            }
            self.dropped += 1;
        }
        self.offered += 1;
        self.queue.push_back(message.clone());
        (Offered::Kept, oldest)
    }
}
