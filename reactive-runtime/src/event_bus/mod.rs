//! Typed events by topic: whoever publishes and whoever subscribes know the bus, and not each other.
//!
//! A topic is a name of tokens, `migration.users.done`. A subscriber says with a [`Pattern`] which ones it wants, by the rules of
//! [NATS](https://docs.nats.io/nats-concepts/subjects): `*` stands for exactly one token, `>` at the end for one or more.
//!
//! | pattern | takes | and not |
//! |---|---|---|
//! | `migration.users` | `migration.users` | `migration`, `migration.users.done` |
//! | `migration.*` | `migration.users`, `migration.orders` | `migration`, `migration.users.done` |
//! | `migration.>` | `migration.users`, `migration.users.done` | `migration` |
//!
//! An event is anything that serde can write. It is written once, as JSON, whoever gets it; all subscribers share the bytes,
//! and each reads them as the type that it asked for.
//!
//! A subscription is a source. Its messages wait in an [`Inbox`], which says how many, and what happens when it is full:
//! [`publish`](EventBus::publish) waits, the oldest one goes, or the subscriber does.
//!
//! Events of one publisher on one topic come in the order in which they were published; between publishers there is no
//! order. A subscriber gets what is published after the call of [`subscribe`](EventBus::subscribe), and nothing from before.
//!
//! [`EventBus`] runs on a [`Broker`]. The one here, [`MemoryBroker`], stays in the process and needs no runtime; another is a
//! type that implements that trait.
//!
//! # Examples
//!
//! ```
//! use reactive_runtime::event_bus::EventBus;
//! use reactive_runtime::prelude::*;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Migrated {
//!     table: String,
//!     rows: u64,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let bus = EventBus::new();
//! let rows = pipeline! {
//!     bus.subscribe::<Migrated>("migration.*") |> map(|event| event.rows) |> take(2) |> sum::<u64>()
//! };
//!
//! bus.publish("migration.users", &Migrated { table: "users".into(), rows: 40 }).await?;
//! bus.publish("migration.orders", &Migrated { table: "orders".into(), rows: 2 }).await?;
//! assert_eq!(rows.await?, 42);
//! # Ok(()) }
//! ```

mod broker;
mod bus;
mod error;
mod events;
mod inbox;
mod memory;
mod message;
mod name;
mod pattern;
mod publish;
mod publish_to;
mod sink;
#[cfg(test)]
mod tests;
mod topic;

pub use broker::Broker;
pub use bus::{EventBus, EventFlow};
pub use error::{PublishError, SubscribeError, UnknownTopic};
pub use events::{Events, FromMessage};
pub use inbox::{Inbox, InboxCounts, InboxMonitor, WhenFull};
pub use memory::{MemoryBroker, MemoryError, MemoryMessages, Publishing};
pub use message::{DecodeError, EncodeError, Message};
pub use name::Flaw;
pub use pattern::{BadPattern, IntoPattern, Pattern};
pub use publish::Publish;
pub use sink::{EventSink, OneTopic, TopicBy};
pub use topic::{BadTopic, IntoTopic, Topic};
