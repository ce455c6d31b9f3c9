use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::{Calls, Lanes, Work};
use crate::fault::Fault;
use crate::flow::{Activity, Budget, Downstream, Drive, Driven, Flow, Tail, yield_now};

pin_project! {
    /// The flow below a stage that works on several items at a time; `W` is the [`Work`].
    pub struct ConcurrentFlow<F, W, K> {
        // `None` once it has ended.
        #[pin]
        upstream: Option<F>,
        work: W,
        tail: Tail<K>,
        started: bool,
    }
}

impl<F, W, K> ConcurrentFlow<F, W, K> {
    pub(crate) fn new(upstream: F, work: W) -> Self {
        Self { upstream: Some(upstream), work, tail: Tail::Open, started: false }
    }
}

impl<F, T, C, L, J, O, K> Flow for ConcurrentFlow<F, Work<T, C, L, J, O>, K>
where
    F: Flow<Item = T, Error = K>,
    C: Calls<T, Job = J, Output = O>,
    L: Lanes<T>,
    K: Fault,
{
    type Item = O;
    type Error = K;
    type Bound = F::Bound;

    fn poll_drive<D: Downstream<O>>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<K> {
        let me = self.as_mut().project();
        *me.started = true;
        me.work.follow_limit();
        me.work.poll_woken(cx);
        let (mut budget, mut waits) = (Budget::items(), false);
        loop {
            if self.has_room() && !waits {
                // First, so that freed places are filled also where one result is asked for at a time. While there
                // are results to give, new ones are kept behind them.
                let wanted = if self.work.has_result() { None } else { Some(&mut *down) };
                match self.as_mut().fill(cx, wanted) {
                    Fill::Broke => return Poll::Ready(Ok(Drive::Paused)),
                    Fill::Waits => waits = true,
                    Fill::Stopped => {}
                }
            }
            let mut gave = false;
            while let Some(result) = self.as_mut().project().work.next_result() {
                gave = true;
                if down.push(result).is_break() {
                    return Poll::Ready(Ok(Drive::Paused));
                }
                if !budget.spend() {
                    return yield_now(cx);
                }
            }
            if !gave || waits || !self.has_room() {
                break;
            }
        }
        self.wait(cx, waits)
    }

    fn poll_progress(mut self: Pin<&mut Self>, cx: &mut Context<'_>) {
        if !self.started {
            return;
        }
        let me = self.as_mut().project();
        me.work.follow_limit();
        me.work.poll_woken(cx);
        let filled =
            if self.has_room() { self.as_mut().fill(cx, None::<&mut Nobody>) } else { Fill::Stopped };
        let mut me = self.project();
        if let Some(upstream) = me.upstream.as_mut().as_pin_mut()
            && filled == Fill::Stopped
        {
            upstream.poll_progress(cx);
        }
        let takes_more = me.upstream.is_some() && me.tail.is_open();
        if me.work.poll_rest(takes_more, cx).is_ready() {
            cx.waker().wake_by_ref();
        }
    }

    fn activity(&self) -> Activity {
        if self.work.any_running() { Activity::Working } else { Activity::Idle }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let in_flight = self.work.in_flight();
        let (at_least, at_most) = self.upstream.as_ref().map_or((0, Some(0)), F::size_hint);
        (at_least.saturating_add(in_flight), at_most.and_then(|n| n.checked_add(in_flight)))
    }
}

impl<F, T, C, L, J, O, K> ConcurrentFlow<F, Work<T, C, L, J, O>, K>
where
    F: Flow<Item = T, Error = K>,
    C: Calls<T, Job = J, Output = O>,
    L: Lanes<T>,
    K: Fault,
{
    /// Whether upstream may be asked for an item.
    fn has_room(&self) -> bool {
        self.upstream.is_some() && self.tail.is_open() && self.work.has_room()
    }

    /// Begins with items of upstream until it is full; gives results that are ready at once to whoever wants them.
    #[inline(always)]
    fn fill<D: Downstream<O>>(self: Pin<&mut Self>, cx: &mut Context<'_>, down: Option<&mut D>) -> Fill {
        let mut me = self.project();
        let Some(upstream) = me.upstream.as_mut().as_pin_mut() else { return Fill::Stopped };
        let mut filling = Filling { work: me.work, down, broke: false };
        let driven = upstream.poll_drive(cx, &mut filling);
        let fill = match &driven {
            Poll::Ready(Ok(Drive::Paused)) if filling.broke => Fill::Broke,
            Poll::Ready(_) => Fill::Stopped,
            Poll::Pending => Fill::Waits,
        };
        if matches!(driven, Poll::Ready(Ok(Drive::Ended))) {
            me.upstream.set(None);
        }
        me.tail.note(driven);
        fill
    }

    /// There is no result to give.
    fn wait(self: Pin<&mut Self>, cx: &mut Context<'_>, upstream_waits: bool) -> Driven<K> {
        let mut me = self.project();
        if me.work.in_flight() == 0
            && let Some(told) = me.tail.settle()
        {
            me.work.close();
            return Poll::Ready(told);
        }
        if let Some(upstream) = me.upstream.as_mut().as_pin_mut()
            && !upstream_waits
        {
            upstream.poll_progress(cx);
        }
        let takes_more = me.upstream.is_some() && me.tail.is_open();
        if me.work.poll_rest(takes_more, cx).is_ready() { yield_now(cx) } else { Poll::Pending }
    }
}

/// How upstream was left.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fill {
    /// `down` broke.
    Broke,
    /// It has nothing now.
    Waits,
    /// All places are taken, or it has ended or failed.
    Stopped,
}

/// Takes items into free places.
struct Filling<'a, W, D> {
    work: &'a mut W,
    down: Option<&'a mut D>,
    broke: bool,
}

impl<T, C, L, J, O, D> Downstream<T> for Filling<'_, Work<T, C, L, J, O>, D>
where
    C: Calls<T, Job = J, Output = O>,
    L: Lanes<T>,
    D: Downstream<O>,
{
    #[inline(always)]
    fn push(&mut self, item: T) -> ControlFlow<()> {
        match (self.work.begin(item), &mut self.down) {
            (Some(result), Some(down)) => {
                // Written on the break path only.
                if down.push(result).is_break() {
                    self.broke = true;
                    return ControlFlow::Break(());
                }
                // The place is free again.
                return if self.work.is_open() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
            }
            (Some(result), None) => self.work.put_back(result),
            (None, _) => {}
        }
        if self.work.has_room() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

/// Nobody wants items.
enum Nobody {}

impl<T> Downstream<T> for Nobody {
    fn push(&mut self, _: T) -> ControlFlow<()> {
        match *self {}
    }
}
