//! How much is remembered by key, and for how long.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::executor::block_on;

use super::*;

/// Numbers from 0 on, before which a setting is changed.
fn numbers_with<T: Copy>(changes: &[(u32, T)], live: &Live<T>) -> impl FnMut(&u32) {
    move |number| changes.iter().filter(|(at, _)| at == number).for_each(|(_, to)| live.set(*to))
}

#[test]
fn the_states_of_fewer_keys_are_held_from_the_next_new_key_on() {
    let keys = Live::new(10);
    let counts = |keys_before: usize, changes: &[(u32, usize)], key: fn(&u32) -> u32| {
        keys.set(keys_before);
        let evicted = Arc::<AtomicU64>::default();
        let count = |count: &mut u32, _| {
            *count += 1;
            *count
        };
        let counted = pipeline! {
            0..12u32
                |> inspect(numbers_with(changes, &keys))
                |> scan_by(key, 0, count, max_keys = &keys, count_evictions = evicted.clone())
                |> collect::<Vec<_>>()
        };
        (block_on(counted), evicted.load(Ordering::Relaxed))
    };
    let four = |x: &u32| x % 4;
    assert_eq!(counts(10, &[], four), (vec![1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3], 0));
    // Nothing goes while no new key comes.
    assert_eq!(counts(10, &[(4, 1)], four).1, 0);
    let then_new = |x: &u32| if *x == 8 { 99 } else { x % 4 };
    assert_eq!(counts(10, &[(4, 2)], then_new), (vec![1, 1, 1, 1, 2, 2, 2, 2, 1, 1, 1, 1], 6));
    assert_eq!(counts(1, &[(4, 4)], four), (vec![1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3], 3));
}

#[test]
fn a_state_is_forgotten_after_another_time() {
    let idle = &Live::new(ms(25));
    let counts = |changes: &[(u64, Duration)]| {
        idle.set(ms(25));
        // Key 1 comes at 0 and 20, key 0 at the others.
        let key = |x: &u32| u32::from(*x == 0 || *x == 2);
        let count = |count: &mut u32, _| {
            *count += 1;
            *count
        };
        let counted =
            run(idle, changes, async || told(numbers(4).with(|i| i.scan_by(key, 0, count).idle(idle))).await);
        counted.into_iter().map(|(_, count)| count).collect::<Vec<_>>()
    };
    assert_eq!(counts(&[]), [1, 1, 2, 2]);
    assert_eq!(counts(&[(15, ms(20))]), [1, 1, 1, 1]);
    assert_eq!(counts(&[(15, ms(20)), (18, ms(40))]), [1, 1, 2, 2]);

    idle.set(ms(25));
    let windows = |changes: &[(u64, Duration)]| {
        let windows = numbers(4).with(|i| i.window(2).by(|x| x % 2).idle(idle)).map(|window| window.to_vec());
        run(idle, changes, async || told(windows).await)
    };
    assert_eq!(windows(&[]), [(20, vec![0, 2]), (30, vec![1, 3])]);
    assert_eq!(windows(&[(25, ms(20))]), [(20, vec![0, 2])]);
}

#[test]
fn windows_of_fewer_keys_are_held_from_the_next_new_key_on() {
    let keys = Live::new(10);
    let key = |x: &u32| if *x < 8 { x % 4 } else { *x };
    let windows = pipeline! {
        0..9u32
            |> inspect(numbers_with(&[(8, 2)], &keys))
            |> window(5).by(key).partial().max_keys(&keys)
            |> map(|window| window.to_vec())
            |> collect::<Vec<_>>()
    };
    // What was used longest ago goes first; the rest comes at the end.
    assert_eq!(block_on(windows), [vec![0, 4], vec![1, 5], vec![2, 6], vec![3, 7], vec![8]]);
}

