use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use crate::fault::Fault;
use crate::flow::{Activity, Budget, Downstream, Drive, Driven, Flow, Tail, yield_now};
use crate::items::{Items, Stage, Staged};
use crate::live::{IntoSetting, Setting};
use crate::pipe::Pipe;
use crate::timer::{Clock, Timer};

/// How many items are on their way at once, unless told otherwise.
const CAPACITY: usize = 10_000;

impl<T, K> Items<T, K> {
    /// Gives every item `duration` later than it came. Order and gaps are kept.
    ///
    /// It ends with its last item, or when its source ends, if that is later. At most 10 000 items are on their way at once,
    /// or [`capacity`](Staged::capacity): then its source has to wait, and what that gives is late by as much. It takes
    /// items also while a terminal is busy with another.
    ///
    /// `duration` may be [`Live`](crate::Live): a change also holds for the items that are on their way. Zero is allowed.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops what is on its way.
    ///
    /// # Errors
    ///
    /// An error of its source comes behind the items that came before it: it is not delayed itself.
    ///
    /// # Panics
    ///
    /// When it has to wait outside of a tokio runtime with time enabled.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let start = tokio::time::Instant::now();
    /// let times = pipeline! {
    ///     interval(20ms) |> take(3) |> delay(5ms) |> map(|_| start.elapsed().as_millis()) |> collect::<Vec<_>>()
    /// };
    /// assert_eq!(times.await, [5, 25, 45]);
    /// # }
    /// ```
    #[track_caller]
    pub fn delay<D: IntoSetting<Duration>>(self, duration: D) -> Staged<Delay, T, K> {
        self.stage(Delay::new(duration))
    }
}

impl<F: Flow> Pipe<F> {
    /// Gives every item `duration` later than it came. See [`Items::delay`].
    #[track_caller]
    pub fn delay<D: IntoSetting<Duration>>(self, duration: D) -> Pipe<DelayFlow<F, F::Item, F::Error>> {
        self.with(|items| items.delay(duration))
    }
}

impl<T, K> Staged<Delay, T, K> {
    /// Has at most `items` items on their way at once. The number may be [`Live`](crate::Live): raised, more are taken at
    /// once; lowered, those on their way go on, and none is taken until there are fewer.
    ///
    /// # Panics
    ///
    /// If `items` is 0.
    #[track_caller]
    pub fn capacity(self, items: impl IntoSetting<usize>) -> Self {
        let capacity = items.into_setting(|items| match items {
            0 => Err("a delay of 0 items has no meaning: `capacity` takes at least 1"),
            _ => Ok(()),
        });
        self.map_op(|op| Delay { capacity, ..op })
    }
}

/// Gives items later: made by [`Items::delay`].
#[derive(Clone, Debug)]
pub struct Delay {
    duration: Setting<Duration>,
    capacity: Setting<usize>,
}

impl Delay {
    #[track_caller]
    fn new(duration: impl IntoSetting<Duration>) -> Self {
        Self { duration: duration.into_setting(|_| Ok(())), capacity: Setting::fixed(CAPACITY) }
    }
}

impl<F: Flow> Stage<F> for Delay {
    type Flow = DelayFlow<F, F::Item, F::Error>;

    fn attach(self, upstream: F) -> Self::Flow {
        let under_way = UnderWay { items: VecDeque::new(), op: self, clock: Clock::default() };
        DelayFlow { upstream, under_way, timer: Timer::default(), tail: Tail::Open }
    }
}

pin_project! {
    /// The flow below [`Delay`]; `K` is what upstream fails with.
    #[derive(Debug)]
    pub struct DelayFlow<F, T, K> {
        #[pin]
        upstream: F,
        under_way: UnderWay<T>,
        timer: Timer,
        // While it is not open, upstream is not driven.
        tail: Tail<K>,
    }
}

/// The items that are on their way, each with the time at which it came.
#[derive(Debug)]
struct UnderWay<T> {
    items: VecDeque<(Duration, T)>,
    op: Delay,
    clock: Clock,
}

impl<F: Flow<Item = T, Error = K>, T, K: Fault> Flow for DelayFlow<F, T, K> {
    type Item = T;
    type Error = K;
    type Bound = F::Bound;

