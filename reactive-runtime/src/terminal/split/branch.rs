use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::outlets::{Shared, WhenLate};
use crate::fault::{Failed, Fault};
use crate::flow::{BUDGET, Bounded, Downstream, Drive, Driven, Flow, yield_now};
use crate::items::Stage;
use crate::pipe::Pipe;
use crate::source::Lagged;

/// A branch of a pipeline that is split: what the closure of [`broadcast`](crate::Items::broadcast) and its kin gets.
pub type Branch<T, L = Infallible> = Pipe<BranchFlow<T, L>>;

impl<T> Branch<T> {
    /// Lets the branch fail when it is late, rather than hold up the others.
    ///
    /// It is late when an item comes for which it has no room. It still gives the items that it has, then fails with
    /// [`Lagged`], which tells how many it missed by then, and has ended. The source waits for it only while no other branch
    /// has room.
    ///
    /// # Data loss
    ///
    /// All items after the ones that it had when it was late.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let both = pipeline! {
    ///     0..100u32 |> broadcast(|[all, best_effort]| (
    ///         pipeline!(all |> count()),
    ///         async {
    ///             let counted = pipeline!(best_effort.fail_late() |> count());
    ///             tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    ///             counted.await
    ///         },
    ///     ))
    /// };
    /// assert_eq!(both.await, (100, Err(Lagged(84))));
    /// # }
    /// ```
    pub fn fail_late(self) -> Branch<T, Failed<Lagged>> {
        self.with(|items| items.stage::<T, Failed<Lagged>, _>(FailLate))
    }
}

/// Lets a branch fail when it is late: made by [`Pipe::fail_late`].
#[derive(Clone, Copy, Debug)]
pub struct FailLate;

impl<T> Stage<BranchFlow<T>> for FailLate {
    type Flow = BranchFlow<T, Failed<Lagged>>;

    fn attach(self, branch: BranchFlow<T>) -> Self::Flow {
        let BranchFlow { inlet, in_hand, .. } = branch;
        inlet.fail_late();
        BranchFlow { inlet, in_hand, fault: PhantomData }
    }
}

/// What a branch fails with: nothing, or [`Lagged`] where it may be late.
pub trait Late: Fault {
    /// It has missed so many items.
    fn missed(items: u64) -> Option<Self>;
}

impl Late for Infallible {
    fn missed(_: u64) -> Option<Self> {
        None
    }
}

impl Late for Failed<Lagged> {
    fn missed(items: u64) -> Option<Self> {
        Some(Self(Lagged(items)))
    }
}

/// The flow of a [`Branch`].
pub struct BranchFlow<T, L = Infallible> {
    inlet: Inlet<T>,
    // Taken out of the queue at once, so that it is locked once for all of them.
    in_hand: VecDeque<T>,
    fault: PhantomData<fn() -> L>,
}

impl<T> BranchFlow<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        Self { inlet: Inlet(shared), in_hand: VecDeque::new(), fault: PhantomData }
    }
}

impl<T, L> fmt::Debug for BranchFlow<T, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BranchFlow").field("in_hand", &self.in_hand.len()).finish_non_exhaustive()
    }
}

// Items are never pinned.
impl<T, L> Unpin for BranchFlow<T, L> {}

impl<T, L: Late> Flow for BranchFlow<T, L> {
    type Item = T;
    type Error = L;
    type Bound = Bounded;

    fn poll_drive<D: Downstream<T>>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<L> {
        let Self { inlet, in_hand, .. } = &mut *self;
        let mut left = BUDGET;
        loop {
            while let Some(item) = in_hand.pop_front() {
                left -= 1;
                if down.push(item).is_break() {
                    inlet.holds(in_hand.len());
                    return Poll::Ready(Ok(Drive::Paused));
                }
                if left == 0 {
                    inlet.holds(in_hand.len());
                    return yield_now(cx);
                }
            }
            match inlet.take(in_hand, cx.waker()) {
                Taken::Items => {}
                Taken::Nothing => return Poll::Pending,
                Taken::End { missed } => {
                    let late = L::missed(missed).filter(|_| missed > 0);
                    return Poll::Ready(late.map_or(Ok(Drive::Ended), Err));
                }
            }
        }
    }

    fn poll_progress(self: Pin<&mut Self>, _: &mut Context<'_>) {}

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (queued, ended) = self.inlet.queued();
        let at_least = self.in_hand.len() + queued;
        (at_least, ended.then_some(at_least))
    }
}

/// The branch's end of its queue.
struct Inlet<T>(Arc<Shared<T>>);

enum Taken {
    Items,
    Nothing,
    /// There will be no more; told once.
    End {
        missed: u64,
    },
}

impl<T> Inlet<T> {
    /// Takes all that is queued, now that what was taken before is given; or leaves a waker.
    fn take(&self, in_hand: &mut VecDeque<T>, reader: &Waker) -> Taken {
        let mut queue = self.0.lock();
        let writer = queue.writer.take();
        let mut old = None;
        std::mem::swap(in_hand, &mut queue.items);
        queue.in_hand = in_hand.len();
        let taken = if queue.in_hand > 0 {
            Taken::Items
        } else if queue.missed > 0 || queue.ended || queue.closed {
            queue.closed = true;
            Taken::End { missed: std::mem::take(&mut queue.missed) }
        } else {
            old = queue.reader.replace(reader.clone());
            Taken::Nothing
        };
        drop(queue);
        drop(old);
        if let Some(writer) = writer {
            writer.wake();
        }
        taken
    }

    /// Says how many of the items that were taken are not yet given.
    fn holds(&self, in_hand: usize) {
        let mut queue = self.0.lock();
        queue.in_hand = in_hand;
        let writer = queue.writer.take();
        drop(queue);
        if let Some(writer) = writer {
            writer.wake();
        }
    }

    fn fail_late(&self) {
        let mut queue = self.0.lock();
        queue.when_late = WhenLate::Fail;
        // Nobody needs to wait for it any more.
        let writer = queue.writer.take();
        drop(queue);
        if let Some(writer) = writer {
            writer.wake();
        }
    }

    fn queued(&self) -> (usize, bool) {
        let queue = self.0.lock();
        (queue.items.len(), queue.missed > 0 || queue.ended || queue.closed)
    }
}

impl<T> Drop for Inlet<T> {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        queue.closed = true;
        let items = std::mem::take(&mut queue.items);
        let (reader, writer) = (queue.reader.take(), queue.writer.take());
        drop(queue);
        drop((items, reader));
        if let Some(writer) = writer {
            writer.wake();
        }
    }
}
