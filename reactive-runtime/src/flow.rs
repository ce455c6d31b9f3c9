//! The core protocol: the source runs the loop and pushes each ready item down an inlined chain.
//!
//! `Stream::poll_next` hands over one item a call, through every layer. A [`Flow`] is *driven* instead: one call of
//! [`Flow::poll_drive`] pushes everything that is ready into a [`Downstream`], so that a chain of operators compiles
//! to the loop that one would write by hand. Whoever writes a source, an operator or a terminal keeps these rules.
//!
//! # The contract of `poll_drive`
//!
//! 1. **`push` takes the item**, in every case. `Break` means "no more for now": the flow pushes nothing more in this
//!    call. Who makes several items of one keeps the rest, and pushes it first when it is driven again.
//! 2. **A call in which `down` broke returns `Ready(Ok(Drive::Paused))`, and only such a call does.** The end, or an
//!    error that is known already, is told by the next call. So a stage that keeps a rest cannot miss it. A stage
//!    that breaks its upstream for reasons of its own must tell that break from one of `down`.
//! 3. **`Err` is an event, not the end.** A flow may be driven on after it; that is how `catch` skips a bad item. A flow
//!    whose own source has failed says `Ended` in the next call. Handles and terminals stop at the first `Err`; flows
//!    do not.
//! 4. **`Ended` is final**: a flow that is driven after it says `Ended` again, and polls nothing. A flow that ends before
//!    its upstream does drops it at once.
//! 5. **`Pending` means that a wake-up is on its way**: a waker was left with whatever the flow waits for, or the flow
//!    has woken itself (see the budget).
//! 6. **A call does a bounded amount of work**: a source pushes at most [`BUDGET`] items, then returns
//!    [`yield_now`]. Whoever loops over `poll_drive` with a break of its own, or makes many items of one, has a
//!    [`Budget`] too: that of the source starts anew with every call.
//! 7. **Flush before the end.** A stage that holds items emits them, then tells what upstream told; [`Tail`] keeps it.
//!    Errors are not items: they overtake nothing and wait in the [`Tail`] behind what is held.
//!
//! # The contract of `poll_progress`
//!
//! Work in flight goes on while nobody wants an item, so that a stage and the consumer's body may share a lock.
//!
//! 1. In `poll_drive`, a stage that returns `Pending` without having driven its upstream (it is full, asleep, or has a
//!    tail to tell) calls `poll_progress` on it.
//! 2. A consumer whose own work is pending calls `poll_progress` in the same poll; so does whoever broke and then waits.
//! 3. Progress takes new input only into room that the stage's docs promise: the free places of a concurrent stage, a
//!    buffer, an open batch with a deadline. A stage without such room only passes the call on.
//! 4. What progress meets, the end or an error, is kept, and told in order by `poll_drive`.
//! 5. Progress before the first drive starts nothing; progress after the end does nothing.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::fault::Fault;

/// A source, or a chain of operators below one: something that can be driven.
///
/// The rules that an implementation keeps are [above](self).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no flow",
    note = "a flow is what a stage is attached to: a `Pipe`, or a source made by `Pipe::new`, `Pipe::from_iter` or \
            `Pipe::from_stream`"
)]
pub trait Flow {
    /// What it pushes.
    type Item;

    /// What it may fail with: [`Infallible`](std::convert::Infallible), or [`Failed<E>`](crate::Failed).
    type Error: Fault;

    /// Whether it may end by itself: [`Bounded`], or [`Unbounded`].
    type Bound: Boundedness;

    /// Pushes every item that is ready into `down`, until `down` breaks, nothing is ready, the budget of this call is
    /// used up, or the flow ends or fails.
    fn poll_drive<D: Downstream<Self::Item>>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<Self::Error>;

    /// Lets work in flight go on while nobody wants an item.
    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>);

    /// What it does by itself at this moment, while nobody calls it. Asked by the meters of [`watch`](crate::watch).
    fn activity(&self) -> Activity {
        Activity::Unknown
    }

    /// How many items are still to come: at least, and at most if that is known. As on `Iterator`.
    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, None)
    }
}

/// What a flow does by itself, while nobody calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// It does not tell.
    Unknown,
    /// Nothing: it waits for what is above, or for somebody to take what it holds.
    Idle,
    /// It has calls in flight, or items that are on their way.
    Working,
}

/// What items are pushed into.
pub trait Downstream<T> {
    /// Takes the item, in every case. `Break`: no more for now.
    fn push(&mut self, item: T) -> ControlFlow<()>;
}

