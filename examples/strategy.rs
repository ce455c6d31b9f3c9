//! A backpressure strategy of one's own: above 70 % of the queue only urgent orders are taken, and a full one makes room for
//! them. Run it with `cargo run --example strategy`.

use std::convert::Infallible;
use std::time::Duration;

use reactive_runtime::backpressure::{Decision, Queued, Strategy, Victim};
use reactive_runtime::prelude::*;

#[derive(Debug)]
struct Order {
    number: usize,
    priority: u8,
}

/// A strategy sees the item, and the queue with its usage, its ages and its clock.
struct Selective;

impl Strategy<Order> for Selective {
    type Fault = Infallible;

    fn offer(&mut self, order: &Order, queue: &Queued<Order>) -> Decision {
        match queue.usage() {
            usage if usage >= 0.7 && order.priority < 5 => Decision::Drop(Reason::Priority),
            usage if usage >= 1.0 => Decision::MakeRoom(Victim::Oldest, Reason::QueueFull),
            _ => Decision::Keep,
        }
    }

    fn name(&self) -> &'static str {
        "selective"
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() {
    let monitor = BackpressureMonitor::new();
    let mut dropped = Vec::new();
    let (mut urgent, mut others) = (0, 0);
    let shop = pipeline! {
        // One comes each 10 ms, every third is urgent; the kitchen takes 25 ms for each.
        interval(10ms)
            |> take(300)
            |> enumerate()
            |> map(|(number, _)| Order { number, priority: if number % 3 == 0 { 9 } else { 1 } })
            |> buffer(10, backpressure = Selective, monitor = &monitor)
                .on_drop(|order, reason| dropped.push((order, reason)))
            |> map_async(async |order| { tokio::time::sleep(Duration::from_millis(25)).await; order })
            |> for_each(|order| if order.priority == 9 { urgent += 1 } else { others += 1 })
    };
    shop.await;

    let metrics = monitor.metrics();
    println!("{urgent} urgent orders and {others} others were served; dropped: {}", metrics.dropped_items);
    let (first, reason) = &dropped[0];
    println!(
        "the first that was dropped, for {reason}: number {} of priority {}",
        first.number, first.priority
    );
    assert_eq!(urgent, 100, "no urgent one was dropped");
    assert_eq!(dropped.len() as u64, metrics.dropped_items.by(Reason::Priority));
    assert_eq!(urgent + others + dropped.len(), 300);
}
