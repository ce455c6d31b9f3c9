//! What a pipeline allocates: nothing for each item, and for its state what its operators need.

use std::time::Duration;

use allocation_counter::measure;
use futures::executor::block_on;
use futures::{FutureExt, StreamExt};
use reactive_runtime::backpressure::BoundedQueue;
use reactive_runtime::prelude::*;

const ITEMS: u32 = 10_000;

/// How many allocations ten thousand items more take. What a thread allocates once is in both counts.
fn for_more_items(run: impl Fn(u32)) -> u64 {
    run(ITEMS);
    let few = measure(|| run(ITEMS)).count_total;
    measure(|| run(2 * ITEMS)).count_total - few
}

#[test]
fn steps_allocate_nothing() {
    let more = for_more_items(|items| {
        let sum = pipeline! {
            0..items
                |> map(|x| x.wrapping_mul(3))
                |> filter(|x| x % 2 == 0)
                |> inspect(|_| ())
                |> scan(0u32, |sum, x| { *sum = sum.wrapping_add(x); *sum })
                |> enumerate()
                |> filter_map(|(i, x)| (i % 3 > 0).then_some(x))
                |> skip(5)
                |> step_by(2)
                |> pairwise()
                |> map(|(a, b)| a ^ b)
                |> distinct_until_changed()
                |> skip_last(4)
                |> fold(0u32, u32::wrapping_add)
        };
        block_on(sum);
    });
    assert_eq!(more, 0);
}

#[test]
fn errors_and_their_recovery_allocate_nothing() {
    let more = for_more_items(|items| {
        let counted = pipeline! {
            0..items
                |> map(|x| if x % 3 == 0 { Err(x) } else { Ok(x) })?
                |> map_err(|x| x + 1)
                |> catch(|x| if x % 2 == 0 { Recover::With(x) } else { Recover::Skip })
                |> try_map(|x| if x == u32::MAX { Err("") } else { Ok(x) })
                |> count()
        };
        block_on(counted).expect("no such item");
    });
    assert_eq!(more, 0);
}

#[test]
fn stages_of_two_sources_and_of_many_items_allocate_nothing() {
    let more = for_more_items(|items| {
        let sum = pipeline! {
            0..items
                |> merge(0..items)
                |> zip(0..)
                |> flat_map(|(a, b)| [a, b])
                |> intersperse(7)
                |> concat(0..items)
                |> take_last(9)
                |> sum::<u32>()
        };
        block_on(sum);
    });
    assert_eq!(more, 0);
}

#[test]
fn a_batch_is_one_allocation() {
    let more = for_more_items(|items| {
        block_on(pipeline! { 0..items |> batch(100) |> map(|batch| batch.len()) |> sum::<usize>() });
    });
    assert_eq!(more, u64::from(ITEMS / 100));
}

#[test]
fn windows_that_are_used_up_allocate_nothing() {
    let more = for_more_items(|items| {
        block_on(
            pipeline! { 0..items |> window(8) |> map(|w| w.iter().sum::<u32>()) |> fold(0, u32::wrapping_add) },
        );
    });
    assert_eq!(more, 0);
}

#[test]
fn windows_that_are_kept_take_at_most_one_allocation_for_64_items() {
    for size in [1, 8, 64, 1000] {
        let more = for_more_items(|items| {
            let mut kept = Vec::with_capacity(2 * ITEMS as usize);
            block_on(pipeline! { 0..items |> window(size) |> for_each(|window| kept.push(window)) });
        });
        assert!(more <= u64::from(ITEMS) / 64, "{more} allocations with windows of {size}");
    }
}

#[test]
fn a_box_allocates_nothing_for_its_items() {
    let more = for_more_items(|items| {
        block_on(pipeline! { 0..items |> map(|x| x + 1) |> boxed() |> sum::<u32>() });
    });
    assert_eq!(more, 0);
}

