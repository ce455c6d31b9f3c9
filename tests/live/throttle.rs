//! The burst of a throttle, and how much one by key knows and lets wait.

use tokio::time::sleep_until;

use super::*;

const RATE: u32 = 10;

/// Four items at once, and four more after a second.
fn two_rushes() -> Pipe<impl Flow<Item = u32, Error = Infallible>> {
    let start = Instant::now();
    let rush = |first: u32| stream::iter(first..first + 4);
    let second = stream::once(async move { sleep_until(start + s(1)).await }).flat_map(move |()| rush(4));
    Pipe::from_stream(Box::pin(rush(0).chain(second)))
}

#[test]
fn another_burst_creates_no_credit() {
    let burst = &Live::new(1);
    let passed = |first: u64, changes: &[(u64, u64)], by_key: bool| {
        burst.set(first);
        let passed = run(burst, changes, async || {
            let rate = Rate::per_second(RATE);
            if by_key {
                told(two_rushes().with(|i| i.throttle(rate).burst(burst).per_key(|_| 'k'))).await
            } else {
                told(two_rushes().with(|i| i.throttle(rate).burst(burst))).await
            }
        });
        passed.into_iter().map(|(at, _)| at).collect::<Vec<_>>()
    };
    for by_key in [false, true] {
        let second_rush = |first, changes: &[(u64, u64)]| passed(first, changes, by_key)[4..].to_vec();
        assert_eq!(passed(2, &[], by_key), [0, 0, 100, 200, 1000, 1000, 1100, 1200]);
        // The larger one is full 200 ms after it came.
        assert_eq!(second_rush(2, &[(500, 4)]), [1000, 1000, 1000, 1000]);
        assert_eq!(second_rush(2, &[(950, 4)]), [1000, 1000, 1050, 1150]);
        // Who waits gains nothing.
        assert_eq!(passed(2, &[(50, 4)], by_key)[..4], [0, 0, 100, 200]);
        // There and back again.
        assert_eq!(second_rush(2, &[(500, 1000), (501, 2)]), [1000, 1000, 1100, 1200]);
        assert_eq!(second_rush(2, &[(500, 1), (990, 2)]), [1000, 1090, 1190, 1290]);
        // Of what was left, the smaller one holds two.
        assert_eq!(passed(4, &[(300, 2)], by_key), [0, 0, 0, 0, 1000, 1000, 1100, 1200]);
    }
}

#[test]
fn who_has_let_nothing_pass_begins_with_a_whole_burst() {
    let burst = &Live::new(1);
    let passed = run(burst, &[(500, 3)], async || {
        told(two_rushes().skip(4).with(|i| i.throttle(Rate::per_second(RATE)).burst(burst))).await
    });
    assert_eq!(passed.into_iter().map(|(at, _)| at).collect::<Vec<_>>(), [1000, 1000, 1000, 1100]);
}

#[test]
fn a_heavy_item_waits_for_another_burst() {
    let burst = &Live::new(1);
    let second = |first: u64, changes: &[(u64, u64)]| {
        burst.set(first);
        let passed = run(burst, changes, async || {
            told(Pipe::new(0..2u32).with(|i| i.throttle(Rate::per_second(RATE)).burst(burst).cost(|_| 5)))
                .await
        });
        passed[1].0
    };
    assert_eq!(second(1, &[]), 500);
    // It waits for all of the larger one, and at once for all of a smaller one.
    assert_eq!(second(1, &[(250, 5)]), 900);
    assert_eq!(second(5, &[]), 500);
    assert_eq!(second(5, &[(250, 1)]), 250);
}

#[test]
fn those_that_drop_have_another_burst() {
    let burst = &Live::new(1);
    let dropping = |first: u64, changes: &[(u64, u64)], by_key: bool| {
        burst.set(first);
        let passed = run(burst, changes, async || {
            let rate = Rate::per_second(RATE);
            if by_key {
                told(two_rushes().with(|i| i.throttle(rate).burst(burst).per_key(|_| 'k').drop_excess()))
                    .await
            } else {
                told(two_rushes().with(|i| i.throttle(rate).burst(burst).drop_excess())).await
            }
        });
        passed.into_iter().map(|(_, item)| item).collect::<Vec<_>>()
    };
    for by_key in [false, true] {
        assert_eq!(dropping(2, &[], by_key), [0, 1, 4, 5]);
        assert_eq!(dropping(2, &[(500, 4)], by_key), [0, 1, 4, 5, 6, 7]);
        assert_eq!(dropping(2, &[(500, 1)], by_key), [0, 1, 4]);
        assert_eq!(dropping(1, &[(850, 3)], by_key), [0, 4, 5]);
    }
}

