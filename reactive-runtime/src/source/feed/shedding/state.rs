use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use super::handing::{Dropped, Handing};
use crate::backpressure::{
    AgesOf, BackpressureMetrics, BoundedQueue, Fate, Offered, OnDrop, Strategy, Verdict, Waiting as Waits,
};
use crate::source::TryPushError;
use crate::timer::Clock;
use crate::waiting::{Ticket, Waiting, Wake, Wakes};

/// What feeders and pipeline share. Under its lock the strategy decides, and nothing else that is not ours is called.
pub(super) struct Shared<T, S: Strategy<T>, D, K>(Mutex<State<T, S, D, K>>);

pub(super) struct State<T, S: Strategy<T>, D, K> {
    queue: BoundedQueue<T, S, Dropped<T>>,
    failure: Option<Failure<K>>,
    feeders: usize,
    closed: bool,
    /// All that was queued was dropped, and one who waits is not told of it yet.
    cleared: bool,
    /// The pipeline, while it waits.
    pub(super) pipeline: Option<Waker>,
    waiting: Waiting,
    /// Taken out by whoever hands items over; then the others leave theirs to it.
    pub(super) handing: Option<Box<Handing<T, D>>>,
    time: Time,
}

/// The strategy has failed, behind so many items that are queued. Those that fail until it is told only count.
struct Failure<K> {
    fault: K,
    behind: usize,
}

/// What became of the item that the pipeline took last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// There is none, or it is accounted for.
    Nothing,
    /// It is on its way; if the pipeline is dropped now, something below has panicked.
    Pushing,
    /// It has gone on.
    Pushed,
}

/// What the pipeline finds.
pub(super) enum Found<K> {
    /// An item, which [`State::take`] takes.
    Item,
    Failed(K),
    Ended,
    Nothing,
}

/// An item on its way in.
pub(super) enum Entering<T> {
    New(T),
    Waiting(Waits<T>),
}

/// What became of it.
pub(super) enum Entered<T> {
    Yes,
    Closed(T),
    Waits(Waits<T>),
}

/// Who is to be woken without the lock, and what is to be dropped without it.
pub(super) struct After<K> {
    alert: Alert<K>,
    next: Wake,
    _stale: Option<Waker>,
}

/// What there is of that where nobody waits. Dropped, it wakes too: who is told of drops may panic before.
pub(super) struct Alert<K> {
    pipeline: Option<Waker>,
    late: Option<K>,
}

impl<K> After<K> {
    pub(super) fn nothing() -> Self {
        Self { alert: Alert::nothing(), next: Wake::default(), _stale: None }
    }

    pub(super) fn wake(self) {
        self.alert.wake();
        self.next.wake();
    }
}

impl<K> Alert<K> {
    #[inline(always)]
    pub(super) fn nothing() -> Self {
        Self { pipeline: None, late: None }
    }

    #[inline(always)]
    pub(super) fn wake(self) {
        drop(self);
    }
}

impl<K> Drop for Alert<K> {
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(pipeline) = self.pipeline.take() {
            pipeline.wake();
        }
    }
}

impl<T, S: Strategy<T>, D: OnDrop<T>> Shared<T, S, D, S::Fault> {
    pub(super) fn new(queue: BoundedQueue<T, S, Dropped<T>>, on_drop: D) -> Self {
        let time = Time::new(queue.strategy().ages());
        Self(Mutex::new(State {
            queue,
            failure: None,
            feeders: 1,
            closed: false,
            cleared: false,
            pipeline: None,
            waiting: Waiting::default(),
            handing: Some(Box::new(Handing::new(on_drop))),
            time,
        }))
    }

    /// Does something under the lock; what was dropped by that is handed over behind it.
    #[inline]
    pub(super) fn with<R>(&self, f: impl FnOnce(&mut State<T, S, D, S::Fault>) -> R) -> R {
        let mut state = self.lock();
        let done = f(&mut state);
        self.unlock(state);
        done
    }

    /// Hands over what was dropped under the lock.
    #[inline]
    pub(super) fn unlock<'a>(&'a self, mut state: MutexGuard<'a, State<T, S, D, S::Fault>>) {
        if state.dropped().holds_some() {
            self.hand_over(state);
        }
    }
}

impl<T, S: Strategy<T>, D, K> Shared<T, S, D, K> {
    #[inline]
    pub(super) fn lock(&self) -> MutexGuard<'_, State<T, S, D, K>> {
        // A strategy that panics leaves the queue with an account that balances.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For feeders.
impl<T, S: Strategy<T>, D: OnDrop<T>> State<T, S, D, S::Fault> {
    /// Offers an item of one who does not wait; it comes back if it would have to.
    #[inline(always)]
    pub(super) fn try_enter(&mut self, item: T, alert: &mut Alert<S::Fault>) -> Result<(), TryPushError<T>> {
        if self.closed {
            return Err(TryPushError::Closed(item));
        }
        self.pass();
        match self.queue.judge_now(&item) {
            Verdict::Now(fate) => {
                self.carry_out(fate, item, alert);
                Ok(())
            }
            Verdict::Wait(_) => {
                self.queue.decline();
                Err(TryPushError::Full(item))
            }
        }
    }

