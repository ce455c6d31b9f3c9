//! Each operator that may hold up what is above it, between three concurrent stages above, three on its side where it has
//! one, three below and a body, all of which share a lock.

use std::convert::Infallible;
use std::sync::Arc;

use futures::StreamExt;
use futures::future::join;
use reactive_runtime::prelude::*;
use reactive_runtime::units::ms;
use tokio::sync::Mutex;

use super::item_by_item::item_by_item;
use super::work::{ends, in_virtual_time, pause};

const ITEMS: u32 = 20;

/// So many different timings.
const SEEDS: u64 = 40;

#[derive(Clone, Default)]
struct Lock {
    lock: Arc<Mutex<()>>,
    seed: u64,
}

impl Lock {
    /// Work for an item, under the lock and without it.
    fn work(&self, x: u32) -> impl Future<Output = u32> + Send + use<> {
        let Self { lock, seed } = self.clone();
        async move {
            pause((u64::from(x) * 7 + seed) % 5).await;
            let _guard = lock.lock().await;
            pause((u64::from(x) + seed * 3) % 4).await;
            x
        }
    }

    fn three<F>(&self, above: Pipe<F>) -> Pipe<impl Flow<Item = u32, Error = Infallible> + Send + use<F>>
    where
        F: Flow<Item = u32, Error = Infallible> + Send + 'static,
    {
        let [a, b, c] = [1, 2, 3].map(|stage| {
            let lock = Self { lock: self.lock.clone(), seed: self.seed * stage + stage };
            move |x| lock.work(x)
        });
        let [m, n] = [self.seed as usize % 3 + 1, self.seed as usize / 3 % 3 + 1];
        pipeline! {
            above
                |> map_async(a, concurrency = 2)
                |> map_async(b, concurrency = m).unordered()
                |> map_async(c, concurrency = n)
        }
    }

    /// The items, through three stages.
    fn items(&self) -> Pipe<impl Flow<Item = u32, Error = Infallible> + Send + use<>> {
        self.three(Pipe::new(0..ITEMS))
    }

    /// Two items, through three stages.
    fn inner(&self) -> impl FnMut(u32) -> BoxPipe<'static, u32> + Send + use<> {
        let lock = self.clone();
        move |x| lock.three(Pipe::new([x, x + 1])).boxed()
    }

    async fn body<F: Flow<Item = u32, Error = Infallible>>(&self, pipe: Pipe<F>) {
        pipeline! { pipe |> for_each_async(async |x| { self.work(x).await; }) }.await;
    }

    async fn three_and_body<F>(&self, pipe: Pipe<F>)
    where
        F: Flow<Item = u32, Error = Infallible> + Send + 'static,
    {
        self.body(self.three(pipe)).await;
    }
}

macro_rules! nothing_hangs {
    ($($name:ident($lock:ident) => $run:expr;)*) => {$(
        #[test]
        fn $name() {
            for seed in 0..SEEDS {
                in_virtual_time(async {
                    let $lock = &Lock { lock: Arc::default(), seed };
                    assert!(ends(async { $run.await }).await, "it hangs, with seed {seed}");
                });
            }
        }
    )*};
}

nothing_hangs! {
    combine_latest(lock) => {
        lock.three_and_body(lock.items().combine_latest(lock.items()).map(|(x, _)| x))
    };
    with_latest_from(lock) => {
        lock.three_and_body(lock.items().with_latest_from(lock.items()).map(|(x, _)| x))
    };
    switch_map(lock) => lock.three_and_body(lock.items().switch_map(lock.inner()));
    flat_map_stream(lock) => lock.three_and_body(lock.items().flat_map_stream(lock.inner()));
    flat_map_stream_ahead(lock) => {
        lock.three_and_body(lock.items().with(|i| i.flat_map_stream(lock.inner()).concurrency(3)))
    };
    flat_map_stream_unordered(lock) => {
        lock.three_and_body(lock.items().with(|i| i.flat_map_stream(lock.inner()).unordered()))
    };
    merge(lock) => lock.three_and_body(lock.items().merge(lock.items()));
    merge_prefer_left(lock) => {
        lock.three_and_body(lock.items().with(|i| i.merge(lock.items()).prefer_left()))
    };
    merge_end_with_any(lock) => {
        lock.three_and_body(lock.items().with(|i| i.merge(lock.items()).end_with_any()))
    };
    zip(lock) => lock.three_and_body(lock.items().zip(lock.items()).map(|(x, _)| x));
    zip_of_a_slow_side(lock) => {
        lock.body(lock.items().throttle(ms(9)).zip(lock.items()).map(|(x, _)| x))
    };
    concat(lock) => lock.three_and_body(lock.items().concat(lock.items()));
    concat_of_what_is_under_way(lock) => async {
        let mut second = item_by_item(lock.items());
        second.next().await;
        lock.three_and_body(lock.items().concat(second)).await;
    };
    take_until(lock) => {
        let other = lock.work(7);
        lock.three_and_body(lock.items().take_until(async {
            other.await;
            std::future::pending::<()>().await;
        }))
    };
    boxed(lock) => lock.three_and_body(lock.items().boxed());
    boxed_behind_an_error(lock) => {
        let fails = |x| if x % 3 == 1 { Err(x) } else { Ok(x) };
        lock.three_and_body(lock.items().try_map(fails).boxed().catch(Recover::With))
    };
    buffer(lock) => lock.three_and_body(lock.items().buffer(3));
    spawn(lock) => lock.three_and_body(lock.items().with(|i| i.spawn().capacity(2)));
    parallel(lock) => lock.three_and_body(lock.items().parallel(2, |x| x));
    batch_max_wait(lock) => {
        lock.three_and_body(lock.items().with(|i| i.batch(2).max_wait(ms(4))).flatten())
    };
    delay(lock) => lock.three_and_body(lock.items().with(|i| i.delay(ms(7)).capacity(2)));
    throttle_per_key(lock) => {
        lock.three_and_body(lock.items().with(|i| i.throttle(ms(5)).per_key(|x| x % 3)))
    };
    fed(lock) => {
        let (feeder, pipe) = feed(2);
        let feeding = async {
            for x in 0..ITEMS {
                let x = lock.work(x).await;
                feeder.push(x).await.unwrap();
            }
            drop(feeder);
        };
        join(lock.three_and_body(pipe), feeding)
    };
    broadcast(lock) => {
        lock.items().with(|i| i.broadcast(|[a, b]| (lock.three_and_body(a), lock.three_and_body(b))).lag(2))
    };
    partition(lock) => {
        let branches = |[even, odd]: [_; 2]| (lock.three_and_body(even), lock.three_and_body(odd));
        lock.items().with(|i| i.partition(|x| x % 2 == 0, branches).lag(2))
    };
    route(lock) => {
        let branches = |branches: [_; 3]| branches.map(|branch| lock.three_and_body(branch));
        lock.items().with(|i| i.route(|x| *x as usize % 3, branches).lag(1))
    };
    branches_that_are_merged_again(lock) => {
        // What each branch gives goes back into one pipeline.
        let (feeder, joined) = feed(2);
        let split = lock.items().with(|i| i.broadcast(|branches: [_; 3]| {
            branches.map(|branch| lock.three(branch).send_to(feeder.sink()))
        }));
        async {
            let split = async { assert_eq!(split.await, [Ok(()); 3]) };
            join(split, lock.three_and_body(joined)).await
        }
    };
}
