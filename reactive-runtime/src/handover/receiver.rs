use std::sync::Arc;
use std::task::{Context, Poll};

use super::state::{Pace, State, Taken};
use super::{CHUNK, Shared};
use crate::flow::{BUDGET, Budget, Downstream, Drive, Driven, yield_now};

/// The end that items come out of. Dropped, it drops what is in the hand-over, and producers get their items back.
pub(crate) struct Receiver<T, K> {
    shared: Arc<Shared<T, K>>,
    // The last one comes first: to take it moves nothing else.
    chunk: Vec<T>,
    pace: Pace,
    // The number of items held that the producers know of, if they were woken for all the room that leaves. While it goes on
    // taking they are told less often.
    told: Option<usize>,
}

impl<T, K> Receiver<T, K> {
    pub(super) fn new(shared: Arc<Shared<T, K>>) -> Self {
        Self { shared, chunk: Vec::new(), pace: Pace::OneByOne, told: Some(0) }
    }

    /// As [`Flow::poll_drive`](crate::Flow::poll_drive); it may be driven on after an error.
    #[inline(always)]
    pub(crate) fn poll_drive<D: Downstream<T>>(&mut self, cx: &mut Context<'_>, down: &mut D) -> Driven<K> {
        let mut budget = Budget::of(BUDGET / CHUNK);
        while budget.spend() {
            // In a local, so that its pointers stay in registers.
            let mut chunk = std::mem::take(&mut self.chunk);
            while let Some(item) = chunk.pop() {
                if down.push(item).is_break() {
                    self.chunk = chunk;
                    self.pace = Pace::OneByOne;
                    self.release();
                    return Poll::Ready(Ok(Drive::Paused));
                }
            }
            self.chunk = chunk;
            match self.take(cx) {
                Taken::Items => {}
                Taken::Nothing => return Poll::Pending,
                Taken::Failed(error) => return Poll::Ready(Err(error)),
                Taken::Ended => return Poll::Ready(Ok(Drive::Ended)),
            }
        }
        yield_now(cx)
    }

    /// Tells producers of all the room there is. While items are asked for, that happens by itself.
    pub(crate) fn release(&mut self) {
        let held = self.chunk.len();
        if self.told != Some(held) {
            self.told = Some(held);
            self.shared.with(|state| state.release(held)).wake();
        }
    }

    /// How many items it has taken out of the queue and not given on.
    pub(crate) fn held(&self) -> usize {
        self.chunk.len()
    }

    fn take(&mut self, cx: &Context<'_>) -> Taken<K> {
        let pace = self.pace;
        let (taken, wakes, _stale) = self.shared.with(|state| state.take(&mut self.chunk, pace, cx.waker()));
        wakes.wake();
        self.chunk.reverse();
        // The first one is given on at once.
        let told = pace == Pace::OneByOne || self.chunk.is_empty();
        self.told = told.then(|| self.chunk.len().saturating_sub(1));
        self.pace = Pace::Steady;
        taken
    }
}

impl<T, K> Drop for Receiver<T, K> {
    fn drop(&mut self) {
        let (_queue, _error, _waker, wakes) = self.shared.with(State::close);
        wakes.wake();
    }
}
