//! The event bus as its users see it: in `pipeline!`, in virtual time, and on a broker of their own.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Mutex;

use futures::FutureExt;
use futures::channel::mpsc;
use reactive_runtime::event_bus::{
    Broker, EventBus, Inbox, InboxMonitor, Message, Pattern, PublishError, SubscribeError, Topic,
};
use reactive_runtime::prelude::*;
use reactive_runtime::testing::in_virtual_time;
use reactive_runtime::units::ms;
use reactive_runtime::{Failed, assert_emits, marbles};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Event {
    Started { table: String },
    Done { table: String, rows: u64 },
}

#[derive(Debug)]
enum Failure {
    Publish(PublishError),
    Subscribe(SubscribeError),
}

impl From<PublishError> for Failure {
    fn from(error: PublishError) -> Self {
        Self::Publish(error)
    }
}

impl From<SubscribeError> for Failure {
    fn from(error: SubscribeError) -> Self {
        Self::Subscribe(error)
    }
}

#[tokio::test]
async fn events_flow_from_pipeline_to_pipeline() -> Result<(), Failure> {
    let bus = EventBus::new();
    let rows = pipeline! {
        bus.subscribe::<Event>("migration.*.done")
            |> filter_map(|event| match event { Event::Done { rows, .. } => Some(rows), Event::Started { .. } => None })
            |> sum::<u64>()
    };
    let seen = pipeline! { bus.subscribe::<Event>("migration.>") |> count() };
    let table = |event: &Event| match event {
        Event::Started { table } => format!("migration.{table}.started"),
        Event::Done { table, .. } => format!("migration.{table}.done"),
    };
    pipeline! {
        ["users", "orders"]
            |> flat_map(|table| {
                let table = table.to_owned();
                [Event::Started { table: table.clone() }, Event::Done { table, rows: 21 }]
            })
            |> publish_by(&bus, table)
    }
    .await?;
    bus.close();
    assert_eq!((rows.await?, seen.await?), (42, 4));
    Ok(())
}

