//! Windows by the times of the items: those, and the late ones, against a model that looks at each item alone.

use std::collections::BTreeMap;

use futures::executor::block_on;
use proptest::prelude::*;
use reactive_runtime::prelude::*;
use reactive_runtime::units::ms;

use super::config;

/// The windows in the order of their ends, and what was late; an item is its time in milliseconds.
type Given = (Vec<Vec<u64>>, Vec<u64>);

proptest! {
    #![proptest_config(config(2000))]

    #[test]
    fn windows_close_by_the_watermark(times in times(), size in 1..12u64, step in 1..12u64, lateness in 0..20u64) {
        let mut late = Vec::new();
        let windows = pipeline! {
            times.clone()
                |> window_time(ms(size), slide = ms(step), by_time = |at| *at, lateness = ms(lateness))
                    .on_late(|at| late.push(at))
                |> collect::<Vec<_>>()
        };
        let given = (block_on(windows), late);
        prop_assert_eq!(given, windows_of(&times, size, step, lateness));
    }

    #[test]
    fn tumbling_windows_are_sliding_ones_without_overlap(times in times(), size in 1..12u64, lateness in 0..20u64) {
        let mut late = Vec::new();
        let windows = Pipe::new(&times).map(|at| *at).with(|items| {
            items.window_time(ms(size)).by_time(|at| *at).lateness(ms(lateness)).on_late(|at| late.push(at))
        });
        let windows = block_on(windows.collect::<Vec<_>>());
        prop_assert_eq!(windows.iter().map(Vec::len).sum::<usize>() + late.len(), times.len());
        prop_assert_eq!((windows, late), windows_of(&times, size, size, lateness));
    }

    #[test]
    fn sessions_close_by_the_watermark(times in times(), gap in 1..12u64, lateness in 0..20u64) {
        let mut late = Vec::new();
        let sessions = Pipe::new(&times).map(|at| *at).with(|items| {
            items.session_window(ms(gap)).by_time(|at| *at).lateness(ms(lateness)).on_late(|at| late.push(at))
        });
        let mut sessions = block_on(sessions.collect::<Vec<_>>());
        sessions.iter_mut().for_each(|session| session.sort_unstable());
        prop_assert_eq!((sessions, late), sessions_of(&times, gap, lateness));
    }

    #[test]
    fn sessions_are_no_longer_than_their_maximum(times in times(), gap in 1..12u64, max in 1..30u64) {
        let mut late = 0;
        let sessions = Pipe::new(&times).map(|at| *at).with(|items| {
            items.session_window(ms(gap)).max(ms(max)).by_time(|at| *at).lateness(ms(9)).on_late(|_| late += 1)
        });
        let mut sessions = block_on(sessions.collect::<Vec<_>>());
        prop_assert_eq!(sessions.iter().map(Vec::len).sum::<usize>() + late, times.len());
        for session in &mut sessions {
            session.sort_unstable();
            prop_assert!(session[session.len() - 1] - session[0] < max);
            prop_assert!(session.windows(2).all(|pair| pair[1] - pair[0] < gap));
        }
    }

    #[test]
    fn each_key_has_windows_of_its_own(times in times(), size in 1..12u64, lateness in 0..20u64) {
        let mut late = Vec::new();
        let windows = Pipe::new(&times).map(|at| *at).with(|items| {
            items.window_time(ms(size)).by(|at| at % 3).by_time(|at| *at).lateness(ms(lateness)).on_late(|at| late.push(at))
        });
        let mut windows = block_on(windows.collect::<Vec<_>>());
        // The watermark is that of all keys.
        let (all, all_late) = windows_of(&times, size, size, lateness);
        let mut expected: Vec<Vec<u64>> = all.iter().flat_map(|window| (0..3).map(|key| {
            window.iter().copied().filter(|at| at % 3 == key).collect()
        })).filter(|window: &Vec<u64>| !window.is_empty()).collect();
        windows.sort_unstable();
        expected.sort_unstable();
        prop_assert_eq!((windows, late), (expected, all_late));
    }
}

/// Times that go on, with some that are out of order.
fn times() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec((0..6u64, 0..25u64), 0..60).prop_map(|steps| {
        let mut now = 30;
        steps
            .into_iter()
            .map(|(step, back)| {
                now += step;
                if back < 12 { now } else { now - back.min(now) }
            })
            .collect()
    })
}

/// All windows that ever hold something; an item is put into those that have not ended by the watermark.
fn windows_of(times: &[u64], size: u64, step: u64, lateness: u64) -> Given {
    let mut windows = BTreeMap::<i64, Vec<u64>>::new();
    let (mut late, mut greatest) = (Vec::new(), 0);
    for at in times {
        greatest = greatest.max(*at);
        let watermark = greatest as i64 - lateness as i64;
        let (at_, size, step) = (*at as i64, size as i64, step as i64);
        let starts = (-20..400).map(|n| n * step).filter(|start| *start <= at_ && at_ < start + size);
        let starts: Vec<_> = starts.collect();
        let open: Vec<_> = starts.iter().filter(|start| *start + size > watermark).collect();
        if open.is_empty() && !starts.is_empty() {
            late.push(*at);
        }
        for start in open {
            windows.entry(*start).or_default().push(*at);
        }
    }
    (windows.into_values().collect(), late)
}

/// All items that are not late, cut at gaps; those that are closed stay so.
fn sessions_of(times: &[u64], gap: u64, lateness: u64) -> Given {
    let (mut closed, mut open, mut late, mut greatest) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for at in times {
        greatest = greatest.max(*at);
        let watermark = greatest.saturating_sub(lateness);
        open.push(*at);
        open.sort_unstable();
        let mut sessions: Vec<Vec<u64>> =
            open.chunk_by(|one, next| next - one < gap).map(<[u64]>::to_vec).collect();
        let alone = vec![*at];
        if at + gap <= watermark && sessions.contains(&alone) {
            late.push(*at);
            sessions.retain(|session| *session != alone);
        }
        let ended = |session: &Vec<u64>| session[session.len() - 1] + gap <= watermark;
        let (done, rest): (Vec<_>, Vec<_>) = sessions.into_iter().partition(ended);
        closed.extend(done);
        open = rest.concat();
    }
    closed.extend(open.chunk_by(|one, next| next - one < gap).map(<[u64]>::to_vec));
    (closed, late)
}
