//! The options of `map_async` for calls behind a circuit breaker.

use super::MapAsync;
use crate::backpressure::{Inside, Ledger};
use crate::circuit_breaker::{CircuitError, SharedBreaker};
use crate::concurrent::{
    Always, Calls, ConcurrentFlow, Discard, FallBack, Guarded, Hold, If, Lanes, Refuse, Work,
};
use crate::flow::Flow;
use crate::items::{Stage, Staged};
use crate::operator::filter_async::Passed;
use crate::operator::{MayDrop, One};
use crate::step::{AtMostOne, StepFlow};

type Broken<T, C, L, W, P> = MapAsync<T, Guarded<C, W, P>, L>;

impl<T, C, L, U, E, K> Staged<MapAsync<T, C, L>, Result<U, E>, K> {
    /// Lets calls pass a circuit breaker: a [`CircuitBreaker`](crate::circuit_breaker::CircuitBreaker), or a
    /// [`SharedBreaker`] that other calls pass too.
    ///
    /// For calls that give a `Result`; an `Err` is a failure, or those that [`failure_if`](Staged::failure_if) says. While
    /// the breaker is open, items wait in their places and nothing is lost: a timer wakes the pipeline when the next call
    /// may pass. With [`fail_while_open`](Staged::fail_while_open) they fail, with
    /// [`fall_back_while_open`](Staged::fall_back_while_open) a closure gives their results.
    ///
    /// Behind [`retry`](Staged::retry) and [`attempt_timeout`](Staged::attempt_timeout), which come first, a call with all
    /// of its attempts is one call.
    ///
    /// # Panics
    ///
    /// When an item has to wait and is polled outside of a tokio runtime with time enabled.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use std::time::Duration;
    /// use tokio::time::Instant;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// // It is down for the first second.
    /// let start = Instant::now();
    /// let store = async |row: u32| if start.elapsed().as_secs() < 1 { Err("down") } else { Ok(row) };
    ///
    /// let breaker = CircuitBreaker::consecutive(2).recovery_timeout(Duration::from_secs(30));
    /// let stored = pipeline! {
    ///     0..100u32
    ///         |> map_async(store, circuit_breaker = breaker)?
    ///         |> catch(|_| Recover::Skip)
    ///         |> count()
    /// };
    /// assert_eq!(stored.await, 98);
    /// assert_eq!(start.elapsed().as_secs(), 30);
    /// # }
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "time")))]
    pub fn circuit_breaker(
        self,
        breaker: impl Into<SharedBreaker>,
    ) -> Staged<Broken<T, C, L, Hold, Always>, Result<U, E>, K>
    where
        C: Calls<T, Output = Result<U, E>>,
    {
        let breaker = breaker.into();
        self.with_calls(|calls| Guarded { calls, breaker, open: Hold, failure: Always })
    }
}

impl<T, C, L, P, U, E, K> Staged<Broken<T, C, L, Hold, P>, Result<U, E>, K> {
    /// Fails each item that comes while the circuit breaker is open, with [`CircuitError::Open`]; a
    /// [`catch`](crate::Items::catch) can skip it.
    ///
    /// # Data loss
    ///
    /// The items that come while it is open.
    #[cfg_attr(docsrs, doc(cfg(feature = "time")))]
    pub fn fail_while_open(self) -> Staged<Broken<T, C, L, Refuse, P>, Result<U, CircuitError<E>>, K> {
        self.with_calls(|guarded| guarded.while_open(Refuse))
    }

    /// Calls `f` in place of the call for each item that comes while the circuit breaker is open.
    #[cfg_attr(docsrs, doc(cfg(feature = "time")))]
    pub fn fall_back_while_open<G>(self, f: G) -> Staged<Broken<T, C, L, FallBack<G>, P>, Result<U, E>, K>
    where
        G: FnMut(T) -> Result<U, E>,
    {
        self.with_calls(|guarded| guarded.while_open(FallBack(f)))
    }

    /// Drops each item that comes while the circuit breaker is open, and hands it to `on_drop`. It comes last of the options,
    /// but for [`monitor`](Staged::monitor).
    ///
    /// # Data loss
    ///
    /// The items that come while it is open; the breaker counts them as rejected.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let mut dropped = Vec::new();
    /// let stored = pipeline! {
    ///     0..5
    ///         |> map_async(async |row| if row < 2 { Err("down") } else { Ok(row) })
    ///             .circuit_breaker(CircuitBreaker::consecutive(2))
    ///             .drop_while_open(|row| dropped.push(row))
    ///         |> collect::<Vec<_>>()
    /// };
    /// assert_eq!(stored.await, [Err("down"), Err("down")]);
    /// assert_eq!(dropped, [2, 3, 4]);
    /// # }
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "time")))]
    pub fn drop_while_open<G>(
        self,
        on_drop: G,
    ) -> Staged<Dropping<Broken<T, C, L, Discard<G>, P>>, Result<U, E>, K>
    where
        G: FnMut(T),
    {
        let discard = Discard { on_drop, ledger: None };
        self.with_calls(|guarded| guarded.while_open(discard)).map_op(Dropping)
    }

    /// Takes only those errors for failures for which `failure` is true; the others say nothing against what is called.
    #[cfg_attr(docsrs, doc(cfg(feature = "time")))]
    pub fn failure_if<Q>(self, failure: Q) -> Staged<Broken<T, C, L, Hold, If<Q>>, Result<U, E>, K>
    where
        Q: FnMut(&E) -> bool,
    {
        self.with_calls(|Guarded { calls, breaker, open, .. }| Guarded {
            calls,
            breaker,
            open,
            failure: If(failure),
        })
    }
}

