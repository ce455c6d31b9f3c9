//! The options of `map_async` for calls that may fail: timeouts and retries.

use std::time::Duration;

use super::MapAsync;
use crate::concurrent::{Again, Always, Attempts, Call, If, Once};
use crate::items::Staged;
use crate::live::{IntoSetting, Setting};
use crate::retry::{CallError, Retry};

impl<T, F, G, L, U, E, K> Staged<MapAsync<T, Call<F, G>, L>, Result<U, E>, K> {
    /// Gives up an attempt that takes longer than `timeout`, and drops its future.
    ///
    /// The results are then `Result<_, CallError<E>>`, which `?` lets leave as usual, also where the call
    /// [gives no `Result`](crate::operator::TimeoutOfSureCall);
    /// without a [`retry`](Staged::retry) the error does not carry the item, which then need not be `Clone`. The clock runs
    /// from the first poll of an attempt; a future that is ready at once is never timed.
    ///
    /// `timeout` may be [`Live`](crate::Live): a change holds for the attempts that are not pending yet.
    ///
    /// # Panics
    ///
    /// If `timeout` is zero. When a pending attempt is polled outside of a tokio runtime with time enabled.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let answer = async |ms| {
    ///     tokio::time::sleep(Duration::from_millis(ms)).await;
    ///     Ok::<_, String>(ms)
    /// };
    /// let answers = pipeline! {
    ///     [10, 900, 20]
    ///         |> map_async(answer, attempt_timeout = 100ms)?
    ///         |> catch(|error| if error.is_timeout() { Recover::With(0) } else { Recover::Stop })
    ///         |> collect::<Vec<_>>()
    /// };
    /// assert_eq!(answers.await, [10, 0, 20]);
    /// # }
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "time")))]
    #[track_caller]
    pub fn attempt_timeout(
        self,
        timeout: impl IntoSetting<Duration>,
    ) -> Staged<MapAsync<T, Attempts<F, Once, G>, L>, Result<U, CallError<E>>, K> {
        let timeout = positive(timeout);
        self.with_calls(|call| Attempts { call, timeout: Some(timeout), recall: Once })
    }

    /// Tries a call again that fails, with the same item, which is cloned for it.
    ///
    /// For calls that give a `Result`. The results are then `Result<_, CallError<E, T>>`: the error carries the item, how
    /// often it was tried and the last cause. Between two attempts the item keeps its place in flight and its turn in the
    /// order. Which errors are worth it says [`retry_if`](Staged::retry_if); how long an attempt may take,
    /// [`attempt_timeout`](Staged::attempt_timeout).
    ///
    /// # Panics
    ///
    /// When it has to wait and is polled outside of a tokio runtime with time enabled.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let store = async |row: u32| if row == 2 { Err("disk full") } else { Ok(row) };
    /// let mut dead_letters = Vec::new();
    /// let stored = pipeline! {
    ///     [1, 2, 3]
    ///         |> map_async(store, concurrency = 2, retry = Retry::fixed(10ms).max_retries(4))?
    ///         |> catch(|error| { dead_letters.push((error.item, error.attempts)); Recover::Skip })
    ///         |> collect::<Vec<_>>()
    /// };
    /// assert_eq!(stored.await, [1, 3]);
    /// assert_eq!(dead_letters, [(2, 5)]);
    /// # }
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "time")))]
    pub fn retry(
        self,
        retry: Retry,
    ) -> Staged<MapAsync<T, Attempts<F, Again<Always>, G>, L>, Result<U, CallError<E, T>>, K>
    where
        T: Clone,
    {
        self.with_calls(|call| Attempts { call, timeout: None, recall: Again::new(retry) })
    }
}

impl<T, F, G, L, U, E, K> Staged<MapAsync<T, Attempts<F, Once, G>, L>, Result<U, CallError<E>>, K> {
    /// Tries a call again that fails or times out. See [`retry`](Staged::retry) of a call without a timeout.
    #[cfg_attr(docsrs, doc(cfg(feature = "time")))]
    pub fn retry(
        self,
        retry: Retry,
    ) -> Staged<MapAsync<T, Attempts<F, Again<Always>, G>, L>, Result<U, CallError<E, T>>, K>
    where
        T: Clone,
    {
        self.with_calls(|Attempts { call, timeout, .. }| Attempts {
            call,
            timeout,
            recall: Again::new(retry),
        })
    }
}

