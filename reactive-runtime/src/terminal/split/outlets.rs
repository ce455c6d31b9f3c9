use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use super::branch::{Branch, BranchFlow};
use crate::pipe::Pipe;

/// The outlets of a split: a bounded queue to each branch.
pub struct Outlets<T>(Vec<Arc<Shared<T>>>);

impl<T> fmt::Debug for Outlets<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Outlets").field(&self.0.len()).finish()
    }
}

/// For how many items there is room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    For(usize),
    None,
    /// Every branch has ended, or is late.
    Nobody,
}

impl<T> Outlets<T> {
    pub(super) fn new<const N: usize>(lag: usize) -> (Self, [Branch<T>; N]) {
        let shared: [_; N] = std::array::from_fn(|_| Arc::new(Shared::new(lag)));
        let branches = shared.each_ref().map(|shared| Pipe::from_flow(BranchFlow::new(shared.clone())));
        (Self(shared.into()), branches)
    }

    /// Each branch may be so many items behind from now on.
    pub(super) fn set_lag(&self, lag: usize) {
        for shared in &self.0 {
            shared.lock().lag = lag;
        }
    }

    pub(in crate::terminal) fn len(&self) -> usize {
        self.0.len()
    }

    /// Gives items to a branch. One that has ended gets none, one that is late misses them.
    pub(in crate::terminal) fn put(&self, branch: usize, items: impl IntoIterator<Item = T>) {
        let mut queue = self.0[branch].lock();
        if queue.closed {
            return;
        }
        let room = if queue.missed > 0 { 0 } else { queue.free() };
        let mut items = items.into_iter();
        queue.items.extend(items.by_ref().take(room));
        queue.missed += items.count() as u64;
        let reader = queue.reader.take();
        drop(queue);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// For how many items all branches have room that are to be waited for. `waiting` is woken when a full one has taken
    /// some.
    pub(super) fn room(&self, waiting: Option<&Waker>) -> Room {
        let (mut room, mut blocked, mut anybody) = (None, false, false);
        for shared in &self.0 {
            let mut queue = shared.lock();
            let free = queue.free();
            let wants_items = !queue.closed && queue.missed == 0;
            // What it is replaced by is dropped when the lock is free: a waker may be foreign.
            let _old =
                std::mem::replace(&mut queue.writer, waiting.filter(|_| wants_items && free == 0).cloned());
            if wants_items {
                anybody = true;
                blocked |= free == 0 && queue.when_late == WhenLate::Block;
                room = if free == 0 { room } else { Some(room.map_or(free, |room: usize| room.min(free))) };
            }
            drop(queue);
        }
        match room {
            _ if !anybody => Room::Nobody,
            Some(room) if !blocked => Room::For(room),
            _ => Room::None,
        }
    }

    /// No item comes any more.
    pub(super) fn end(&self) {
        for shared in &self.0 {
            let mut queue = shared.lock();
            queue.ended = true;
            let wakers = (queue.reader.take(), queue.writer.take());
            drop(queue);
            if let Some(reader) = wakers.0 {
                reader.wake();
            }
        }
    }
}

impl<T> Drop for Outlets<T> {
    fn drop(&mut self) {
        // A branch may have been moved elsewhere, and live on.
        self.end();
    }
}

/// What an outlet and its branch share.
pub(super) struct Shared<T>(Mutex<Queue<T>>);

impl<T> Shared<T> {
    fn new(lag: usize) -> Self {
        Self(Mutex::new(Queue {
            items: VecDeque::new(),
            in_hand: 0,
            lag,
            when_late: WhenLate::Block,
            missed: 0,
            closed: false,
            ended: false,
            reader: None,
            writer: None,
        }))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Queue<T>> {
        // Only the `Clone` of an item can panic under the lock, and leaves the queue as it was.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Queue<T> {
    pub(super) items: VecDeque<T>,
    /// Items that the branch has taken out, and not yet given.
    pub(super) in_hand: usize,
    lag: usize,
    pub(super) when_late: WhenLate,
    /// Items that came when it was full. It is late then, and gets no other.
    pub(super) missed: u64,
    /// The branch wants no items any more.
    pub(super) closed: bool,
    /// No item comes any more.
    pub(super) ended: bool,
    /// The branch, while it waits for an item.
    pub(super) reader: Option<Waker>,
    /// The split, while it waits for room.
    pub(super) writer: Option<Waker>,
}

impl<T> Queue<T> {
    fn free(&self) -> usize {
        self.lag.saturating_sub(self.items.len() + self.in_hand)
    }
}

/// What comes of a branch that has no room for an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhenLate {
    /// All wait for it.
    Block,
    /// It fails.
    Fail,
}
