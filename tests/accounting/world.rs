//! What a schedule moves: items that are counted as long as they are alive, a source that it fills, work that it ends, and
//! closures that panic when it says so.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::task::{Poll, Waker};

use futures::Stream;
use futures::stream::poll_fn;
use reactive_runtime::backpressure::Drops;
use reactive_runtime::prelude::*;

thread_local! {
    // All of a schedule is on one thread, what runs on a task too.
    static WORLD: World = World::default();
}

#[derive(Default)]
struct World {
    live: Cell<u64>,
    fuse: Cell<Option<usize>>,
    burnt: Cell<bool>,
    came: Cell<u64>,
    went: Cell<u64>,
    done: Cell<u64>,
    handed: Cell<Drops>,
    pressed: Cell<bool>,
    source: RefCell<Source>,
    places: Cell<usize>,
    workers: RefCell<Vec<Waker>>,
}

#[derive(Default)]
struct Source {
    next: VecDeque<Result<Item, Broken>>,
    ended: bool,
    reader: Option<Waker>,
}

/// What really became of the items.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) live: u64,
    /// They wait to come.
    pub(crate) in_source: u64,
    /// They came to the stage, have gone on from it, and were worked on.
    pub(crate) came: u64,
    pub(crate) went: u64,
    pub(crate) done: u64,
    /// They were handed to `on_drop`.
    pub(crate) handed: Drops,
    /// A closure has panicked.
    pub(crate) burnt: bool,
}

pub(crate) fn begin() {
    WORLD.with(|world| {
        world.source.take();
        world.workers.take();
        assert_eq!(world.live.get(), 0, "what was made before is gone");
        [&world.came, &world.went, &world.done].into_iter().for_each(|count| count.set(0));
        world.fuse.set(None);
        world.burnt.set(false);
        world.pressed.set(false);
        world.places.set(0);
        world.handed.take();
    });
}

pub(crate) fn seen() -> Seen {
    WORLD.with(|world| Seen {
        live: world.live.get(),
        in_source: world.source.borrow().next.iter().filter(|next| next.is_ok()).count() as u64,
        came: world.came.get(),
        went: world.went.get(),
        done: world.done.get(),
        handed: world.handed.get(),
        burnt: world.burnt.get(),
    })
}

/// An item that is counted until it is dropped.
pub(crate) struct Item {
    pub(crate) class: u32,
}

impl Item {
    pub(crate) fn new(class: u32) -> Self {
        WORLD.with(|world| world.live.set(world.live.get() + 1));
        Self { class }
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        // Of a schedule that has failed some are left, which are dropped with the world.
        let _ = WORLD.try_with(|world| world.live.set(world.live.get() - 1));
    }
}

/// Why a stream fails.
#[derive(Debug)]
pub(crate) struct Broken;

impl From<Overloaded<Item>> for Broken {
    fn from(_: Overloaded<Item>) -> Self {
        Self
    }
}

/// The items that [`give`] and [`fail`] put there.
pub(crate) fn source() -> impl Stream<Item = Result<Item, Broken>> + Send + Unpin {
    poll_fn(|cx| {
        WORLD.with(|world| {
            let mut source = world.source.borrow_mut();
            match source.next.pop_front() {
                Some(next) => Poll::Ready(Some(next)),
                None if source.ended => Poll::Ready(None),
                None => {
                    source.reader = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
    })
}

pub(crate) fn give(item: Result<Item, Broken>) {
    change_source(|source| source.next.push_back(item));
}

pub(crate) fn end_source() {
    change_source(|source| source.ended = true);
}

fn change_source(change: impl FnOnce(&mut Source)) {
    let reader = WORLD.with(|world| {
        let mut source = world.source.borrow_mut();
        change(&mut source);
        source.reader.take()
    });
    reader.into_iter().for_each(Waker::wake);
}

/// One item, or a window of some.
pub(crate) trait Items {
    fn count(&self) -> u64;
}

impl Items for Item {
    fn count(&self) -> u64 {
        1
    }
}

impl Items for Vec<Item> {
    fn count(&self) -> u64 {
        self.len() as u64
    }
}

/// An item comes to the stage.
pub(crate) fn comes(item: &Item) {
    burn();
    WORLD.with(|world| world.came.set(world.came.get() + item.count()));
}

/// Items have gone on from the stage.
pub(crate) fn goes(items: &impl Items) {
    burn();
    WORLD.with(|world| world.went.set(world.went.get() + items.count()));
}

/// An item is handed to `on_drop`.
pub(crate) fn handed(item: Item, reason: Reason) {
    drop(item);
    WORLD.with(|world| {
        let mut handed = world.handed.get();
        handed.add(reason, 1);
        world.handed.set(handed);
    });
    burn();
}

/// Pressure starts and ends, in turn.
pub(crate) fn turns(pressure: Pressure) {
    WORLD.with(|world| {
        let pressed = pressure == Pressure::Pressured;
        let before = world.pressed.replace(pressed);
        // One that was being told as something panicked may be missing.
        assert!(before != pressed || world.burnt.get(), "the two come in turn");
    });
    burn();
}

/// Works on items until [`end_work`] ends it.
pub(crate) async fn work(items: impl Items) {
    waits().await;
    WORLD.with(|world| world.done.set(world.done.get() + items.count()));
}

/// Waits for [`end_work`].
pub(crate) async fn waits() {
    std::future::poll_fn(|cx| {
        WORLD.with(|world| match world.places.get().checked_sub(1) {
            Some(places) => {
                world.places.set(places);
                Poll::Ready(())
            }
            None => {
                world.workers.borrow_mut().push(cx.waker().clone());
                Poll::Pending
            }
        })
    })
    .await;
}

/// Ends so many of the works that run, or of those that begin next.
pub(crate) fn end_work(works: usize) {
    let workers = WORLD.with(|world| {
        world.places.set(world.places.get().saturating_add(works));
        world.workers.take()
    });
    workers.into_iter().for_each(Waker::wake);
}

/// After so many calls of a closure one panics.
pub(crate) fn light_the_fuse(calls: Option<usize>) {
    WORLD.with(|world| world.fuse.set(calls));
}

/// What every closure calls.
pub(crate) fn burn() {
    let left = WORLD.with(|world| {
        let left = world.fuse.take();
        world.fuse.set(left.and_then(|left| left.checked_sub(1)));
        left
    });
    if left == Some(0) {
        WORLD.with(|world| world.burnt.set(true));
        // Unlike `panic!` it prints nothing.
        resume_unwind(Box::new(Burnt));
    }
}

struct Burnt;

/// What it gives, if it has not panicked. What else than the fuse panics is a mistake.
pub(crate) fn survives<R>(f: impl FnOnce() -> R) -> Option<R> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(done) => Some(done),
        Err(panic) if panic.is::<Burnt>() => None,
        Err(panic) => resume_unwind(panic),
    }
}

/// SplitMix64.
#[derive(Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}
