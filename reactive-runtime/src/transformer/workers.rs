use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// The threads of a transformer: of tokio's blocking pool, taken while there is something to do.
///
/// A worker takes what is there, up to a batch, and leaves something for each of the others; it never waits for more.
#[derive(Clone)]
pub(super) struct Workers {
    shared: Arc<Shared>,
}

struct Shared {
    max_workers: usize,
    batch_size: usize,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    working: usize,
}

type Job = Box<dyn FnOnce() + Send>;

impl Workers {
    pub(super) fn new(max_workers: usize, batch_size: usize) -> Self {
        Self { shared: Arc::new(Shared { max_workers, batch_size, queue: Mutex::default() }) }
    }

    /// Calls `f` on one of the threads.
    pub(super) fn run<R: Send + 'static>(&self, f: impl FnOnce() -> R + Send + 'static) -> Answer<R> {
        let runtime = Handle::try_current().expect(
            "a transformer works on the threads of a tokio runtime: poll the pipeline inside of one, such as under \
             `#[tokio::main]`",
        );
        let (sender, receiver) = oneshot::channel();
        let job = move || {
            // Given up before it has begun?
            if !sender.is_closed() {
                // Nobody may listen any more.
                let _ = sender.send(catch_unwind(AssertUnwindSafe(f)));
            }
        };
        let mut queue = self.shared.lock();
        queue.jobs.push_back(Box::new(job));
        if queue.working < self.shared.max_workers {
            queue.working += 1;
            let shared = self.shared.clone();
            runtime.spawn_blocking(move || shared.work());
        }
        Answer(receiver)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a worker does: until there is nothing left.
    fn work(&self) {
        let mut batch = Vec::new();
        loop {
            let mut queue = self.lock();
            if queue.jobs.is_empty() {
                queue.working -= 1;
                return;
            }
            let share = queue.jobs.len().div_ceil(self.max_workers).min(self.batch_size);
            batch.extend(queue.jobs.drain(..share));
            drop(queue);
            batch.drain(..).for_each(|job| job());
        }
    }
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers").field("max_workers", &self.shared.max_workers).finish_non_exhaustive()
    }
}

/// What a call on a thread gives. Dropped before it has begun, the call is not made.
pub(super) struct Answer<R>(oneshot::Receiver<Result<R, Box<dyn Any + Send>>>);

impl<R> Future for Answer<R> {
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        match ready!(Pin::new(&mut self.0).poll(cx)) {
            Ok(Ok(result)) => Poll::Ready(result),
            Ok(Err(panic)) => resume_unwind(panic),
            Err(_) => panic!("the runtime of a transformer was shut down before a call was made"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn as_many_work_as_there_are_threads() {
        let workers = Workers::new(3, 100);
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let barrier = Arc::new(std::sync::Barrier::new(3));
        let calls = (0..30).map(|x| {
            let (now, most, barrier) = (now.clone(), most.clone(), barrier.clone());
            workers.run(move || {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                barrier.wait();
                now.fetch_sub(1, Ordering::SeqCst);
                x
            })
        });
        let results = futures::future::join_all(calls.collect::<Vec<_>>()).await;
        assert!(results.into_iter().eq(0..30));
        assert_eq!(most.load(Ordering::SeqCst), 3);
        while workers.shared.lock().working > 0 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_call_that_is_given_up_is_not_made() {
        let workers = Workers::new(1, 1);
        let (held, calls) = (Arc::new(Mutex::new(())), Arc::new(AtomicUsize::new(0)));
        let lock = held.lock().unwrap();
        let first = workers.run({
            let held = held.clone();
            move || drop(held.lock())
        });
        let second = workers.run({
            let calls = calls.clone();
            move || calls.fetch_add(1, Ordering::SeqCst)
        });
        drop(second);
        drop(lock);
        first.await;
        workers.run(|| ()).await;
        assert_eq!(calls.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn a_panic_comes_out_of_the_answer_and_the_thread_goes_on() {
        let workers = Workers::new(1, 10);
        let panics = workers.run(|| panic!("oh"));
        let goes_on = workers.run(|| 7);
        assert!(AssertUnwindSafe(panics).catch_unwind().await.is_err());
        assert_eq!(goes_on.await, 7);
    }
}
