use super::{
    Adaptive, AgesOf, BackpressureMonitor, BackpressureStrategy, Block, Decision, DropAll, DropIncoming,
    DropNewest, DropOldest, Fail, Latest, Overloaded, Queued, Reason, Sample, Signal, Strategy,
    TripOnOverload, Watermarks,
};
use crate::circuit_breaker::CircuitState;
use crate::fault::Failed;

/// A strategy that was chosen at run time: made by [`BackpressureConfig::build`](super::BackpressureConfig::build) and
/// [`BackpressureHandler::strategy`](super::BackpressureHandler::strategy).
///
/// As it may be one that fails, a pipeline with it can fail.
#[derive(Debug)]
pub struct Configured<T> {
    choice: Choice<T>,
    watermarks: Watermarks,
    monitor: Option<BackpressureMonitor>,
}

#[derive(Debug)]
enum Choice<T> {
    Block(Block),
    DropOldest(DropOldest),
    DropNewest(DropNewest),
    DropIncoming(DropIncoming),
    DropAll(DropAll),
    Fail(Fail),
    Latest(Latest),
    Sample(Sample),
    Adaptive(Adaptive),
    CircuitBreaker(TripOnOverload<T>),
}

impl<T> Configured<T> {
    pub(super) fn new(
        strategy: BackpressureStrategy,
        watermarks: Watermarks,
        sample: Sample,
        adaptive: impl FnOnce() -> Adaptive,
        breaker: impl FnOnce() -> TripOnOverload<T>,
    ) -> Self {
        let choice = match strategy {
            BackpressureStrategy::Block => Choice::Block(Block),
            BackpressureStrategy::DropOldest => Choice::DropOldest(DropOldest),
            BackpressureStrategy::DropNewest => Choice::DropNewest(DropNewest),
            BackpressureStrategy::DropIncoming => Choice::DropIncoming(DropIncoming),
            BackpressureStrategy::DropAll => Choice::DropAll(DropAll),
            BackpressureStrategy::Fail => Choice::Fail(Fail),
            BackpressureStrategy::Latest => Choice::Latest(Latest),
            BackpressureStrategy::Sample => Choice::Sample(sample),
            BackpressureStrategy::Adaptive => Choice::Adaptive(adaptive()),
            BackpressureStrategy::CircuitBreaker => Choice::CircuitBreaker(breaker()),
        };
        Self { choice, watermarks, monitor: None }
    }

    pub(super) fn shown_in(mut self, monitor: &BackpressureMonitor) -> Self {
        self.monitor = Some(monitor.clone());
        self
    }
}

/// Calls the strategy that was chosen.
macro_rules! chosen {
    ($choice:expr, $strategy:pat => $call:expr) => {
        match $choice {
            Choice::Block($strategy) => $call,
            Choice::DropOldest($strategy) => $call,
            Choice::DropNewest($strategy) => $call,
            Choice::DropIncoming($strategy) => $call,
            Choice::DropAll($strategy) => $call,
            Choice::Fail($strategy) => $call,
            Choice::Latest($strategy) => $call,
            Choice::Sample($strategy) => $call,
            Choice::Adaptive($strategy) => $call,
            Choice::CircuitBreaker($strategy) => $call,
        }
    };
}

impl<T> Strategy<T> for Configured<T> {
    type Fault = Failed<Overloaded<T>>;

    fn offer(&mut self, item: &T, queue: &Queued<T>) -> Decision {
        chosen!(&mut self.choice, strategy => strategy.offer(item, queue))
    }

    fn take(&mut self, oldest: &T, queue: &Queued<T>) -> Option<Reason> {
        chosen!(&mut self.choice, strategy => strategy.take(oldest, queue))
    }

    fn wants(&self, queue: &Queued<T>) -> bool {
        chosen!(&self.choice, strategy => strategy.wants(queue))
    }

    fn fail(&mut self, item: T) -> Result<Self::Fault, T> {
        Ok(Failed(Overloaded(item)))
    }

    fn merge(&mut self, item: T, youngest: &mut T) -> Option<T> {
        chosen!(&mut self.choice, strategy => strategy.merge(item, youngest))
    }

    fn replace(&mut self, item: T) -> T {
        chosen!(&mut self.choice, strategy => strategy.replace(item))
    }

    fn notice(&mut self, signal: Signal, queue: &Queued<T>) {
        chosen!(&mut self.choice, strategy => strategy.notice(signal, queue));
    }

    fn name(&self) -> &'static str {
        chosen!(&self.choice, strategy => Strategy::<T>::name(strategy))
    }

    fn watermarks(&self) -> Watermarks {
        self.watermarks
    }

    fn ages(&self) -> AgesOf {
        chosen!(&self.choice, strategy => Strategy::<T>::ages(strategy))
    }

    fn circuit_open(&self) -> bool {
        chosen!(&self.choice, strategy => Strategy::<T>::circuit_open(strategy))
    }

    fn circuit_change(&mut self) -> Option<CircuitState> {
        chosen!(&mut self.choice, strategy => Strategy::<T>::circuit_change(strategy))
    }

    fn monitor(&self) -> Option<&BackpressureMonitor> {
        self.monitor.as_ref()
    }
}