impl<T, F, G, L, P, U, E, K> Staged<MapAsync<T, Attempts<F, Again<P>, G>, L>, Result<U, CallError<E, T>>, K> {
    /// Gives up an attempt that takes longer than `timeout`, and tries again as [`retry`](Staged::retry) says.
    ///
    /// # Panics
    ///
    /// If `timeout` is zero.
    #[cfg_attr(docsrs, doc(cfg(feature = "time")))]
    #[track_caller]
    pub fn attempt_timeout(self, timeout: impl IntoSetting<Duration>) -> Self {
        let timeout = positive(timeout);
        self.with_calls(|attempts| Attempts { timeout: Some(timeout), ..attempts })
    }
}

impl<T, F, G, L, U, E, K>
    Staged<MapAsync<T, Attempts<F, Again<Always>, G>, L>, Result<U, CallError<E, T>>, K>
{
    /// Tries again only after errors for which `worth` is true. An attempt that timed out is always tried again.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::{prelude::*, retry::GaveUp};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let fetch = async |id: u32| if id == 404 { Err("not found") } else { Ok(id) };
    /// let fetched = pipeline! {
    ///     [200, 404]
    ///         |> map_async(fetch, retry = Retry::fixed(10ms), retry_if = |error| *error != "not found")?
    ///         |> collect::<Vec<_>>()
    /// };
    /// let error = fetched.await.unwrap_err();
    /// assert_eq!((error.attempts, error.gave_up), (1, GaveUp::Permanent));
    /// # }
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "time")))]
    pub fn retry_if<P: FnMut(&E) -> bool>(
        self,
        worth: P,
    ) -> Staged<MapAsync<T, Attempts<F, Again<If<P>>, G>, L>, Result<U, CallError<E, T>>, K> {
        self.with_calls(|Attempts { call, timeout, recall }| Attempts {
            call,
            timeout,
            recall: recall.with_worth(If(worth)),
        })
    }
}

