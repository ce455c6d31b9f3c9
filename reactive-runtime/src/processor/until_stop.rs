use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::member::Member;
use super::tally::Tally;
use crate::flow::{Downstream, Drive, Driven, Flow};

pin_project! {
    /// The source above a queue: it ends when the processor stops, so that what is queued still comes out.
    pub struct UntilStop<F> {
        // `None` once it has ended.
        #[pin]
        upstream: Option<F>,
        member: Arc<Member>,
    }
}

impl<F: Flow> UntilStop<F> {
    pub(super) fn new(upstream: F, member: &Arc<Member>) -> Self {
        Self { upstream: Some(upstream), member: member.clone() }
    }

    fn close_if_stopping(self: Pin<&mut Self>) {
        if self.member.hub.is_stopping() {
            self.project().upstream.set(None);
        }
    }
}

impl<F: Flow> Flow for UntilStop<F> {
    type Item = F::Item;
    type Error = F::Error;
    type Bound = F::Bound;

    fn poll_drive<D: Downstream<F::Item>>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<F::Error> {
        self.as_mut().close_if_stopping();
        let mut me = self.project();
        let Some(upstream) = me.upstream.as_mut().as_pin_mut() else { return Poll::Ready(Ok(Drive::Ended)) };
        let driven = upstream.poll_drive(cx, &mut Offering { tally: &me.member.tally, down });
        if matches!(driven, Poll::Ready(Ok(Drive::Ended))) {
            me.upstream.set(None);
        }
        driven
    }

    fn poll_progress(mut self: Pin<&mut Self>, cx: &mut Context<'_>) {
        self.as_mut().close_if_stopping();
        if let Some(upstream) = self.project().upstream.as_pin_mut() {
            upstream.poll_progress(cx);
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // A stop may come.
        (0, self.upstream.as_ref().map_or(Some(0), |upstream| upstream.size_hint().1))
    }
}

/// Counts what comes.
struct Offering<'a, D> {
    tally: &'a Tally,
    down: &'a mut D,
}

impl<T, D: Downstream<T>> Downstream<T> for Offering<'_, D> {
    #[inline(always)]
    fn push(&mut self, item: T) -> ControlFlow<()> {
        self.tally.offered.add(1);
        self.down.push(item)
    }
}
