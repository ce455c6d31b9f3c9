use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::open::{Open, Opening};
use super::{Counting, FlatMapStream};
use crate::fault::Join;
use crate::flow::{Activity, BUDGET, Budget, Downstream, Drive, Driven, Flow, Tail, yield_now};
use crate::items::Stage;
use crate::live::Setting;
use crate::source::InnerSource;

/// How many items a source holds that is not yet asked for them.
const LOOK_AHEAD: usize = 16;

/// Several sources at a time, whose items are given in order: see [`concurrency`](crate::Staged::concurrency).
#[derive(Clone, Debug)]
pub struct Ahead {
    pub(super) limit: Setting<usize>,
}

impl<F, M, S, G> Stage<F> for FlatMapStream<M, Ahead>
where
    F: Flow,
    M: FnMut(F::Item) -> S,
    S: InnerSource<Flow = G>,
    G: Flow,
    F::Error: Join<G::Error>,
{
    type Flow = AheadFlow<F, M, G, G::Item, F::Error, G::Error>;

    fn attach(self, upstream: F) -> Self::Flow {
        let open = Open::new(self.mode.limit);
        let sources = Sources { open, queue: VecDeque::new(), first_can_go_on: false, spare: Vec::new() };
        AheadFlow { upstream: Some(upstream), f: self.f, sources, tail: Tail::Open, started: false }
    }
}

pin_project! {
    /// The flow below [`FlatMapStream`], when its sources run ahead.
    pub struct AheadFlow<F, M, G, T, K, L> {
        // `None` once it has ended.
        #[pin]
        upstream: Option<F>,
        f: M,
        sources: Sources<G, T, L>,
        // What upstream said, behind the sources that are open.
        tail: Tail<K>,
        started: bool,
    }
}

impl<F, M, S, G, T, K, L> Flow for AheadFlow<F, M, G, T, K, L>
where
    F: Flow<Error = K>,
    M: FnMut(F::Item) -> S,
    S: InnerSource<Flow = G>,
    G: Flow<Item = T, Error = L>,
    K: Join<L>,
{
    type Item = T;
    type Error = <K as Join<L>>::Out;
    type Bound = F::Bound;

    fn poll_drive<D: Downstream<T>>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<Self::Error> {
        let me = self.as_mut().project();
        *me.started = true;
        me.sources.open.listen(cx.waker(), Inner::run_ahead);
        let mut left = BUDGET;
        let mut fills = Budget::drives();
        while fills.spend() {
            let filled = self.as_mut().fill(cx);
            let me = self.as_mut().project();
            if let Some(told) = me.sources.run(&mut left, down) {
                return told.map_err(K::right);
            }
            if left == 0 {
                break;
            }
            if me.sources.queue.is_empty()
                && let Some(told) = me.tail.settle()
            {
                return Poll::Ready(told.map_err(K::left));
            }
            if filled.is_pending() {
                return Poll::Pending;
            }
            if me.sources.open.is_full() || !me.tail.is_open() {
                if let Some(upstream) = me.upstream.as_pin_mut() {
                    upstream.poll_progress(cx);
                    if me.sources.open.poll_more_room(cx).is_ready() {
                        break;
                    }
                }
                return Poll::Pending;
            }
        }
        yield_now(cx)
    }

    fn poll_progress(mut self: Pin<&mut Self>, cx: &mut Context<'_>) {
        if !self.started {
            return;
        }
        self.as_mut().project().sources.open.listen(cx.waker(), Inner::run_ahead);
        let filled = self.as_mut().fill(cx);
        let me = self.project();
        me.sources.run_ahead(cx);
        if let Some(upstream) = me.upstream.as_pin_mut().filter(|_| filled.is_ready()) {
            upstream.poll_progress(cx);
            if me.sources.open.poll_more_room(cx).is_ready() {
                cx.waker().wake_by_ref();
            }
        }
    }

    fn activity(&self) -> Activity {
        if self.sources.open.any(Inner::waits) { Activity::Working } else { Activity::Idle }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, (self.upstream.is_none() && self.sources.queue.is_empty()).then_some(0))
    }
}

impl<F, M, S, G, T, K, L> AheadFlow<F, M, G, T, K, L>
where
    F: Flow<Error = K>,
    M: FnMut(F::Item) -> S,
    S: InnerSource<Flow = G>,
    G: Flow<Item = T, Error = L>,
{
    /// Opens sources while there are places and items; pending where that is for want of items.
    fn fill(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut me = self.project();
        let may_open = me.tail.is_open() && !me.sources.open.is_full();
        let Some(upstream) = me.upstream.as_mut().as_pin_mut().filter(|_| may_open) else {
            return Poll::Ready(());
        };
        let mut opening = Opening(|item| {
            me.sources.add((me.f)(item).into_flow());
            me.sources.open.has_room()
        });
        let driven = upstream.poll_drive(cx, &mut opening);
        if matches!(driven, Poll::Ready(Ok(Drive::Ended))) {
            me.upstream.set(None);
        }
        let filled = if driven.is_pending() { Poll::Pending } else { Poll::Ready(()) };
        me.tail.note(driven);
        filled
    }
}