#[track_caller]
pub(super) fn positive(timeout: impl IntoSetting<Duration>) -> Setting<Duration> {
    timeout.into_setting(|timeout| match *timeout {
        Duration::ZERO => {
            Err("an attempt that may take no time has no meaning: give it a timeout such as `2s`")
        }
        _ => Ok(()),
    })
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use futures::StreamExt;
    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::operator::Recover;
    use crate::pipe::Pipe;
    use crate::retry::{Cause, GaveUp};
    use crate::units::{ms, s};

    /// Fails `failures` times for each item.
    fn flaky(failures: u32) -> impl FnMut(u32) -> std::future::Ready<Result<u32, &'static str>> {
        let mut calls = std::collections::HashMap::new();
        move |x| {
            let calls = calls.entry(x).or_insert(0);
            *calls += 1;
            std::future::ready(if *calls > failures { Ok(x) } else { Err("busy") })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn tries_again_with_the_same_item_after_the_delays() {
        let start = Instant::now();
        let pipe = Pipe::new([5, 6]).with(|i| i.map_async(flaky(3)).retry(Retry::exponential(ms(100))));
        assert_eq!(pipe.or_fail().collect::<Vec<_>>().await, Ok(vec![5, 6]));
        assert_eq!(start.elapsed(), 2 * ms(100 + 200 + 400));
    }

    #[tokio::test(start_paused = true)]
    async fn gives_up_with_the_item_and_the_cause() {
        let pipe = Pipe::new([5]).with(|i| i.map_async(flaky(9)).retry(Retry::fixed(ms(10)).max_retries(2)));
        let error =
            CallError { item: 5, attempts: 3, cause: Cause::Failed("busy"), gave_up: GaveUp::Attempts };
        assert_eq!(pipe.collect::<Vec<_>>().await, [Err(error)]);
    }

    #[tokio::test(start_paused = true)]
    async fn keeps_the_order_while_an_item_waits_for_its_next_attempt() {
        let attempt = |x: u32| {
            let calls = Cell::new(0);
            move |item: u32| {
                calls.set(calls.get() + u32::from(item == x));
                let fails = item == x && calls.get() < 3;
                std::future::ready(if fails { Err(()) } else { Ok(item) })
            }
        };
        let pipe = Pipe::new(0..5)
            .with(|i| i.map_async(attempt(1)).retry(Retry::fixed(ms(10))).concurrency(3))
            .or_fail();
        assert_eq!(pipe.collect::<Vec<_>>().await, Ok(vec![0, 1, 2, 3, 4]));
    }

    #[tokio::test(start_paused = true)]
    async fn drops_an_attempt_that_takes_too_long() {
        let alive = &Cell::new(0);
        let slow = |x: u64| {
            alive.set(alive.get() + 1);
            let guard = drop_guard(alive);
            async move {
                sleep(ms(x)).await;
                drop(guard);
                Ok::<_, ()>(x)
            }
        };
        let pipe = Pipe::new([10, 80]).with(|i| i.map_async(slow).attempt_timeout(ms(50)));
        let timed_out =
            CallError { item: (), attempts: 1, cause: Cause::TimedOut(ms(50)), gave_up: GaveUp::Attempts };
        assert_eq!(pipe.collect::<Vec<_>>().await, [Ok(10), Err(timed_out)]);
        assert_eq!(alive.get(), 0);
    }

    fn drop_guard(alive: &Cell<i32>) -> impl Drop {
        struct Guard<'a>(&'a Cell<i32>);
        impl Drop for Guard<'_> {
            fn drop(&mut self) {
                self.0.set(self.0.get() - 1);
            }
        }
        Guard(alive)
    }

    #[tokio::test(start_paused = true)]
    async fn times_each_attempt_anew_whatever_the_order_of_the_options() {
        let tries = &RefCell::new(Vec::new());
        let start = Instant::now();
        let slow_at_first = |x: u64| {
            tries.borrow_mut().push(start.elapsed());
            let wait = if tries.borrow().len() < 3 { s(9) } else { ms(30) };
            async move {
                sleep(wait).await;
                Ok::<_, ()>(x)
            }
        };
        for forth in [true, false] {
            let (before, done) = (start.elapsed(), tries.borrow().len());
            tries.borrow_mut().clear();
            assert!(done == 0 || done == 3);
            let retry = Retry::fixed(ms(10));
            let results = match forth {
                true => {
                    let pipe = Pipe::new([1]);
                    pipe.with(|i| i.map_async(slow_at_first).retry(retry).attempt_timeout(ms(50)))
                        .collect::<Vec<_>>()
                        .await
                }
                false => {
                    let pipe = Pipe::new([1]);
                    pipe.with(|i| i.map_async(slow_at_first).attempt_timeout(ms(50)).retry(retry))
                        .collect::<Vec<_>>()
                        .await
                }
            };
            assert_eq!(results, [Ok(1)]);
            let begun = tries.borrow().iter().map(|at| *at - before).collect::<Vec<_>>();
            assert_eq!(begun, [ms(0), ms(60), ms(120)]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn begins_no_attempt_that_comes_too_late() {
        let retry = Retry::fixed(ms(40)).unlimited().max_elapsed(ms(100));
        let pipe = Pipe::new([5]).with(|i| i.map_async(flaky(99)).retry(retry));
        let errors = pipe.collect::<Vec<_>>().await;
        let error = errors[0].as_ref().unwrap_err();
        assert_eq!((error.attempts, error.gave_up), (3, GaveUp::Elapsed));
    }

    #[tokio::test(start_paused = true)]
    async fn retries_no_larger_a_share_than_the_budget() {
        let calls = &Cell::new(0);
        let fails = |_: u32| {
            calls.set(calls.get() + 1);
            std::future::ready(Err::<u32, _>("down"))
        };
        let retry = Retry::fixed(ms(1)).max_retries(5).budget(0.125);
        let pipe = Pipe::new(0..1000).with(|i| i.map_async(fails).retry(retry).concurrency(10)).or_fail();
        let failed = Cell::new(0);
        let caught = pipe.catch(|error| {
            failed.set(failed.get() + u32::from(error.gave_up == GaveUp::Budget));
            Recover::Skip
        });
        assert_eq!(caught.count().await, 0);
        assert_eq!(calls.get(), 1000 + 10 + 125);
        assert!(failed.get() > 900);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_fails_without_a_delay_lets_others_run() {
        let retry = Retry::fixed(ms(0)).unlimited();
        let mut pipe = Pipe::new([1]).with(|i| i.map_async(flaky(u32::MAX)).retry(retry));
        assert!(futures::poll!(pipe.next()).is_pending());
    }

    #[test]
    #[should_panic(expected = "an attempt that may take no time has no meaning")]
    fn refuses_zero() {
        let call = |x: u32| std::future::ready(Ok::<_, ()>(x));
        let _ = Pipe::new([1]).with(|i| i.map_async(call).attempt_timeout(ms(0)));
    }
}
