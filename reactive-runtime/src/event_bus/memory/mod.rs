//! The broker in this process: a tree of patterns, and a mailbox for each subscriber.

mod mailbox;
mod messages;
mod publishing;
mod trie;

pub(super) use self::mailbox::Mailbox;
pub use self::messages::MemoryMessages;
pub use self::publishing::Publishing;

use std::error::Error;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use self::trie::Trie;
use super::broker::Broker;
use super::inbox::Inbox;
use super::message::Message;
use super::pattern::Pattern;
use super::topic::Topic;

/// Brings messages from task to task in this process.
///
/// It spawns nothing and needs no runtime. Who publishes finds the subscribers in a tree of their patterns and puts the
/// message into the mailbox of each. Neither lock is held while anybody waits, is woken or reads an event.
pub struct MemoryBroker(Arc<Subscribers>);

/// What went wrong on a [`MemoryBroker`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemoryError {
    /// The bus was closed, and takes no messages. Some subscribers may have got it if it was closed while others had no room.
    Closed,
    /// The subscriber of this pattern was disconnected: so many messages waited for it, and there was one more.
    Disconnected {
        /// Its pattern.
        pattern: Pattern,
        /// How many were allowed to wait.
        capacity: usize,
    },
}

impl MemoryBroker {
    /// A broker without subscribers.
    pub fn new() -> Self {
        Self(Arc::new(Subscribers::default()))
    }

    /// Takes no more messages, and ends the subscriptions when what waits for them is out.
    pub fn close(&self) {
        self.0.close();
    }

    /// How many subscriptions there are.
    pub fn subscriptions(&self) -> usize {
        self.0.read().by_pattern.len()
    }
}

impl Broker for MemoryBroker {
    /// How many subscribers have got it.
    type Receipt = usize;
    type Error = MemoryError;
    type Publishing = Publishing;
    type Messages = MemoryMessages;

    fn publish(&self, message: Message) -> Publishing {
        Publishing::new(Arc::clone(&self.0), message)
    }

    fn subscribe(&self, pattern: Pattern, inbox: Inbox) -> MemoryMessages {
        let mailbox = self.0.add(pattern, &inbox);
        inbox.open(&mailbox);
        MemoryMessages::new(Arc::clone(&self.0), mailbox)
    }
}

impl Drop for MemoryBroker {
    fn drop(&mut self) {
        self.close();
    }
}

impl Default for MemoryBroker {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBroker").field("subscriptions", &self.subscriptions()).finish()
    }
}

/// Who has subscribed. Its lock may be held for a call of a mailbox; a mailbox's never for one of it.
#[derive(Default)]
struct Subscribers(RwLock<Registry>);

#[derive(Default)]
struct Registry {
    by_pattern: Trie<Arc<Mailbox>>,
    next_id: u64,
    closed: bool,
}

impl Subscribers {
    fn add(&self, pattern: Pattern, inbox: &Inbox) -> Arc<Mailbox> {
        let mut registry = self.write();
        registry.next_id += 1;
        let mailbox = Arc::new(Mailbox::new(registry.next_id, pattern, inbox));
        if registry.closed {
            drop(registry);
            mailbox.close();
        } else {
            registry.by_pattern.insert(&mailbox.pattern, mailbox.id, Arc::clone(&mailbox));
        }
        mailbox
    }

    fn remove(&self, mailbox: &Mailbox) {
        let removed = self.write().by_pattern.remove(&mailbox.pattern, mailbox.id);
        drop(removed);
    }

    /// Calls `f` with all who want what is published to this topic; `false` if it is closed. It is called with the lock, so
    /// it may call mailboxes and wakes nobody.
    fn each(&self, topic: &Topic, f: impl FnMut(&Arc<Mailbox>)) -> bool {
        let registry = self.read();
        registry.by_pattern.each(topic, f);
        !registry.closed
    }

    fn close(&self) {
        let mut registry = self.write();
        registry.closed = true;
        let all = std::mem::take(&mut registry.by_pattern);
        drop(registry);
        all.into_each(|mailbox| mailbox.close());
    }

    fn read(&self) -> RwLockReadGuard<'_, Registry> {
        // Nothing that is called with the lock can panic and leave it half changed.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Registry> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for MemoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the event bus is closed"),
            Self::Disconnected { pattern, capacity } => {
                write!(
                    f,
                    "the subscriber of `{pattern}` was disconnected: {capacity} messages waited, and one more came"
                )
            }
        }
    }
}

impl Error for MemoryError {}
