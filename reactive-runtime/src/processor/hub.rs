use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::control::{Control, Controls};
use super::handlers::Handlers;
use super::latencies::Latencies;
use super::places::{Asked, Places};
use super::tally::Tally;
use super::{Stopped, StreamConfig};
use crate::backpressure::{BackpressureConfig, BackpressureMetrics, BackpressureMonitor};
use crate::retry::Retry;

/// What the streams of a processor share.
///
/// What they do for each item is in their [`Tally`], without a lock; here is what they do once a poll.
pub(super) struct Hub {
    pub(super) config: StreamConfig,
    pub(super) retry: Retry,
    pub(super) backpressure: Option<BackpressureConfig>,
    pub(super) flow_control: Option<Box<dyn Controls>>,
    pub(super) handlers: Handlers,
    pub(super) latencies: Mutex<Latencies>,
    started: OnceLock<Started>,
    stopping: AtomicBool,
    /// Whether a stream waits for a place: then no other keeps one.
    contended: AtomicBool,
    /// Room in the buffer, of all streams.
    room: AtomicUsize,
    state: Mutex<State>,
}

/// When the processor started, on both clocks.
#[derive(Clone, Copy, Debug)]
struct Started {
    at: Instant,
    wall: SystemTime,
}

struct State {
    phase: Phase,
    places: Places,
    streams: BTreeMap<usize, Stream>,
    joined: usize,
    past: Totals,
    /// Of the stream that began last.
    monitor: Option<BackpressureMonitor>,
    stopping: Vec<Waker>,
}

/// The life of a processor: it goes from one to the next, and never back.
///
/// ```text
/// New ── start, or the first stream ──► Running ── stop ──► Stopping ── all is done ──► Stopped
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    New,
    Running,
    Stopping,
    /// It ran for so long.
    Stopped(Duration),
}

struct Stream {
    tally: Arc<Tally>,
    /// Left when it has nothing to do.
    waker: Option<Waker>,
}

/// What was counted, of one stream or of all.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    pub(super) taken: u64,
    pub(super) processed: u64,
    pub(super) failed: u64,
    pub(super) retried: u64,
    pub(super) buffered: u64,
    pub(super) running: u64,
    pub(super) unfinished: u64,
    /// Those that a strategy dropped.
    pub(super) dropped: u64,
    /// Those that were lost as their stream was dropped.
    pub(super) cancelled: u64,
    pub(super) streams: u64,
}

