use futures::executor::block_on;
use futures::{FutureExt, StreamExt};

use super::*;

#[test]
fn all_share_the_bytes_of_a_message() {
    let bus = EventBus::new();
    let mut all = [bus.subscribe::<Message>("a"), bus.subscribe::<Message>("*")];
    publish(&bus, "a", 7);
    let payloads = all.each_mut().map(|messages| {
        let message = messages.next().now_or_never().flatten().expect("one waits").unwrap();
        message.payload().as_ptr()
    });
    assert_eq!(payloads[0], payloads[1]);
}

#[test]
fn whoever_publishes_waits_for_those_who_block_and_for_nobody_else() {
    let (bus, monitor) = (EventBus::new(), InboxMonitor::new());
    let mut slow = bus.subscribe_with::<u32>("a", Inbox::of(1).block().monitor(&monitor));
    let mut fresh = bus.subscribe_with::<u32>("a", Inbox::of(1).drop_oldest());
    assert_eq!(publish(&bus, "a", 1), 2);
    let (task, waker) = Task::new();
    let mut publishing = bus.publish("a", &2);
    assert!(publishing.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
    assert!(matches!(fresh.next().now_or_never(), Some(Some(Ok(2)))));
    assert_eq!((task.wakes(), counts(&monitor)), (0, [1, 0, 0, 0, 1]));
    assert!(matches!(slow.next().now_or_never(), Some(Some(Ok(1)))));
    assert_eq!(task.wakes(), 1);
    assert!(matches!(publishing.now_or_never(), Some(Ok(2))));
    assert_eq!(counts(&monitor), [2, 1, 0, 0, 1]);
}

#[test]
fn a_publisher_that_gives_up_leaves_its_room_to_the_next() {
    let bus = EventBus::new();
    let mut events = bus.subscribe_with::<u32>("a", Inbox::of(1));
    publish(&bus, "a", 1);
    let ((first, one), (second, two)) = (Task::new(), Task::new());
    let (mut gives_up, mut waits) = (bus.publish("a", &2), bus.publish("a", &3));
    assert!(gives_up.poll_unpin(&mut Context::from_waker(&one)).is_pending());
    assert!(waits.poll_unpin(&mut Context::from_waker(&two)).is_pending());
    assert!(events.next().now_or_never().is_some());
    assert_eq!((first.wakes(), second.wakes()), (1, 0));
    drop(gives_up);
    assert_eq!(second.wakes(), 1);
    assert!(matches!(waits.now_or_never(), Some(Ok(1))));
}

#[test]
fn whoever_waits_goes_on_when_the_subscriber_goes_or_the_bus_is_closed() {
    let bus = EventBus::new();
    let events = bus.subscribe_with::<u32>("a", Inbox::of(1));
    publish(&bus, "a", 1);
    let (task, waker) = Task::new();
    let mut publishing = bus.publish("a", &2);
    assert!(publishing.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
    drop(events);
    assert_eq!(task.wakes(), 1);
    assert!(matches!(publishing.now_or_never(), Some(Ok(0))));

    let events = bus.subscribe_with::<u32>("a", Inbox::of(1));
    publish(&bus, "a", 3);
    let mut publishing = bus.publish("a", &4);
    assert!(publishing.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
    bus.close();
    assert_eq!(task.wakes(), 1);
    assert!(matches!(publishing.now_or_never(), Some(Err(PublishError::Broker(MemoryError::Closed)))));
    assert_eq!(block_on(events.collect::<Vec<_>>()).unwrap(), [3]);
    assert!(bus.publish("a", &5).now_or_never().unwrap().is_err());
    assert_eq!(block_on(bus.subscribe::<u32>("a").count()).unwrap(), 0);
}

#[test]
fn an_event_that_cannot_be_written_is_told_with_its_type() {
    let bus = EventBus::new();
    let event = std::collections::BTreeMap::from([((1, 2), 3)]);
    let error = block_on(bus.publish("a", &event)).unwrap_err();
    assert!(error.to_string().ends_with("` for `a` cannot be written: key must be a string"), "{error}");
    let PublishError::Encode(error) = error else { panic!("{error}") };
    assert!(error.type_name().contains("BTreeMap<(i32, i32), i32>") && error.topic().as_str() == "a");
}

#[test]
fn events_of_a_publisher_keep_their_order_between_threads() {
    let bus = EventBus::new();
    let inbox = || Inbox::of(3);
    let all = [bus.subscribe_with::<u32>("a.>", inbox()), bus.subscribe_with::<u32>("*.*", inbox())];
    let subscribers =
        all.map(|events| std::thread::spawn(move || block_on(events.collect::<Vec<_>>()).unwrap()));
    let publishers = [0u32, 1].map(|publisher| {
        let bus = bus.clone();
        std::thread::spawn(move || {
            let events = Pipe::new(0..1000u32).map(|x| x * 2 + publisher);
            block_on(events.publish_by(&bus, |_| format!("a.{publisher}"))).unwrap();
        })
    });
    publishers.into_iter().for_each(|thread| thread.join().unwrap());
    drop(bus);
    for events in subscribers.map(|thread| thread.join().unwrap()) {
        for publisher in [0, 1] {
            let of_one = events.iter().filter(|x| *x % 2 == publisher);
            assert!(of_one.copied().eq((0..1000).map(|x| x * 2 + publisher)));
        }
    }
}
