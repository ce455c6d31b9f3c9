use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use super::MapAsync;
use super::attempts::positive;
use crate::concurrent::{Attempts, Begins, Call, Once};
use crate::items::Staged;
use crate::live::IntoSetting;
use crate::retry::CallError;

/// [`attempt_timeout`](Staged::attempt_timeout) of a call that gives no `Result`: in scope in `pipeline!`, and by the prelude.
//
// A trait, so that the inherent one goes before it where a call gives a `Result`.
pub trait TimeoutOfSureCall: Sized {
    /// The stage with a timeout, whose results are `Result<_, CallError<Infallible>>`.
    type Timed;

    /// Gives up a call that takes longer than `timeout`, and drops its future.
    ///
    /// # Panics
    ///
    /// If `timeout` is zero. When a pending call is polled outside of a tokio runtime with time enabled.
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
    ///     ms
    /// };
    /// let answers = pipeline! {
    ///     [10, 900, 20]
    ///         |> map_async(answer, attempt_timeout = 100ms)?
    ///         |> catch(|_| Recover::Skip)
    ///         |> collect::<Vec<_>>()
    /// };
    /// assert_eq!(answers.await, [10, 20]);
    /// # }
    /// ```
    #[track_caller]
    fn attempt_timeout(self, timeout: impl IntoSetting<Duration>) -> Self::Timed;
}

impl<T, F, G, L, U, K> TimeoutOfSureCall for Staged<MapAsync<T, Call<F, G>, L>, U, K> {
    type Timed = Staged<MapAsync<T, Attempts<Sure<F>, Once, G>, L>, Result<U, CallError<Infallible>>, K>;

    #[track_caller]
    fn attempt_timeout(self, timeout: impl IntoSetting<Duration>) -> Self::Timed {
        let timeout = positive(timeout);
        self.with_calls(|Call { f, gate }| Attempts {
            call: Call { f: Sure(f), gate },
            timeout: Some(timeout),
            recall: Once,
        })
    }
}

/// Calls that cannot fail, as ones that might.
#[derive(Clone, Copy, Debug)]
pub struct Sure<F>(F);

impl<T, F, Fut> Begins<T> for Sure<F>
where
    F: FnMut(T) -> Fut,
    Fut: Future,
{
    type Future = SureCall<Fut>;

    #[inline(always)]
    fn begin(&mut self, item: T) -> SureCall<Fut> {
        SureCall { call: (self.0)(item) }
    }
}

pin_project! {
    /// A call that cannot fail, as one that might.
    #[derive(Debug)]
    pub struct SureCall<Fut> {
        #[pin]
        call: Fut,
    }
}

impl<Fut: Future> Future for SureCall<Fut> {
    type Output = Result<Fut::Output, Infallible>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().call.poll(cx).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;
    use crate::flow_control::Vegas;
    use crate::pipe::Pipe;
    use crate::retry::Retry;
    use crate::units::ms;

    async fn late(n: u64) -> u64 {
        sleep(ms(n)).await;
        n
    }

    #[tokio::test(start_paused = true)]
    async fn gives_up_a_call_that_cannot_fail() {
        let pipe = Pipe::new([10, 50, 20]).with(|i| i.map_async(late).concurrency(3).attempt_timeout(ms(30)));
        let results = pipe.collect::<Vec<_>>().await;
        assert_eq!(
            results.iter().map(|it| it.as_ref().ok()).collect::<Vec<_>>(),
            [Some(&10), None, Some(&20)]
        );
        let error = results[1].as_ref().unwrap_err();
        assert!(error.is_timeout());
        assert_eq!(error.to_string(), "the call failed: no answer within 30ms");
    }

    #[tokio::test(start_paused = true)]
    async fn tries_again_what_was_late() {
        let mut calls = 0;
        let soon = |n: u64| {
            calls += 1;
            late(n / calls)
        };
        let pipe = Pipe::new([90]).with(|i| {
            i.map_async(soon).flow_control(Vegas::new()).attempt_timeout(ms(50)).retry(Retry::fixed(ms(1)))
        });
        assert_eq!(pipe.or_fail().collect::<Vec<_>>().await.unwrap(), [45]);
    }
}
