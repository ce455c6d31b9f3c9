use std::convert::Infallible;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::vec::IntoIter;

use super::Source;
use crate::flow::{BUDGET, Bounded, Downstream, Drive, Driven, Flow, yield_now};

/// The flow of the elements of a `Vec`.
#[derive(Clone, Debug)]
pub struct VecFlow<T>(IntoIter<T>);

impl<T> Unpin for VecFlow<T> {}

impl<T> Source for Vec<T> {
    type Flow = VecFlow<T>;

    fn into_flow(self) -> VecFlow<T> {
        VecFlow(self.into_iter())
    }
}

impl<T> Flow for VecFlow<T> {
    type Item = T;
    type Error = Infallible;
    type Bound = Bounded;

    #[inline(always)]
    fn poll_drive<D: Downstream<T>>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<Infallible> {
        // In a local, so that its pointers stay in registers.
        let mut items = std::mem::take(&mut self.0);
        let mut pushed = ControlFlow::Continue(());
        for _ in 0..items.len().min(BUDGET) {
            let Some(item) = items.next() else { break };
            pushed = down.push(item);
            if pushed.is_break() {
                break;
            }
        }
        self.0 = items;
        match pushed {
            ControlFlow::Break(()) => Poll::Ready(Ok(Drive::Paused)),
            ControlFlow::Continue(()) if self.0.len() > 0 => yield_now(cx),
            ControlFlow::Continue(()) => Poll::Ready(Ok(Drive::Ended)),
        }
    }

    fn poll_progress(self: Pin<&mut Self>, _: &mut Context<'_>) {}

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}
