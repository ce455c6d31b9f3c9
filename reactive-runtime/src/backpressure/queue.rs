use std::fmt;
use std::time::Duration;

use super::accounting::{Accounting, Drops, Reason};
use super::listeners::OnDrop;
use super::metrics::{BackpressureMetrics, BackpressureMonitor, Stopwatch};
use super::offer::{Carried, Fate, Offered, Verdict, Waiting};
use super::pressure::{Pressure, Watermarks};
use super::queued::{Queued, SourceKind};
use super::{Decision, Signal, Strategy, Victim};

/// A queue of at most so many items, in which a [`Strategy`] decides what becomes of those that are offered.
///
/// It keeps account of every item: [`accounting`](Self::accounting) balances at every moment, after a panic in a closure
/// too: the item that the closure was about then counts as failed.
///
/// Its memory is `capacity` items, taken when the first one comes (above 64 MiB as items come), and at most 3 KiB
/// besides; with a strategy that needs the age of each item, 8 bytes an item more. No item allocates.
///
/// # Data loss
///
/// What the strategy drops, and what is queued when the queue is dropped. Each such item is counted by its [`Reason`], and
/// handed to what it was made [`with`](Self::with).
pub struct BoundedQueue<T, S, D = ()>
where
    D: OnDrop<T>,
    S: Strategy<T>,
{
    queued: Queued<T>,
    strategy: S,
    on_drop: D,
    offered: u64,
    delivered: u64,
    failed: u64,
    dropped: Drops,
    // An item is between its producer and its place. Between two calls that is so only after a panic, which has lost it.
    in_hand: bool,
    // Since when the consumer is busy with what it took last.
    busy_since: Option<Duration>,
    // How many items wait at their producers, and for how long one or more did.
    waiting: usize,
    blocked: Stopwatch,
    pressured: Stopwatch,
    monitor: Option<BackpressureMonitor>,
}

impl<T, S: Strategy<T>> BoundedQueue<T, S> {
    /// A queue of at most `capacity` items.
    ///
    /// # Panics
    ///
    /// If `capacity` is 0, or the options of the strategy have no meaning.
    #[track_caller]
    pub fn new(capacity: usize, strategy: S) -> Self {
        Self::with(capacity, strategy, ())
    }
}

impl<T, S: Strategy<T>, D: OnDrop<T>> BoundedQueue<T, S, D> {
    /// A queue of at most `capacity` items, which hands what it drops to `on_drop`.
    ///
    /// # Panics
    ///
    /// If `capacity` is 0, or the options of the strategy have no meaning.
    #[track_caller]
    pub fn with(capacity: usize, strategy: S, on_drop: D) -> Self {
        strategy.check();
        assert!(capacity > 0, "a queue of 0 items has no meaning: its capacity is at least 1");
        Self {
            queued: Queued::new(capacity, strategy.watermarks(), strategy.ages()),
            monitor: strategy.monitor().cloned(),
            strategy,
            on_drop,
            offered: 0,
            delivered: 0,
            failed: 0,
            dropped: Drops::default(),
            in_hand: false,
            busy_since: None,
            waiting: 0,
            blocked: Stopwatch::default(),
            pressured: Stopwatch::default(),
        }
    }

    /// Says how items come. By default they are pulled.
    pub fn source(mut self, source: SourceKind) -> Self {
        self.queued.source = source;
        self
    }

    /// When pressure starts and ends, in place of what the strategy says.
    ///
    /// # Panics
    ///
    /// If it has begun.
    #[track_caller]
    pub fn watermarks(mut self, watermarks: Watermarks) -> Self {
        assert!(self.queued.began.is_none(), "the watermarks of a queue are set before its first item");
        self.queued.set_watermarks(watermarks);
        self
    }

    /// Shows its metrics there, whenever [`publish`](Self::publish) is called.
    pub fn monitor(mut self, monitor: &BackpressureMonitor) -> Self {
        self.monitor = Some(monitor.clone());
        self
    }

    /// Gives room for more items, or for less. What is queued stays: a queue that holds more than it may is full until
    /// enough was taken, or until its strategy makes room.
    ///
    /// # Panics
    ///
    /// If `capacity` is 0.
    #[track_caller]
    pub fn set_capacity(&mut self, now: Duration, capacity: usize) {
        assert!(capacity > 0, "a queue of 0 items has no meaning: its capacity is at least 1");
        self.enter(now);
        if let Some(pressure) = self.queued.set_capacity(capacity) {
            self.turn(pressure);
        }
    }

    /// Time goes on while nothing else happens: for metrics that are read then.
    pub fn advance(&mut self, now: Duration) {
        self.enter(now);
    }

