use std::error::Error;
use std::fmt;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::Instant;

use crate::fault::{Failed, Join};
use crate::flow::{Downstream, Drive, Driven, Flow};
use crate::items::{Items, Stage, Staged};
use crate::pipe::Pipe;
use crate::timer::{Timer, after};
use crate::units::IntoDuration;

impl<T, K> Items<T, K> {
    /// Fails with [`Elapsed`] when upstream gives nothing for `wait`: no item, no error and no end.
    ///
    /// The clock runs only while upstream is waited for, and starts anew with each item: a consumer that takes its time
    /// is no slow source. What upstream has is looked at first, the clock then; so what comes in the last instant is in time.
    /// While items are ready the clock is not even read.
    ///
    /// Options: [`first`](Staged::first), [`total`](Staged::total).
    ///
    /// # Errors
    ///
    /// [`Elapsed`], converted with `From` where the pipeline fails with something else already. It is an error of the flow
    /// itself: there is no next item, upstream is dropped, and a `catch` that skips it gives the end.
    ///
    /// # Panics
    ///
    /// If `wait` is zero. As a literal in `pipeline!`, that does not compile. When it waits outside of a tokio runtime with
    /// time enabled.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::stream;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let stuck = pipeline! { [1, 2] |> concat(stream_that_hangs()) |> timeout(5s) |> count() };
    /// # fn stream_that_hangs() -> Pipe<impl Flow<Item = i32, Error = std::convert::Infallible>> {
    /// #     Pipe::from_stream(stream::pending())
    /// # }
    /// assert_eq!(stuck.await, Err(Elapsed));
    /// # }
    /// ```
    #[track_caller]
    pub fn timeout(self, wait: impl IntoDuration) -> Staged<Timeout, T, K::Out>
    where
        K: Join<Failed<Elapsed>>,
    {
        let each = not_zero(wait);
        self.stage(Timeout { each, first: None, total: Duration::MAX })
    }
}

impl<F: Flow> Pipe<F> {
    /// Fails with [`Elapsed`] when upstream gives nothing for `wait`. See [`Items::timeout`].
    #[track_caller]
    pub fn timeout(self, wait: impl IntoDuration) -> Pipe<TimeoutFlow<F>>
    where
        F::Error: Join<Failed<Elapsed>>,
    {
        self.with(|items| items.timeout(wait))
    }
}

impl<T, K> Staged<Timeout, T, K> {
    /// The wait for the first item, in place of that for each: for sources that take their time to start.
    ///
    /// # Panics
    ///
    /// If `wait` is zero. As a literal in `pipeline!`, that does not compile.
    #[track_caller]
    pub fn first(self, wait: impl IntoDuration) -> Self {
        let first = Some(not_zero(wait));
        self.map_op(|op| Timeout { first, ..op })
    }

    /// Fails also when all waits for upstream together take as long as `wait`.
    ///
    /// The time that the consumer takes is not counted here either. Where it should be, put tokio's
    /// [`timeout`](tokio::time::timeout) around the future of the whole pipeline.
    ///
    /// # Panics
    ///
    /// If `wait` is zero. As a literal in `pipeline!`, that does not compile.
    #[track_caller]
    pub fn total(self, wait: impl IntoDuration) -> Self {
        let total = not_zero(wait);
        self.map_op(|op| Timeout { total, ..op })
    }
}

#[track_caller]
fn not_zero(wait: impl IntoDuration) -> Duration {
    let wait = wait.into_duration();
    assert!(!wait.is_zero(), "a timeout of zero has no meaning: give it a time such as `5s`");
    wait
}

/// Upstream gave nothing for as long as a [`timeout`](Items::timeout) allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the source gave nothing in time")
    }
}

impl Error for Elapsed {}

/// Fails when upstream is late: made by [`Items::timeout`].
#[derive(Clone, Copy, Debug)]
pub struct Timeout {
    each: Duration,
    first: Option<Duration>,
    total: Duration,
}