#[test]
fn boundaries_allocate_nothing_for_their_items() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let more = for_more_items(|items| {
        let (feeder, numbers) = feed(100);
        let summed = async {
            let feeding = async move {
                feeder.push_all(0..items / 2).await.expect("the pipeline is there");
                for x in 0..items / 2 {
                    feeder.push(x).await.expect("the pipeline is there");
                }
            };
            let chain = pipeline! { numbers |> spawn() |> buffer(10) |> spawn(capacity = 3) |> sum::<u32>() };
            tokio::join!(chain, feeding)
        };
        runtime.block_on(summed);
    });
    assert_eq!(more, 0);
}

#[test]
fn nothing_is_allocated_before_the_first_poll() {
    let count = measure(|| {
        let pipe = pipeline! { 0..ITEMS |> map(|x| x + 1) |> batch(100) |> flat_map(|b| b) |> map_async(once, concurrency = 9) |> skip_last(9) |> count() };
        drop(pipe);
    });
    assert_eq!(count.count_total, 0);
}

/// A million keys, of which few are held: the memory is that of those few, whatever the operator holds of each.
#[test]
fn a_million_keys_take_the_memory_of_those_that_are_held() {
    const KEYS: u64 = 1_000_000;
    const HELD: usize = 1000;
    /// Of each: a clone of the key or two, some places, and what the operator holds.
    const BYTES: u64 = 600;
    let key = |x: &u64| x.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let peak = |name, run: &dyn Fn()| {
        let bytes = measure(run).bytes_max;
        assert!(bytes < HELD as u64 * BYTES, "{name}: {bytes} bytes");
    };
    peak("scan_by", &|| {
        let sums = pipeline! { 0..KEYS |> scan_by(key, 0, |sum, x| { *sum += x; *sum }, max_keys = HELD) };
        assert_eq!(block_on(sums.count()), KEYS as usize);
    });
    peak("window by", &|| {
        let windows = pipeline! { 0..KEYS |> window(3).by(key).partial().max_keys(HELD) };
        assert_eq!(block_on(windows.count()), KEYS as usize);
    });
    peak("batch_by", &|| {
        let batches = pipeline! { 0..KEYS |> batch_by(key, 3, max_keys = HELD) };
        assert_eq!(block_on(batches.count()), KEYS as usize);
    });
    peak("window_time by", &|| {
        let windows = pipeline! { 0..KEYS |> window_time(1h, by = key, max_keys = HELD, by_time = |x| *x) };
        assert_eq!(block_on(windows.count()), KEYS as usize);
    });
    peak("distinct", &|| {
        let passed = pipeline! { 0..KEYS |> distinct_by(key, capacity = HELD, ttl = 1h) };
        assert_eq!(block_on(passed.count()), KEYS as usize);
    });
}

/// A throttle remembers the keys that are busy, and not those that it has seen.
#[test]
fn a_throttle_sees_a_million_keys_in_the_room_of_ten_thousand() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime without I/O needs nothing of the system");
    let bytes = |keys: u64| {
        let passed = pipeline! {
            0..keys |> throttle(1/s, per_key = |key| *key, max_keys = 10k) |> count()
        };
        let measured = measure(|| assert_eq!(runtime.block_on(passed) as u64, keys));
        measured.bytes_max
    };
    let (all, busy) = (bytes(1_000_000), bytes(20_000));
    println!("{all} bytes for a million keys, {busy} for twenty thousand");
    assert!(all <= busy && all < 1024 * 1024, "{all} bytes for a million keys, {busy} for twenty thousand");
}

