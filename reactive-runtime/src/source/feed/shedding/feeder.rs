use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::iter::Fuse;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::time::Instant;

use super::state::{After, Alert, Entered, Entering, Shared, State};
use crate::backpressure::{BackpressureMetrics, OnDrop, Strategy, Waiting};
use crate::flow::{BUDGET, yield_now};
use crate::handover::CHUNK;
use crate::source::{Closed, TryPushError};
use crate::timer::Timer;
use crate::waiting::Ticket;

/// Puts items into a pipeline, where a strategy decides what becomes of them: made by [`Feed::open`](super::Feed::open).
///
/// Its clones feed the same pipeline, which ends when all of them are gone.
pub struct SheddingFeeder<T>(Arc<dyn Entrance<T>>);

/// The strategy, which is not seen in the type of a feeder.
trait Entrance<T>: Send + Sync {
    /// Offers an item; it comes back if it has to wait.
    fn try_enter(&self, item: T) -> Result<(), TryPushError<T>>;

    /// Offers the items of a chunk; what has to wait stays in it.
    fn try_enter_all(&self, chunk: &mut VecDeque<T>) -> Result<(), TryPushError<()>>;

    /// Offers an item, at first or again; if it has to wait the waker is kept. Also when to offer it again at the latest.
    fn enter(
        &self,
        entering: Entering<T>,
        ticket: &mut Ticket,
        waker: &Waker,
    ) -> (Entered<T>, Option<Instant>);

    /// Takes back an item that waits.
    fn withdraw(&self, waits: Waiting<T>, ticket: &mut Ticket);

    fn added(&self);

    fn gone(&self);

    fn is_closed(&self) -> bool;

    fn capacity(&self) -> usize;

    fn metrics(&self) -> BackpressureMetrics;
}

impl<T> SheddingFeeder<T> {
    pub(super) fn new<S, D>(shared: Arc<Shared<T, S, D, S::Fault>>) -> Self
    where
        S: Strategy<T, Fault: Send> + Send + 'static,
        D: OnDrop<T> + Send + 'static,
        T: Send + 'static,
    {
        Self(shared)
    }

    /// Puts an item in, or lets the strategy do with it what it does. It is seen at once.
    ///
    /// `Ok` is for an item that was dropped too, or makes the pipeline fail: it is accounted for.
    ///
    /// # Errors
    ///
    /// The item comes back when the strategy lets it wait, or when the pipeline is gone.
    pub fn try_push(&self, item: T) -> Result<(), TryPushError<T>> {
        self.0.try_enter(item)
    }

    /// Puts in all items of an iterator, in chunks of up to 64: the strategy decides about each in its turn, and all of a chunk
    /// are seen at once. For who has many items it is several times faster.
    ///
    /// The iterator is asked for a chunk before any item of it is put in.
    ///
    /// # Errors
    ///
    /// Where the strategy lets an item wait, that one and all behind it come back, as an iterator; so does what is left
    /// when the pipeline is gone.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use reactive_runtime::source::TryPushError;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (feeder, readings) = Feed::new(3).backpressure(DropOldest).open();
    /// assert!(feeder.try_push_all(0..10).is_ok());
    /// drop(feeder);
    /// assert_eq!(pipeline! { readings |> collect::<Vec<_>>() }.await, [7, 8, 9]);
    ///
    /// let (feeder, _readings) = Feed::new(3).backpressure(Block).open();
    /// let Err(TryPushError::Full(rest)) = feeder.try_push_all(0..6) else { panic!("there is room for three") };
    /// assert!(rest.eq([3, 4, 5]));
    /// # }
    /// ```
    pub fn try_push_all<I>(&self, items: I) -> Result<(), TryPushError<impl Iterator<Item = T> + use<T, I>>>
    where
        I: IntoIterator<Item = T>,
    {
        let mut chunks = Chunks::of(items);
        while chunks.fill() {
            match self.0.try_enter_all(&mut chunks.gathered) {
                Ok(()) => {}
                Err(TryPushError::Full(())) => return Err(TryPushError::Full(chunks.rest())),
                Err(TryPushError::Closed(())) => return Err(TryPushError::Closed(chunks.rest())),
            }
        }
        Ok(())
    }

