use std::collections::VecDeque;
use std::convert::Infallible;
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::fault::Fault;
use crate::flow::{Bounded, Budget, Downstream, Drive, Driven, Flow, Tail, yield_now};
use crate::items::{Items, Stage, Staged};
use crate::pipe::Pipe;

/// How many items are handed over the box at once.
const CHUNK: usize = 64;

/// A pipeline whose type names only what it gives: `T`s, which may fail with `K`.
pub type BoxPipe<'a, T, K = Infallible> = Pipe<BoxedFlow<'a, T, K>>;

/// A [`BoxPipe`] that need not be `Send`.
pub type LocalBoxPipe<'a, T, K = Infallible> = Pipe<LocalBoxedFlow<'a, T, K>>;

impl<T, K> Items<T, K> {
    /// Puts what is above it into a box: for a type that can be named, and for less to compile.
    ///
    /// The items come out of the box in chunks of up to 64 that are ready, so the box costs little for each; what is above
    /// runs so many items ahead of what is below.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// fn numbers(even: bool) -> BoxPipe<'static, u32> {
    ///     if even { pipeline! { 0..9 |> step_by(2) |> boxed() } } else { pipeline! { 0..9 |> boxed() } }
    /// }
    /// assert_eq!(block_on(numbers(true).collect::<Vec<_>>()), [0, 2, 4, 6, 8]);
    /// ```
    pub fn boxed<'a>(self) -> Staged<Boxed<'a>, T, K> {
        self.stage(Boxed { lifetime: PhantomData })
    }

    /// As [`boxed`](Items::boxed), of what need not be `Send`.
    pub fn boxed_local<'a>(self) -> Staged<BoxedLocal<'a>, T, K> {
        self.stage(BoxedLocal { lifetime: PhantomData })
    }
}

impl<F: Flow> Pipe<F> {
    /// Puts the pipeline into a box. See [`Items::boxed`].
    #[track_caller]
    pub fn boxed<'a>(self) -> BoxPipe<'a, F::Item, F::Error>
    where
        F: Send + 'a,
    {
        self.with(Items::boxed)
    }

    /// Puts a pipeline into a box that need not be `Send`. See [`Items::boxed`].
    #[track_caller]
    pub fn boxed_local<'a>(self) -> LocalBoxPipe<'a, F::Item, F::Error>
    where
        F: 'a,
    {
        self.with(Items::boxed_local)
    }
}

/// Puts a flow into a box: made by [`Items::boxed`].
#[derive(Clone, Copy, Debug)]
pub struct Boxed<'a> {
    lifetime: PhantomData<&'a ()>,
}

/// Puts a flow into a box: made by [`Items::boxed_local`].
#[derive(Clone, Copy, Debug)]
pub struct BoxedLocal<'a> {
    lifetime: PhantomData<&'a ()>,
}

impl<'a, F: Flow + Send + 'a> Stage<F> for Boxed<'a> {
    type Flow = BoxedFlow<'a, F::Item, F::Error>;

    fn attach(self, upstream: F) -> Self::Flow {
        Unboxing { flow: Box::pin(upstream), chunk: VecDeque::new(), tail: Tail::Open }
    }
}

impl<'a, F: Flow + 'a> Stage<F> for BoxedLocal<'a> {
    type Flow = LocalBoxedFlow<'a, F::Item, F::Error>;

    fn attach(self, upstream: F) -> Self::Flow {
        Unboxing { flow: Box::pin(upstream), chunk: VecDeque::new(), tail: Tail::Open }
    }
}

/// The flow of a [`BoxPipe`].
pub type BoxedFlow<'a, T, K = Infallible> = Unboxing<dyn Chunks<T, K> + Send + 'a, T, K>;

/// The flow of a [`LocalBoxPipe`].
pub type LocalBoxedFlow<'a, T, K = Infallible> = Unboxing<dyn Chunks<T, K> + 'a, T, K>;

/// A flow as it is in a box: every [`Flow`].
pub trait Chunks<T, K> {
    /// Drives the flow until `chunk` holds [`CHUNK`] items.
    #[doc(hidden)]
    fn poll_chunk(self: Pin<&mut Self>, cx: &mut Context<'_>, chunk: &mut VecDeque<T>) -> Driven<K>;

    #[doc(hidden)]
    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>);

    #[doc(hidden)]
    fn size_hint(&self) -> (usize, Option<usize>);
}

impl<F: Flow> Chunks<F::Item, F::Error> for F {
    fn poll_chunk(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        chunk: &mut VecDeque<F::Item>,
    ) -> Driven<F::Error> {
        self.poll_drive(cx, &mut Filling { chunk })
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        Flow::poll_progress(self, cx);
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        Flow::size_hint(self)
    }
}

struct Filling<'a, T> {
    chunk: &'a mut VecDeque<T>,
}

impl<T> Downstream<T> for Filling<'_, T> {
    #[inline(always)]
    fn push(&mut self, item: T) -> ControlFlow<()> {
        self.chunk.push_back(item);
        if self.chunk.len() < CHUNK { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

/// A flow out of a box, chunk by chunk.
pub struct Unboxing<D: ?Sized, T, K> {
    flow: Pin<Box<D>>,
    chunk: VecDeque<T>,
    tail: Tail<K>,
}

// The flow is pinned in its box; nothing else is.
impl<D: ?Sized, T, K> Unpin for Unboxing<D, T, K> {}

impl<D: Chunks<T, K> + ?Sized, T, K: Fault> Flow for Unboxing<D, T, K> {
    type Item = T;
    type Error = K;
    type Bound = Bounded;

    fn poll_drive<S: Downstream<T>>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut S,
    ) -> Driven<K> {
        let me = &mut *self;
        let mut budget = Budget::drives();
        while budget.spend() {
            if give(&mut me.chunk, down).is_break() {
                return Poll::Ready(Ok(Drive::Paused));
            }
            if let Some(told) = me.tail.settle() {
                return Poll::Ready(told);
            }
            match me.flow.as_mut().poll_chunk(cx, &mut me.chunk) {
                driven if me.chunk.is_empty() => {
                    if matches!(driven, Poll::Ready(Ok(Drive::Ended))) {
                        me.tail = Tail::Ended;
                    }
                    return driven;
                }
                Poll::Pending => {
                    return match give(&mut me.chunk, down) {
                        ControlFlow::Break(()) => Poll::Ready(Ok(Drive::Paused)),
                        ControlFlow::Continue(()) => Poll::Pending,
                    };
                }
                driven => me.tail.note(driven),
            }
        }
        yield_now(cx)
    }

    fn poll_progress(mut self: Pin<&mut Self>, cx: &mut Context<'_>) {
        // Also with an error still to be told: what is in flight behind it goes on.
        if !matches!(self.tail, Tail::Ended) {
            self.flow.as_mut().poll_progress(cx);
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (at_least, at_most) = match self.tail {
            Tail::Ended => (0, Some(0)),
            Tail::Open | Tail::Failed(_) => self.flow.size_hint(),
        };
        let held = self.chunk.len();
        (at_least.saturating_add(held), at_most.and_then(|items| items.checked_add(held)))
    }
}

fn give<T>(chunk: &mut VecDeque<T>, down: &mut impl Downstream<T>) -> ControlFlow<()> {
    while let Some(item) = chunk.pop_front() {
        down.push(item)?;
    }
    ControlFlow::Continue(())
}
