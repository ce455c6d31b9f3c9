use std::any::Any;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::flow::{Budget, Downstream, Drive, Flow, yield_now};
use crate::handover::{Receiver, Sender, channel};
use crate::live::Setting;

/// The task that drives the flow above, as the one below sees it. Dropped, it is aborted.
pub(super) struct Task<T, K> {
    pub(super) items: Receiver<T, K>,
    join: JoinHandle<()>,
}

impl<T: Send + 'static, K: Send + 'static> Task<T, K> {
    #[cold]
    pub(super) fn start<F>(upstream: F, capacity: Setting<usize>) -> Self
    where
        F: Flow<Item = T, Error = K> + Send + 'static,
    {
        let runtime = Handle::try_current().expect(
            "`spawn` runs on a tokio runtime: poll the pipeline inside of one, such as under `#[tokio::main]`",
        );
        let (producer, items) = channel(capacity.get());
        let join = runtime.spawn(Driving { flow: upstream, capacity, sender: producer.into_sender() });
        Self { items, join }
    }
}

impl<T, K> Task<T, K> {
    /// Ready when the task is gone; with its panic, if it has panicked.
    ///
    /// # Panics
    ///
    /// If it was aborted with its runtime.
    pub(super) fn poll_join(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Box<dyn Any + Send>>> {
        Pin::new(&mut self.join).poll(cx).map_err(|error| match error.try_into_panic() {
            Ok(panic) => panic,
            Err(_) => panic!("the runtime of a spawned pipeline was shut down before the pipeline had ended"),
        })
    }
}

impl<T, K> Drop for Task<T, K> {
    fn drop(&mut self) {
        self.join.abort();
    }
}

pin_project! {
    /// What runs on the task: drives the flow into the hand-over.
    struct Driving<F, T, K> {
        #[pin]
        flow: F,
        capacity: Setting<usize>,
        sender: Sender<T, K>,
    }
}

impl<F: Flow<Item = T, Error = K>, T, K> Future for Driving<F, T, K> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut me = self.project();
        if let Some(capacity) = me.capacity.changed() {
            me.sender.set_capacity(capacity);
        }
        let mut budget = Budget::drives();
        while budget.spend() {
            match me.sender.poll_ready(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(())) => return Poll::Ready(()),
                Poll::Pending => {
                    if let Poll::Ready(capacity) = me.capacity.poll_changed(cx) {
                        me.sender.set_capacity(capacity);
                        continue;
                    }
                    me.flow.poll_progress(cx);
                    return Poll::Pending;
                }
            }
            match me.flow.as_mut().poll_drive(cx, &mut Into { sender: me.sender }) {
                Poll::Ready(Ok(Drive::Ended)) => return Poll::Ready(()),
                Poll::Ready(Ok(Drive::Paused)) => {}
                Poll::Ready(Err(error)) => me.sender.fail(error),
                Poll::Pending => {
                    me.sender.publish();
                    return Poll::Pending;
                }
            }
        }
        me.sender.publish();
        yield_now(cx)
    }
}

struct Into<'a, T, K> {
    sender: &'a mut Sender<T, K>,
}

impl<T, K> Downstream<T> for Into<'_, T, K> {
    #[inline(always)]
    fn push(&mut self, item: T) -> ControlFlow<()> {
        if self.sender.add(item) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}