#[tokio::test]
async fn errors_of_both_ends_meet_in_one_pipeline() {
    let bus = EventBus::new();
    let relayed = pipeline! {
        bus.subscribe::<u32>("in") |> fails_with::<Failure>() |> publish_to(&bus, "out..there")
    };
    bus.publish("in", &1).await.unwrap();
    let Err(Failure::Publish(error)) = relayed.await else { panic!("the topic is none") };
    assert_eq!(error.to_string(), "`out..there` is no topic: token 2 is empty");

    let relayed = pipeline! {
        bus.subscribe::<u32>("in") |> fails_with::<Failure>() |> publish_to(&bus, "out")
    };
    bus.publish("in", "text").await.unwrap();
    let Err(Failure::Subscribe(SubscribeError::Decode(error))) = relayed.await else {
        panic!("it is no number")
    };
    assert_eq!((error.topic().as_str(), error.type_name()), ("in", "u32"));
    assert_eq!(error.message().payload(), br#""text""#);
}

#[test]
fn whoever_publishes_goes_at_the_pace_of_a_subscriber_that_blocks() {
    in_virtual_time(async {
        let bus = EventBus::new();
        let start = Instant::now();
        let slow = pipeline! {
            bus.subscribe_with::<u32>("a", Inbox::of(2)) |> for_each_async(async |_| sleep(ms(10)).await)
        };
        let publishing = async {
            for x in 0..10 {
                bus.publish("a", &x).await.unwrap();
            }
            let waited = start.elapsed();
            bus.close();
            waited
        };
        // The body has one, two wait, and the tenth has room when the seventh body is done.
        let (done, waited) = tokio::join!(slow, publishing);
        done.unwrap();
        assert_eq!((waited, start.elapsed()), (ms(70), ms(100)));
    });
}

#[test]
fn a_subscriber_that_drops_holds_up_nobody_and_is_fresh() {
    in_virtual_time(async {
        let (bus, monitor) = (EventBus::new(), InboxMonitor::new());
        let start = Instant::now();
        let mut seen = Vec::new();
        let slow = pipeline! {
            bus.subscribe_with::<u32>("a", Inbox::of(1).drop_oldest().monitor(&monitor))
                |> map_async(async |x| {
                    sleep(ms(24)).await;
                    x
                })
                |> for_each(|x| seen.push(x))
        };
        let publishing = async {
            for x in 0..10 {
                bus.publish("a", &x).await.unwrap();
                sleep(ms(10)).await;
            }
            bus.close();
            start.elapsed()
        };
        let (done, published) = tokio::join!(slow, publishing);
        done.unwrap();
        assert_eq!(published, ms(100));
        assert_eq!(seen, [0, 2, 4, 7, 9]);
        let counts = monitor.counts();
        assert_eq!((counts.offered, counts.delivered, counts.dropped, counts.buffered), (10, 5, 5, 0));
    });
}

#[test]
fn events_keep_their_times() {
    in_virtual_time(async {
        let bus = EventBus::new();
        let letters = pipeline! { bus.subscribe::<char>("letters") |> map_err(|error| error.to_string()) };
        tokio::spawn(pipeline! { marbles!("-a--(bc)-d|") |> publish_to(&bus, "letters") });
        drop(bus);
        let given = pipeline! { letters |> collect::<Vec<_>>() };
        assert_eq!(given.await, Ok(vec!['a', 'b', 'c', 'd']));
    });
    let bus = EventBus::new();
    let letters = pipeline! { bus.subscribe::<char>("letters") |> catch(|_| Recover::Stop) };
    let sent = pipeline! { marbles!("-a--(bc)-d|") |> publish_to(&bus, "letters") };
    drop(bus);
    let both = pipeline! {
        once(sent) |> map_async(|sent| sent) |> filter_map(|_| None::<char>) |> merge(letters)
    };
    assert_emits!(both, "-a--(bc)-d|");
}

#[test]
fn a_stage_and_the_body_of_a_slow_subscriber_may_share_a_lock() {
    in_virtual_time(async {
        let bus = EventBus::new();
        let lock = tokio::sync::Mutex::new(());
        let locked = async || {
            let _held = lock.lock().await;
            sleep(ms(1)).await;
        };
        let publishing = pipeline! {
            0..20u32
                |> map_async(async |x| { locked().await; x }, concurrency = 4)
                |> publish_to(&bus, "a")
        };
        let slow = pipeline! {
            bus.subscribe_with::<u32>("a", Inbox::of(1)) |> for_each_async(async |_| locked().await)
        };
        let publishing = async {
            publishing.await.unwrap();
            bus.close();
        };
        let (done, ()) = tokio::join!(slow, publishing);
        done.unwrap();
    });
}

/// A broker of another crate: each subscription is a channel of `futures`, and all of them are asked.
#[derive(Default)]
struct Channels(Mutex<Vec<(Pattern, mpsc::UnboundedSender<Message>)>>);

impl Broker for Channels {
    type Receipt = ();
    type Error = Infallible;
    type Publishing = Ready<Result<(), Infallible>>;
    type Messages = BoxPipe<'static, Message, Failed<Infallible>>;

    fn publish(&self, message: Message) -> Self::Publishing {
        let mut channels = self.0.lock().unwrap();
        channels.retain(|(pattern, channel)| {
            !pattern.matches(message.topic()) || channel.unbounded_send(message.clone()).is_ok()
        });
        ready(Ok(()))
    }

    fn subscribe(&self, pattern: Pattern, _: Inbox) -> Self::Messages {
        let (sender, receiver) = mpsc::unbounded();
        self.0.lock().unwrap().push((pattern, sender));
        pipeline! { receiver |> fails_with() |> boxed() }
    }
}

#[tokio::test]
async fn a_broker_may_come_from_elsewhere() {
    let bus = EventBus::on(Channels::default()).restrict_to(["jobs.*"]).unwrap();
    let jobs = pipeline! { bus.subscribe::<Event>("jobs.*") |> take(2) |> collect::<Vec<_>>() };
    let event = Event::Started { table: "users".into() };
    bus.publish(Topic::new("jobs.a").unwrap(), &event).await.unwrap();
    assert!(bus.publish("task.a", &event).await.is_err());
    pipeline! { [event.clone()] |> publish_to(&bus, "jobs.b") }.await.unwrap();
    assert_eq!(jobs.await.unwrap(), [event.clone(), event]);
    bus.publish("jobs.c", &1).now_or_never().expect("it is ready at once").unwrap();
    assert_eq!(bus.broker().0.lock().unwrap().len(), 0);
}

#[test]
fn an_inbox_of_nothing_has_no_meaning() {
    let zero = usize::default();
    let panicked = std::panic::catch_unwind(|| Inbox::of(zero)).expect_err("0 is refused");
    let message = panicked.downcast_ref::<&str>().copied().unwrap_or_default();
    assert!(message.contains("`Inbox::of` takes a capacity of at least 1"));
}