impl<F: Flow> Stage<F> for Timeout
where
    F::Error: Join<Failed<Elapsed>>,
{
    type Flow = TimeoutFlow<F>;

    fn attach(self, upstream: F) -> TimeoutFlow<F> {
        let Self { each, first, total } = self;
        let clock = Clock { each, first, left: total, since: None };
        TimeoutFlow { upstream: Some(upstream), clock, timer: Timer::default() }
    }
}

pin_project! {
    /// The flow below [`Timeout`].
    #[derive(Debug)]
    pub struct TimeoutFlow<F> {
        // `None` after the end and after the time is up.
        #[pin]
        upstream: Option<F>,
        clock: Clock,
        timer: Timer,
    }
}

impl<F: Flow> Flow for TimeoutFlow<F>
where
    F::Error: Join<Failed<Elapsed>>,
{
    type Item = F::Item;
    type Error = <F::Error as Join<Failed<Elapsed>>>::Out;
    type Bound = F::Bound;

    #[inline(always)]
    fn poll_drive<D: Downstream<F::Item>>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<Self::Error> {
        let mut me = self.project();
        let Some(upstream) = me.upstream.as_mut().as_pin_mut() else { return Poll::Ready(Ok(Drive::Ended)) };
        let waited = me.clock.waited();
        let mut gave = false;
        let driven = upstream.poll_drive(cx, &mut Gave { gave: &mut gave, down });
        if gave || driven.is_ready() {
            me.clock.stop(waited);
        }
        match driven {
            Poll::Ready(Ok(Drive::Paused)) => Poll::Ready(Ok(Drive::Paused)),
            Poll::Ready(Err(fault)) => Poll::Ready(Err(fault.left())),
            Poll::Pending if me.timer.poll_until(me.clock.deadline(), cx).is_pending() => Poll::Pending,
            // The end, or the time is up.
            _ => {
                me.upstream.set(None);
                *me.timer = Timer::default();
                match driven {
                    Poll::Pending => Poll::Ready(Err(F::Error::right(Failed(Elapsed)))),
                    _ => Poll::Ready(Ok(Drive::Ended)),
                }
            }
        }
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        if let Some(upstream) = self.project().upstream.as_pin_mut() {
            upstream.poll_progress(cx);
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.upstream.as_ref().map_or(Some(0), |upstream| upstream.size_hint().1))
    }
}

/// How long upstream may be waited for.
#[derive(Debug)]
struct Clock {
    each: Duration,
    // The first wait, if it is another and not over.
    first: Option<Duration>,
    // What is left of the total, without the wait that is on.
    left: Duration,
    // Since when the present wait is on.
    since: Option<Instant>,
}

impl Clock {
    /// How long the present wait took so far. Only a total needs to know.
    #[inline(always)]
    fn waited(&self) -> Duration {
        match self.since {
            Some(since) if self.left < Duration::MAX => since.elapsed(),
            _ => Duration::ZERO,
        }
    }

    /// Upstream gave something: the present wait, if there was one, is over, after so long.
    #[inline(always)]
    fn stop(&mut self, waited: Duration) {
        self.first = None;
        if self.since.take().is_some() {
            self.left = self.left.saturating_sub(waited);
        }
    }

    /// When upstream has been waited for too long; the wait begins here, unless it is on.
    fn deadline(&mut self) -> Instant {
        let since = *self.since.get_or_insert_with(Instant::now);
        after(since, self.first.unwrap_or(self.each).min(self.left))
    }
}

/// Notes whether upstream gave something.
struct Gave<'a, D> {
    gave: &'a mut bool,
    down: &'a mut D,
}

impl<T, D: Downstream<T>> Downstream<T> for Gave<'_, D> {
    #[inline(always)]
    fn push(&mut self, item: T) -> ControlFlow<()> {
        *self.gave = true;
        self.down.push(item)
    }
}
