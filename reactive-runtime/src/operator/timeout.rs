use std::error::Error;
use std::fmt;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::Instant;

use crate::event::event;
use crate::fault::{Failed, Fault, Join};
use crate::flow::{Downstream, Drive, Driven, Flow};
use crate::items::{Items, Stage, Staged};
use crate::live::{IntoSetting, Setting};
use crate::pipe::Pipe;
use crate::timer::{Timer, after};

impl<T, K> Items<T, K> {
    /// Fails with [`Elapsed`] when upstream gives nothing for `wait`: no item, no error and no end.
    ///
    /// The clock runs only while upstream is waited for, and starts anew with each item: a consumer that takes its time
    /// is no slow source. What upstream has is looked at first, the clock then; so what comes in the last instant is in time.
    /// While items are ready the clock is not even read. The times may be [`Live`](crate::Live): a change also holds for the
    /// wait that is on.
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
    pub fn timeout<L>(self, wait: impl IntoSetting<Duration>) -> Staged<Timeout<K, L>, T, L>
    where
        K: Join<Failed<Elapsed>, Out = L>,
    {
        let each = not_zero(wait);
        let limits = Limits { each, first: None, total: None };
        self.stage(Timeout { limits, left: K::left, elapsed: || K::right(Failed(Elapsed)) })
    }
}

impl<F: Flow> Pipe<F> {
    /// Fails with [`Elapsed`] when upstream gives nothing for `wait`. See [`Items::timeout`].
    #[track_caller]
    pub fn timeout<L>(self, wait: impl IntoSetting<Duration>) -> Pipe<TimeoutFlow<F, F::Error, L>>
    where
        F::Error: Join<Failed<Elapsed>, Out = L>,
        L: Fault,
    {
        self.with(|items| items.timeout(wait))
    }
}