    /// Offers an item.
    #[inline(always)]
    pub fn offer(&mut self, now: Duration, item: T) -> Offered<T, S::Fault> {
        self.queued.advance(now);
        self.meet();
        self.decide(item, self.queued.now)
    }

    /// Offers an item again that has waited: when an item was taken, or its time has come.
    pub fn offer_again(&mut self, now: Duration, waiting: Waiting<T>) -> Offered<T, S::Fault> {
        let Waiting { item, since, .. } = waiting;
        self.end_wait(now);
        self.queued.waited = self.queued.now.saturating_sub(since);
        self.decide(item, since)
    }

    /// Takes back an item that waits. Who drops it instead leaves the blocked time running.
    pub fn withdraw(&mut self, now: Duration, waiting: Waiting<T>) -> T {
        self.end_wait(now);
        waiting.item
    }

    /// Drops an item that waits, as its producer is gone, for [`Reason::Shutdown`].
    pub fn abandon(&mut self, now: Duration, waiting: Waiting<T>) {
        self.end_wait(now);
        self.offered += 1;
        self.dropped.add(Reason::Shutdown, 1);
        if !std::thread::panicking() {
            self.on_drop.dropped(waiting.item, Reason::Shutdown);
        }
    }

    fn end_wait(&mut self, now: Duration) {
        self.enter(now);
        self.waiting = self.waiting.saturating_sub(1);
        if self.waiting == 0 {
            self.blocked.stop(self.queued.now);
        }
    }

    #[inline(always)]
    fn decide(&mut self, item: T, since: Duration) -> Offered<T, S::Fault> {
        match self.judge(&item) {
            Verdict::Wait(until) => self.wait(Waiting { item, since, until }),
            Verdict::Now(fate) => match self.carry_out(fate, item) {
                Offered::Kept => Offered::Kept,
                Offered::Dropped(reason) => Offered::Dropped(reason),
                Offered::Failed(fault) => Offered::Failed(fault),
            },
        }
    }

    /// Asks the strategy about an item of one who does not wait, at the time of the last call that told it. That is
    /// [carried out](Self::carry_out), or [declined](Self::decline) if the item would wait: which is not moved for it.
    #[cfg(feature = "time")]
    #[inline(always)]
    pub(crate) fn judge_now(&mut self, item: &T) -> Verdict {
        self.meet();
        self.judge(item)
    }

    /// An item is offered that has not waited.
    #[inline(always)]
    fn meet(&mut self) {
        self.recover();
        if self.queued.waited > Duration::ZERO {
            self.queued.waited = Duration::ZERO;
        }
    }

    /// Makes the room that is to be made.
    #[inline(always)]
    fn judge(&mut self, item: &T) -> Verdict {
        self.in_hand = true;
        loop {
            let decision = self.strategy.offer(item, &self.queued);
            self.tell_circuit();
            return match decision {
                Decision::MakeRoom(victim, reason) if !self.queued.is_empty() => {
                    self.evict(victim, reason);
                    continue;
                }
                Decision::Merge if !self.queued.is_empty() => Verdict::Now(Fate::Merged),
                Decision::Keep | Decision::MakeRoom(..) | Decision::Merge if !self.queued.is_full() => {
                    Verdict::Now(Fate::Kept)
                }
                Decision::Replace(_) if !self.queued.is_full() => Verdict::Now(Fate::Replaced),
                Decision::Drop(reason) | Decision::Replace(reason) => Verdict::Now(Fate::Dropped(reason)),
                Decision::Keep | Decision::MakeRoom(..) | Decision::Merge | Decision::Wait => {
                    Verdict::Wait(None)
                }
                Decision::WaitUntil(time) => Verdict::Wait(Some(time)),
                Decision::Fail => Verdict::Now(Fate::Failed),
            };
        }
    }

    /// The item would have to wait: so it was not offered.
    #[cfg(feature = "time")]
    #[inline(always)]
    pub(crate) fn decline(&mut self) {
        self.in_hand = false;
    }

    /// Does with the item what was decided about it.
    #[inline(always)]
    pub(crate) fn carry_out(&mut self, fate: Fate, item: T) -> Carried<S::Fault> {
        match fate {
            Fate::Kept => self.keep(item),
            Fate::Merged => self.merge(item),
            Fate::Replaced => {
                let item = self.strategy.replace(item);
                self.keep(item)
            }
            Fate::Dropped(reason) => self.refuse(item, reason),
            Fate::Failed => self.fail(item),
        }
    }

    #[inline(always)]
    fn keep(&mut self, item: T) -> Carried<S::Fault> {
        self.settle();
        if let Some(pressure) = self.queued.push(item) {
            self.turn(pressure);
        }
        Offered::Kept
    }