/// Why a call of [`Flow::poll_drive`] came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drive {
    /// Downstream broke; there may be more.
    Paused,
    /// There will be no more items.
    Ended,
}

/// What [`Flow::poll_drive`] returns.
pub type Driven<E> = Poll<Result<Drive, E>>;

/// Whether a flow may end by itself: [`Bounded`], or [`Unbounded`].
pub trait Boundedness {
    /// The boundedness of a flow that ends as soon as one of two does.
    type Or<B: Boundedness>: Boundedness;

    /// The boundedness of a flow that ends when both of two have.
    type And<B: Boundedness>: Boundedness;
}

/// The flow may end, as far as its type tells.
#[derive(Clone, Copy, Debug)]
pub enum Bounded {}

/// The flow never ends by itself: `interval`, `repeat_with`, an open range. It may still fail.
#[derive(Clone, Copy, Debug)]
pub enum Unbounded {}

impl Boundedness for Bounded {
    type Or<B: Boundedness> = Self;
    type And<B: Boundedness> = B;
}

impl Boundedness for Unbounded {
    type Or<B: Boundedness> = B;
    type And<B: Boundedness> = Self;
}

/// How many items a source pushes in one call before it yields.
///
/// A yield costs some 40 to 200 ns; every 4096 items of less than a nanosecond that is not seen.
pub const BUDGET: usize = 4096;

/// How often a stage drives its upstream again in one call before it yields: each time the budget of the source starts
/// anew.
pub const REDRIVES: usize = 32;

/// The bounded work of one poll, for loops that the budget of the source does not bound.
#[derive(Clone, Copy, Debug)]
pub struct Budget(usize);

impl Budget {
    /// A budget of [`BUDGET`] items, for sources and for whoever makes many items of one.
    #[inline]
    pub fn items() -> Self {
        Self(BUDGET)
    }

    /// A budget of [`REDRIVES`] calls, for whoever drives its upstream again after a break of its own or an error.
    #[inline]
    pub fn drives() -> Self {
        Self(REDRIVES)
    }

    /// A budget of so many units, each of which may be as much work as a call of an upstream.
    #[inline]
    pub fn of(units: usize) -> Self {
        Self(units)
    }

    /// Takes one unit; `false` when there is none left, and the call must return [`yield_now`].
    #[inline(always)]
    #[must_use]
    pub fn spend(&mut self) -> bool {
        let some = self.0 > 0;
        self.0 -= usize::from(some);
        some
    }
}

/// Lets other tasks run: wakes the task that polls, and is `Pending`.
#[inline]
pub fn yield_now<T>(cx: &Context<'_>) -> Poll<T> {
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// What a stage that holds items owes its downstream once upstream has ended or failed.
///
/// Upstream ends or fails: set the tail, push what is held, and [`settle`](Self::settle) when all of it is out.
#[derive(Debug)]
pub enum Tail<E> {
    /// Upstream may have more.
    Open,
    /// Upstream has ended.
    Ended,
    /// Upstream has failed, and that is not told yet.
    Failed(E),
}

impl<E> Tail<E> {
    /// Keeps what upstream said; `Paused` and `Pending` are nothing to keep.
    pub fn note(&mut self, driven: Driven<E>) {
        match driven {
            Poll::Ready(Ok(Drive::Ended)) => *self = Self::Ended,
            Poll::Ready(Err(error)) => *self = Self::Failed(error),
            Poll::Ready(Ok(Drive::Paused)) | Poll::Pending => {}
        }
    }

    /// Hands over what upstream said, now that all held items are out.
    ///
    /// An error leaves the tail open, as the flow may be driven on; the end stays.
    pub fn settle(&mut self) -> Option<Result<Drive, E>> {
        match std::mem::replace(self, Self::Open) {
            Self::Open => None,
            Self::Ended => {
                *self = Self::Ended;
                Some(Ok(Drive::Ended))
            }
            Self::Failed(error) => Some(Err(error)),
        }
    }

    /// Whether upstream may have more.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }
}

/// Takes one item, then breaks: for whoever wants items one by one.
#[derive(Debug)]
pub struct OneItem<T>(pub Option<T>);

impl<T> Downstream<T> for OneItem<T> {
    #[inline(always)]
    fn push(&mut self, item: T) -> ControlFlow<()> {
        debug_assert!(self.0.is_none(), "a flow pushed after a break");
        self.0 = Some(item);
        ControlFlow::Break(())
    }
}