impl<T, K, L> Staged<Timeout<K, L>, T, L> {
    /// The wait for the first item, in place of that for each: for sources that take their time to start.
    ///
    /// # Panics
    ///
    /// If `wait` is zero. As a literal in `pipeline!`, that does not compile.
    #[track_caller]
    pub fn first(self, wait: impl IntoSetting<Duration>) -> Self {
        let first = Some(not_zero(wait));
        self.map_op(|op| Timeout { limits: Limits { first, ..op.limits }, ..op })
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
    pub fn total(self, wait: impl IntoSetting<Duration>) -> Self {
        let total = Some(not_zero(wait));
        self.map_op(|op| Timeout { limits: Limits { total, ..op.limits }, ..op })
    }
}

#[track_caller]
fn not_zero(wait: impl IntoSetting<Duration>) -> Setting<Duration> {
    wait.into_setting(|wait| match *wait {
        Duration::ZERO => Err("a timeout of zero has no meaning: give it a time such as `5s`"),
        _ => Ok(()),
    })
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
#[derive(Clone, Debug)]
pub struct Timeout<K, L> {
    limits: Limits,
    // What it asks of the two faults is asked for where the operator is named, so that a mistake is told there and once.
    left: fn(K) -> L,
    elapsed: fn() -> L,
}

/// How long upstream may be waited for.
#[derive(Clone, Debug)]
struct Limits {
    each: Setting<Duration>,
    // The first wait, if it is another and not over.
    first: Option<Setting<Duration>>,
    total: Option<Setting<Duration>>,
}

impl<F: Flow, L: Fault> Stage<F> for Timeout<F::Error, L> {
    type Flow = TimeoutFlow<F, F::Error, L>;

    fn attach(self, upstream: F) -> Self::Flow {
        let Self { limits, left, elapsed } = self;
        let clock = Clock { limits, spent: Duration::ZERO, since: None };
        TimeoutFlow { upstream: Some(upstream), clock, timer: Timer::default(), left, elapsed }
    }
}

pin_project! {
    /// The flow below [`Timeout`].
    #[derive(Debug)]
    pub struct TimeoutFlow<F, K, L> {
        // `None` after the end and after the time is up.
        #[pin]
        upstream: Option<F>,
        clock: Clock,
        timer: Timer,
        left: fn(K) -> L,
        elapsed: fn() -> L,
    }
}

impl<F: Flow<Error = K>, K, L: Fault> Flow for TimeoutFlow<F, K, L> {
    type Item = F::Item;
    type Error = L;
    type Bound = F::Bound;

    #[inline(always)]
    fn poll_drive<D: Downstream<F::Item>>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<L> {
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
            Poll::Ready(Err(fault)) => Poll::Ready(Err((me.left)(fault))),
            Poll::Pending if me.clock.poll_elapsed(me.timer, cx).is_pending() => Poll::Pending,
            // The end, or the time is up.
            _ => {
                me.upstream.set(None);
                *me.timer = Timer::default();
                match driven {
                    Poll::Pending => {
                        event!(tracing::Level::WARN, "nothing came in time");
                        Poll::Ready(Err((me.elapsed)()))
                    }
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

/// How long upstream has been waited for.
#[derive(Debug)]
struct Clock {
    limits: Limits,
    // Of the total, without the wait that is on.
    spent: Duration,
    // Since when the present wait is on.
    since: Option<Instant>,
}

impl Clock {
    /// How long the present wait took so far. Only a total needs to know.
    #[inline(always)]
    fn waited(&self) -> Duration {
        match self.since {
            Some(since) if self.limits.total.is_some() => since.elapsed(),
            _ => Duration::ZERO,
        }
    }

    /// Upstream gave something: the present wait, if there was one, is over, after so long.
    #[inline(always)]
    fn stop(&mut self, waited: Duration) {
        if self.limits.first.is_some() {
            self.limits.first = None;
        }
        if self.since.take().is_some() {
            self.spent = self.spent.saturating_add(waited);
        }
    }

    /// Ready when upstream has been waited for too long; the wait begins here, unless it is on.
    fn poll_elapsed(&mut self, timer: &mut Timer, cx: &mut Context<'_>) -> Poll<()> {
        let since = *self.since.get_or_insert_with(Instant::now);
        // Each may have changed more than once, and is asked until it has not.
        while self.limits.poll_changed(cx).is_ready() {}
        timer.poll_until(after(since, self.limits.next(self.spent)), cx)
    }
}

impl Limits {
    fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut changed = self.each.poll_changed(cx).is_ready();
        for limit in [&mut self.first, &mut self.total].into_iter().flatten() {
            changed |= limit.poll_changed(cx).is_ready();
        }
        if changed { Poll::Ready(()) } else { Poll::Pending }
    }

    /// How long the next wait may be, when so much of the total is spent.
    fn next(&self, spent: Duration) -> Duration {
        let next = self.first.as_ref().unwrap_or(&self.each).get();
        self.total.as_ref().map_or(next, |total| next.min(total.get().saturating_sub(spent)))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::Recover;
    use crate::testing::{Probe, in_virtual_time};
    use crate::units::{h, ms};
    use crate::{assert_emits, marbles};

    #[test]
    fn fails_when_nothing_comes_in_time() {
        assert_emits!(Pipe::new(marbles!("-a--b-----c|")).timeout(ms(4)), "-a--b---#", # = Elapsed);
        assert_emits!(Pipe::new(marbles!("-----a|")).timeout(ms(4)), "----#", # = Elapsed);
        assert_emits!(Pipe::new(marbles!("-a-------|")).timeout(ms(4)), "-a---#", # = Elapsed);
    }

    #[test]
    fn what_comes_in_the_last_instant_is_in_time() {
        assert_emits!(Pipe::new(marbles!("---a--|")).timeout(ms(3)), "---a--|");
    }

    #[test]
    fn does_not_count_the_time_of_a_busy_consumer() {
        in_virtual_time(async {
            let timed =
                Pipe::new(marbles!("a--------b-------------")).with(|i| i.timeout(ms(3)).total(ms(5)));
            let mut probe = Probe::new(timed);
            probe.expect_item('a');
            probe.advance(ms(7)).await;
            probe.expect_pending();
            probe.advance(ms(2)).await;
            probe.expect_item('b');
            probe.advance(h(1)).await;
            probe.expect_pending();
            probe.advance(ms(3)).await;
            assert_eq!(probe.expect_error(), Elapsed);
            assert!(!probe.keeps_waker());
        });
    }

    #[test]
    fn has_another_time_for_the_first_item_and_one_for_all() {
        let timed = |text: &str| {
            Pipe::new(marbles!(text)).with(|items| items.timeout(ms(2)).first(ms(5)).total(ms(9)))
        };
        assert_emits!(timed("-----a-b---c|"), "-----a-b-#");
        assert_emits!(timed("------a|"), "-----#");
        assert_emits!(timed("---a-b-c-d-e|"), "---a-b-c-(d#)");
    }

    #[test]
    fn gives_the_end_when_it_is_skipped_and_has_dropped_its_source() {
        let (source, watch) = marbles!("-a------b|").watched();
        let skipped = Pipe::new(source).timeout(ms(3)).catch(|_| Recover::Skip);
        assert_emits!(skipped, "-a--|");
        assert!(watch.is_dropped());
    }

    #[test]
    fn goes_on_after_an_error_of_an_item() {
        let checked = Pipe::new(marbles!("-X--a|")).try_map(|c| if c == 'X' { Err(Elapsed) } else { Ok(c) });
        assert_emits!(checked.timeout(ms(3)).catch(|_| Recover::With('-')), "-e--a|", e = '-', a = 'a');
    }

    #[test]
    #[should_panic(expected = "a timeout of zero has no meaning")]
    fn refuses_zero() {
        let _ = Pipe::new(0..3).with(|items| items.timeout(ms(1)).total(ms(0)));
    }
}
