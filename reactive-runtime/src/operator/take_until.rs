use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::flow::{Bounded, Downstream, Drive, Driven, Flow};
use crate::items::{Items, Stage, Staged};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Passes items until `future` is ready, and then ends.
    ///
    /// What the future gives does not matter: a `sleep(30s)`, a signal, the receiver of a `oneshot`, another pipeline. It is
    /// looked at before the items, so an item that comes at the same instant is not passed; a future that is ready at
    /// once ends the pipeline before its source is polled. When it ends, the source is dropped.
    ///
    /// # Data loss
    ///
    /// Items that come after that are not asked for; what a source gives up with them is that source's.
    ///
    /// # Cancel safety
    ///
    /// An item is passed when it is taken: none is held when the future ends the pipeline. Work in flight above it, such as
    /// that of a concurrent stage, is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use tokio::time::sleep;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let ticks = pipeline! { interval(10ms) |> take_until(sleep(35ms)) |> count() };
    /// assert_eq!(ticks.await, 4);
    /// # }
    /// ```
    pub fn take_until<I: IntoFuture>(self, future: I) -> Staged<TakeUntil<I::IntoFuture>, T, K> {
        self.stage(TakeUntil { future: future.into_future() })
    }
}

impl<F: Flow> Pipe<F> {
    /// Passes items until `future` is ready, and then ends. See [`Items::take_until`].
    #[track_caller]
    pub fn take_until<I: IntoFuture>(self, future: I) -> Pipe<TakeUntilFlow<F, I::IntoFuture>> {
        self.with(|items| items.take_until(future))
    }
}

/// Ends with a future: made by [`Items::take_until`].
#[derive(Clone, Copy, Debug)]
pub struct TakeUntil<G> {
    future: G,
}

impl<F: Flow, G: Future> Stage<F> for TakeUntil<G> {
    type Flow = TakeUntilFlow<F, G>;

    fn attach(self, upstream: F) -> Self::Flow {
        TakeUntilFlow { upstream: Some(upstream), future: Some(self.future), started: false }
    }
}

pin_project! {
    /// The flow below [`TakeUntil`].
    #[derive(Debug)]
    pub struct TakeUntilFlow<F, G> {
        // Both are `None` once one of them has ended.
        #[pin]
        upstream: Option<F>,
        #[pin]
        future: Option<G>,
        started: bool,
    }
}

impl<F: Flow, G: Future> Flow for TakeUntilFlow<F, G> {
    type Item = F::Item;
    type Error = F::Error;
    type Bound = Bounded;

