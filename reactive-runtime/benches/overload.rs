//! A queue that stays full: what an item costs that finds no room, here and in the channels of the field.
//!
//! `cargo bench --bench overload` measures the time of [`ITEMS`] items of 200 bytes, of which a consumer takes every fourth; all
//! on one thread, and reads one byte of it: where a queue is inlined the rest need not leave its place. `none` makes the
//! items and does nothing with them. Nothing but the queues moves an item, so that they are what is measured.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use divan::Bencher;
use divan::counter::ItemsCount;
use futures::{Stream, StreamExt};
use reactive_runtime::backpressure::{Block, BoundedQueue, DropIncoming, DropOldest, Offered, Strategy};
use reactive_runtime::prelude::Feed;

const ITEMS: usize = 100_000;
const CAPACITY: usize = 1024;
/// One of so many items is taken.
const TAKEN: usize = 4;
const CHUNK: usize = 64;

type Item = [u8; 200];

fn item(i: usize) -> Item {
    [i as u8; 200]
}

fn main() {
    divan::main();
}

/// Offers all items, and takes some; the sum keeps the compiler from leaving any out.
fn overload(bencher: Bencher<'_, '_>, mut offer: impl FnMut(Item), mut take: impl FnMut() -> Option<u64>) {
    bencher.counter(ItemsCount::new(ITEMS)).bench_local(|| {
        let mut sum = 0u64;
        for i in 0..ITEMS {
            offer(item(black_box(i)));
            if i % TAKEN == 0
                && let Some(number) = take()
            {
                sum += number;
            }
        }
        sum
    });
}

/// All that a consumer wants of an item.
fn read(item: Item) -> u64 {
    u64::from(item[0])
}

/// As `try_recv` does, without a task.
fn next<T>(pipe: &mut (impl Stream<Item = T> + Unpin)) -> Option<T> {
    match pipe.poll_next_unpin(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(item) => item,
        Poll::Pending => None,
    }
}

fn ours(bencher: Bencher<'_, '_>, strategy: impl Strategy<Item>) {
    let queue = std::cell::RefCell::new(BoundedQueue::new(CAPACITY, strategy));
    let now = Duration::from_secs(1);
    let offer = |item| {
        let mut queue = queue.borrow_mut();
        if let Offered::Wait(item) = queue.offer(now, item) {
            black_box(queue.withdraw(now, item));
        }
    };
    let take = || {
        let mut queue = queue.borrow_mut();
        let item = queue.take(now)?;
        queue.delivered(now);
        Some(read(item))
    };
    overload(bencher, offer, take);
}

#[divan::bench]
fn none(bencher: Bencher<'_, '_>) {
    overload(bencher, |item| _ = black_box(&item), || None);
}

#[divan::bench]
fn ours_drop_oldest(bencher: Bencher<'_, '_>) {
    ours(bencher, DropOldest);
}

#[divan::bench]
fn ours_drop_incoming(bencher: Bencher<'_, '_>) {
    ours(bencher, DropIncoming);
}

#[divan::bench]
fn ours_block_refused(bencher: Bencher<'_, '_>) {
    ours(bencher, Block);
}

/// Between tasks, as the channels below.
fn feed(bencher: Bencher<'_, '_>, strategy: impl Strategy<Item, Fault = Infallible> + Send + 'static) {
    let (feeder, pipe) = Feed::new(CAPACITY).backpressure(strategy).open();
    let mut pipe = pipe.map(read);
    overload(bencher, |item| _ = black_box(feeder.try_push(item)), || next(&mut pipe));
}

#[divan::bench]
fn ours_feed_drop_oldest(bencher: Bencher<'_, '_>) {
    feed(bencher, DropOldest);
}

/// The same, where whole items leave the pipeline.
#[divan::bench]
fn ours_feed_drop_oldest_by_next(bencher: Bencher<'_, '_>) {
    let (feeder, mut pipe) = Feed::new(CAPACITY).backpressure(DropOldest).open();
    overload(bencher, |item| _ = black_box(feeder.try_push(item)), || next(&mut pipe).map(read));
}

/// What finds no room is dropped itself.
#[divan::bench]
fn ours_feed_drop_incoming(bencher: Bencher<'_, '_>) {
    feed(bencher, DropIncoming);
}

/// What finds no room comes back, as from `try_send`.
#[divan::bench]
fn ours_feed_block_refused(bencher: Bencher<'_, '_>) {
    feed(bencher, Block);
}

/// Items come in chunks of 64, and every fourth of a chunk is taken.
#[divan::bench]
fn ours_feed_drop_oldest_in_chunks(bencher: Bencher<'_, '_>) {
    let (feeder, pipe) = Feed::new(CAPACITY).backpressure(DropOldest).open();
    let mut pipe = pipe.map(read);
    bencher.counter(ItemsCount::new(ITEMS)).bench_local(|| {
        let mut sum = 0u64;
        for start in (0..ITEMS).step_by(CHUNK) {
            let chunk = (start..ITEMS.min(start + CHUNK)).map(|i| item(black_box(i)));
            assert!(feeder.try_push_all(chunk).is_ok());
            for _ in 0..CHUNK / TAKEN {
                sum += next(&mut pipe).unwrap_or_default();
            }
        }
        sum
    });
}

/// The least that one would write by hand: no strategy, no metrics, nobody is woken.
#[divan::bench]
fn mutex_vec_deque(bencher: Bencher<'_, '_>) {
    let queue = Mutex::new(VecDeque::with_capacity(CAPACITY));
    let offer = |item| {
        let mut queue = queue.lock().unwrap();
        if queue.len() == CAPACITY {
            queue.pop_front();
        }
        queue.push_back(item);
    };
    overload(bencher, offer, || queue.lock().unwrap().pop_front().map(read));
}

#[divan::bench]
fn tokio_mpsc_try_send(bencher: Bencher<'_, '_>) {
    let (sender, mut receiver) = tokio::sync::mpsc::channel(CAPACITY);
    overload(bencher, |item| _ = black_box(sender.try_send(item)), || receiver.try_recv().ok().map(read));
}

#[divan::bench]
fn tokio_broadcast(bencher: Bencher<'_, '_>) {
    let (sender, mut receiver) = tokio::sync::broadcast::channel(CAPACITY);
    // It tells of what was lost, then gives the oldest that is left.
    let take = || receiver.try_recv().or_else(|_| receiver.try_recv()).ok().map(read);
    overload(bencher, |item| _ = black_box(sender.send(item)), take);
}

#[divan::bench]
fn async_broadcast_overflow(bencher: Bencher<'_, '_>) {
    let (mut sender, mut receiver) = async_broadcast::broadcast(CAPACITY);
    sender.set_overflow(true);
    let take = || receiver.try_recv().or_else(|_| receiver.try_recv()).ok().map(read);
    overload(bencher, |item| _ = black_box(sender.try_broadcast(item)), take);
}

#[divan::bench]
fn async_channel_force_send(bencher: Bencher<'_, '_>) {
    let (sender, receiver) = async_channel::bounded(CAPACITY);
    overload(bencher, |item| _ = black_box(sender.force_send(item)), || receiver.try_recv().ok().map(read));
}
