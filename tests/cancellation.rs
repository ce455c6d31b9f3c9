//! Everything that works on several things at a time, dropped at every poll and hurt at every step.
//!
//! A row is a whole run, with its body: its items, its source, its closures and its futures are counted, so that nothing can
//! stay behind.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures::future::join;
use futures::{StreamExt, stream};
use reactive_runtime::prelude::*;
use reactive_runtime::units::ms;
use tokio::runtime::Handle;
use tokio::time::sleep;

const ITEMS: u32 = 6;

/// What happens in a run. Everything in it holds one, so when the run is gone there is one left.
#[derive(Debug, Default)]
struct Ledger {
    made: AtomicUsize,
    delivered: AtomicUsize,
    lost: AtomicUsize,
    steps: AtomicUsize,
    /// The step that panics; 0 for none.
    panics_at: usize,
}

/// A run's hand on its ledger.
#[derive(Clone, Debug)]
struct Test(Arc<Ledger>);

/// Counted until it is delivered or lost.
#[derive(Debug)]
struct Item {
    number: u32,
    delivered: bool,
    test: Test,
}

impl Item {
    fn new(number: u32, test: &Test) -> Self {
        test.0.made.fetch_add(1, Ordering::Relaxed);
        Self { number, delivered: false, test: test.clone() }
    }
}