#[test]
fn more_or_less_wait_for_their_keys() {
    let capacity = &Live::new(2);
    let taken = |first: usize, changes: &[(u64, usize)]| {
        capacity.set(first);
        run(capacity, changes, async || {
            let (start, taken) = (Instant::now(), RefCell::new(Vec::new()));
            let note = |_: &u32| taken.borrow_mut().push(start.elapsed().as_millis());
            let throttled = pipeline! {
                0..100u32 |> inspect(note) |> throttle(1/s, per_key = |_| 'k', capacity = capacity) |> drain()
            };
            timeout(ms(900), throttled).await.unwrap_err();
            taken.into_inner()
        })
    };
    // One has passed.
    assert_eq!(taken(2, &[]), [0, 0, 0]);
    assert_eq!(taken(2, &[(20, 4)]), [0, 0, 0, 20, 20]);
    assert_eq!(taken(4, &[(20, 1), (30, 3)]), [0, 0, 0, 0, 0]);
    assert_eq!(taken(4, &[(20, 1), (30, 5)]), [0, 0, 0, 0, 0, 30]);
}

#[test]
fn more_or_fewer_keys_are_known() {
    let keys = &Live::new(1);
    let passed = |first: usize, changes: &[(u64, usize)]| {
        keys.set(first);
        let passed = run(keys, changes, async || {
            told(Pipe::new(0..3u32).with(|i| i.throttle(Rate::per_second(1)).per_key(|x| *x).max_keys(keys)))
                .await
        });
        passed.into_iter().map(|(at, _)| at).collect::<Vec<_>>()
    };
    // The rate of a key is not broken to make room for another.
    assert_eq!(passed(1, &[]), [0, 1000, 2000]);
    assert_eq!(passed(1, &[(300, 2)]), [0, 300, 1000]);
    assert_eq!(passed(1, &[(300, 9)]), [0, 300, 300]);

    let let_through = |first: usize, changes: &[(u64, usize)]| {
        keys.set(first);
        let passed = run(keys, changes, async || {
            let by_key =
                two_rushes().with(|i| i.throttle(ms(1100)).per_key(|x| *x).drop_excess().max_keys(keys));
            told(by_key).await
        });
        passed.into_iter().map(|(_, item)| item).collect::<Vec<_>>()
    };
    assert_eq!(let_through(9, &[]), [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(let_through(6, &[]), [0, 1, 2, 3, 4, 5]);
    assert_eq!(let_through(9, &[(500, 5)]), [0, 1, 2, 3, 4]);
    assert_eq!(let_through(9, &[(500, 2)]), [0, 1, 2, 3]);
    assert_eq!(let_through(2, &[(500, 4)]), [0, 1, 4, 5]);
}

#[test]
fn zero_is_refused() {
    let (keys, burst) = (Live::new(1usize), Live::new(1u64));
    let rate = Rate::per_second(1);
    let refuses = |set: &dyn Fn()| std::panic::catch_unwind(std::panic::AssertUnwindSafe(set)).is_err();
    let by_key = Pipe::new(0..3u32).with(|i| i.throttle(rate).per_key(|x| *x).max_keys(&keys));
    assert!(refuses(&|| keys.set(0)));
    drop(by_key);
    let by_key = Pipe::new(0..3u32).with(|i| i.throttle(rate).per_key(|x| *x).capacity(&keys));
    assert!(refuses(&|| keys.set(0)));
    drop(by_key);
    let with_burst = Pipe::new(0..3u32).with(|i| i.throttle(rate).burst(&burst));
    assert!(refuses(&|| burst.set(0)));
    drop(with_burst);
    keys.set(0);
    burst.set(0);
}

#[test]
fn another_rate_holds_from_when_it_came_also_while_there_is_no_item() {
    let rate = &Live::new(Rate::per_second(1));
    let late = || {
        let second = stream::once(async { sleep(ms(560)).await }).map(|()| 1);
        Pipe::from_stream(Box::pin(stream::iter([0u32]).chain(second)))
    };
    let second = |by_key: bool, other: bool| {
        rate.set(Rate::per_second(1));
        // Half an item is owed then, so the next may go at 550.
        let passed = run(rate, &[(500, Rate::per_second(10))], async || match (by_key, other) {
            (false, false) => told(late().throttle(rate)).await,
            (false, true) => told(late().with(|i| i.throttle(rate).latest())).await,
            (true, false) => told(late().with(|i| i.throttle(rate).per_key(|_| 'k'))).await,
            (true, true) => told(late().with(|i| i.throttle(rate).per_key(|_| 'k').drop_excess())).await,
        });
        passed[1]
    };
    for (by_key, other) in [(false, false), (false, true), (true, false), (true, true)] {
        assert_eq!(second(by_key, other), (560, 1));
    }
}