/// A future that is pending once.
fn once(x: u32) -> impl Future<Output = u32> {
    let mut polled = false;
    std::future::poll_fn(move |cx| {
        if std::mem::replace(&mut polled, true) {
            return std::task::Poll::Ready(x);
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
}

#[test]
fn futures_in_flight_allocate_nothing_for_each_item() {
    for concurrency in [1, 10, 1000] {
        let more = for_more_items(|items| {
            block_on(pipeline! {
                0..items
                    |> map_async(async |x| x, concurrency = concurrency)
                    |> map_async(once, concurrency = concurrency)
                    |> map_async(once, concurrency = concurrency).unordered()
                    |> map_async(once, concurrency = concurrency).per_key(|x| x % 7)
                    |> filter_async(|x| once(*x % 3).map(|x| x > 0), concurrency = concurrency)
                    |> for_each_async(|x| once(x).map(drop), concurrency = concurrency)
            });
        });
        assert_eq!(more, 0, "with {concurrency} in flight");
    }
}

#[test]
fn calls_under_flow_control_allocate_nothing_for_each_item() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    for congestion_algorithm in CongestionAlgorithm::ALL {
        // Nothing is held back.
        let rate = 1e12;
        let config = FlowControlConfig {
            initial_rate: rate,
            min_rate: rate,
            max_rate: rate,
            congestion_algorithm,
            ..FlowControlConfig::default()
        };
        let more = for_more_items(|items| {
            let done = pipeline! {
                0..items
                    |> map_async(async |x| x, flow_control = &config)
                    |> map_async(once, flow_control = &config, concurrency = 4)
                    |> map_async(once, concurrency = adaptive(1..=4)).unordered()
                    |> drain()
            };
            runtime.block_on(done);
        });
        assert_eq!(more, 0, "{congestion_algorithm}");
    }
}

#[test]
fn places_for_items_in_flight_are_made_by_need() {
    let places = |concurrency, items: u32| {
        measure(|| block_on(pipeline! { 0..items |> map_async(once, concurrency = concurrency) |> drain() }))
            .count_total
    };
    places(1, 1);
    assert_eq!(places(1_000_000, 5), places(5, 5));
    let ready = measure(|| {
        block_on(pipeline! { 0..ITEMS |> map_async(async |x| x, concurrency = 1000) |> drain() });
    });
    assert!(ready.count_total < 10, "{} allocations for futures that are ready at once", ready.count_total);
}

#[test]
fn branches_allocate_nothing_for_each_item() {
    let more = for_more_items(|items| {
        let branches = pipeline! {
            0..items |> broadcast(|[a, b]| (
                pipeline!(a |> sum::<u32>()),
                pipeline!(b |> partition(|x| x % 3 == 0, |[yes, no]| (yes.count(), no.drain()))),
            ))
        };
        block_on(branches);
    });
    assert_eq!(more, 0);
}

#[test]
fn sources_that_are_started_allocate_nothing_for_each_of_them() {
    let more = for_more_items(|items| {
        let started = pipeline! {
            0..items
                |> flat_map_stream(|x| [x])
                |> flat_map_stream(|x| [x], concurrency = 10)
                |> flat_map_stream(|x| [x]).unordered()
                |> switch_map(|x| [x])
                |> combine_latest(0..items)
                |> with_latest_from([1])
                |> count()
        };
        block_on(started);
    });
    assert_eq!(more, 0);
}

#[test]
fn an_overloaded_queue_takes_its_capacity_and_allocates_nothing_for_items() {
    for capacity in [16, 64, 1000, 10_000] {
        let overload = |items: u32| {
            let mut queue = BoundedQueue::new(capacity, DropOldest);
            for i in 0..items {
                let _ = queue.offer(Duration::from_nanos(i.into()), [i; 50]);
                if i % 4 == 0 && queue.take(Duration::from_nanos(i.into())).is_some() {
                    queue.delivered(Duration::from_nanos(i.into()));
                }
            }
        };
        let feed = |items: u32| {
            let (feeder, mut pipe) = Feed::new(capacity).backpressure(DropOldest).open();
            for i in 0..items {
                feeder.try_push([i; 50]).unwrap();
                if i % 4 == 0 {
                    assert!(pipe.next().now_or_never().is_some());
                }
            }
        };
        for bytes in [measure(|| overload(3 * ITEMS)).bytes_max, measure(|| feed(3 * ITEMS)).bytes_max] {
            assert!(bytes <= capacity as u64 * 200 + 4096, "{bytes} bytes for {capacity} items of 200");
        }
        assert_eq!(for_more_items(|items| feed(2 * items)), 0);
        assert_eq!(for_more_items(|items| overload(2 * items)), 0);
    }
}