    #[inline(always)]
    fn poll_drive<D: Downstream<F::Item>>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<F::Error> {
        let mut me = self.project();
        *me.started = true;
        let (Some(upstream), Some(future)) =
            (me.upstream.as_mut().as_pin_mut(), me.future.as_mut().as_pin_mut())
        else {
            return Poll::Ready(Ok(Drive::Ended));
        };
        let driven = match future.poll(cx) {
            Poll::Ready(_) => Poll::Ready(Ok(Drive::Ended)),
            Poll::Pending => upstream.poll_drive(cx, down),
        };
        if matches!(driven, Poll::Ready(Ok(Drive::Ended))) {
            me.upstream.set(None);
            me.future.set(None);
        }
        driven
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        let mut me = self.project();
        let (Some(upstream), Some(future), true) =
            (me.upstream.as_mut().as_pin_mut(), me.future.as_mut().as_pin_mut(), *me.started)
        else {
            return;
        };
        // The future is work in flight too: it may have been handed a lock that whoever is busy below waits for.
        if future.poll(cx).is_ready() {
            me.upstream.set(None);
            me.future.set(None);
        } else {
            upstream.poll_progress(cx);
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.upstream.as_ref().map_or(Some(0), |upstream| upstream.size_hint().1))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::{pending, ready};
    use std::rc::Rc;
    use std::task::Waker;

    use futures::executor::block_on;
    use futures::{FutureExt, StreamExt};
    use tokio::sync::oneshot;

    use super::*;
    use crate::operator::Recover;

    #[test]
    fn polls_no_source_if_the_future_is_ready_at_once() {
        let pipe = Pipe::new(0..).inspect(|_| panic!("polled")).take_until(ready(()));
        assert_eq!(block_on(pipe.count()), 0);
    }

    #[test]
    fn the_future_goes_on_while_nobody_asks_and_may_end_it_then() {
        let polls = Cell::new(0);
        let future = std::future::poll_fn(|_| {
            polls.set(polls.get() + 1);
            if polls.get() < 3 { Poll::Pending } else { Poll::Ready(()) }
        });
        let source = Rc::new(());
        let held = source.clone();
        let mut pipe = Box::pin(Pipe::new(0..).inspect(move |_| drop(held.clone())).take_until(future));
        let mut cx = Context::from_waker(Waker::noop());
        pipe.as_mut().poll_progress(&mut cx);
        assert_eq!(polls.get(), 0, "before the first drive");
        assert_eq!(pipe.next().now_or_never(), Some(Some(0)));
        pipe.as_mut().poll_progress(&mut cx);
        assert_eq!((polls.get(), Rc::strong_count(&source)), (2, 2));
        pipe.as_mut().poll_progress(&mut cx);
        assert_eq!((polls.get(), Rc::strong_count(&source)), (3, 1));
        assert_eq!(pipe.next().now_or_never(), Some(None));
    }

    #[test]
    fn the_future_wins_over_an_item_that_is_there() {
        let (stop, stopped) = oneshot::channel::<()>();
        let source = Rc::new(());
        let held = source.clone();
        let mut pipe = Pipe::new(0..).inspect(move |_| drop(held.clone())).take_until(stopped);
        assert_eq!(pipe.next().now_or_never(), Some(Some(0)));
        stop.send(()).unwrap();
        assert_eq!(pipe.next().now_or_never(), Some(None));
        assert_eq!(Rc::strong_count(&source), 1);
    }

    #[test]
    fn drops_the_future_when_its_source_has_ended() {
        let (mut stop, stopped) = oneshot::channel::<()>();
        let mut pipe = Pipe::new([1]).take_until(stopped);
        assert_eq!(pipe.next().now_or_never(), Some(Some(1)));
        assert_eq!(pipe.next().now_or_never(), Some(None));
        assert!(stop.poll_closed(&mut Context::from_waker(Waker::noop())).is_ready());
    }

    #[test]
    fn errors_pass() {
        let pipe = Pipe::new([Ok(1), Err("torn"), Ok(2)]).or_fail().take_until(pending::<()>());
        assert_eq!(block_on(pipe.catch(|_| Recover::Skip).collect::<Vec<_>>()), [1, 2]);
    }

    #[test]
    fn wakes_when_the_future_does() {
        let (stop, stopped) = oneshot::channel::<()>();
        let (_keep, never) = oneshot::channel::<()>();
        let mut pipe = Pipe::from_stream(never.into_stream()).take_until(stopped);
        block_on(async {
            assert!(futures::poll!(pipe.next()).is_pending());
            let (ended, sent) = futures::join!(pipe.next(), async { stop.send(()) });
            assert_eq!((ended, sent), (None, Ok(())));
        });
    }

    #[cfg(feature = "time")]
    mod in_time {
        use proptest::prelude::*;

        use crate::operator::timeline::{Said, pauses, play, simulate, source, timelines};
        use crate::units::ms;

        proptest! {
            /// With ties: an item of that very millisecond is not passed.
            #[test]
            fn says_what_its_model_says(timeline in timelines(5), pauses in pauses(), until in 0u64..60) {
                let expected = simulate(&timeline, &pauses, |now, upstream| {
                    if now >= until { Some(Said::End) } else { upstream.take() }
                });
                let pipe = source(&timeline).take_until(async move {
                    tokio::time::sleep(ms(until)).await;
                });
                prop_assert_eq!(play(pipe, &pauses), expected);
            }
        }
    }
}
