use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;

use futures::executor::block_on;
use futures::{FutureExt, StreamExt};

use super::*;
use crate::flow::{BUDGET, Drive, Flow};
use crate::operator::Recover;

#[test]
fn a_break_is_told_as_one_and_loses_nothing() {
    for breaks in [false, true] {
        let bus = EventBus::new();
        let mut events = pin!(bus.subscribe::<u32>("a"));
        (0..3).for_each(|x| assert_eq!(publish(&bus, "a", x), 1));
        bus.close();
        let mut seen = Seen { items: Vec::new(), breaks };
        let mut cx = Context::from_waker(Waker::noop());
        while let Poll::Ready(Ok(Drive::Paused)) = events.as_mut().poll_drive(&mut cx, &mut seen) {
            assert!(breaks);
        }
        assert_eq!(seen.items, [0, 1, 2]);
    }
}

#[test]
fn what_cannot_be_read_is_an_event_and_the_next_one_follows() {
    let bus = EventBus::new();
    let numbers = bus.subscribe::<u32>("a.*");
    for event in ["1", "\"two\"", "3"] {
        let message = Message::new(Topic::new("a.b").unwrap(), event);
        assert_eq!(bus.broker().publish(message).now_or_never(), Some(Ok(1)));
    }
    bus.close();
    let mut said = Vec::new();
    let read = numbers.catch(|error| {
        said.push(error.to_string());
        Recover::Skip
    });
    assert_eq!(block_on(read.collect::<Vec<_>>()), [1, 3]);
    assert_eq!(
        said,
        ["a message on `a.b` is no `u32`: invalid type: string \"two\", expected u32 at line 1 column 5"]
    );
}

#[test]
fn a_message_may_be_had_as_it_is() {
    let bus = EventBus::new();
    let mut messages = bus.subscribe::<Message>(">");
    publish(&bus, "a.b", 7);
    let message = messages.next().now_or_never().flatten().expect("one waits").unwrap();
    assert_eq!((message.topic().as_str(), message.payload()), ("a.b", b"7".as_slice()));
}

#[test]
fn does_a_bounded_amount_of_work_in_a_poll() {
    let bus = EventBus::new();
    let mut events = pin!(bus.subscribe_with::<u32>("a", Inbox::of(2 * BUDGET)));
    (0..BUDGET as u32 + 1).for_each(|x| assert_eq!(publish(&bus, "a", x), 1));
    let (task, waker) = Task::new();
    let mut seen = Seen { items: Vec::new(), breaks: false };
    assert!(events.as_mut().poll_drive(&mut Context::from_waker(&waker), &mut seen).is_pending());
    assert_eq!((seen.items.len(), task.wakes()), (BUDGET, 1));
}

#[test]
fn a_subscriber_is_woken_once_for_what_comes() {
    let bus = EventBus::new();
    let mut events = bus.subscribe::<u32>("a");
    let (task, waker) = Task::new();
    let mut cx = Context::from_waker(&waker);
    assert!(events.poll_next_unpin(&mut cx).is_pending());
    assert!(events.poll_next_unpin(&mut cx).is_pending());
    publish(&bus, "b", 0);
    assert_eq!(task.wakes(), 0);
    publish(&bus, "a", 1);
    publish(&bus, "a", 2);
    assert_eq!(task.wakes(), 1);
    assert!(matches!(events.poll_next_unpin(&mut cx), Poll::Ready(Some(Ok(1)))));
    assert!(matches!(events.poll_next_unpin(&mut cx), Poll::Ready(Some(Ok(2)))));
    assert!(events.poll_next_unpin(&mut cx).is_pending());
    drop(bus);
    assert_eq!(task.wakes(), 1);
    assert!(matches!(events.poll_next_unpin(&mut cx), Poll::Ready(None)));
    assert!(matches!(events.poll_next_unpin(&mut cx), Poll::Ready(None)));
}

