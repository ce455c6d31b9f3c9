//! The event bus: from `publish` to the subscriber, beside tokio's `broadcast`; and how it finds who wants a message.
//!
//! `cargo bench --bench event_bus --features event-bus` measures times, all on one thread. Add a name to run only that one.
//! `-- --instructions` counts instructions per event and subscriber, which needs valgrind.

mod callgrind;

use std::sync::Arc;

use divan::Bencher;
use divan::counter::ItemsCount;
use futures::FutureExt;
use futures::future::join_all;
use reactive_runtime::event_bus::{EventBus, Inbox, Message, Pattern, Topic};
use reactive_runtime::prelude::*;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

const EVENTS: u64 = 20_000;
const CAPACITY: usize = 1024;
const TOPIC: &str = "migration.users.done";

#[derive(Clone, Serialize, Deserialize)]
struct Event {
    id: u64,
    table: String,
    rows: u64,
}

impl Event {
    fn new(id: u64) -> Self {
        Self { id, table: "users".into(), rows: id * 7 }
    }
}

/// Who brings events to their subscribers.
const WAYS: [&str; 6] = [
    "bus, block",
    "bus, drop oldest",
    "bus, messages",
    "broadcast, JSON",
    "broadcast, Arc<Event>",
    "broadcast, Event",
];

async fn bring(way: &str, events: u64, subscribers: usize) -> u64 {
    match way {
        "bus, block" => bus(events, subscribers, Inbox::of(CAPACITY)).await,
        "bus, drop oldest" => bus(events, subscribers, Inbox::of(CAPACITY).drop_oldest()).await,
        "bus, messages" => bus_messages(events, subscribers).await,
        "broadcast, JSON" => {
            let write = |event: Event| Arc::<[u8]>::from(serde_json::to_vec(&event).expect("it is written"));
            let read = |bytes: Arc<[u8]>| serde_json::from_slice::<Event>(&bytes).expect("it is read").id;
            tokio_broadcast(events, subscribers, write, read).await
        }
        "broadcast, Arc<Event>" => tokio_broadcast(events, subscribers, Arc::new, |event| event.id).await,
        "broadcast, Event" => tokio_broadcast(events, subscribers, |event| event, |event| event.id).await,
        _ => panic!("there is no way `{way}`"),
    }
}

async fn bus(events: u64, subscribers: usize, inbox: Inbox) -> u64 {
    let bus = EventBus::new();
    let sums = join_all((0..subscribers).map(|_| {
        let events = bus.subscribe_with::<Event>("migration.>", inbox.clone());
        tokio::spawn(pipeline! { events |> fold(0, |sum, event| sum + event.id) })
    }));
    publish(&bus, events).await;
    sums.await.into_iter().map(|sum| sum.expect("no panic").expect("no error")).sum()
}

async fn bus_messages(events: u64, subscribers: usize) -> u64 {
    let bus = EventBus::new();
    let counts = join_all((0..subscribers).map(|_| {
        let messages = bus.subscribe_with::<Message>("migration.>", Inbox::of(CAPACITY));
        tokio::spawn(pipeline! { messages |> count() })
    }));
    publish(&bus, events).await;
    let counts: usize =
        counts.await.into_iter().map(|count| count.expect("no panic").expect("no error")).sum();
    counts as u64 / events * events * (events - 1) / 2
}

/// Ends the bus when it is through.
async fn publish(bus: &EventBus, events: u64) {
    let topic = Topic::new(TOPIC).expect("it is a topic");
    for id in 0..events {
        bus.publish(&topic, &Event::new(id)).await.expect("the bus is open");
        breathe(id).await;
    }
    bus.close();
}

/// Lets subscribers catch up before the oldest event would be lost: one poll of theirs receives up to 128.
async fn breathe(id: u64) {
    if id.is_multiple_of(64) {
        tokio::task::yield_now().await;
    }
}