impl<C, P> Guarded<C, Hold, P> {
    fn while_open<W>(self, open: W) -> Guarded<C, W, P> {
        let Self { calls, breaker, failure, .. } = self;
        Guarded { calls, breaker, open, failure }
    }
}

/// Calls behind a circuit breaker that give nothing for items which are dropped: made by [`Staged::drop_while_open`].
#[derive(Clone, Debug)]
pub struct Dropping<O>(O);

impl<F, T, C, L, J, U> Stage<F> for Dropping<MapAsync<T, C, L>>
where
    F: Flow<Item = T>,
    C: Calls<T, Job = J, Output = Option<U>>,
    L: Lanes<T>,
{
    type Flow = StepFlow<ConcurrentFlow<F, Work<T, C, L, J, Option<U>>, F::Error>, Passed, AtMostOne>;

    fn attach(self, upstream: F) -> Self::Flow {
        StepFlow::new(self.0.attach(upstream), Passed, false)
    }
}

impl<T, C, L, G, P> MayDrop for Dropping<Broken<T, C, L, Discard<G>, P>> {
    type Counted = Self;
    type Weigh = One;

    const NAME: &'static str = "drop_while_open";

    const INSIDE: Inside = Inside::InFlight;

    fn counted(mut self, ledger: &Ledger) -> Self {
        ledger.watch(&self.0.calls.breaker);
        self.0.calls.open.ledger = Some(ledger.clone());
        self
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures::future::LocalBoxFuture;
    use futures::{FutureExt, StreamExt};
    use tokio::time::{Instant, sleep, timeout};

    use super::*;
    use crate::backpressure::BackpressureMonitor;
    use crate::circuit_breaker::{CircuitBreaker, CircuitState};
    use crate::flow_control::Bbr;
    use crate::operator::Recover;
    use crate::pipe::Pipe;
    use crate::retry::Retry;
    use crate::units::{ms, s};

    fn breaker() -> CircuitBreaker {
        CircuitBreaker::consecutive(2).recovery_timeout(s(10))
    }

    /// A call that fails before some time, and takes a while.
    fn down_until(end: Instant) -> impl FnMut(u32) -> LocalBoxFuture<'static, Result<u32, u32>> {
        move |x| {
            let call = async move {
                sleep(ms(10)).await;
                if Instant::now() < end { Err(x) } else { Ok(x) }
            };
            call.boxed_local()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn holds_each_item_until_its_call_may_pass() {
        for concurrency in [1, 2, 7] {
            let start = Instant::now();
            let pipe = Pipe::new(0..20).with(|i| {
                i.map_async(down_until(start + s(25))).circuit_breaker(breaker()).concurrency(concurrency)
            });
            let results = timeout(s(600), pipe.collect::<Vec<_>>()).await.expect("it does not hang");
            assert!(results.iter().map(|result| result.unwrap_or_else(|x| x)).eq(0..20));
            let failed = results.iter().filter(|result| result.is_err()).count();
            // Those that ran when it opened, and one probe each 10 s until it works again.
            assert!(failed <= concurrency.max(2) + 2, "{failed} with {concurrency} in flight");
            assert!(start.elapsed() < s(31), "{:?}", start.elapsed());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn fails_what_comes_while_it_is_open() {
        let start = Instant::now();
        let pipe = Pipe::new(0..5)
            .with(|i| i.map_async(down_until(start + s(1))).circuit_breaker(breaker()).fail_while_open());
        let results = pipe.collect::<Vec<_>>().await;
        assert_eq!(results[..2], [Err(CircuitError::Failed(0)), Err(CircuitError::Failed(1))]);
        assert!(results[2..].iter().all(|result| matches!(result, Err(CircuitError::Open(_)))));
        assert_eq!(start.elapsed(), ms(20));
    }

    #[tokio::test(start_paused = true)]
    async fn shows_in_a_monitor_that_it_is_open() {
        let monitor = BackpressureMonitor::new();
        let mut pipe = Box::pin(Pipe::new(0..5).with(|i| {
            let calls = i.map_async(down_until(Instant::now() + s(1))).circuit_breaker(breaker());
            calls.drop_while_open(|_| ()).monitor(&monitor)
        }));
        let mut seen = Vec::new();
        while pipe.next().await.is_some() {
            seen.push(monitor.metrics().circuit_open);
        }
        assert_eq!(seen, [false, true], "it opens with the second failure");
        assert!(monitor.metrics().circuit_open);
    }

    #[tokio::test(start_paused = true)]
    async fn falls_back_while_it_is_open() {
        let call = down_until(Instant::now() + s(1));
        let pipe = Pipe::new(0..5).with(|i| {
            i.map_async(call).circuit_breaker(breaker()).fall_back_while_open(|x: u32| Ok(x + 100))
        });
        assert_eq!(pipe.collect::<Vec<_>>().await, [Err(0), Err(1), Ok(102), Ok(103), Ok(104)]);
    }

    #[tokio::test(start_paused = true)]
    async fn counts_only_the_failures_that_it_is_told() {
        let pipe = Pipe::new(0..5u32).with(|i| {
            i.map_async(async |x| Err::<u32, _>(x)).circuit_breaker(breaker()).failure_if(|error| *error > 90)
        });
        let start = Instant::now();
        assert_eq!(pipe.or_fail().catch(|_| Recover::Skip).count().await, 0);
        assert_eq!(start.elapsed(), ms(0));
    }

    #[tokio::test(start_paused = true)]
    async fn takes_a_call_with_all_of_its_attempts_for_one() {
        let calls = Cell::new(0);
        let call = |_: u32| {
            calls.set(calls.get() + 1);
            std::future::ready(Err::<u32, _>("down"))
        };
        let retry = Retry::fixed(ms(10)).max_retries(3);
        let pipe = Pipe::new(0..5)
            .with(|i| i.map_async(call).retry(retry).circuit_breaker(breaker()).fail_while_open());
        assert_eq!(pipe.count().await, 5);
        assert_eq!(calls.get(), 2 * 4);
    }

    /// Fails at once or hangs before some time, and takes 10 ms from then on.
    fn fails_or_hangs_until(end: Instant) -> impl FnMut(u32) -> LocalBoxFuture<'static, Result<u32, u32>> {
        move |x| {
            let call = async move {
                if Instant::now() >= end {
                    sleep(ms(10)).await;
                    return Ok(x);
                }
                if x % 2 == 0 { std::future::pending().await } else { Err(x) }
            };
            call.boxed_local()
        }
    }

    /// Forty items with attempts, by key, with the given options in their order.
    macro_rules! forty_with {
        ($start:ident, $(.$option:ident($($argument:expr)?))+) => {
            Pipe::new(0..40u32).with(|i| {
                i.map_async(fails_or_hangs_until($start + s(2)))
                    .retry(Retry::fixed(ms(10)).max_retries(2))
                    .attempt_timeout(ms(100))
                    $(.$option($($argument)?))+
                    .per_key(|x| x % 3)
            })
        };
    }

    #[tokio::test(start_paused = true)]
    async fn goes_with_attempts_keys_and_flow_control_before_or_behind_it() {
        let start = Instant::now();
        let before = forty_with!(start, .flow_control(Bbr::new()).circuit_breaker(breaker()).concurrency(4));
        let results = timeout(s(600), before.collect::<Vec<_>>()).await.expect("it does not hang");
        let (took, worked) = (start.elapsed(), results.iter().filter(|result| result.is_ok()).count());
        assert!(results.len() == 40 && worked >= 36 && took < s(12), "{worked} in {took:?}");

        let start = Instant::now();
        let behind = forty_with!(start, .concurrency(4).circuit_breaker(breaker()).flow_control(Bbr::new()));
        let results = timeout(s(600), behind.collect::<Vec<_>>()).await.expect("it does not hang");
        assert_eq!((start.elapsed(), results.iter().filter(|result| result.is_ok()).count()), (took, worked));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pipeline_that_is_dropped_gives_its_probe_to_another() {
        let shared = SharedBreaker::from(breaker());
        let end = Instant::now() + s(5);
        let run = |call| Pipe::new(0..2).with(|i| i.map_async(call).circuit_breaker(shared.clone()));
        let _ = run(down_until(end)).count().await;
        sleep(s(11)).await;
        assert_eq!(shared.metrics().state, CircuitState::Open);
        let mut hangs = Pipe::new(0..2u32).with(|i| {
            i.map_async(async |_| std::future::pending::<Result<u32, u32>>().await)
                .circuit_breaker(shared.clone())
        });
        assert!(hangs.next().now_or_never().is_none());
        assert_eq!(shared.metrics().state, CircuitState::HalfOpen);
        let start = Instant::now();
        let other = async { run(down_until(end)).count().await };
        let (count, ()) = tokio::join!(other, async {
            sleep(ms(100)).await;
            drop(hangs);
        });
        assert_eq!((count, start.elapsed()), (2, ms(120)));
        assert_eq!(shared.metrics().state, CircuitState::Closed);
    }
}
