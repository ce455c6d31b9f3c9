use std::error::Error;

use super::inbox::Inbox;
use super::message::Message;
use super::pattern::Pattern;
use crate::fault::Failed;
use crate::flow::Flow;

/// What carries messages from those who publish to those who subscribe: in this process, or through a server.
///
/// [`EventBus`](super::EventBus) adds the types of the events. A broker keeps the order of one publisher's messages on one
/// topic.
///
/// # Examples
///
/// A broker that writes down what is published, and replays it to whoever subscribes:
///
/// ```
/// use std::convert::Infallible;
/// use std::sync::{Arc, Mutex};
///
/// use futures::future::BoxFuture;
/// use reactive_runtime::Failed;
/// use reactive_runtime::event_bus::{Broker, EventBus, Inbox, Message, Pattern};
/// use reactive_runtime::prelude::*;
///
/// #[derive(Default)]
/// struct Log(Arc<Mutex<Vec<Message>>>);
///
/// impl Broker for Log {
///     type Receipt = usize;
///     type Error = Infallible;
///     type Publishing = BoxFuture<'static, Result<usize, Infallible>>;
///     type Messages = BoxPipe<'static, Message, Failed<Infallible>>;
///
///     fn publish(&self, message: Message) -> Self::Publishing {
///         let log = Arc::clone(&self.0);
///         Box::pin(async move {
///             let mut log = log.lock().expect("nobody panics with it");
///             log.push(message);
///             Ok(log.len())
///         })
///     }
///
///     fn subscribe(&self, pattern: Pattern, _: Inbox) -> Self::Messages {
///         let log = self.0.lock().expect("nobody panics with it").clone();
///         pipeline! { log |> filter(move |message| pattern.matches(message.topic())) |> fails_with() |> boxed() }
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let bus = EventBus::on(Log::default());
/// bus.publish("users.renamed", "Ada").await?;
/// assert_eq!(bus.publish("users.renamed", "Grace").await?, 2);
/// let names = pipeline! { bus.subscribe::<String>("users.*") |> collect::<Vec<_>>() };
/// assert_eq!(names.await?, ["Ada", "Grace"]);
/// # Ok(()) }
/// ```
pub trait Broker {
    /// What a publisher is told: how many have it, or where it is kept.
    type Receipt;

    /// What goes wrong between here and the others.
    type Error: Error + Send + Sync + 'static;

    /// The future that publishes: a type of its own, or `BoxFuture<'static, ..>` of `futures`.
    type Publishing: Future<Output = Result<Self::Receipt, Self::Error>>;

    /// The messages of a subscription, a [`BoxPipe`](crate::operator::BoxPipe) for example. It fails at most once, and then
    /// ends.
    type Messages: Flow<Item = Message, Error = Failed<Self::Error>>;

    /// Publishes a message. Nothing happens before the future is polled.
    fn publish(&self, message: Message) -> Self::Publishing;

    /// Subscribes. What goes wrong is told by the messages; a broker that must wait for a server does so when they are
    /// polled.
    fn subscribe(&self, pattern: Pattern, inbox: Inbox) -> Self::Messages;
}
