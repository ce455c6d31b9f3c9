use std::fmt;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_sink::Sink;
use pin_project_lite::pin_project;

use crate::fault::{Failed, Fault, Join};
use crate::flow::{Downstream, Drive, Flow};
use crate::items::{Final, Items, Terminal};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Sends each item into a `futures::Sink`, and closes that at the end.
    ///
    /// An item is asked for only when the sink is ready for it, so none is held here; while the sink is not ready, work in
    /// flight above goes on. The sink is flushed whenever no item is ready.
    ///
    /// Option: [`keep_open`](Final::keep_open).
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops the sink: what was sent and is not yet flushed is left to that.
    ///
    /// # Errors
    ///
    /// The first error of the pipeline or of the sink. It is the pipeline's, into which that of the sink converts with
    /// `From`; where the pipeline cannot fail it is the sink's. An error of the pipeline comes when what was sent before it
    /// is flushed; the sink is not closed then.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let (sender, receiver) = futures::channel::mpsc::channel(8);
    /// block_on(pipeline! { 0..5 |> map(|x| x * x) |> send_to(sender) })?;
    /// assert_eq!(block_on(pipeline! { receiver |> collect::<Vec<_>>() }), [0, 1, 4, 9, 16]);
    /// # Ok::<(), futures::channel::mpsc::SendError>(())
    /// ```
    #[doc(alias = "forward")]
    #[doc(alias = "send_all")]
    pub fn send_to<S, E>(self, sink: S) -> Final<SendTo<S>>
    where
        S: SinkOf<T, Error = E>,
        K: Join<Failed<E>>,
    {
        self.terminal(SendTo { sink, at_end: AtEnd::Close })
    }
}

impl<F: Flow> Pipe<F> {
    /// Sends each item into a `futures::Sink`. See [`Items::send_to`].
    #[track_caller]
    pub fn send_to<S, E>(self, sink: S) -> Sending<F, S, <F::Error as Join<Failed<E>>>::Out>
    where
        S: SinkOf<F::Item, Error = E> + Sink<F::Item, Error = E>,
        F::Error: Join<Failed<E>>,
    {
        self.with(|items| items.send_to(sink))
    }
}

impl<S> Final<SendTo<S>> {
    /// Flushes the sink at the end, and does not close it: for one that is lent, `send_to(&mut sink)`, and used again.
    pub fn keep_open(self) -> Self {
        self.map_op(|op| SendTo { at_end: AtEnd::Flush, ..op })
    }
}

/// A sink of `T`s.
//
// A trait of its own for its message; with `Sink` as a supertrait, that would be told in its place.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no sink of `{T}`",
    label = "not a `futures::Sink` of the items that flow here",
    note = "a tokio `mpsc::Sender` becomes one with `tokio_util::sync::PollSender::new(sender)`, a writer with \
            `tokio_util::codec::FramedWrite`"
)]
pub trait SinkOf<T> {
    /// What it fails with.
    type Error;
}

#[diagnostic::do_not_recommend]
impl<T, S: Sink<T>> SinkOf<T> for S {
    type Error = S::Error;
}

/// Sends items into a sink: made by [`Items::send_to`].
#[derive(Clone, Copy, Debug)]
pub struct SendTo<S> {
    sink: S,
    at_end: AtEnd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AtEnd {
    Close,
    Flush,
}

impl<F, S> Terminal<F> for SendTo<S>
where
    F: Flow,
    S: Sink<F::Item>,
    F::Error: Join<Failed<S::Error>>,
{
    type Future = Sending<F, S, <F::Error as Join<Failed<S::Error>>>::Out>;

    fn run(self, upstream: F) -> Self::Future {
        Sending {
            flow: Some(upstream),
            sink: Some(self.sink),
            at_end: self.at_end,
            error: None,
            polling: false,
        }
    }
}

pin_project! {
    /// The future of [`SendTo`].
    ///
    /// # Panics
    ///
    /// When it is polled after it was ready or has panicked.
    #[must_use = "a pipeline does nothing unless it is polled: `.await` it"]
    pub struct Sending<F, S, L> {
        // `None` once it has ended or failed.
        #[pin]
        flow: Option<F>,
        // `None` once all is done.
        #[pin]
        sink: Option<S>,
        at_end: AtEnd,
        // That of the pipeline, while the sink is flushed.
        error: Option<L>,
        // Also true after a panic.
        polling: bool,
    }
}

impl<F, S, L> fmt::Debug for Sending<F, S, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").field("ready", &self.sink.is_none()).finish_non_exhaustive()
    }
}

