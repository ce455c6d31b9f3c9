//! What `broadcast`, `partition` and `route` share: a source, branches, and a bounded queue to each.

mod branch;
mod outlets;
mod together;

use std::fmt;
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

pub use self::branch::{Branch, BranchFlow, FailLate, Late};
pub use self::outlets::Outlets;
use self::outlets::Room;
pub use self::together::{Both, Branches, Each, Ending, Joined, Nothing, Running};
use crate::fault::Fault;
use crate::flow::{Budget, Downstream, Drive, Flow, yield_now};
use crate::items::{Final, Terminal};
use crate::live::{IntoSetting, Setting};

/// How many items a branch may be behind, where nothing else is said.
const LAG: usize = 16;

/// Who gets which items.
pub trait Deal<T> {
    /// Puts the items into the outlets, and leaves none.
    fn deal(&mut self, items: &mut Vec<T>, outlets: &Outlets<T>);
}

/// Splits a pipeline into `N` branches: made by [`Items::broadcast`](crate::Items::broadcast),
/// [`Items::partition`](crate::Items::partition) and [`Items::route`](crate::Items::route).
#[derive(Clone, Debug)]
pub struct Split<D, G, const N: usize> {
    deal: D,
    branches: G,
    lag: Setting<usize>,
}

impl<D, G, const N: usize> Split<D, G, N> {
    pub(super) fn new(deal: D, branches: G) -> Self {
        Self { deal, branches, lag: Setting::fixed(LAG) }
    }
}

impl<D, G, const N: usize> Final<Split<D, G, N>> {
    /// Lets each branch be up to `items` items behind.
    ///
    /// It may be [`Live`](crate::Live): another lag holds for the next item. A branch that is farther behind by then keeps
    /// what it has, and holds up the source until it has caught up.
    ///
    /// # Panics
    ///
    /// If `items` is 0.
    #[track_caller]
    pub fn lag(self, items: impl IntoSetting<usize>) -> Self {
        const NONE: &str = "branches that may lag 0 items behind get none: `lag` takes at least 1";
        let lag = items.into_setting(|items| if *items > 0 { Ok(()) } else { Err(NONE) });
        self.map_op(|op| Split { lag, ..op })
    }
}

impl<F, D, G, B, const N: usize> Terminal<F> for Split<D, G, N>
where
    F: Flow,
    D: Deal<F::Item>,
    G: FnOnce([Branch<F::Item>; N]) -> B,
    B: Branches,
{
    type Future = Splitting<F, D, F::Item, B, B::Joined, F::Error>;

    fn run(self, upstream: F) -> Self::Future {
        let (outlets, branches) = Outlets::new(self.lag.get());
        Splitting {
            lag: self.lag,
            flow: Some(upstream),
            deal: self.deal,
            outlets,
            items: Vec::new(),
            branches: (self.branches)(branches).join(),
            error: None,
            polling: false,
            results: PhantomData,
        }
    }
}

pin_project! {
    /// The future of [`Split`].
    ///
    /// Dropped, it drops the pipeline and its branches.
    ///
    /// # Panics
    ///
    /// When it is polled after it was ready or has panicked.
    #[must_use = "a pipeline does nothing unless it is polled: `.await` it"]
    pub struct Splitting<F, D, T, B, J, K> {
        // `None` once it has ended or failed, or nobody wants its items.
        #[pin]
        flow: Option<F>,
        deal: D,
        outlets: Outlets<T>,
        lag: Setting<usize>,
        // On their way to the outlets, within a call.
        items: Vec<T>,
        #[pin]
        branches: J,
        // That of the pipeline, while the branches finish.
        error: Option<K>,
        // Also true after it was ready, and after a panic.
        polling: bool,
        results: PhantomData<fn() -> B>,
    }
}

impl<F, D, T, B, J, K> fmt::Debug for Splitting<F, D, T, B, J, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Splitting").field("source_ended", &self.flow.is_none()).finish_non_exhaustive()
    }
}

impl<F, D, T, B, J, K> Future for Splitting<F, D, T, B, J, K>
where
    F: Flow<Item = T, Error = K>,
    D: Deal<T>,
    B: Branches<Joined = J>,
    J: Joined,
    K: Fault,
{
    type Output = K::Of<B::Results>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let polling = std::mem::replace(self.as_mut().project().polling, true);
        assert!(!polling, "a terminal was polled after it was ready or had panicked");
        let done = self.as_mut().run(cx);
        let mut me = self.project();
        if done.is_pending() {
            *me.polling = false;
            return Poll::Pending;
        }
        me.flow.set(None);
        let results = B::results(me.branches.outputs());
        Poll::Ready(me.error.take().map_or_else(|| K::ok(results), Fault::err))
    }
}

/// What came of asking the source for items.
enum Fed {
    /// The branches have some; there may be more.
    Some,
    /// The source is pending.
    Waiting,
    /// A branch has no room.
    Blocked,
    /// No item comes any more.
    Over,
}

impl<F, D, T, B, J, K> Splitting<F, D, T, B, J, K>
where
    F: Flow<Item = T, Error = K>,
    D: Deal<T>,
    J: Joined,
{
    /// Feeds the branches and polls them, in turns; ready when all of them are.
    fn run(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut rounds = Budget::drives();
        while rounds.spend() {
            let fed = self.as_mut().feed(cx);
            let mut me = self.as_mut().project();
            if me.branches.as_mut().poll_all(cx) {
                return Poll::Ready(());
            }
            match fed {
                Fed::Some => {}
                Fed::Waiting | Fed::Over => {
                    if matches!(me.outlets.room(None), Room::Nobody) {
                        me.flow.set(None);
                    }
                    return Poll::Pending;
                }
                Fed::Blocked => {
                    if matches!(me.outlets.room(Some(cx.waker())), Room::None) {
                        if let Poll::Ready(lag) = me.lag.poll_changed(cx) {
                            me.outlets.set_lag(lag);
                            continue;
                        }
                        if let Some(flow) = me.flow.as_pin_mut() {
                            flow.poll_progress(cx);
                        }
                        return Poll::Pending;
                    }
                }
            }
        }
        yield_now(cx)
    }

    /// Takes as many items as all branches have room for.
    fn feed(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Fed {
        let mut me = self.project();
        let Some(flow) = me.flow.as_mut().as_pin_mut() else { return Fed::Over };
        if let Some(lag) = me.lag.changed() {
            me.outlets.set_lag(lag);
        }
        let left = match me.outlets.room(None) {
            Room::For(items) => items,
            Room::None => return Fed::Blocked,
            Room::Nobody => {
                me.flow.set(None);
                return Fed::Over;
            }
        };
        let driven = flow.poll_drive(cx, &mut Taking { items: me.items, left });
        // Without items nobody is to be woken: that would be once a poll, for ever.
        if !me.items.is_empty() {
            me.deal.deal(me.items, me.outlets);
        }
        match driven {
            Poll::Pending => return Fed::Waiting,
            Poll::Ready(Ok(Drive::Paused)) => return Fed::Some,
            Poll::Ready(Ok(Drive::Ended)) => {}
            Poll::Ready(Err(error)) => *me.error = Some(error),
        }
        me.flow.set(None);
        me.outlets.end();
        Fed::Over
    }
}

struct Taking<'a, T> {
    items: &'a mut Vec<T>,
    left: usize,
}

impl<T> Downstream<T> for Taking<'_, T> {
    #[inline(always)]
    fn push(&mut self, item: T) -> ControlFlow<()> {
        self.items.push(item);
        self.left -= 1;
        if self.left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

#[cfg(test)]
mod tests;
