//! Backpressure of a processor: a queue with a strategy above it, which learns how its items end.

use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;

use pin_project_lite::pin_project;

use super::ProcessError;
use super::member::Member;
use super::tally::Tally;
use super::until_stop::UntilStop;
use crate::backpressure::{
    AgesOf, BackpressureConfig, BackpressureMonitor, Configured, Decision, Listeners, OnDrop, Overloaded,
    Queued, Reason, Signal, Strategy, Watermarks,
};
use crate::circuit_breaker::CircuitState;
use crate::fault::{Failed, Fault, Join};
use crate::flow::{Downstream, Driven, Flow};
use crate::items::Stage;
use crate::live::Setting;
use crate::operator::{Pressured, PressuredFlow};

pin_project! {
    /// The source of a processor, with its queue if it has one.
    pub struct Queue<F, T, K> {
        #[pin]
        above: Above<F, T, K>,
    }
}

pin_project! {
    #[project = Parts]
    enum Above<F, T, K> {
        // The source is read when items are wanted.
        Unqueued {
            #[pin]
            upstream: F,
        },
        // A strategy decides what is queued.
        Queued {
            #[pin]
            upstream: PressuredFlow<UntilStop<F>, T, Watching<T>, Listeners<CountDrops, ()>, K>,
        },
    }
}

impl<F, T, K> Queue<F, T, K>
where
    F: Flow<Item = T, Error: Join<Failed<ProcessError<T>>, Out = K>>,
    K: Fault,
{
    pub(super) fn new(upstream: F, config: Option<&BackpressureConfig>, member: &Arc<Member>) -> Self {
        let Some(config) = config else { return Self { above: Above::Unqueued { upstream } } };
        let strategy = Watching {
            strategy: config.build().expect("the config was right when the processor was made"),
            tally: member.tally.clone(),
            processed: 0,
            failed: 0,
        };
        let monitor = member.monitor.get_or_init(BackpressureMonitor::new);
        let pressured = Pressured::new(Setting::fixed(config.buffer_size), strategy).monitor(monitor);
        let pressured = pressured.on_drop::<T, _>(CountDrops(member.tally.clone()));
        Self { above: Above::Queued { upstream: pressured.attach(UntilStop::new(upstream, member)) } }
    }
}

impl<F, T, K> Flow for Queue<F, T, K>
where
    F: Flow<Item = T, Error: Join<Failed<ProcessError<T>>, Out = K>>,
    K: Fault,
{
    type Item = T;
    type Error = K;
    type Bound = F::Bound;

    #[inline(always)]
    fn poll_drive<D: Downstream<T>>(self: Pin<&mut Self>, cx: &mut Context<'_>, down: &mut D) -> Driven<K> {
        match self.project().above.project() {
            Parts::Unqueued { upstream } => upstream.poll_drive(cx, down).map_err(Join::left),
            Parts::Queued { upstream } => upstream.poll_drive(cx, down),
        }
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        match self.project().above.project() {
            Parts::Unqueued { upstream } => upstream.poll_progress(cx),
            Parts::Queued { upstream } => upstream.poll_progress(cx),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.above {
            Above::Unqueued { upstream } => upstream.size_hint(),
            Above::Queued { upstream } => upstream.size_hint(),
        }
    }
}

/// A strategy that is told how the operations end, where a queue knows only that its items were taken: so a circuit breaker
/// opens on their failures.
#[derive(Debug)]
pub struct Watching<T> {
    strategy: Configured<T>,
    tally: Arc<Tally>,
    // What it was told of.
    processed: u64,
    failed: u64,
}

impl<T> Watching<T> {
    fn look(&mut self, queue: &Queued<T>) {
        let (processed, failed) = (self.tally.processed.get(), self.tally.failed.get());
        if (self.processed, self.failed) == (processed, failed) {
            return;
        }
        if self.processed != processed {
            self.strategy.notice(Signal::Delivered, queue);
        }
        for _ in self.failed..failed {
            self.strategy.notice(Signal::Failed, queue);
        }
        (self.processed, self.failed) = (processed, failed);
    }
}

impl<T> Strategy<T> for Watching<T> {
    type Fault = Failed<ProcessError<T>>;

    fn offer(&mut self, item: &T, queue: &Queued<T>) -> Decision {
        self.look(queue);
        self.strategy.offer(item, queue)
    }

    fn take(&mut self, oldest: &T, queue: &Queued<T>) -> Option<Reason> {
        self.look(queue);
        self.strategy.take(oldest, queue)
    }

    fn wants(&self, queue: &Queued<T>) -> bool {
        self.strategy.wants(queue)
    }

    fn fail(&mut self, item: T) -> Result<Self::Fault, T> {
        let Failed(Overloaded(item)) = self.strategy.fail(item)?;
        // It knows of this one.
        self.tally.failed.add(1);
        self.failed += 1;
        Ok(Failed(ProcessError::Overloaded(item)))
    }

    fn merge(&mut self, item: T, youngest: &mut T) -> Option<T> {
        self.strategy.merge(item, youngest)
    }

    fn replace(&mut self, item: T) -> T {
        self.strategy.replace(item)
    }

    fn notice(&mut self, signal: Signal, queue: &Queued<T>) {
        // An item that was taken only begins.
        if signal != Signal::Delivered {
            self.strategy.notice(signal, queue);
        }
    }

    fn name(&self) -> &'static str {
        self.strategy.name()
    }

    fn watermarks(&self) -> Watermarks {
        self.strategy.watermarks()
    }

    fn ages(&self) -> AgesOf {
        self.strategy.ages()
    }

    fn circuit_open(&self) -> bool {
        self.strategy.circuit_open()
    }

    fn circuit_change(&mut self) -> Option<CircuitState> {
        self.strategy.circuit_change()
    }
}

/// Counts what the strategy drops. What is still queued when the stream is dropped counts as cancelled, as all that is not done.
#[derive(Debug)]
pub struct CountDrops(Arc<Tally>);

impl<T> OnDrop<T> for CountDrops {
    fn dropped(&mut self, _: T, reason: Reason) {
        if reason != Reason::Shutdown {
            self.0.dropped.add(1);
        }
    }
}