async fn tokio_broadcast<T, W, R>(events: u64, subscribers: usize, mut write: W, read: R) -> u64
where
    T: Clone + Send + 'static,
    W: FnMut(Event) -> T,
    R: Fn(T) -> u64 + Copy + Send + 'static,
{
    let (sender, _) = broadcast::channel(CAPACITY);
    let sums = join_all((0..subscribers).map(|_| {
        let mut receiver = sender.subscribe();
        tokio::spawn(async move {
            let mut sum = 0;
            while let Ok(event) = receiver.recv().await {
                sum += read(event);
            }
            sum
        })
    }));
    for id in 0..events {
        let _ = sender.send(write(Event::new(id)));
        breathe(id).await;
    }
    drop(sender);
    sums.await.into_iter().map(|sum| sum.expect("no panic")).sum()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime")
}

#[divan::bench(args = WAYS, consts = [1, 10])]
fn publish_to_subscribers<const SUBSCRIBERS: usize>(bencher: Bencher<'_, '_>, way: &str) {
    let runtime = runtime();
    let expected = SUBSCRIBERS as u64 * EVENTS * (EVENTS - 1) / 2;
    assert_eq!(runtime.block_on(bring(way, EVENTS, SUBSCRIBERS)), expected);
    bencher.counter(ItemsCount::new(EVENTS)).bench(|| runtime.block_on(bring(way, EVENTS, SUBSCRIBERS)));
}

/// So many patterns, of which the topic `tenants.7.orders.7` is taken by a handful.
fn patterns(count: usize) -> impl Iterator<Item = Pattern> {
    let name = |i: usize| match i % 4 {
        0 => format!("tenants.{i}.orders.*"),
        1 => format!("tenants.{i}.>"),
        2 => format!("tenants.*.orders.{i}"),
        _ => format!("tenants.{i}.orders.{i}"),
    };
    (0..count).map(move |i| Pattern::new(name(i)).expect("it is a pattern"))
}

/// `publish` to one of so many subscriptions.
#[divan::bench(args = [1, 100, 10_000])]
fn publish_among(bencher: Bencher<'_, '_>, subscriptions: usize) {
    let bus = EventBus::new();
    let inbox = || Inbox::of(1).drop_oldest();
    let all: Vec<_> = patterns(subscriptions).map(|p| bus.subscribe_with::<u64>(p, inbox())).collect();
    let _one = bus.subscribe_with::<u64>("tenants.7.orders.9", inbox());
    let topic = Topic::new("tenants.7.orders.9").expect("it is a topic");
    let publish = || bus.publish(&topic, &7u64).now_or_never().expect("nobody blocks").expect("it is open");
    assert!((1..4).contains(&publish()));
    bencher.bench(publish);
    drop(all);
}

/// The same search without a tree.
#[divan::bench(args = [1, 100, 10_000])]
fn search_a_list_of(bencher: Bencher<'_, '_>, subscriptions: usize) {
    let patterns: Vec<_> = patterns(subscriptions).collect();
    let topic = Topic::new("tenants.7.orders.9").expect("it is a topic");
    bencher.bench(|| patterns.iter().filter(|pattern| pattern.matches(&topic)).count());
}

/// Subscribes and leaves again, where so many have subscribed.
#[divan::bench(args = [1, 100, 10_000])]
fn subscribe_among(bencher: Bencher<'_, '_>, subscriptions: usize) {
    let bus = EventBus::new();
    let all: Vec<_> = patterns(subscriptions).map(|p| bus.subscribe::<u64>(p)).collect();
    let pattern = Pattern::new("tenants.7.orders.9").expect("it is a pattern");
    bencher.bench(|| drop(bus.subscribe::<u64>(&pattern)));
    drop(all);
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    match args.iter().position(|arg| arg == "--instructions" || arg == "--once") {
        Some(at) if args[at] == "--once" => {
            let (subscribers, events) = (&args[at + 2], &args[at + 3]);
            let (subscribers, events) =
                (subscribers.parse().expect("a number"), events.parse().expect("a number"));
            println!("{}", runtime().block_on(bring(&args[at + 1], events, subscribers)));
        }
        Some(_) => instructions(),
        None => divan::main(),
    }
}

fn instructions() {
    for subscribers in [1, 10] {
        for way in WAYS {
            let all = callgrind::per_item(&[way, &subscribers.to_string()]);
            println!("{way:25} {subscribers:2} subscribers {all:8.0} instructions per event");
        }
    }
}