impl<F, S, L> Future for Sending<F, S, L>
where
    F: Flow,
    S: Sink<F::Item>,
    F::Error: Join<Failed<S::Error>, Out = L>,
    L: Fault,
{
    type Output = L::Of<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let polling = std::mem::replace(self.as_mut().project().polling, true);
        assert!(!polling && self.sink.is_some(), "a terminal was polled after it was ready or had panicked");
        let done = self.as_mut().send(cx);
        let mut me = self.project();
        *me.polling = false;
        if done.is_ready() {
            me.flow.set(None);
            me.sink.set(None);
        }
        done.map(|done| match done {
            Ok(()) => L::ok(()),
            Err(error) => error.err(),
        })
    }
}

impl<F, S, L> Sending<F, S, L>
where
    F: Flow,
    S: Sink<F::Item>,
    F::Error: Join<Failed<S::Error>, Out = L>,
    L: Fault,
{
    fn send(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), L>> {
        let fail = |error| <F::Error as Join<Failed<S::Error>>>::right(Failed(error));
        let mut me = self.project();
        let Some(mut sink) = me.sink.as_pin_mut() else { return Poll::Ready(Ok(())) };
        if let Some(mut flow) = me.flow.as_mut().as_pin_mut() {
            let ready = sink.as_mut().poll_ready(cx);
            let mut into = IntoSink { sink: sink.as_mut(), ready, cx: Context::from_waker(cx.waker()) };
            let driven = match &into.ready {
                Poll::Ready(Ok(())) => flow.as_mut().poll_drive(cx, &mut into),
                _ => Poll::Ready(Ok(Drive::Paused)),
            };
            let ready = into.ready;
            match driven {
                Poll::Ready(Ok(Drive::Paused)) => {
                    if ready.is_pending() {
                        flow.poll_progress(cx);
                    }
                    return ready.map_err(fail);
                }
                Poll::Pending => {
                    // Nobody knows when the next item comes: those before it must not wait for it.
                    return match sink.poll_flush(cx) {
                        Poll::Ready(Err(error)) => Poll::Ready(Err(fail(error))),
                        _ => Poll::Pending,
                    };
                }
                Poll::Ready(Ok(Drive::Ended)) => {}
                Poll::Ready(Err(error)) => *me.error = Some(error.left()),
            }
            me.flow.set(None);
        }
        let finished = match me.at_end {
            AtEnd::Close if me.error.is_none() => ready!(sink.poll_close(cx)),
            _ => ready!(sink.poll_flush(cx)),
        };
        Poll::Ready(match me.error.take() {
            Some(first) => Err(first),
            None => finished.map_err(fail),
        })
    }
}

/// Sends items while the sink is ready for another.
struct IntoSink<'a, 'c, S, E> {
    sink: Pin<&'a mut S>,
    ready: Poll<Result<(), E>>,
    // `Context::waker` outlives the borrow of the context, so this second context needs no clone of the waker.
    cx: Context<'c>,
}

