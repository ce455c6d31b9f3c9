use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::time::Instant;

use super::state::{After, Alert, Entered, Entering, Shared, State};
use crate::backpressure::{BackpressureMetrics, OnDrop, Strategy, Waiting};
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

    /// The same, and where the strategy lets the item wait, it waits.
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
