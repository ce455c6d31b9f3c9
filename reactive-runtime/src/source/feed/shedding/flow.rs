use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::state::{Found, Shared, State, Taken};
use crate::backpressure::{OnDrop, Strategy};
use crate::fault::Fault;
use crate::flow::{Bounded, Budget, Downstream, Drive, Driven, Flow, yield_now};

/// The flow of a pipeline that is fed under a strategy: made by [`Feed::open`](super::Feed::open).
pub struct SheddingFlow<T, S: Strategy<T, Fault = K>, D: OnDrop<T>, K> {
    shared: Arc<Shared<T, S, D, K>>,
    last: Taken,
}

// Its items are never pinned.
impl<T, S: Strategy<T, Fault = K>, D: OnDrop<T>, K> Unpin for SheddingFlow<T, S, D, K> {}

impl<T, S: Strategy<T, Fault = K>, D: OnDrop<T>, K> SheddingFlow<T, S, D, K> {
    pub(super) fn new(shared: Arc<Shared<T, S, D, K>>) -> Self {
        Self { shared, last: Taken::Nothing }
    }
}

impl<T, S: Strategy<T, Fault = K>, D: OnDrop<T>, K: Fault> Flow for SheddingFlow<T, S, D, K> {
    type Item = T;
    type Error = K;
    type Bound = Bounded;

    fn poll_drive<O: Downstream<T>>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut O,
    ) -> Driven<K> {
        let Self { shared, last } = &mut *self;
        // The waker that it left, dropped without the lock.
        let mut known = None;
        let mut begun = false;
        let mut budget = Budget::items();
        loop {
            if !budget.spend() {
                return yield_now(cx);
            }
            let delivered = std::mem::replace(last, Taken::Nothing) == Taken::Pushed;
            // Without `with`, so that an item of some size is not moved once more.
            let mut state = shared.lock();
            if !std::mem::replace(&mut begun, true) {
                known = state.begin();
            }
            let (found, next) = state.next(delivered);
            let item = match found {
                Found::Item => state.take(),
                Found::Nothing => {
                    let same = known.take_if(|known| known.will_wake(cx.waker()));
                    state.pipeline = Some(same.unwrap_or_else(|| cx.waker().clone()));
                    None
                }
                Found::Failed(_) | Found::Ended => None,
            };
            shared.unlock(state);
            next.wake();
            if let Some(item) = item {
                *last = Taken::Pushing;
                let pushed = down.push(item);
                *last = Taken::Pushed;
                if pushed.is_break() {
                    return Poll::Ready(Ok(Drive::Paused));
                }
                continue;
            }
            match found {
                Found::Item => {}
                Found::Failed(fault) => return Poll::Ready(Err(fault)),
                Found::Ended => return Poll::Ready(Ok(Drive::Ended)),
                Found::Nothing => return Poll::Pending,
            }
        }
    }

    fn poll_progress(self: Pin<&mut Self>, _: &mut Context<'_>) {
        self.shared.with(State::publish);
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // A strategy may drop what is queued.
        (0, self.shared.with(|state| state.at_most()))
    }
}

impl<T, S: Strategy<T, Fault = K>, D: OnDrop<T>, K> Drop for SheddingFlow<T, S, D, K> {
    fn drop(&mut self) {
        let (_waker, waiting, _failure) = self.shared.with(|state| state.close(self.last));
        waiting.wake();
    }
}
