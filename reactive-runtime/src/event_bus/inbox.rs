use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::memory::Mailbox;

/// How many messages wait for a subscriber where nothing else is said.
const CAPACITY: usize = 1024;

/// Where messages wait for a subscriber: how many, and what happens when it is full.
///
/// By default 1024 messages wait, and nothing is lost: whoever publishes one more waits until there is room. So a subscriber
/// that is kept and never polled brings those who publish for it to a halt.
///
/// # Data loss
///
/// With [`drop_oldest`](Self::drop_oldest) and [`disconnect`](Self::disconnect), when it is full. Each loss is counted: see
/// [`InboxMonitor`].
///
/// # Examples
///
/// ```
/// use reactive_runtime::event_bus::{EventBus, Inbox, InboxMonitor};
/// use reactive_runtime::prelude::*;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (bus, monitor) = (EventBus::new(), InboxMonitor::new());
/// let inbox = Inbox::of(2).drop_oldest().monitor(&monitor);
/// let levels = pipeline! { bus.subscribe_with::<u32>("tank.level", inbox) |> collect::<Vec<_>>() };
///
/// for level in 0..5 {
///     bus.publish("tank.level", &level).await?;
/// }
/// drop(bus);
/// assert_eq!(levels.await?, [3, 4]);
/// assert_eq!((monitor.counts().delivered, monitor.counts().dropped), (2, 3));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "it is handed to `subscribe_with`"]
pub struct Inbox {
    capacity: usize,
    when_full: WhenFull,
    monitor: Option<InboxMonitor>,
}

/// What happens to a message for which an [`Inbox`] has no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// Whoever publishes it waits for room. Nothing is lost, and the slowest subscriber sets the pace.
    ///
    /// So a subscriber that publishes to a topic of its own, or to others that publish to it, waits for itself once its
    /// inbox is full: there, choose another policy, or room for all that can come back.
    #[default]
    Block,
    /// The oldest one that waits goes. What the subscriber gets is fresh.
    DropOldest,
    /// The subscriber is disconnected: it gets what waits, then fails. For those that must see all or start anew.
    Disconnect,
}

impl Inbox {
    /// One in which up to `capacity` messages wait.
    ///
    /// # Panics
    ///
    /// If `capacity` is 0.
    #[track_caller]
    pub fn of(capacity: usize) -> Self {
        assert!(
            capacity > 0,
            "an inbox of 0 messages has no meaning: `Inbox::of` takes a capacity of at least 1"
        );
        Self { capacity, when_full: WhenFull::default(), monitor: None }
    }

    /// Says what happens when it is full.
    pub fn when_full(self, when_full: WhenFull) -> Self {
        Self { when_full, ..self }
    }

    /// When it is full, whoever publishes waits: [`WhenFull::Block`], the default.
    pub fn block(self) -> Self {
        self.when_full(WhenFull::Block)
    }

    /// When it is full, the oldest message goes: [`WhenFull::DropOldest`].
    ///
    /// # Data loss
    ///
    /// Those messages, which are counted as dropped.
    pub fn drop_oldest(self) -> Self {
        self.when_full(WhenFull::DropOldest)
    }

    /// When it is full, the subscriber is disconnected: [`WhenFull::Disconnect`].
    ///
    /// # Data loss
    ///
    /// The message for which there was no room, which is counted as dropped, and those after it, of which the bus knows no
    /// more that this subscriber wanted them.
    pub fn disconnect(self) -> Self {
        self.when_full(WhenFull::Disconnect)
    }

    /// Shows its counts there.
    pub fn monitor(self, monitor: &InboxMonitor) -> Self {
        Self { monitor: Some(monitor.clone()), ..self }
    }

    /// How many messages may wait: for brokers.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// What happens when it is full: for brokers.
    pub fn policy(&self) -> WhenFull {
        self.when_full
    }

    pub(super) fn open(&self, mailbox: &Arc<Mailbox>) {
        if let Some(monitor) = &self.monitor {
            *monitor.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(mailbox));
        }
    }
}

impl Default for Inbox {
    fn default() -> Self {
        Self::of(CAPACITY)
    }
}

/// Shows the counts of an [`Inbox`], while its subscriber runs and after it is gone.
///
/// Handed to several inboxes, it shows the one that was opened last.
#[derive(Clone, Default)]
pub struct InboxMonitor(Arc<Mutex<Option<Arc<Mailbox>>>>);

impl InboxMonitor {
    /// One that shows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The counts at this moment.
    pub fn counts(&self) -> InboxCounts {
        let mailbox = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        mailbox.map_or_else(InboxCounts::default, |mailbox| mailbox.counts())
    }
}

impl fmt::Debug for InboxMonitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InboxMonitor").field(&self.counts()).finish()
    }
}

/// What became of the messages of an [`Inbox`], at one moment.
///
/// The law always holds: `offered = delivered + dropped + abandoned + buffered`. A message whose publisher waits for room is
/// not offered yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxCounts {
    /// How many were published for it.
    pub offered: u64,
    /// How many the subscriber took, those that it could not read among them.
    pub delivered: u64,
    /// How many were lost because it was full.
    pub dropped: u64,
    /// How many were still waiting when the subscriber went.
    pub abandoned: u64,
    /// How many wait.
    pub buffered: u64,
}
