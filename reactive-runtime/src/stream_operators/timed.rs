use std::time::Duration;

use super::StreamOperators;
use crate::fault::{Failed, Fault, Join};
use crate::flow::Flow;
use crate::gather::TimedGatherFlow;
use crate::live::IntoSetting;
use crate::newest::NewestFlow;
use crate::operator::{Debounce, Elapsed, One, Open, ThrottleFlow, TimeoutFlow, Waiting};
use crate::pipe::Pipe;
use crate::rate::Rate;
use crate::source::Source;

/// Those that follow the clock.
impl StreamOperators {
    /// See [`Items::buffer_time`](crate::Items::buffer_time).
    #[track_caller]
    pub fn buffer_time<S, F, T>(
        source: S,
        wait: impl IntoSetting<Duration>,
    ) -> Pipe<TimedGatherFlow<F, Waiting<Open<T>>, Vec<T>, F::Error>>
    where
        S: Source<Flow = F>,
        F: Flow<Item = T>,
    {
        Pipe::new(source).buffer_time(wait)
    }

    /// See [`Items::throttle`](crate::Items::throttle).
    #[track_caller]
    pub fn throttle<S, F, T>(source: S, rate: impl IntoSetting<Rate>) -> Pipe<ThrottleFlow<F, T, One>>
    where
        S: Source<Flow = F>,
        F: Flow<Item = T>,
    {
        Pipe::new(source).throttle(rate)
    }

    /// See [`Items::debounce`](crate::Items::debounce).
    #[track_caller]
    pub fn debounce<S, F, T>(
        source: S,
        quiet: impl IntoSetting<Duration>,
    ) -> Pipe<NewestFlow<F, Debounce, T, ()>>
    where
        S: Source<Flow = F>,
        F: Flow<Item = T>,
    {
        Pipe::new(source).debounce(quiet)
    }

    /// See [`Items::timeout`](crate::Items::timeout).
    #[track_caller]
    pub fn timeout<S, F, L>(source: S, wait: impl IntoSetting<Duration>) -> Pipe<TimeoutFlow<F, F::Error, L>>
    where
        S: Source<Flow = F>,
        F: Flow<Error: Join<Failed<Elapsed>, Out = L>>,
        L: Fault,
    {
        Pipe::new(source).timeout(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::emits;
    use crate::units::ms;
    use crate::{marbles, testing::in_virtual_time};

    #[test]
    fn are_the_operators_of_the_same_name() {
        in_virtual_time(async {
            let typed = || marbles!("ab----c-|");
            emits(StreamOperators::throttle(typed(), ms(3)), marbles!("a--b--c-|")).await;
            emits(StreamOperators::debounce(typed(), ms(3)), marbles!("----b---(c|)")).await;
            emits(StreamOperators::timeout(typed(), ms(4)), marbles!("ab---#", # = Elapsed)).await;
            let batches = StreamOperators::buffer_time(typed(), ms(3)).map(|batch| batch.len());
            emits(batches, marbles!("---a----(b|)", a = 2, b = 1)).await;
        });
    }
}
