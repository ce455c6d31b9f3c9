//! The size and the step of windows by time, and how many keys have some.

use super::*;

fn changes<const N: usize>(changes: [(u64, u64); N]) -> Vec<(u64, Duration)> {
    changes.into_iter().map(|(at, to)| (at, ms(to))).collect()
}

#[test]
fn windows_by_time_have_another_size_from_the_next_one_on() {
    let size = &Live::new(ms(30));
    let windows = |changes: &[(u64, Duration)]| {
        size.set(ms(30));
        run(size, changes, async || told(numbers(9).window_time(size)).await)
    };
    assert_eq!(windows(&[]), [(30, vec![0, 1, 2]), (60, vec![3, 4, 5]), (90, vec![6, 7, 8])]);
    // The present one goes on to its end.
    let smaller = [(30, vec![0, 1, 2]), (45, vec![3, 4]), (60, vec![5]), (75, vec![6, 7]), (90, vec![8])];
    assert_eq!(windows(&changes([(12, 15)])), smaller);
    assert_eq!(windows(&changes([(0, 15)]))[..2], smaller[..2]);
    assert_eq!(
        windows(&changes([(12, 50)])),
        [(30, vec![0, 1, 2]), (80, vec![3, 4, 5, 6, 7]), (100, vec![8])]
    );
    // It is the last change that holds.
    assert_eq!(windows(&changes([(12, 5), (20, 15)])), smaller);
    assert_eq!(
        windows(&changes([(12, 15), (38, 30)]))[1..],
        [(45, vec![3, 4]), (75, vec![5, 6, 7]), (100, vec![8])]
    );
    // Before the first poll it is as if it had been so.
    let (early, given) = (Live::new(ms(30)), numbers(3).window_time(size));
    let fresh = numbers(3).window_time(&early);
    early.set(ms(20));
    drop(given);
    assert_eq!(in_virtual_time(told(fresh)), [(20, vec![0, 1]), (40, vec![2])]);
}

#[test]
fn a_window_without_items_goes_on_to_its_end_too() {
    let size = &Live::new(ms(40));
    let late = || numbers(9).skip(6);
    let windows = |changes: &[(u64, Duration)]| {
        size.set(ms(40));
        run(size, changes, async || told(late().window_time(size)).await)
    };
    assert_eq!(windows(&[]), [(80, vec![6, 7]), (100, vec![8])]);
    // Nothing was there to wake it, so it is woken by the change.
    assert_eq!(windows(&changes([(10, 25)])), [(65, vec![6]), (90, vec![7, 8])]);
    assert_eq!(windows(&changes([(10, 25), (50, 10)]))[..2], [(65, vec![6]), (75, vec![7])]);
}

#[test]
fn the_windows_of_all_keys_have_one_size() {
    let size = &Live::new(ms(30));
    let windows = run(size, &changes([(12, 20)]), async || {
        told(numbers(7).with(|i| i.window_time(size).by(|x| x % 2))).await
    });
    let expected =
        [(30, vec![0, 2]), (30, vec![1]), (50, vec![3]), (50, vec![4]), (70, vec![5]), (70, vec![6])];
    assert_eq!(windows, expected);

    let keys = &Live::new(9);
    let windows = run(keys, &[(35, 2)], async || {
        told(numbers(5).with(|i| i.window_time(s(1)).by(|x| *x).max_keys(keys))).await
    });
    assert_eq!(windows, [(40, vec![0]), (40, vec![1]), (40, vec![2]), (100, vec![3]), (100, vec![4])]);
}