    /// As [`try_push`](Self::try_push), and where the strategy lets the item wait, it waits.
    ///
    /// Those that wait have their turns in the order in which they came. One that comes when there is room goes in at once.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it was ready, it drops the item, which was not put in and does not count.
    ///
    /// # Errors
    ///
    /// The item comes back when the pipeline is gone.
    #[doc(alias = "send")]
    pub fn push(&self, item: T) -> SheddingPush<'_, T> {
        let entering = Some(Entering::New(item));
        SheddingPush { feeder: self, entering, ticket: Ticket::default(), timer: Timer::default() }
    }

    /// As [`try_push_all`](Self::try_push_all), and where the strategy lets an item wait, it waits, and those behind it too.
    ///
    /// Where none has to wait, it lets other tasks run after each 4096 items.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it was ready, it drops what it took from the iterator and has not put in, which does not count: up to 64
    /// items.
    ///
    /// # Errors
    ///
    /// When the pipeline is gone, what was not put in comes back, as an iterator.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (feeder, numbers) = Feed::new(8).backpressure(Block).open();
    /// let feeding = async move { feeder.push_all(0..100).await.expect("the pipeline is there") };
    /// let (sum, ()) = tokio::join!(pipeline! { numbers |> sum::<u32>() }, feeding);
    /// assert_eq!(sum, 4950);
    /// # }
    /// ```
    pub async fn push_all<I>(&self, items: I) -> Result<(), Closed<impl Iterator<Item = T> + use<T, I>>>
    where
        I: IntoIterator<Item = T>,
    {
        let mut chunks = Chunks::of(items);
        let mut entered = 0;
        while chunks.fill() {
            match self.0.try_enter_all(&mut chunks.gathered) {
                Ok(()) => {
                    entered += CHUNK;
                    if entered % BUDGET == 0 {
                        let_others_run().await;
                    }
                }
                Err(TryPushError::Full(())) => {
                    if let Some(first) = chunks.gathered.pop_front()
                        && let Err(Closed(first)) = self.push(first).await
                    {
                        chunks.gathered.push_front(first);
                        return Err(Closed(chunks.rest()));
                    }
                }
                Err(TryPushError::Closed(())) => return Err(Closed(chunks.rest())),
            }
        }
        Ok(())
    }

    /// Whether the pipeline is gone, so that nothing will be taken.
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// How many items can wait for the pipeline.
    pub fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// How the queue does now, and where its items are.
    pub fn metrics(&self) -> BackpressureMetrics {
        self.0.metrics()
    }
}

/// A strategy that never lets anybody wait would keep the executor from all others, the pipeline among them.
fn let_others_run() -> impl Future<Output = ()> {
    let mut have_run = false;
    poll_fn(move |cx| if std::mem::replace(&mut have_run, true) { Poll::Ready(()) } else { yield_now(cx) })
}

/// The items of an iterator, up to 64 at a time: it is never asked for one under the lock.
struct Chunks<I: Iterator> {
    gathered: VecDeque<I::Item>,
    items: Fuse<I>,
}

impl<I: Iterator> Chunks<I> {
    fn of(items: impl IntoIterator<IntoIter = I>) -> Self {
        Self { gathered: VecDeque::new(), items: items.into_iter().fuse() }
    }

    /// Whether there is one more.
    fn fill(&mut self) -> bool {
        self.gathered.extend(self.items.by_ref().take(CHUNK - self.gathered.len()));
        !self.gathered.is_empty()
    }

    fn rest(self) -> impl Iterator<Item = I::Item> {
        self.gathered.into_iter().chain(self.items)
    }
}

impl<T> Clone for SheddingFeeder<T> {
    fn clone(&self) -> Self {
        self.0.added();
        Self(self.0.clone())
    }
}

