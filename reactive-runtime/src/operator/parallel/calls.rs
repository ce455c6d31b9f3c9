use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinHandle};

use super::Order;
use crate::flow::Downstream;
use crate::live::Setting;

/// The calls that are in flight, in the order of their items.
pub(super) struct Calls<F, T, U> {
    f: Arc<F>,
    // Where the stage was made this could be named, so nothing has to ask for `Send` again: a mistake is told once.
    begin: fn(&Handle, &Arc<F>, T) -> Call<U>,
    begun: VecDeque<Call<U>>,
    threads: Setting<usize>,
    order: Order,
    // Where the first call found itself.
    runtime: Option<Handle>,
}

impl<F, T, U> Calls<F, T, U>
where
    F: Fn(T) -> U + Send + Sync + 'static,
    T: Send + 'static,
    U: Send + 'static,
{
    pub(super) fn new(threads: Setting<usize>, order: Order, f: F) -> Self {
        Self { f: Arc::new(f), begin: Call::begin, begun: VecDeque::new(), threads, order, runtime: None }
    }
}

impl<F, T, U> Calls<F, T, U> {
    pub(super) fn in_flight(&self) -> usize {
        self.begun.len()
    }

    pub(super) fn any_running(&self) -> bool {
        self.begun.iter().any(|call| !call.0.is_finished())
    }

    pub(super) fn is_full(&self) -> bool {
        self.begun.len() >= self.threads.get()
    }

    /// Follows a change of the number of threads.
    pub(super) fn follow_threads(&mut self) {
        self.threads.changed();
    }

    /// Wakes the task when there is another number of threads; ready if there is one already.
    pub(super) fn poll_threads(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.threads.poll_changed(cx).map(drop)
    }

    /// The next result; `None` when nothing is in flight.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<U>> {
        let candidates = match self.order {
            Order::OfItems => self.begun.len().min(1),
            Order::OfResults => self.begun.len(),
        };
        for at in 0..candidates {
            if let Poll::Ready(joined) = Pin::new(&mut self.begun[at].0).poll(cx) {
                self.begun.remove(at);
                return Poll::Ready(Some(joined.unwrap_or_else(fail)));
            }
        }
        if self.begun.is_empty() { Poll::Ready(None) } else { Poll::Pending }
    }
}

fn fail<U>(error: JoinError) -> U {
    match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(_) => panic!("the runtime of a parallel pipeline was shut down before a call was made"),
    }
}

impl<F, T, U> Downstream<T> for Calls<F, T, U> {
    fn push(&mut self, item: T) -> ControlFlow<()> {
        let runtime = self.runtime.get_or_insert_with(|| {
            Handle::try_current().expect(
                "`parallel` runs on the threads of a tokio runtime: poll the pipeline inside of one, such as under \
                 `#[tokio::main]`",
            )
        });
        self.begun.push_back((self.begin)(runtime, &self.f, item));
        if self.is_full() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// A call: given up when it is dropped before it has begun.
struct Call<U>(JoinHandle<U>);

impl<U: Send + 'static> Call<U> {
    fn begin<F, T>(runtime: &Handle, f: &Arc<F>, item: T) -> Self
    where
        F: Fn(T) -> U + Send + Sync + 'static,
        T: Send + 'static,
    {
        let f = Arc::clone(f);
        Self(runtime.spawn_blocking(move || f(item)))
    }
}

impl<U> Drop for Call<U> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