#[test]
fn windows_that_slide_and_have_begun_stay_as_they_are() {
    let (size, step) = (&Live::new(ms(30)), &Live::new(ms(20)));
    let windows = |sizes: &[(u64, Duration)], steps: &[(u64, Duration)]| {
        size.set(ms(30));
        step.set(ms(20));
        let change_steps = async {
            let start = Instant::now();
            for (at, to) in steps {
                tokio::time::sleep_until(start + ms(*at)).await;
                step.set(*to);
            }
        };
        run(size, sizes, async || {
            join(told(numbers(9).with(|i| i.window_time(size).slide(step))), change_steps).await.0
        })
    };
    let before = [(30, vec![0, 1, 2]), (50, vec![2, 3, 4]), (70, vec![4, 5, 6]), (90, vec![6, 7, 8])];
    assert_eq!(windows(&[], &[])[..4], before);
    // From 40 on they are shorter, and so end before one that began before them.
    let shorter = windows(&changes([(25, 10)]), &[]);
    assert_eq!(
        shorter,
        [(30, vec![0, 1, 2]), (50, vec![2, 3, 4]), (50, vec![4]), (70, vec![6]), (90, vec![8])]
    );
    let longer = windows(&changes([(25, 50)]), &[]);
    assert_eq!(longer[..3], [(30, vec![0, 1, 2]), (50, vec![2, 3, 4]), (90, vec![4, 5, 6, 7, 8])]);
    // The next one begins where it would have, at 40, and those behind it each 10.
    let closer = windows(&[], &changes([(25, 10)]));
    assert_eq!(
        closer[1..5],
        [(50, vec![2, 3, 4]), (70, vec![4, 5, 6]), (80, vec![5, 6, 7]), (90, vec![6, 7, 8])]
    );
    let farther = windows(&[], &changes([(25, 45)]));
    assert_eq!(farther, [(30, vec![0, 1, 2]), (50, vec![2, 3, 4]), (70, vec![4, 5, 6])]);
}

#[test]
fn windows_by_event_time_have_another_size_behind_the_greatest_time_seen() {
    let size = &Live::new(ms(30));
    let event_time = |x: &u32| 10 * u64::from(*x);
    let windows = |changes: &[(u64, Duration)], lateness: u64| {
        size.set(ms(30));
        run(size, changes, async || {
            let out_of_order = numbers(9).map(|x| if x == 5 { 2 } else { x });
            told(out_of_order.with(|i| i.window_time(size).by_time(event_time).lateness(ms(lateness)))).await
        })
    };
    let all =
        |windows: Vec<(u64, Vec<u32>)>| windows.into_iter().map(|(_, window)| window).collect::<Vec<_>>();
    assert_eq!(all(windows(&[], 40)), [vec![0, 1, 2, 2], vec![3, 4], vec![6, 7, 8]]);
    // When 4 has come, the window up to 60 is the present one, and what comes late is in the one of its time.
    assert_eq!(all(windows(&changes([(45, 20)]), 40)), [vec![0, 1, 2, 2], vec![3, 4], vec![6, 7], vec![8]]);
    assert_eq!(
        all(windows(&changes([(45, 20), (75, 10)]), 0)),
        [vec![0, 1, 2], vec![3, 4], vec![6, 7], vec![8]]
    );
    // Before anything has come it is as if it had been so.
    size.set(ms(30));
    let windows = run(size, &changes([(5, 20)]), async || {
        told(numbers(5).skip(1).with(|i| i.window_time(size).by_time(event_time))).await
    });
    assert_eq!(all(windows), [vec![1], vec![2, 3], vec![4]]);
}

#[test]
fn no_time_is_refused() {
    let time = Live::new(ms(1));
    let refuses = || {
        let set = std::panic::AssertUnwindSafe(|| time.set(Duration::ZERO));
        std::panic::catch_unwind(set).is_err() && time.get() == ms(1)
    };
    let windows = Pipe::new(0..3u32).window_time(&time);
    assert!(refuses());
    drop(windows);
    let windows = Pipe::new(0..3u32).with(|i| i.window_time(s(1)).slide(&time));
    assert!(refuses());
    drop(windows);
    time.set(Duration::ZERO);
}

#[test]
fn the_longest_windows_can_be_changed_too() {
    let size = &Live::new(Duration::MAX);
    let windows =
        run(size, &[(15, ms(20)), (25, Duration::MAX)], async || told(numbers(5).window_time(size)).await);
    assert_eq!(windows, [(100, vec![0, 1, 2, 3, 4])]);
    let event_time = |x: &u32| if *x == 2 { u64::MAX } else { u64::from(*x) };
    let sizes = [(15, Duration::MAX), (25, ms(1)), (35, Duration::MAX)];
    let windows = run(size, &sizes, async || {
        told(numbers(5).with(|i| i.window_time(size).by_time(event_time).lateness(Duration::MAX))).await
    });
    assert!(windows.iter().any(|(_, window)| *window == [2]));
}