impl<T, S: Sink<T>> Downstream<T> for IntoSink<'_, '_, S, S::Error> {
    fn push(&mut self, item: T) -> ControlFlow<()> {
        let sent = self.sink.as_mut().start_send(item);
        self.ready = match sent {
            Ok(()) => self.sink.as_mut().poll_ready(&mut self.cx),
            Err(error) => Poll::Ready(Err(error)),
        };
        if matches!(self.ready, Poll::Ready(Ok(()))) {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Arc;
    use std::task::{Wake, Waker};

    use futures::channel::mpsc;
    use futures::executor::block_on;
    use futures::{FutureExt, SinkExt, StreamExt};

    use super::*;
    use crate::flow::{Bounded, Driven};

    /// What happened to a sink, and how many items it takes before it is full.
    #[derive(Default)]
    struct Log {
        said: RefCell<Vec<String>>,
        room: Cell<usize>,
        fails_at: Cell<Option<u32>>,
    }

    impl Log {
        fn say(&self, what: impl Into<String>) {
            self.said.borrow_mut().push(what.into());
        }

        fn take(&self) -> String {
            self.said.take().join(" ")
        }
    }

    struct Logged<'a>(&'a Log, bool);

    impl Sink<u32> for Logged<'_> {
        type Error = String;

        fn poll_ready(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), String>> {
            self.1 = self.0.room.get() > 0;
            if self.1 { Poll::Ready(Ok(())) } else { Poll::Pending }
        }

        fn start_send(mut self: Pin<&mut Self>, item: u32) -> Result<(), String> {
            assert!(std::mem::replace(&mut self.1, false), "an item came though it was not ready");
            if self.0.fails_at.get() == Some(item) {
                return Err(format!("full at {item}"));
            }
            self.0.room.update(|room| room - 1);
            self.0.say(item.to_string());
            Ok(())
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), String>> {
            self.0.say("flush");
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), String>> {
            self.0.say("close");
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn asks_for_no_item_before_the_sink_is_ready() {
        let (log, taken) = (Log::default(), Cell::new(0));
        let mut sending =
            Pipe::new(0..4).inspect(|_| taken.set(taken.get() + 1)).send_to(Logged(&log, false));
        for (room, said) in [(0, ""), (2, "0 1"), (0, ""), (1, "2")] {
            log.room.set(room);
            assert_eq!((&mut sending).now_or_never(), None);
            assert_eq!(log.take(), said);
        }
        assert_eq!(taken.get(), 3);
        log.room.set(9);
        assert_eq!((&mut sending).now_or_never(), Some(Ok(())));
        assert_eq!(log.take(), "3 close");
        assert!(catch_unwind(AssertUnwindSafe(|| sending.now_or_never())).is_err(), "it was ready");
    }

    #[test]
    fn flushes_when_no_item_is_ready() {
        let log = Log::default();
        log.room.set(9);
        let (mut sender, receiver) = mpsc::unbounded();
        let mut sending = Pipe::from_stream(receiver).send_to(Logged(&log, false));
        for (item, said) in [(7, "7 flush"), (8, "8 flush")] {
            block_on(sender.send(item)).unwrap();
            assert_eq!((&mut sending).now_or_never(), None);
            assert_eq!(log.take(), said);
        }
        drop(sender);
        assert_eq!(sending.now_or_never(), Some(Ok(())));
        assert_eq!(log.take(), "close");
    }

    #[test]
    fn keeps_a_lent_sink_open() {
        let (mut sender, receiver) = mpsc::channel(8);
        for items in [0..2, 2..4] {
            block_on(Pipe::new(items).with(|items| items.send_to(&mut sender).keep_open())).unwrap();
        }
        block_on(Pipe::new(4..6).send_to(sender)).unwrap();
        assert_eq!(block_on(receiver.collect::<Vec<_>>()), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn an_error_of_the_pipeline_flushes_and_does_not_close() {
        let log = Log::default();
        log.room.set(9);
        let items = || Pipe::new(0..4).try_map(|x| if x == 2 { Err("two".to_owned()) } else { Ok(x) });
        assert_eq!(block_on(items().send_to(Logged(&log, false))), Err("two".to_owned()));
        assert_eq!(log.take(), "0 1 flush");
        log.fails_at.set(Some(1));
        assert_eq!(block_on(items().send_to(Logged(&log, false))), Err("full at 1".to_owned()));
    }

    #[test]
    fn an_error_of_the_sink_converts_into_that_of_the_pipeline() {
        let log = Log::default();
        log.room.set(9);
        log.fails_at.set(Some(3));
        let items = Pipe::new(0..4).fails_with::<Box<dyn std::error::Error>>();
        let error = block_on(items.send_to(Logged(&log, false))).expect_err("it is full");
        assert_eq!(error.to_string(), "full at 3");
    }

    /// Counts how often it may go on.
    struct Progressing<'a>(&'a Cell<usize>);

    impl Flow for Progressing<'_> {
        type Item = u32;
        type Error = std::convert::Infallible;
        type Bound = Bounded;

        fn poll_drive<D: Downstream<u32>>(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            down: &mut D,
        ) -> Driven<Self::Error> {
            while down.push(1).is_continue() {}
            Poll::Ready(Ok(Drive::Paused))
        }

        fn poll_progress(self: Pin<&mut Self>, _: &mut Context<'_>) {
            self.0.set(self.0.get() + 1);
        }
    }

    #[test]
    fn work_in_flight_goes_on_while_the_sink_is_not_ready() {
        let (log, progress) = (Log::default(), Cell::new(0));
        log.room.set(2);
        let mut sending = Pipe::from_flow(Progressing(&progress)).send_to(Logged(&log, false));
        for polls in 1..4 {
            assert_eq!((&mut sending).now_or_never(), None);
            assert_eq!((progress.get(), log.said.borrow().len()), (polls, 2));
        }
    }

    struct Task;

    impl Wake for Task {
        fn wake(self: Arc<Self>) {}
    }

    #[test]
    fn keeps_no_waker_when_it_is_dropped_at_any_poll() {
        for polls in 0..8 {
            let task = Arc::new(Task);
            let waker = Waker::from(task.clone());
            let (sender, mut receiver) = mpsc::channel(1);
            let mut sending = Pipe::new(0..8).send_to(sender);
            for _ in 0..polls {
                if sending.poll_unpin(&mut Context::from_waker(&waker)).is_ready() {
                    break;
                }
                let _ = receiver.next().now_or_never();
            }
            drop((sending, receiver, waker));
            assert_eq!(Arc::strong_count(&task), 1);
        }
    }
}
