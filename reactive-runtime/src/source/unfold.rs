use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::flow::{Bounded, Budget, Downstream, Drive, Driven, Flow, yield_now};
use crate::pipe::Pipe;

/// A pipeline that grows from a state: `f` takes it and gives, later, an item and the next state, or `None` at the end.
///
/// # Examples
///
/// ```
/// # use reactive_runtime::prelude::*;
/// # use futures::executor::block_on;
/// // Pages of a listing, each of which names the next one.
/// async fn fetch(page: u32) -> Option<(u32, u32)> {
///     (page < 3).then_some((page * 100, page + 1))
/// }
///
/// let pages = pipeline! { unfold(0, fetch) |> collect::<Vec<_>>() };
/// assert_eq!(block_on(pages), [0, 100, 200]);
/// ```
pub fn unfold<S, T, F, Fut>(state: S, f: F) -> Pipe<UnfoldFlow<S, T, F, Fut>>
where
    F: FnMut(S) -> Fut,
    Fut: Future<Output = Option<(T, S)>>,
{
    Pipe::from_flow(UnfoldFlow { state: Some(state), f, future: None, grown: None })
}

pin_project! {
    /// The flow that grows from a state: made by [`unfold`].
    pub struct UnfoldFlow<S, T, F, Fut> {
        // At most one of the three is there; none after the end.
        state: Option<S>,
        #[pin]
        future: Option<Fut>,
        grown: Option<Option<(T, S)>>,
        f: F,
    }
}

impl<S, T, F, Fut> Flow for UnfoldFlow<S, T, F, Fut>
where
    F: FnMut(S) -> Fut,
    Fut: Future<Output = Option<(T, S)>>,
{
    type Item = T;
    type Error = Infallible;
    type Bound = Bounded;

    fn poll_drive<D: Downstream<T>>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<Infallible> {
        let mut budget = Budget::items();
        while budget.spend() {
            let mut me = self.as_mut().project();
            if let Some(state) = me.state.take() {
                me.future.set(Some((me.f)(state)));
            }
            self.as_mut().poll_progress(cx);
            let me = self.as_mut().project();
            match me.grown.take() {
                Some(Some((item, state))) => {
                    *me.state = Some(state);
                    if down.push(item).is_break() {
                        return Poll::Ready(Ok(Drive::Paused));
                    }
                }
                None if me.future.is_some() => return Poll::Pending,
                Some(None) | None => return Poll::Ready(Ok(Drive::Ended)),
            }
        }
        yield_now(cx)
    }

    /// The future that has begun goes on; none is begun.
    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        let mut me = self.project();
        if let Some(future) = me.future.as_mut().as_pin_mut()
            && let Poll::Ready(grown) = future.poll(cx)
        {
            me.future.set(None);
            *me.grown = Some(grown);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use futures::channel::oneshot;

    use super::*;
    use crate::flow::OneItem;

    #[test]
    fn lets_the_future_that_has_begun_go_on() {
        let (sender, receiver) = oneshot::channel();
        let mut begun = 0;
        let mut flow = Box::pin(unfold(Some(receiver), |receiver: Option<oneshot::Receiver<u8>>| {
            begun += 1;
            async { receiver?.await.ok().map(|item| (item, None)) }
        }));
        let mut cx = Context::from_waker(Waker::noop());
        let mut one = OneItem(None);
        assert!(flow.as_mut().poll_drive(&mut cx, &mut one).is_pending());
        sender.send(7).unwrap();
        flow.as_mut().poll_progress(&mut cx);
        flow.as_mut().poll_progress(&mut cx);
        assert_eq!(flow.as_mut().poll_drive(&mut cx, &mut one), Poll::Ready(Ok(Drive::Paused)));
        assert_eq!(one.0, Some(7));
        drop(flow);
        assert_eq!(begun, 1, "progress begins nothing");
    }
}
