use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::FlatMapStream;
use super::open::{Open, Opening};
use crate::fault::Join;
use crate::flow::{Activity, BUDGET, Budget, Downstream, Drive, Driven, Flow, yield_now};
use crate::items::Stage;
use crate::live::Setting;
use crate::source::InnerSource;

/// The most items that one source gives before it is another's turn.
const QUANTUM: usize = 32;

/// Several sources at a time, whose items are given as they come: see [`unordered`](crate::Staged::unordered).
#[derive(Clone, Debug)]
pub struct Merged {
    pub(super) limit: Setting<usize>,
}

impl<F, M, S, G> Stage<F> for FlatMapStream<M, Merged>
where
    F: Flow,
    M: FnMut(F::Item) -> S,
    S: InnerSource<Flow = G>,
    G: Flow,
    F::Error: Join<G::Error>,
{
    type Flow = MergedFlow<F, M, G>;

    fn attach(self, upstream: F) -> Self::Flow {
        MergedFlow { upstream: Some(upstream), f: self.f, open: Open::new(self.mode.limit) }
    }
}

pin_project! {
    /// The flow below [`FlatMapStream`], when its sources are merged.
    pub struct MergedFlow<F, M, G> {
        // `None` once it has ended.
        #[pin]
        upstream: Option<F>,
        f: M,
        open: Open<G>,
    }
}

impl<F, M, S, G> Flow for MergedFlow<F, M, G>
where
    F: Flow,
    M: FnMut(F::Item) -> S,
    S: InnerSource<Flow = G>,
    G: Flow,
    F::Error: Join<G::Error>,
{
    type Item = G::Item;
    type Error = <F::Error as Join<G::Error>>::Out;
    type Bound = F::Bound;

    fn poll_drive<D: Downstream<G::Item>>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<Self::Error> {
        self.as_mut().project().open.listen(cx.waker(), Flow::poll_progress);
        let mut left = BUDGET;
        let mut fills = Budget::drives();
        while fills.spend() {
            let filled = self.as_mut().fill(cx).map_err(Join::left)?;
            let me = self.as_mut().project();
            match run_turns(me.open, &mut left, down) {
                Some(told) => return told.map_err(<F::Error as Join<G::Error>>::right),
                None if left == 0 => break,
                None if me.open.is_full() => {
                    // Nobody has more, and there is no place that could be filled.
                    if let Some(upstream) = me.upstream.as_pin_mut() {
                        upstream.poll_progress(cx);
                        if me.open.poll_more_room(cx).is_ready() {
                            break;
                        }
                    }
                    return Poll::Pending;
                }
                None if filled.is_pending() => return Poll::Pending,
                None if me.upstream.is_some() => {}
                None if me.open.is_empty() => return Poll::Ready(Ok(Drive::Ended)),
                None => return Poll::Pending,
            }
        }
        yield_now(cx)
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        let me = self.project();
        me.open.poll_progress(cx.waker(), Flow::poll_progress);
        if let Some(upstream) = me.upstream.as_pin_mut() {
            upstream.poll_progress(cx);
        }
    }

    /// A source that waits for no turn of its own was driven to where it waits.
    fn activity(&self) -> Activity {
        if self.open.len() > self.open.turns() { Activity::Working } else { Activity::Idle }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, (self.upstream.is_none() && self.open.is_empty()).then_some(0))
    }
}

impl<F, M, S, G> MergedFlow<F, M, G>
where
    F: Flow,
    M: FnMut(F::Item) -> S,
    S: InnerSource<Flow = G>,
    G: Flow,
{
    /// Opens sources while there are places and items; pending where that is for want of items.
    fn fill(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), F::Error>> {
        let mut me = self.project();
        let Some(upstream) = me.upstream.as_mut().as_pin_mut().filter(|_| !me.open.is_full()) else {
            return Poll::Ready(Ok(()));
        };
        let mut opening = Opening(|item| {
            me.open.open((me.f)(item).into_flow());
            me.open.has_room()
        });
        let driven = upstream.poll_drive(cx, &mut opening);
        if matches!(driven, Poll::Ready(Ok(Drive::Ended))) {
            me.upstream.set(None);
        }
        driven.map_ok(drop)
    }
}

/// Drives sources whose turn it is, until nobody's is, or downstream breaks or one fails, which is told, or nothing is left.
fn run_turns<G: Flow, D: Downstream<G::Item>>(
    open: &mut Open<G>,
    left: &mut usize,
    down: &mut D,
) -> Option<Driven<G::Error>> {
    while *left > 0 {
        let slot = open.next_turn()?;
        let most = if open.turns() == 0 { *left } else { QUANTUM.min(*left) };
        let mut turn = Turn { most, given: 0, broke: false, down };
        // A slot without a source is one whose source ended when it had been woken once more.
        let driven = open.poll(slot, |source, cx| source.poll_drive(cx, &mut turn)).unwrap_or(Poll::Pending);
        *left = left.saturating_sub(turn.given + 1);
        let broke = turn.broke;
        match driven {
            Poll::Pending => {}
            Poll::Ready(Ok(Drive::Ended)) => open.close(slot),
            Poll::Ready(Ok(Drive::Paused)) => open.give_turn(slot),
            Poll::Ready(Err(error)) => {
                open.give_turn(slot);
                return Some(Poll::Ready(Err(error)));
            }
        }
        if broke {
            return Some(Poll::Ready(Ok(Drive::Paused)));
        }
    }
    None
}

/// One turn of one source.
struct Turn<'a, D> {
    most: usize,
    given: usize,
    broke: bool,
    down: &'a mut D,
}

impl<T, D: Downstream<T>> Downstream<T> for Turn<'_, D> {
    #[inline(always)]
    fn push(&mut self, item: T) -> ControlFlow<()> {
        self.given += 1;
        self.broke = self.down.push(item).is_break();
        if self.broke || self.given == self.most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