#[test]
fn dropped_it_is_no_subscriber_any_more() {
    let (bus, monitor) = (EventBus::new(), InboxMonitor::new());
    let events = bus.subscribe_with::<u32>("a.*", Inbox::of(4).monitor(&monitor));
    let other = bus.subscribe::<u32>("a.>");
    (0..3).for_each(|x| assert_eq!(publish(&bus, "a.b", x), 2));
    assert_eq!(bus.broker().subscriptions(), 2);
    let two = events.take(2);
    assert_eq!(two.collect::<Vec<_>>().now_or_never().map(Result::unwrap), Some(vec![0, 1]));
    assert_eq!((bus.broker().subscriptions(), counts(&monitor)), (1, [3, 2, 0, 1, 0]));
    assert_eq!(publish(&bus, "a.b", 4), 1);
    drop(other);
    assert_eq!((bus.broker().subscriptions(), publish(&bus, "a.b", 4)), (0, 0));
}

#[test]
fn whoever_is_disconnected_gets_what_waits_and_then_fails() {
    let (bus, monitor) = (EventBus::new(), InboxMonitor::new());
    let mut events = bus.subscribe_with::<u32>("a.*", Inbox::of(2).disconnect().monitor(&monitor));
    assert_eq!([1, 2, 3, 4].map(|x| publish(&bus, "a.b", x)), [1, 1, 0, 0]);
    assert_eq!((bus.broker().subscriptions(), counts(&monitor)), (0, [3, 0, 1, 0, 2]));
    assert!(matches!(block_on(events.next()), Some(Ok(1))));
    assert!(matches!(block_on(events.next()), Some(Ok(2))));
    let error = block_on(events.next()).unwrap().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the subscriber of `a.*` was disconnected: 2 messages waited, and one more came"
    );
    assert!(block_on(events.next()).is_none());
}

#[test]
fn a_bad_pattern_is_told_by_the_first_poll() {
    let mut events = EventBus::new().subscribe::<u32>("a.>.b");
    let error = block_on(events.next()).unwrap().unwrap_err();
    assert!(error.to_string().starts_with("`a.>.b` is no pattern"));
    assert!(block_on(events.next()).is_none());
    let restricted = EventBus::new().restrict_to(["a.*"]).unwrap();
    let error = block_on(restricted.subscribe::<u32>("b.>").next()).unwrap().unwrap_err();
    assert_eq!(error.to_string(), "`b.>` is not among the topics of the bus: `a.*`");
    assert!(restricted.subscribe::<u32>(">").next().now_or_never().is_none());
    assert!(EventBus::new().restrict_to(["a..b"]).is_err());
}

#[test]
fn can_be_dropped_after_a_panic_below() {
    let bus = EventBus::new();
    let (monitor, mut lost) = (InboxMonitor::new(), 0);
    let inbox = Inbox::of(4).monitor(&monitor);
    let mut panicking =
        Pipe::new([bus.subscribe_with::<u32>("a", inbox)]).flat_map_stream(|events| events).map(|x| {
            assert!(x != 1, "one");
            x
        });
    (0..3).for_each(|x| lost += publish(&bus, "a", x));
    assert!(catch_unwind(AssertUnwindSafe(|| block_on(panicking.by_ref().count()))).is_err());
    drop(panicking);
    assert_eq!((bus.broker().subscriptions(), counts(&monitor)), (0, [3, 2, 0, 1, 0]));
}

#[test]
fn keeps_no_waker_when_it_is_dropped_at_any_poll() {
    for polls in 0..6 {
        let (task, waker) = Task::new();
        let mut cx = Context::from_waker(&waker);
        let bus = EventBus::new();
        let mut events = bus.subscribe_with::<u32>("a", Inbox::of(1));
        let mut sending = Pipe::new(0..4u32).publish_to(&bus, "a");
        for poll in 0..polls {
            if poll % 2 == 0 {
                let _ = sending.poll_unpin(&mut cx);
            } else {
                let _ = events.poll_next_unpin(&mut cx);
            }
        }
        drop((events, sending, bus, waker));
        assert_eq!(Arc::strong_count(&task), 1);
    }
}

#[test]
fn all_of_it_may_go_to_other_threads() {
    fn assert_send<T: Send + 'static>(_: T) {}
    fn assert_sync<T: Sync>(_: &T) {}
    let bus = EventBus::new();
    assert_sync(&bus);
    // Only its bytes wait, so the event need be neither `Send` nor kept.
    assert_send(bus.publish("a", &std::cell::Cell::new(1)));
    assert_send(bus.subscribe::<u32>("a"));
    assert_send(bus.sink("a"));
    assert_send(Pipe::new(0..3u32).publish_to(&bus, "a"));
}