    /// Offers the items of a chunk in turn. Where one would have to wait it stays in the chunk, and so do all behind it; so
    /// they do behind a failure that comes too late, which is to be dropped first.
    pub(super) fn try_enter_all(
        &mut self,
        chunk: &mut VecDeque<T>,
        alert: &mut Alert<S::Fault>,
    ) -> Result<(), TryPushError<()>> {
        if self.closed {
            return Err(TryPushError::Closed(()));
        }
        self.queue.advance(self.time.read());
        while alert.late.is_none()
            && let Some(first) = chunk.front()
        {
            let Verdict::Now(fate) = self.queue.judge_now(first) else {
                self.queue.decline();
                return Err(TryPushError::Full(()));
            };
            if let Some(item) = chunk.pop_front() {
                self.carry_out(fate, item, alert);
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn carry_out(&mut self, fate: Fate, item: T, alert: &mut Alert<S::Fault>) {
        match self.queue.carry_out(fate, item) {
            Offered::Kept => self.rouse(alert),
            Offered::Dropped(_) => self.look_who_waits(alert),
            Offered::Failed(fault) => self.fail(fault, alert),
        }
    }

    /// Offers an item, at first or again; if it has to wait the waker is kept.
    pub(super) fn enter(
        &mut self,
        entering: Entering<T>,
        ticket: &mut Ticket,
        waker: &Waker,
        after: &mut After<S::Fault>,
    ) -> Entered<T> {
        if self.closed {
            after._stale = self.waiting.leave(ticket);
            return Entered::Closed(match entering {
                Entering::New(item) => item,
                Entering::Waiting(waits) => self.take_back(waits),
            });
        }
        let offered = match entering {
            // Whoever may wait is told exactly until when.
            Entering::New(item) => self.queue.offer(self.time.read(), item),
            Entering::Waiting(waits) => self.queue.offer_again(self.time.read(), waits),
        };
        match offered {
            Offered::Wait(waits) => {
                after._stale = self.waiting.register(ticket, waker);
                return Entered::Waits(waits);
            }
            Offered::Kept => self.rouse(&mut after.alert),
            Offered::Dropped(_) => {
                self.look_who_waits(&mut after.alert);
                self.pass_on(ticket, after);
            }
            Offered::Failed(fault) => {
                self.fail(fault, &mut after.alert);
                self.pass_on(ticket, after);
            }
        }
        after._stale = self.waiting.leave(ticket);
        Entered::Yes
    }

    /// Takes back an item that waits.
    pub(super) fn withdraw(
        &mut self,
        waits: Waits<T>,
        ticket: &mut Ticket,
        after: &mut After<S::Fault>,
    ) -> T {
        self.pass_on(ticket, after);
        after._stale = self.waiting.leave(ticket);
        self.take_back(waits)
    }

    /// If it was woken for a place that it does not take, another one may.
    fn pass_on(&mut self, ticket: &Ticket, after: &mut After<S::Fault>) {
        if self.waiting.was_woken(ticket) {
            after.next = self.waiting.one();
        }
    }

    /// An item was dropped, or has failed. If all that were queued were too, none is taken that would tell of the room: the
    /// pipeline does.
    #[inline(always)]
    fn look_who_waits(&mut self, alert: &mut Alert<S::Fault>) {
        if self.waiting.has_some() && self.queue.queued().is_empty() {
            self.cleared = true;
            self.rouse(alert);
        }
    }

    fn take_back(&mut self, waits: Waits<T>) -> T {
        self.queue.withdraw(self.time.read(), waits)
    }

    fn fail(&mut self, fault: S::Fault, alert: &mut Alert<S::Fault>) {
        self.look_who_waits(alert);
        if self.failure.is_some() {
            alert.late = Some(fault);
            return;
        }
        self.failure = Some(Failure { fault, behind: self.len() });
        self.rouse(alert);
    }

    /// The pipeline is to be woken, if it waits.
    #[inline(always)]
    fn rouse(&mut self, alert: &mut Alert<S::Fault>) {
        if let Some(pipeline) = self.pipeline.take() {
            alert.pipeline = Some(pipeline);
        }
    }

    pub(super) fn feeder_added(&mut self) {
        self.feeders += 1;
    }

    pub(super) fn feeder_gone(&mut self) -> Option<Waker> {
        self.feeders -= 1;
        if self.feeders == 0 { self.pipeline.take() } else { None }
    }
}

/// For the pipeline.
impl<T, S: Strategy<T>, D: OnDrop<T>> State<T, S, D, S::Fault> {
    /// It is polled, and need not be woken. Gives the waker that it left.
    #[inline]
    pub(super) fn begin(&mut self) -> Option<Waker> {
        if self.pipeline.is_some() {
            self.pass();
        }
        self.publish();
        self.pipeline.take()
    }

    /// Looks for what comes next, once the item before it has gone on. Room that this makes is told to one who waits, who
    /// tells the next one by what it puts in.
    #[inline(always)]
    pub(super) fn next(&mut self, delivered: bool) -> (Found<S::Fault>, Wake) {
        self.pass();
        let held = self.len();
        if delivered {
            self.queue.delivered_now();
        }
        let found = self.find();
        let takes = matches!(found, Found::Item);
        if !takes {
            self.publish();
        }
        // Also a delivery: it may have closed a circuit breaker.
        let room = delivered || takes || self.len() < held || std::mem::take(&mut self.cleared);
        (found, if room { self.waiting.one() } else { Wake::default() })
    }

    /// Takes the item that was found.
    #[inline(always)]
    pub(super) fn take(&mut self) -> Option<T> {
        self.queue.take_next()
    }

    #[inline(always)]
    fn find(&mut self) -> Found<S::Fault> {
        if let Some(failure) = self.failure.take() {
            let Some(behind) = failure.behind.checked_sub(1) else { return Found::Failed(failure.fault) };
            self.failure = Some(Failure { behind, ..failure });
        }
        if self.queue.has_next() {
            return Found::Item;
        }
        match self.failure.take() {
            Some(failure) => Found::Failed(failure.fault),
            None if self.feeders == 0 => Found::Ended,
            None => Found::Nothing,
        }
    }

    /// The pipeline is gone; the last item that it took has gone on, or failed.
    pub(super) fn close(&mut self, last: Taken) -> (Option<Waker>, Wakes, Option<S::Fault>) {
        let now = self.time.read();
        match last {
            Taken::Nothing => {}
            Taken::Pushed => self.queue.delivered(now),
            Taken::Pushing => self.queue.failed(now),
        }
        self.closed = true;
        self.queue.shut_down(now);
        (
            self.pipeline.take(),
            self.waiting.first(usize::MAX),
            self.failure.take().map(|failure| failure.fault),
        )
    }

    #[inline]
    pub(super) fn publish(&mut self) {
        if self.queue.is_monitored() {
            self.show();
        }
    }

    #[inline(never)]
    fn show(&mut self) {
        self.queue.advance(self.time.read());
        self.queue.publish();
    }

    /// How many items are still to come at most, if that is known.
    pub(super) fn at_most(&self) -> Option<usize> {
        (self.feeders == 0).then(|| self.len())
    }
}

impl<T, S: Strategy<T>, D: OnDrop<T>> State<T, S, D, S::Fault> {
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    fn len(&self) -> usize {
        self.queue.queued().len()
    }

    pub(super) fn capacity(&self) -> usize {
        self.queue.queued().capacity()
    }

    pub(super) fn metrics(&mut self) -> BackpressureMetrics {
        self.queue.advance(self.time.read());
        self.queue.metrics()
    }

    pub(super) fn dropped(&mut self) -> &mut Dropped<T> {
        self.queue.on_drop_mut()
    }

    /// Tells the queue what time it is.
    #[inline(always)]
    fn pass(&mut self) {
        // Where the pipeline waits, much may have passed.
        if self.pipeline.is_some() || self.time.is_due() {
            self.look();
        }
    }

    #[inline(never)]
    fn look(&mut self) {
        let waits = self.pipeline.is_some();
        let now = if waits { self.time.read() } else { self.time.look() };
        self.queue.advance(now);
    }

    pub(super) fn instant(&self, at: Duration) -> tokio::time::Instant {
        self.time.clock.instant(at)
    }
}

/// The time, for a queue to which items come faster than a clock can be read.
struct Time {
    clock: Clock,
    now: Duration,
    // So many times more the clock is not read, after so many at the last time.
    unread: u32,
    stride: u32,
    stride_max: u32,
}

const STRIDE_MAX: u32 = 32;
/// If so much passes until the clock is read again, it is read each time.
const DENSE: Duration = Duration::from_micros(100);

impl Time {
    fn new(ages: AgesOf) -> Self {
        let stride_max = if ages == AgesOf::Each { 0 } else { STRIDE_MAX };
        Self { clock: Clock::default(), now: Duration::ZERO, unread: 0, stride: 0, stride_max }
    }

    /// Exactly.
    fn read(&mut self) -> Duration {
        self.now = self.clock.now();
        self.now
    }

    /// Whether it is to be looked at: always, if the strategy needs it exactly; else at one in so many items, where those
    /// come in a row.
    #[inline(always)]
    fn is_due(&mut self) -> bool {
        let due = self.unread == 0;
        self.unread = self.unread.saturating_sub(1);
        due
    }

    fn look(&mut self) -> Duration {
        let before = self.now;
        let dense = self.read() - before <= DENSE;
        self.stride = if dense { (2 * self.stride + 1).min(self.stride_max) } else { 0 };
        self.unread = self.stride;
        self.now
    }
}
