use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::member::Member;
use crate::fault::Fault;
use crate::flow::{Budget, Downstream, Drive, Driven, Flow, Tail, yield_now};

pin_project! {
    /// What stands above the operations: hands them items as long as there are places, a batch at a time, and reads ahead
    /// meanwhile.
    pub struct Intake<F, T, K> {
        // `None` once it has ended, or the processor stops.
        #[pin]
        upstream: Option<F>,
        ahead: Ahead<T>,
        tail: Tail<K>,
        started: bool,
        member: Arc<Member>,
    }
}

impl<F, T, K> Intake<F, T, K> {
    pub(super) fn new(upstream: F, member: Arc<Member>) -> Self {
        let ahead = Ahead { queue: VecDeque::new(), room: 0, member: member.clone() };
        Self { upstream: Some(upstream), ahead, tail: Tail::Open, started: false, member }
    }
}

impl<F: Flow<Item = T, Error = K>, T, K: Fault> Flow for Intake<F, T, K> {
    type Item = T;
    type Error = K;
    type Bound = F::Bound;

    #[inline(always)]
    fn poll_drive<D: Downstream<T>>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<K> {
        *self.as_mut().project().started = true;
        self.as_mut().close_if_stopping();
        let me = self.as_mut().project();
        if me.ahead.queue.is_empty()
            && let Some(told) = me.tail.settle()
        {
            return Poll::Ready(told);
        }
        if !me.member.has_place(cx) {
            return self.wait(cx);
        }
        let batch = Budget::of(me.member.hub.config.batch_size - 1);
        let mut handing =
            Handing { member: me.member, cx: Context::from_waker(cx.waker()), batch, down, stop: None };
        while handing.stop.is_none()
            && let Some(item) = me.ahead.take()
        {
            let _ = handing.hand(item);
        }
        let driven = match me.upstream.as_pin_mut() {
            // The next call tells what follows.
            _ if handing.stop.is_some() => Poll::Pending,
            Some(upstream) if me.tail.is_open() => upstream.poll_drive(cx, &mut handing),
            _ => Poll::Ready(me.tail.settle().unwrap_or(Ok(Drive::Ended))),
        };
        match handing.stop {
            Some(Stop::ByDownstream) => Poll::Ready(Ok(Drive::Paused)),
            Some(Stop::Batch) => yield_now(cx),
            Some(Stop::NoPlace) => self.wait(cx),
            None => {
                if matches!(driven, Poll::Ready(Ok(Drive::Ended))) {
                    self.as_mut().close();
                }
                driven
            }
        }
    }

    fn poll_progress(mut self: Pin<&mut Self>, cx: &mut Context<'_>) {
        if self.started {
            self.as_mut().close_if_stopping();
            self.read_ahead(cx);
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let at_most = self.upstream.as_ref().map_or(Some(0), |upstream| upstream.size_hint().1);
        // A stop may come.
        (0, at_most.and_then(|items| items.checked_add(self.ahead.queue.len())))
    }
}

impl<F: Flow<Item = T, Error = K>, T, K: Fault> Intake<F, T, K> {
    /// There is no place for an operation now.
    fn wait(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Driven<K> {
        self.read_ahead(cx);
        Poll::Pending
    }

    /// When the processor stops, no new items are taken; those that were read ahead are worked on.
    fn close_if_stopping(self: Pin<&mut Self>) {
        if !self.member.hub.is_stopping() || self.member.tally.is_closed() {
            return;
        }
        if self.member.hub.backpressure.is_none() {
            self.close();
        } else {
            // A queue with a strategy is closed above, and gives what it has.
            self.member.tally.close();
        }
    }

    fn close(self: Pin<&mut Self>) {
        let mut me = self.project();
        me.member.tally.close();
        me.upstream.set(None);
        if me.tail.is_open() {
            *me.tail = Tail::Ended;
        }
    }

    /// Lets upstream run ahead into the room that is left in the buffer.
    fn read_ahead(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        let mut me = self.project();
        let Some(mut upstream) = me.upstream.as_mut().as_pin_mut() else { return };
        if me.tail.is_open() && me.ahead.claim() {
            let driven = upstream.as_mut().poll_drive(cx, me.ahead);
            me.ahead.give_back();
            let (pending, ended) = (driven.is_pending(), matches!(driven, Poll::Ready(Ok(Drive::Ended))));
            me.tail.note(driven);
            if ended {
                me.member.tally.close();
                me.upstream.set(None);
            }
            if pending || ended {
                return;
            }
        }
        if let Some(upstream) = me.upstream.as_pin_mut() {
            upstream.poll_progress(cx);
        }
    }
}

/// Hands items down while there are places.
struct Handing<'a, D> {
    member: &'a Member,
    cx: Context<'a>,
    batch: Budget,
    down: &'a mut D,
    stop: Option<Stop>,
}

/// Why no more items were handed down.
#[derive(Clone, Copy)]
enum Stop {
    ByDownstream,
    Batch,
    NoPlace,
}

impl<D> Handing<'_, D> {
    #[inline(always)]
    fn hand<T>(&mut self, item: T) -> ControlFlow<()>
    where
        D: Downstream<T>,
    {
        let stop = if self.down.push(item).is_break() {
            Stop::ByDownstream
        } else if !self.batch.spend() {
            Stop::Batch
        } else if !self.member.has_place(&self.cx) {
            Stop::NoPlace
        } else {
            return ControlFlow::Continue(());
        };
        self.stop = Some(stop);
        ControlFlow::Break(())
    }
}

impl<T, D: Downstream<T>> Downstream<T> for Handing<'_, D> {
    #[inline(always)]
    fn push(&mut self, item: T) -> ControlFlow<()> {
        self.member.tally.taken.add(1);
        self.hand(item)
    }
}

/// The items that were read ahead.
struct Ahead<T> {
    queue: VecDeque<T>,
    /// What was claimed of the room that all streams share, and is not used yet.
    room: usize,
    member: Arc<Member>,
}

impl<T> Ahead<T> {
    fn take(&mut self) -> Option<T> {
        let item = self.queue.pop_front()?;
        self.member.tally.buffered.set(self.queue.len() as u64);
        self.member.hub.return_room(1);
        Some(item)
    }

    /// Whether there is room.
    fn claim(&mut self) -> bool {
        // A queue with a strategy reads ahead itself.
        if self.member.hub.backpressure.is_none() {
            self.room = self.member.hub.claim_room();
        }
        self.room > 0
    }

    fn give_back(&mut self) {
        self.member.hub.return_room(std::mem::take(&mut self.room));
        self.member.tally.buffered.set(self.queue.len() as u64);
    }
}

impl<T> Downstream<T> for Ahead<T> {
    fn push(&mut self, item: T) -> ControlFlow<()> {
        self.member.tally.taken.add(1);
        self.queue.push_back(item);
        self.room -= 1;
        if self.room == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl<T> Drop for Ahead<T> {
    fn drop(&mut self) {
        self.member.hub.return_room(self.room + self.queue.len());
    }
}