    #[inline(always)]
    fn wait(&mut self, waiting: Waiting<T>) -> Offered<T, S::Fault> {
        self.in_hand = false;
        self.waiting += 1;
        self.blocked.start(self.queued.now);
        Offered::Wait(waiting)
    }

    fn merge(&mut self, item: T) -> Carried<S::Fault> {
        let Some(youngest) = self.queued.items.back_mut() else { return self.keep(item) };
        let rest = self.strategy.merge(item, youngest);
        self.settle();
        self.dropped.add(Reason::Conflated, 1);
        match rest {
            None => {
                self.on_drop.dropped_untold(Reason::Conflated);
                Offered::Kept
            }
            Some(rest) => {
                self.on_drop.dropped(rest, Reason::Conflated);
                Offered::Dropped(Reason::Conflated)
            }
        }
    }

    #[inline(never)]
    fn fail(&mut self, item: T) -> Carried<S::Fault> {
        match self.strategy.fail(item) {
            Ok(fault) => {
                self.settle();
                self.failed += 1;
                Offered::Failed(fault)
            }
            Err(item) => self.refuse(item, Reason::QueueFull),
        }
    }

    #[inline(always)]
    fn refuse(&mut self, item: T, reason: Reason) -> Carried<S::Fault> {
        self.settle();
        self.discard(item, reason);
        Offered::Dropped(reason)
    }

    /// The item in hand has its fate, and was offered.
    #[inline(always)]
    fn settle(&mut self) {
        if self.queued.pressure == Pressure::Pressured {
            self.queued.offers_under_pressure += 1;
        }
        self.offered += 1;
        self.in_hand = false;
    }

    #[inline(always)]
    fn evict(&mut self, victim: Victim, reason: Reason) {
        if victim == Victim::All {
            return self.evict_all(reason);
        }
        self.relieve(self.queued.len() - 1);
        if !self.on_drop.takes_items() {
            // Where it is: nobody has it moved out for nothing.
            self.dropped.add(reason, 1);
            self.on_drop.dropped_untold(reason);
            drop(self.queued.pop(victim));
        } else if let Some(item) = self.queued.pop(victim) {
            self.discard(item, reason);
        }
    }

    /// Counted, and shown if they are the last ones, before anybody is told: who is told may panic.
    fn evict_all(&mut self, reason: Reason) {
        let relieved = self.queued.relieved(0);
        let mut items = self.queued.take_all();
        self.dropped.add(reason, items.len() as u64);
        if relieved.is_some() {
            self.pressured.stop(self.queued.now);
        }
        if reason == Reason::Shutdown {
            self.publish();
        }
        if let Some(pressure) = relieved {
            self.turn(pressure);
        }
        while let Some(item) = items.pop_front() {
            self.on_drop.dropped(item, reason);
        }
        // Its memory serves the next items.
        self.queued.items = items;
    }

    /// Counted first: `on_drop` may panic.
    #[inline(always)]
    fn discard(&mut self, item: T, reason: Reason) {
        self.dropped.add(reason, 1);
        self.on_drop.dropped(item, reason);
    }

    /// Takes the item whose turn it is: it is in flight until it is [`delivered`](Self::delivered) or has
    /// [`failed`](Self::failed).
    ///
    /// That it is called says that the consumer is done with what it took before, and waits.
    #[inline]
    pub fn take(&mut self, now: Duration) -> Option<T> {
        self.queued.advance(now);
        if self.has_next() { self.take_next() } else { None }
    }

    /// Whether there is an item whose turn it is now. It is the one that [`take_next`](Self::take_next) takes.
    #[inline(always)]
    pub(crate) fn has_next(&mut self) -> bool {
        self.recover();
        if let Some(since) = self.busy_since.take() {
            let took = self.queued.now.saturating_sub(since);
            self.notice(Signal::Served(took));
        }
        while let Some(oldest) = self.queued.items.front() {
            let dropped = self.strategy.take(oldest, &self.queued);
            // All that may panic stands before the item leaves its place.
            self.relieve(self.queued.len() - 1);
            let Some(reason) = dropped else { return true };
            if let Some(item) = self.queued.pop_oldest() {
                self.discard(item, reason);
            }
        }
        false
    }

    #[inline(always)]
    pub(crate) fn take_next(&mut self) -> Option<T> {
        let item = self.queued.pop_oldest()?;
        self.queued.in_flight += 1;
        self.busy_since = Some(self.queued.now);
        Some(item)
    }

    /// An item that was taken has gone on.
    ///
    /// # Panics
    ///
    /// If none is in flight.
    #[inline]
    #[track_caller]
    pub fn delivered(&mut self, now: Duration) {
        self.queued.advance(now);
        self.delivered_now();
    }