impl Clone for Item {
    fn clone(&self) -> Self {
        Self::new(self.number, &self.test)
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        let count = if self.delivered { &self.test.0.delivered } else { &self.test.0.lost };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// Lets the task be polled once more.
async fn pending_once() {
    let mut polled = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut polled, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl Test {
    /// Something of the user's runs.
    fn step(&self) {
        let step = self.0.steps.fetch_add(1, Ordering::Relaxed) + 1;
        assert_ne!(step, self.0.panics_at, "hurt");
    }

    /// Items, some of which let wait.
    fn items(&self) -> Pipe<impl Flow<Item = Item, Error = std::convert::Infallible> + Send + Unpin + use<>> {
        let items = stream::unfold((0, self.clone()), async |(number, test)| {
            if number % 2 == 1 {
                pending_once().await;
            }
            test.step();
            (number < ITEMS).then(|| (Item::new(number, &test), (number + 1, test)))
        });
        Pipe::from_stream(Box::pin(items))
    }

    /// A call, and a future that is pending now and then.
    fn work<T: Send + 'static>(&self) -> impl Fn(T) -> BoxFuture<T> + Clone + Send + Sync + use<T> {
        let test = self.clone();
        move |item| {
            test.step();
            let test = test.clone();
            Box::pin(async move {
                for _ in 0..test.0.steps.load(Ordering::Relaxed) % 3 {
                    pending_once().await;
                }
                test.step();
                item
            })
        }
    }

    fn step_in<T>(&self) -> impl Fn(T) -> T + Clone + Send + Sync + use<T> {
        let test = self.clone();
        move |item| {
            test.step();
            item
        }
    }

    /// Two items for one.
    fn inner(&self) -> impl FnMut(Item) -> BoxPipe<'static, Item> + Send + use<> {
        let test = self.clone();
        move |item| {
            test.step();
            Pipe::new([item.clone(), item]).map_async(test.work()).boxed()
        }
    }

    async fn body<F: Flow<Item = Item, Error = std::convert::Infallible>>(self, pipe: Pipe<F>) {
        let deliver = async |mut item: Item| {
            self.step();
            pending_once().await;
            self.step();
            item.delivered = true;
        };
        pipeline! { pipe |> for_each_async(deliver, concurrency = 2) }.await;
    }

    fn run<F: Flow<Item = Item, Error = std::convert::Infallible>>(
        &self,
        pipe: Pipe<F>,
    ) -> impl Future<Output = ()> + use<F> {
        self.clone().body(pipe)
    }
}

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

macro_rules! runs {
    ($($name:ident($test:ident) => $run:expr;)*) => {$(
        mod $name {
            use super::*;

            /// At whatever poll it is dropped, everything of it is gone: source, items, wakers and tasks.
            #[test]
            fn can_be_dropped_at_any_poll() {
                for polls in 0.. {
                    if check(|$test| $run, 0, polls).is_ready() {
                        break;
                    }
                }
            }

            /// Whatever panics in it, in a closure, a future or a task, that comes out once, it ends, and everything of it
            /// is gone.
            #[test]
            fn a_panic_comes_out_once() {
                for step in 1.. {
                    if let Poll::Ready(Ended::Well) = check(|$test| $run, step, MANY) {
                        break;
                    }
                }
            }
        }
    )*};
}

/// More polls than any run takes.
const MANY: usize = 10_000;

#[derive(Debug)]
enum Ended {
    Well,
    InPanic,
}

/// Polls a run up to so many times, drops it, and looks for what is left of it.
fn check<R: Future>(run: impl FnOnce(&Test) -> R, panics_at: usize, polls: usize) -> Poll<Ended> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().unwrap().block_on(async {
        let test = Test(Arc::new(Ledger { panics_at, ..Ledger::default() }));
        let task = Arc::new(Task);
        let waker = Waker::from(task.clone());
        let mut run = Box::pin(run(&test));
        let mut ended = Poll::Pending;
        for _ in 0..polls {
            let poll = || run.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
            match catch_unwind(AssertUnwindSafe(poll)) {
                Ok(true) => ended = Poll::Ready(Ended::Well),
                Ok(false) => {}
                Err(_) => ended = Poll::Ready(Ended::InPanic),
            }
            if ended.is_ready() {
                break;
            }
            // Other tasks and threads go on, and timers.
            sleep(ms(1)).await;
        }
        assert!(ended.is_ready() || polls < MANY, "it hangs, with a panic at step {panics_at}");
        let was_hurt = panics_at > 0 && test.0.steps.load(Ordering::Relaxed) >= panics_at;
        assert!(!was_hurt || matches!(ended, Poll::Ready(Ended::InPanic)), "the panic is lost");
        drop((run, waker));
        // A task is dropped in its turn, and with it another one that it spawned.
        for _ in 0..3 {
            sleep(ms(1)).await;
        }
        let Ledger { made, delivered, lost, .. } = &*test.0;
        let [made, delivered, lost] = [made, delivered, lost].map(|count| count.load(Ordering::Relaxed));
        assert_eq!(made, delivered + lost, "items, after {polls} polls and a panic at {panics_at}");
        assert_eq!(Arc::strong_count(&test.0), 1, "something is kept after {polls} polls");
        assert_eq!(Arc::strong_count(&task), 1, "a waker is kept after {polls} polls");
        assert_eq!(Handle::current().metrics().num_alive_tasks(), 0, "after {polls} polls");
        ended
    })
}

struct Task;

impl Wake for Task {
    fn wake(self: Arc<Self>) {}
}