/// The sources that are open.
struct Sources<G, T, L> {
    open: Open<Inner<G, T, L>>,
    // Their slots, in the order of their items.
    queue: VecDeque<usize>,
    // The first of them was woken, holds items or has become the first: it is driven.
    first_can_go_on: bool,
    // Buffers of sources that have ended, kept for their room.
    spare: Vec<VecDeque<T>>,
}

impl<G: Flow<Item = T, Error = L>, T, L> Sources<G, T, L> {
    fn add(&mut self, flow: G) {
        let held = self.spare.pop().unwrap_or_default();
        let inner = Inner { flow: Some(flow), held, tail: Tail::Open };
        self.queue.push_back(self.open.open(inner));
    }

    /// Lets the sources behind the first go on into their buffers, and gives the items of the first, until it has no more;
    /// then it is the next one's turn. Tells a break of downstream, or an error.
    fn run<D: Downstream<T>>(&mut self, left: &mut usize, down: &mut D) -> Option<Driven<L>> {
        loop {
            self.run_behind(left);
            let first = *self.queue.front().filter(|_| self.first_can_go_on && *left > 0)?;
            let mut given = 0;
            let mut counting = Counting { given: &mut given, down };
            let driven = self.open.poll(first, |inner, cx| inner.give(cx, &mut counting))?;
            *left = left.saturating_sub(given + 1);
            match driven {
                Poll::Pending => self.first_can_go_on = false,
                Poll::Ready(Ok(Drive::Ended)) => {
                    let held = self.open.poll(first, |inner, _| std::mem::take(inner.project().held));
                    self.spare.extend(held.filter(|held| held.capacity() > 0));
                    self.open.close(first);
                    self.queue.pop_front();
                    self.first_can_go_on = !self.queue.is_empty();
                }
                told => return Some(told),
            }
        }
    }

    fn run_behind(&mut self, left: &mut usize) {
        while *left > 0
            && let Some(slot) = self.open.next_turn()
        {
            *left -= 1;
            if self.queue.front() == Some(&slot) {
                self.first_can_go_on = true;
            } else {
                self.open.poll(slot, Inner::run_ahead);
            }
        }
    }

    /// Nobody wants an item: all go on into their buffers.
    fn run_ahead(&mut self, cx: &Context<'_>) {
        let mut left = BUDGET;
        self.run_behind(&mut left);
        if self.open.turns() > 0 {
            cx.waker().wake_by_ref();
        }
        if let Some(first) = self.queue.front().filter(|_| self.first_can_go_on) {
            self.open.poll(*first, Inner::run_ahead);
        }
    }
}

pin_project! {
    /// A source, and what it has given before anybody wanted it.
    struct Inner<G, T, L> {
        // `None` once it has ended.
        #[pin]
        flow: Option<G>,
        held: VecDeque<T>,
        // What it said, behind what it holds.
        tail: Tail<L>,
    }
}

impl<G: Flow<Item = T, Error = L>, T, L> Inner<G, T, L> {
    /// Whether it has nothing to give, and will have.
    fn waits(&self) -> bool {
        self.flow.is_some() && self.held.is_empty() && self.tail.is_open()
    }

    /// Gives what it holds, and then what comes.
    fn give<D: Downstream<T>>(self: Pin<&mut Self>, cx: &mut Context<'_>, down: &mut D) -> Driven<L> {
        let me = self.project();
        while let Some(item) = me.held.pop_front() {
            if down.push(item).is_break() {
                return Poll::Ready(Ok(Drive::Paused));
            }
        }
        if let Some(told) = me.tail.settle() {
            return Poll::Ready(told);
        }
        match me.flow.as_pin_mut() {
            Some(flow) => flow.poll_drive(cx, down),
            None => Poll::Ready(Ok(Drive::Ended)),
        }
    }

    /// Goes on while it may hold more.
    fn run_ahead(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        let mut me = self.project();
        let Some(mut flow) = me.flow.as_mut().as_pin_mut() else { return };
        if me.held.len() >= LOOK_AHEAD || !me.tail.is_open() {
            return flow.poll_progress(cx);
        }
        let driven = flow.as_mut().poll_drive(cx, &mut Holding(me.held));
        match driven {
            Poll::Ready(Ok(Drive::Ended)) => me.flow.set(None),
            // It was not driven to where it waits.
            Poll::Ready(_) => flow.poll_progress(cx),
            Poll::Pending => {}
        }
        me.tail.note(driven);
    }
}

struct Holding<'a, T>(&'a mut VecDeque<T>);

impl<T> Downstream<T> for Holding<'_, T> {
    fn push(&mut self, item: T) -> ControlFlow<()> {
        self.0.push_back(item);
        if self.0.len() < LOOK_AHEAD { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}
