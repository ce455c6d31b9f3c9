#[cfg(feature = "time")]
mod gate;
#[cfg(feature = "time")]
mod pressured;

#[cfg(feature = "time")]
pub use pressured::{Pressured, PressuredFlow};

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::fault::Fault;
use crate::flow::{Budget, Downstream, Drive, Driven, Flow, Tail, yield_now};
use crate::items::{Items, Stage, Staged};
use crate::live::{IntoSetting, Setting};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Lets what is above it run ahead by up to `capacity` items while nobody below wants one.
    ///
    /// It fills while a stage or a terminal below waits for something else: a full `map_async`, the body of a
    /// `for_each_async`. While items are wanted, they pass it and are not queued. All in the same task; the reader of a
    /// `Stream` is polled only for the next item, so for it nothing runs ahead: see [`spawn`](Items::spawn).
    ///
    /// When it is full, what is above waits; with the option [`backpressure`](Staged::backpressure) another strategy
    /// decides.
    ///
    /// `capacity` may be [`Live`](crate::Live): raised, more runs ahead at once; lowered, what is held stays, and nothing is
    /// added until it is less.
    ///
    /// # Errors
    ///
    /// What it holds comes before an error, and nothing runs ahead of one.
    ///
    /// # Panics
    ///
    /// If `capacity` is 0. As a literal in `pipeline!`, that does not compile.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let sum = pipeline! { 0..10 |> buffer(4) |> sum::<u32>() };
    /// assert_eq!(block_on(sum), 45);
    /// ```
    #[doc(alias = "prefetch")]
    #[track_caller]
    pub fn buffer(self, capacity: impl IntoSetting<usize>) -> Staged<Buffer, T, K> {
        self.stage(Buffer::new(capacity))
    }
}

impl<F: Flow> Pipe<F> {
    /// Lets the pipeline so far run ahead. See [`Items::buffer`].
    #[track_caller]
    pub fn buffer(self, capacity: impl IntoSetting<usize>) -> Pipe<BufferFlow<F, F::Item, F::Error>> {
        let buffer = Buffer::new(capacity);
        self.with(|items| items.stage::<F::Item, F::Error, _>(buffer))
    }
}

/// Lets a flow run ahead: made by [`Items::buffer`].
#[derive(Clone, Debug)]
pub struct Buffer {
    capacity: Setting<usize>,
}

impl Buffer {
    #[track_caller]
    fn new(capacity: impl IntoSetting<usize>) -> Self {
        let capacity = capacity.into_setting(|capacity| match capacity {
            0 => Err("a buffer of 0 items has no meaning: `buffer` takes a capacity of at least 1"),
            _ => Ok(()),
        });
        Self { capacity }
    }
}

impl<F: Flow> Stage<F> for Buffer {
    type Flow = BufferFlow<F, F::Item, F::Error>;

    fn attach(self, upstream: F) -> Self::Flow {
        let ahead = Ahead { queue: VecDeque::new(), capacity: self.capacity };
        BufferFlow { upstream, ahead, tail: Tail::Open, started: false }
    }
}

pin_project! {
    /// The flow below [`Buffer`].
    pub struct BufferFlow<F, T, K> {
        #[pin]
        upstream: F,
        ahead: Ahead<T>,
        tail: Tail<K>,
        started: bool,
    }
}

/// What ran ahead.
struct Ahead<T> {
    queue: VecDeque<T>,
    capacity: Setting<usize>,
}

impl<F: Flow<Item = T, Error = K>, T, K: Fault> Flow for BufferFlow<F, T, K> {
    type Item = T;
    type Error = K;
    type Bound = F::Bound;

    #[inline(always)]
    fn poll_drive<D: Downstream<T>>(self: Pin<&mut Self>, cx: &mut Context<'_>, down: &mut D) -> Driven<K> {
        let mut me = self.project();
        *me.started = true;
        if !me.ahead.queue.is_empty() && me.ahead.give(down).is_break() {
            return Poll::Ready(Ok(Drive::Paused));
        }
        if !me.ahead.queue.is_empty() {
            if !matches!(me.tail, Tail::Ended) {
                me.upstream.as_mut().poll_progress(cx);
            }
            return yield_now(cx);
        }
        if let Some(told) = me.tail.settle() {
            return Poll::Ready(told);
        }
        let driven = me.upstream.poll_drive(cx, down);
        if matches!(driven, Poll::Ready(Ok(Drive::Ended))) {
            *me.tail = Tail::Ended;
        }
        driven
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        let mut me = self.project();
        if !*me.started || matches!(me.tail, Tail::Ended) {
            return;
        }
        me.ahead.capacity.changed();
        if me.tail.is_open() && !me.ahead.is_full() {
            let driven = me.upstream.as_mut().poll_drive(cx, me.ahead);
            if driven.is_pending() {
                return;
            }
            me.tail.note(driven);
        }
        // Full, or an error has to be told: upstream is not asked for more, but what it has begun goes on.
        if !matches!(me.tail, Tail::Ended) {
            me.upstream.poll_progress(cx);
        }
        if me.tail.is_open() && me.ahead.capacity.poll_changed(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (at_least, at_most) =
            if matches!(self.tail, Tail::Ended) { (0, Some(0)) } else { self.upstream.size_hint() };
        let held = self.ahead.queue.len();
        (at_least.saturating_add(held), at_most.and_then(|items| items.checked_add(held)))
    }
}

impl<T> Ahead<T> {
    fn is_full(&self) -> bool {
        self.queue.len() >= self.capacity.get()
    }

    /// Gives items, as many as one poll may.
    fn give(&mut self, down: &mut impl Downstream<T>) -> ControlFlow<()> {
        let mut budget = Budget::items();
        while budget.spend()
            && let Some(item) = self.queue.pop_front()
        {
            down.push(item)?;
        }
        ControlFlow::Continue(())
    }
}

impl<T> Downstream<T> for Ahead<T> {
    #[inline]
    fn push(&mut self, item: T) -> ControlFlow<()> {
        self.queue.push_back(item);
        if self.is_full() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;
    use crate::flow::{BUDGET, OneItem};

    struct Taken(usize);

    impl Downstream<usize> for Taken {
        fn push(&mut self, item: usize) -> ControlFlow<()> {
            self.0 += 1;
            assert_eq!(item, self.0);
            ControlFlow::Continue(())
        }
    }

    #[test]
    fn gives_a_bounded_number_of_items_in_a_poll_however_many_it_holds() {
        let mut cx = Context::from_waker(Waker::noop());
        let mut pipe = Box::pin(Pipe::new(0..10 * BUDGET).buffer(10 * BUDGET));
        assert!(pipe.as_mut().poll_drive(&mut cx, &mut OneItem(None)).is_ready());
        for _ in 0..10 {
            pipe.as_mut().poll_progress(&mut cx);
        }
        assert_eq!(pipe.size_hint().0, 10 * BUDGET - 1);
        let mut taken = Taken(0);
        for polls in 1.. {
            let ended = pipe.as_mut().poll_drive(&mut cx, &mut taken).is_ready();
            assert!(taken.0 <= 2 * BUDGET * polls);
            if ended {
                break;
            }
        }
        assert_eq!(taken.0, 10 * BUDGET - 1);
    }
}