impl<T> Drop for SheddingFeeder<T> {
    fn drop(&mut self) {
        self.0.gone();
    }
}

impl<T> fmt::Debug for SheddingFeeder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SheddingFeeder").field("capacity", &self.capacity()).finish_non_exhaustive()
    }
}

/// The future of [`SheddingFeeder::push`].
#[must_use = "an item is put in when this is polled: `.await` it"]
pub struct SheddingPush<'a, T> {
    feeder: &'a SheddingFeeder<T>,
    entering: Option<Entering<T>>,
    ticket: Ticket,
    timer: Timer,
}

// The item is never pinned.
impl<T> Unpin for SheddingPush<'_, T> {}

impl<T> Future for SheddingPush<'_, T> {
    type Output = Result<(), Closed<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let me = &mut *self;
        loop {
            let entering = me.entering.take().expect("a push that was ready is not polled again");
            match me.feeder.0.enter(entering, &mut me.ticket, cx.waker()) {
                (Entered::Yes, _) => return Poll::Ready(Ok(())),
                (Entered::Closed(item), _) => return Poll::Ready(Err(Closed(item))),
                (Entered::Waits(waits), until) => {
                    me.entering = Some(Entering::Waiting(waits));
                    match until.map(|until| me.timer.poll_until(until, cx)) {
                        // Its time has come: it is offered again.
                        Some(Poll::Ready(())) => {}
                        Some(Poll::Pending) | None => return Poll::Pending,
                    }
                }
            }
        }
    }
}

impl<T> Drop for SheddingPush<'_, T> {
    fn drop(&mut self) {
        if let Some(Entering::Waiting(waits)) = self.entering.take() {
            self.feeder.0.withdraw(waits, &mut self.ticket);
        }
    }
}

impl<T, S, D> Entrance<T> for Shared<T, S, D, S::Fault>
where
    S: Strategy<T, Fault: Send> + Send,
    D: OnDrop<T> + Send,
    T: Send,
{
    // Without `with`, so that an item of some size is not moved once more.
    fn try_enter(&self, item: T) -> Result<(), TryPushError<T>> {
        let mut alert = Alert::nothing();
        let mut state = self.lock();
        // The two ways out are apart: else the place of an item that comes back would be moved for one that does not.
        if let Err(refused) = state.try_enter(item, &mut alert) {
            self.unlock(state);
            return Err(refused);
        }
        self.unlock(state);
        alert.wake();
        Ok(())
    }

    fn try_enter_all(&self, chunk: &mut VecDeque<T>) -> Result<(), TryPushError<()>> {
        let mut alert = Alert::nothing();
        let entered = self.with(|state| state.try_enter_all(chunk, &mut alert));
        alert.wake();
        entered
    }

    fn enter(
        &self,
        entering: Entering<T>,
        ticket: &mut Ticket,
        waker: &Waker,
    ) -> (Entered<T>, Option<Instant>) {
        let mut after = After::nothing();
        let entered = self.with(|state| {
            let entered = state.enter(entering, ticket, waker, &mut after);
            let until = match &entered {
                Entered::Waits(waits) => waits.until().map(|until| state.instant(until)),
                Entered::Yes | Entered::Closed(_) => None,
            };
            (entered, until)
        });
        after.wake();
        entered
    }

    fn withdraw(&self, waits: Waiting<T>, ticket: &mut Ticket) {
        let mut after = After::nothing();
        let _item = self.with(|state| state.withdraw(waits, ticket, &mut after));
        after.wake();
    }

    fn added(&self) {
        self.with(State::feeder_added);
    }

    fn gone(&self) {
        if let Some(waker) = self.with(State::feeder_gone) {
            waker.wake();
        }
    }

    fn is_closed(&self) -> bool {
        self.with(|state| state.is_closed())
    }

    fn capacity(&self) -> usize {
        self.with(|state| state.capacity())
    }

    fn metrics(&self) -> BackpressureMetrics {
        self.with(State::metrics)
    }
}