    #[inline(always)]
    #[track_caller]
    pub(crate) fn delivered_now(&mut self) {
        self.land();
        self.delivered += 1;
        self.notice(Signal::Delivered);
    }

    /// An item that was taken has failed.
    ///
    /// # Panics
    ///
    /// If none is in flight.
    #[track_caller]
    pub fn failed(&mut self, now: Duration) {
        self.queued.advance(now);
        self.land();
        self.failed += 1;
        self.notice(Signal::Failed);
    }

    #[inline(always)]
    fn notice(&mut self, signal: Signal) {
        self.strategy.notice(signal, &self.queued);
        self.tell_circuit();
    }

    #[inline(always)]
    fn tell_circuit(&mut self) {
        if let Some(state) = self.strategy.circuit_change() {
            self.on_drop.circuit(state);
        }
    }

    #[inline(always)]
    #[track_caller]
    fn land(&mut self) {
        self.recover();
        assert!(self.queued.in_flight > 0, "no item is in flight: each one that was taken ends once");
        self.queued.in_flight -= 1;
    }

    /// Drops what is queued, for [`Reason::Shutdown`]. What is in flight stays so.
    pub fn shut_down(&mut self, now: Duration) {
        self.enter(now);
        self.evict_all(Reason::Shutdown);
    }

    /// What its drops are handed to.
    pub fn on_drop_mut(&mut self) -> &mut D {
        &mut self.on_drop
    }

    #[cfg(feature = "time")]
    pub(crate) fn is_monitored(&self) -> bool {
        self.monitor.is_some()
    }

    /// What is queued.
    pub fn queued(&self) -> &Queued<T> {
        &self.queued
    }

    /// The strategy.
    pub fn strategy(&self) -> &S {
        &self.strategy
    }

    /// Where its items are.
    pub fn accounting(&self) -> Accounting {
        let lost = u64::from(self.in_hand);
        Accounting {
            offered: self.offered + lost,
            delivered: self.delivered,
            failed: self.failed + lost,
            dropped: self.dropped,
            buffered: self.queued.len() as u64,
            in_flight: self.queued.in_flight as u64,
        }
    }

    /// How it does, as of the last call that said what time it is.
    pub fn metrics(&self) -> BackpressureMetrics {
        let queued = &self.queued;
        BackpressureMetrics {
            strategy: self.strategy.name().into(),
            dropped_items: self.dropped,
            blocked_time: self.blocked.read(queued.now),
            circuit_open: self.strategy.circuit_open(),
            buffer_usage: queued.usage(),
            mean_buffer_usage: queued.mean_usage(),
            high_watermark_events: queued.starts_of_pressure,
            low_watermark_events: queued.ends_of_pressure,
            pressured_time: self.pressured.read(queued.now),
            oldest_age: if queued.is_empty() { Duration::ZERO } else { queued.age(0) },
            accounting: self.accounting(),
        }
    }

    /// Shows the metrics in the monitor, if there is one.
    pub fn publish(&self) {
        if let Some(monitor) = &self.monitor {
            monitor.show(self.metrics());
        }
    }

    #[inline(always)]
    fn enter(&mut self, now: Duration) {
        self.queued.advance(now);
        self.recover();
    }

    #[inline(always)]
    fn recover(&mut self) {
        if self.in_hand {
            // A closure panicked in the call before, and the item went with it.
            self.settle();
            self.failed += 1;
        }
    }

    /// Tells if pressure ends when so many items are left.
    #[inline(always)]
    fn relieve(&mut self, left: usize) {
        if let Some(pressure) = self.queued.relieved(left) {
            self.turn(pressure);
        }
    }

    #[inline(never)]
    fn turn(&mut self, pressure: Pressure) {
        match pressure {
            Pressure::Pressured => self.pressured.start(self.queued.now),
            Pressure::Normal => self.pressured.stop(self.queued.now),
        }
        self.notice(Signal::Pressure(pressure));
        self.on_drop.pressure(pressure);
    }
}

impl<T, S: Strategy<T>, D: OnDrop<T>> Drop for BoundedQueue<T, S, D> {
    fn drop(&mut self) {
        // Nobody can tell any more how they ended.
        self.failed += std::mem::take(&mut self.queued.in_flight) as u64;
        if std::thread::panicking() {
            // A second panic would abort: so no closure is called.
            self.dropped.add(Reason::Shutdown, self.queued.take_all().len() as u64);
            self.publish();
        } else {
            self.shut_down(self.queued.now);
        }
    }
}

impl<T, S: Strategy<T>, D: OnDrop<T>> fmt::Debug for BoundedQueue<T, S, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedQueue")
            .field("strategy", &self.strategy.name())
            .field("capacity", &self.queued.capacity())
            .field("accounting", &self.accounting())
            .finish_non_exhaustive()
    }
}