impl Hub {
    pub(super) fn new(config: StreamConfig) -> Self {
        let state = State {
            phase: Phase::New,
            places: Places::new(config.max_concurrent_operations),
            streams: BTreeMap::new(),
            joined: 0,
            past: Totals::default(),
            monitor: None,
            stopping: Vec::new(),
        };
        Self {
            room: AtomicUsize::new(config.buffer_size),
            retry: config.retry(),
            config,
            backpressure: None,
            flow_control: None,
            handlers: Handlers::default(),
            latencies: Mutex::new(Latencies::new()),
            started: OnceLock::new(),
            stopping: AtomicBool::new(false),
            contended: AtomicBool::new(false),
            state: Mutex::new(state),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn start(&self) -> Result<(), Stopped> {
        self.start_in(&mut self.lock())
    }

    fn start_in(&self, state: &mut State) -> Result<(), Stopped> {
        match state.phase {
            Phase::New => {
                self.started.get_or_init(|| Started { at: Instant::now(), wall: SystemTime::now() });
                state.phase = Phase::Running;
                Ok(())
            }
            Phase::Running => Ok(()),
            Phase::Stopping | Phase::Stopped(_) => Err(Stopped),
        }
    }

    /// A stream begins; it gets a number.
    pub(super) fn join(
        &self,
        tally: &Arc<Tally>,
        monitor: Option<&BackpressureMonitor>,
    ) -> Result<usize, Stopped> {
        let mut state = self.lock();
        self.start_in(&mut state)?;
        state.joined += 1;
        state.monitor = monitor.cloned();
        let id = state.joined;
        state.streams.insert(id, Stream { tally: tally.clone(), waker: None });
        Ok(id)
    }

    /// A stream has ended, or was dropped.
    pub(super) fn leave(&self, id: usize) {
        let mut state = self.lock();
        let Some(Stream { tally, waker, .. }) = state.streams.remove(&id) else { return };
        state.past.add_ended(&tally);
        state.places.leave(id);
        let woken = self.give_back(&mut state, tally.take_places());
        drop(state);
        drop(waker);
        woken.wake();
    }

    /// Whether new items are not to be taken any more.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// The time since the start.
    pub(super) fn now(&self) -> Duration {
        self.started.get().map_or(Duration::ZERO, |started| started.at.elapsed())
    }

    /// That time, on the clock on the wall.
    pub(super) fn wall(&self, now: Duration) -> SystemTime {
        self.started.get().map_or(SystemTime::UNIX_EPOCH, |started| started.wall + now)
    }

    /// Whether the stream has a place for an operation; if not, it is woken when it should ask again.
    #[inline(always)]
    pub(super) fn has_place(&self, id: usize, tally: &Tally, cx: &Context<'_>) -> bool {
        (tally.has_spare() && !self.contended.load(Ordering::Relaxed)) || self.ask(id, tally, cx)
    }

    #[cold]
    fn ask(&self, id: usize, tally: &Tally, cx: &Context<'_>) -> bool {
        let mut state = self.lock();
        let mut woken = self.give_back(&mut state, tally.take_spare());
        let asked = state.places.ask(id);
        match asked {
            Asked::Granted => tally.add_spare(),
            Asked::After(other) => {
                woken.0.extend(state.streams.get_mut(&other).and_then(|stream| stream.waker.take()));
                woken.0.push(cx.waker().clone());
            }
            Asked::Wait => woken.1 = state.listen(id, cx),
        }
        self.contended.store(state.places.is_contended(), Ordering::Relaxed);
        drop(state);
        woken.wake();
        asked == Asked::Granted
    }

    /// A poll of a stream is over: gives back the places that it does not use.
    pub(super) fn settle(&self, id: usize, tally: &Tally, pending: Option<&Context<'_>>) {
        tally.set_polled(false);
        let mut state = self.lock();
        let mut woken = self.give_back(&mut state, tally.take_spare());
        if let Some(cx) = pending {
            woken.1 = state.listen(id, cx);
            if self.is_stopping() && !tally.is_closed() {
                // The stop came in this poll, too late to be seen.
                cx.waker().wake_by_ref();
            }
        }
        drop(state);
        woken.wake();
    }

    /// Puts places back, and says who is to be woken.
    fn give_back(&self, state: &mut State, places: usize) -> Woken {
        state.places.give_back(places);
        self.contended.store(state.places.is_contended(), Ordering::Relaxed);
        let mut woken = Woken(Vec::new(), None);
        if places > 0 && state.places.is_contended() {
            let State { places, streams, .. } = state;
            let waiting = places.waiting().filter_map(|id| streams.get_mut(&id)?.waker.take());
            woken.0.extend(waiting);
        }
        // Not before all is done: who waits may be within a poll of a stream, which would wake itself for ever.
        if !state.stopping.is_empty() && state.is_idle() {
            woken.0.append(&mut state.stopping);
        }
        woken
    }

    /// Takes all the room that is left in the buffer.
    pub(super) fn claim_room(&self) -> usize {
        self.room.swap(0, Ordering::AcqRel)
    }

    /// Gives room back.
    pub(super) fn return_room(&self, room: usize) {
        self.room.fetch_add(room, Ordering::AcqRel);
    }

    /// Takes no new items from here on, and wakes the streams, so that they end.
    pub(super) fn begin_to_stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        let mut state = self.lock();
        match state.phase {
            Phase::New | Phase::Running => state.phase = Phase::Stopping,
            Phase::Stopping | Phase::Stopped(_) => return,
        }
        let wakers = state.streams.values_mut().filter_map(|stream| stream.waker.take()).collect();
        let woken = Woken(wakers, None);
        drop(state);
        woken.wake();
    }

    /// Ready when no stream has anything to do any more.
    pub(super) fn poll_stopped(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.is_idle() {
            return Poll::Ready(());
        }
        if !state.stopping.iter().any(|known| known.will_wake(cx.waker())) {
            state.stopping.push(cx.waker().clone());
        }
        Poll::Pending
    }

    pub(super) fn finish_stop(&self) {
        let now = self.now();
        let mut state = self.lock();
        if state.phase == Phase::Stopping {
            state.phase = Phase::Stopped(now);
        }
    }

    /// What was counted so far, and for how long.
    pub(super) fn totals(&self) -> (Totals, Duration) {
        let state = self.lock();
        let mut totals = state.past;
        for stream in state.streams.values() {
            totals.add_running(&stream.tally);
        }
        let elapsed = match state.phase {
            Phase::Stopped(elapsed) => elapsed,
            _ => self.now(),
        };
        (totals, elapsed)
    }

    /// How the queue of the stream does that began last.
    pub(super) fn backpressure(&self) -> Option<BackpressureMetrics> {
        self.lock().monitor.as_ref().map(BackpressureMonitor::metrics)
    }

    /// What holds the operations of a new stream back: its own, or what the processor was given.
    pub(super) fn control(&self, own: Control) -> Control {
        if !self.config.enable_flow_control {
            return None;
        }
        own.or_else(|| self.flow_control.as_ref().map(|given| given.control()))
    }

    /// How many items may be read ahead.
    pub(super) fn buffer_size(&self) -> usize {
        self.backpressure.as_ref().map_or(self.config.buffer_size, |config| config.buffer_size)
    }

    pub(super) fn latencies(&self) -> MutexGuard<'_, Latencies> {
        self.latencies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether no stream has anything to do any more.
    fn is_idle(&self) -> bool {
        self.streams.values().all(|stream| stream.tally.is_idle())
    }

    /// Leaves the waker of a stream, and gives the one that was there, to be dropped once the lock is free.
    fn listen(&mut self, id: usize, cx: &Context<'_>) -> Option<Waker> {
        match &mut self.streams.get_mut(&id)?.waker {
            Some(known) if known.will_wake(cx.waker()) => None,
            known => known.replace(cx.waker().clone()),
        }
    }
}

impl Totals {
    fn add(&mut self, tally: &Tally) {
        self.taken += tally.came();
        self.dropped += tally.dropped.get();
        self.processed += tally.processed.get();
        self.failed += tally.failed.get();
        // Another thread may have begun with an item between the two.
        self.retried += tally.attempts.get().saturating_sub(tally.begun.get());
    }

    fn add_ended(&mut self, tally: &Tally) {
        self.add(tally);
        self.cancelled += tally.unfinished();
    }

    fn add_running(&mut self, tally: &Tally) {
        self.add(tally);
        self.buffered += tally.buffered.get() + tally.queued();
        self.running += tally.running() as u64;
        self.unfinished += tally.unfinished();
        self.streams += 1;
    }
}

/// Who is to be woken, and who is to be forgotten, once the lock is free: both is foreign code.
struct Woken(Vec<Waker>, Option<Waker>);

impl Woken {
    fn wake(self) {
        self.0.into_iter().for_each(Waker::wake);
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("config", &self.config).finish_non_exhaustive()
    }
}