    fn poll_drive<D: Downstream<T>>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<K> {
        let now = self.as_mut().project().under_way.now();
        let more_above = self.as_mut().take_in(now, cx);
        let me = self.project();
        let mut budget = Budget::items();
        while let Some(item) = me.under_way.next_due(now) {
            if down.push(item).is_break() {
                return Poll::Ready(Ok(Drive::Paused));
            }
            if !budget.spend() {
                return yield_now(cx);
            }
        }
        if me.under_way.items.is_empty()
            && let Some(told) = me.tail.settle()
        {
            return Poll::Ready(told);
        }
        // A source that was told to stop does not wake, and now there may be room again.
        if more_above && me.tail.is_open() && me.under_way.has_room() {
            return yield_now(cx);
        }
        match me.under_way.poll_change_or_due(me.timer, cx) {
            Poll::Ready(()) => yield_now(cx),
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_progress(mut self: Pin<&mut Self>, cx: &mut Context<'_>) {
        // Not before it has been driven.
        if self.under_way.clock.has_started() {
            let now = self.as_mut().project().under_way.now();
            self.take_in(now, cx);
        }
    }

    fn activity(&self) -> Activity {
        if self.under_way.items.is_empty() { Activity::Idle } else { Activity::Working }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let under_way = self.under_way.items.len();
        let (at_least, at_most) =
            if matches!(self.tail, Tail::Ended) { (0, Some(0)) } else { self.upstream.size_hint() };
        (at_least.saturating_add(under_way), at_most.and_then(|items| items.checked_add(under_way)))
    }
}

impl<F: Flow<Item = T, Error = K>, T, K> DelayFlow<F, T, K> {
    /// Takes in what is there, as far as there is room. `true`: there may be more, for which nobody wakes.
    fn take_in(self: Pin<&mut Self>, now: Duration, cx: &mut Context<'_>) -> bool {
        let mut me = self.project();
        if me.tail.is_open() && me.under_way.has_room() {
            let mut take_in = TakeIn { under_way: me.under_way, now };
            let driven = me.upstream.as_mut().poll_drive(cx, &mut take_in);
            if driven.is_pending() {
                return false;
            }
            me.tail.note(driven);
        }
        // Full, or an error has to be told: upstream is not asked for more, but what it has begun goes on.
        if !matches!(me.tail, Tail::Ended) {
            me.upstream.poll_progress(cx);
        }
        true
    }
}

impl<T> UnderWay<T> {
    /// Reads the clock, and follows a change of the settings.
    fn now(&mut self) -> Duration {
        self.op.duration.changed();
        self.op.capacity.changed();
        self.clock.now()
    }

    fn has_room(&self) -> bool {
        self.items.len() < self.op.capacity.get()
    }

    fn first_due(&self) -> Option<Duration> {
        self.items.front().map(|(came, _)| came.saturating_add(self.op.duration.get()))
    }

    fn next_due(&mut self, now: Duration) -> Option<T> {
        if self.first_due()? > now {
            return None;
        }
        self.items.pop_front().map(|(_, item)| item)
    }

    /// Waits until the first item is due, or may be due for another duration, or there may be more room.
    fn poll_change_or_due(&mut self, timer: &mut Timer, cx: &mut Context<'_>) -> Poll<()> {
        let Some(due) = self.first_due() else { return Poll::Pending };
        if self.op.duration.poll_changed(cx).is_ready() || self.op.capacity.poll_changed(cx).is_ready() {
            return Poll::Ready(());
        }
        timer.poll_until(self.clock.instant(due), cx)
    }
}

struct TakeIn<'a, T> {
    under_way: &'a mut UnderWay<T>,
    now: Duration,
}

impl<T> Downstream<T> for TakeIn<'_, T> {
    fn push(&mut self, item: T) -> ControlFlow<()> {
        self.under_way.items.push_back((self.now, item));
        if self.under_way.has_room() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use futures::{FutureExt, StreamExt};
    use proptest::prelude::*;
    use tokio::time::{Instant, advance, sleep};

    use super::*;
    use crate::live::Live;
    use crate::operator::timeline::{Said, Timeline, pauses, play, simulate, source, timelines};
    use crate::units::{ms, s};

    proptest! {
        #[test]
        fn says_what_its_model_says(
            timeline in timelines(6), pauses in pauses(), d in 0u64..12, capacity in 1usize..6,
        ) {
            let (mut items, mut tail) = (VecDeque::new(), None);
            let expected = simulate(&timeline, &pauses, |now, upstream| {
                while tail.is_none() && items.len() < capacity {
                    match upstream.take() {
                        Some(Said::Item(item)) => items.push_back((now, item)),
                        Some(said) => tail = Some(said),
                        None => break,
                    }
                }
                match items.front() {
                    Some((came, _)) if came + d <= now => items.pop_front().map(|(_, item)| Said::Item(item)),
                    Some(_) => None,
                    None => tail.take(),
                }
            });
            let delayed = source(&timeline).with(|items| items.delay(ms(d)).capacity(capacity));
            prop_assert_eq!(play(delayed, &pauses), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_without_end_is_held_back() {
        let taken = std::cell::Cell::new(0);
        let pipe = Pipe::new(0..).inspect(|_| taken.set(taken.get() + 1));
        let mut pipe = pipe.with(|items| items.delay(s(1)).capacity(100));
        assert_eq!(pipe.next().now_or_never(), None);
        assert_eq!(taken.get(), 100);
        let start = Instant::now();
        assert_eq!(pipe.take(250).collect::<Vec<_>>().await, (0..250).collect::<Vec<_>>());
        assert_eq!(start.elapsed(), s(3));
        assert!(taken.get() <= 400);
    }

    #[tokio::test(start_paused = true)]
    async fn takes_items_while_the_reader_is_busy() {
        let timeline: Timeline = [(1, Said::Item(1)), (5, Said::Item(5)), (6, Said::End)].into();
        let mut flow = Box::pin(source(&timeline).delay(ms(10)));
        assert!(futures::poll!(flow.next()).is_pending());
        for _ in 0..5 {
            advance(ms(1)).await;
            flow.as_mut().poll_progress(&mut Context::from_waker(std::task::Waker::noop()));
        }
        advance(ms(7)).await;
        let start = Instant::now();
        assert_eq!((flow.next().await, start.elapsed()), (Some(Ok(1)), ms(0)));
        assert_eq!((flow.next().await, start.elapsed()), (Some(Ok(5)), ms(3)));
        assert_eq!((flow.next().await, start.elapsed()), (None, ms(3)));
    }

    #[tokio::test(start_paused = true)]
    async fn another_duration_also_holds_for_what_is_on_its_way() {
        let d = Live::new(s(10));
        let mut pipe = Pipe::new([1, 2]).delay(&d);
        let start = Instant::now();
        let change = async {
            sleep(ms(20)).await;
            d.set(ms(50));
        };
        assert_eq!(futures::join!(pipe.next(), change).0, Some(1));
        assert_eq!(start.elapsed(), ms(50));
    }

    #[test]
    #[should_panic(expected = "`capacity` takes at least 1")]
    fn refuses_no_room() {
        let _ = Pipe::new([1]).with(|items| items.delay(ms(1)).capacity(0));
    }
}