#[test]
fn batches_of_fewer_keys_are_open_from_the_next_new_key_on() {
    let keys = &Live::new(10);
    let key = |x: &u32| if *x < 8 { x % 4 } else { *x };
    let first_three = [vec![0, 4], vec![1, 5], vec![2, 6]];
    let batches = pipeline! {
        0..10u32 |> inspect(numbers_with(&[(8, 2)], keys)) |> batch_by(key, 9, max_keys = keys) |> collect::<Vec<_>>()
    };
    let all = [&first_three[..], &[vec![3, 7], vec![8], vec![9]]].concat();
    assert_eq!(block_on(batches), all);
    // One by one, each in a poll of its own, and by time.
    keys.set(10);
    let timed = numbers(9).inspect(numbers_with(&[(8, 2)], keys));
    let timed = timed.with(|i| i.batch_by(key, 9).max_wait(s(1)).max_keys(keys));
    let given = in_virtual_time(told(timed.map(|batch| batch)));
    assert_eq!(given[..3], first_three.map(|batch| (80, batch)));
    assert_eq!(given[3..], [(100, vec![3, 7]), (100, vec![8])]);
}

#[test]
fn fewer_or_more_keys_are_known_to_be_repeats() {
    let keys = &Live::new(1);
    let passed = |keys_before: usize, changes: &[(u32, usize)], key: fn(&u32) -> u32| {
        keys.set(keys_before);
        let count = pipeline! { 0..40u32 |> inspect(numbers_with(changes, keys)) |> distinct_by(key, capacity = keys) |> count() };
        block_on(count)
    };
    let ten = |x: &u32| x % 10;
    assert_eq!(passed(10, &[], ten), 10);
    assert_eq!(passed(1, &[], ten), 40);
    // From the second round on all ten are known.
    assert_eq!(passed(1, &[(10, 10)], ten), 18);
    // Nothing is forgotten while no new key comes; then all but the ten of the newer half are, and soon those too.
    assert_eq!(passed(10, &[(20, 1)], ten), 10);
    let with_new = |x: &u32| if (20..23).contains(x) { *x } else { x % 10 };
    assert_eq!(passed(10, &[(20, 1)], with_new), 10 + 3 + 17);
}

#[test]
fn a_repeat_passes_after_another_time() {
    let ttl = &Live::new(ms(30));
    let passed = |changes: &[(u64, Duration)]| {
        ttl.set(ms(30));
        run(ttl, changes, async || told(numbers(9).with(|i| i.distinct_by(|_| 'k').ttl(ttl))).await)
    };
    assert_eq!(passed(&[]), [(0, 0), (30, 3), (60, 6)]);
    assert_eq!(passed(&[(35, ms(15))]), [(0, 0), (30, 3), (50, 5), (70, 7)]);
    assert_eq!(passed(&[(35, ms(45))]), [(0, 0), (30, 3), (80, 8)]);
}

#[test]
fn a_memory_of_nothing_is_refused() {
    let (keys, time) = (Live::new(1usize), Live::new(ms(1)));
    let pipe = || Pipe::new(0..3u32);
    fn refuses<T: Copy + Default>(live: &Live<T>) -> bool {
        let set = std::panic::AssertUnwindSafe(|| live.set(T::default()));
        std::panic::catch_unwind(set).is_err()
    }
    macro_rules! all_refuse {
        ($live:expr => $($pipe:expr),+ $(,)?) => {$({
            let _pipe = $pipe;
            assert!(refuses($live), "{}", stringify!($pipe));
        })+};
    }
    all_refuse!(&keys =>
        pipe().with(|i| i.scan_by(|x| *x, 0, |_, x| x).max_keys(&keys)),
        pipe().with(|i| i.window(2).by(|x| *x).max_keys(&keys)),
        pipe().with(|i| i.window(2).step(&keys)),
        pipe().with(|i| i.batch_by(|x| *x, 2).max_keys(&keys)),
        pipe().with(|i| i.distinct().capacity(&keys)),
    );
    all_refuse!(&time =>
        pipe().with(|i| i.scan_by(|x| *x, 0, |_, x| x).idle(&time)),
        pipe().with(|i| i.window(2).by(|x| *x).idle(&time)),
        pipe().with(|i| i.distinct().ttl(&time)),
    );
    keys.set(0);
    time.set(Duration::ZERO);
}