runs! {
    map_async(t) => t.run(t.items().map_async(t.work()));
    map_async_concurrent(t) => t.run(t.items().with(|i| i.map_async(t.work()).concurrency(3)));
    map_async_unordered(t) => t.run(t.items().with(|i| i.map_async(t.work()).concurrency(3).unordered()));
    map_async_per_key(t) => {
        t.run(t.items().with(|i| i.map_async(t.work()).concurrency(4).per_key(|x: &Item| x.number % 2)))
    };
    map_async_retry(t) => {
        let (work, test) = (t.work(), t.clone());
        let call = move |item: Item| {
            let (working, test) = (work(item), test.clone());
            async move {
                let item = working.await;
                // Now and then one that fails, and one that takes too long.
                match test.0.steps.load(Ordering::Relaxed) % 5 {
                    0 => return Err(()),
                    1 => sleep(ms(9)).await,
                    _ => {}
                }
                Ok(item)
            }
        };
        let retried = t.items().with(|i| {
            i.map_async(call).concurrency(3).attempt_timeout(ms(5)).retry(Retry::fixed(ms(2)).max_retries(2))
        });
        t.run(retried.or_fail().catch(|_| Recover::Skip))
    };
    filter_async(t) => {
        let work = t.work();
        t.run(t.items().with(|i| {
            i.filter_async(move |x: &Item| {
                let working = work(x.number);
                async { working.await % 3 != 1 }
            })
            .concurrency(3)
        }))
    };
    flat_map_stream(t) => t.run(t.items().flat_map_stream(t.inner()));
    flat_map_stream_ahead(t) => t.run(t.items().with(|i| i.flat_map_stream(t.inner()).concurrency(3)));
    flat_map_stream_unordered(t) => t.run(t.items().with(|i| i.flat_map_stream(t.inner()).unordered()));
    switch_map(t) => t.run(t.items().switch_map(t.inner()));
    buffer(t) => t.run(t.items().buffer(2).map_async(t.work()));
    spawn(t) => t.run(t.items().map_async(t.work()).spawn());
    spawn_small(t) => t.run(t.items().with(|i| i.spawn().capacity(1)).map(t.step_in()));
    spawn_twice(t) => t.run(t.items().map(t.step_in()).spawn().map_async(t.work()).spawn());
    parallel(t) => t.run(t.items().parallel(2, t.step_in()));
    parallel_unordered(t) => t.run(t.items().with(|i| i.parallel(3, t.step_in()).unordered()));
    parallel_on_a_task(t) => t.run(t.items().parallel(2, t.step_in()).spawn());
    fed(t) => {
        let (feeder, pipe) = feed(2);
        let source = t.items();
        let feeding = async move {
            let mut source = source;
            while let Some(item) = source.next().await {
                let _ = feeder.push(item).await;
            }
        };
        join(t.run(pipe.map(t.step_in())), feeding)
    };
    fed_by_a_sink(t) => {
        let (feeder, pipe) = feed(2);
        let feeding = t.items().send_to(feeder.sink());
        drop(feeder);
        join(t.run(pipe.map_async(t.work())), feeding)
    };
    merge(t) => t.run(t.items().map_async(t.work()).merge(t.items().map_async(t.work())));
    zip(t) => t.run(t.items().map_async(t.work()).zip(t.items().skip(2).map_async(t.work())).map(|(x, _)| x));
    concat(t) => t.run(t.items().map_async(t.work()).concat(t.items().map_async(t.work())));
    combine_latest(t) => {
        t.run(t.items().map_async(t.work()).combine_latest(t.items().map_async(t.work())).map(|(x, _)| x))
    };
    with_latest_from(t) => {
        t.run(t.items().map_async(t.work()).with_latest_from(t.items().map_async(t.work())).map(|(x, _)| x))
    };
    take_until(t) => {
        let work = t.work();
        t.run(t.items().map_async(t.work()).take_until(async move {
            for _ in 0..4 {
                work(()).await;
            }
        }))
    };
    broadcast(t) => {
        t.items().with(|i| i.broadcast(|[a, b]| (t.run(a.map_async(t.work())), t.run(b.map(t.step_in())))).lag(2))
    };
    broadcast_to_a_task(t) => {
        t.items().with(|i| i.broadcast(|[a, b]| (t.run(a.map_async(t.work()).spawn()), t.run(b))).lag(2))
    };
    partition(t) => {
        let (left, right) = (t.clone(), t.clone());
        let is_even = t.step_in();
        t.items().with(|i| {
            i.partition(
                move |x: &Item| is_even(x.number.is_multiple_of(2)),
                |[a, b]| (left.run(a.map_async(left.work())), right.run(b)),
            )
            .lag(1)
        })
    };
    route(t) => {
        let to = t.step_in();
        t.items().with(|i| {
            i.route(
                move |x: &Item| to(x.number as usize % 3),
                |branches: [_; 3]| branches.map(|branch| t.run(branch.map_async(t.work()))),
            )
        })
    };
}
