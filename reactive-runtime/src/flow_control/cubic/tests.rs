use super::*;
use crate::flow_control::testing::signals;
use crate::units::ms;

fn fallen_from(window: f64) -> Curve {
    let mut curve = Curve::new(window);
    curve.fall();
    curve
}

#[track_caller]
fn assert_close(a: f64, b: f64) {
    assert!((a - b).abs() <= 1e-3, "{a} is not {b}");
}

/// From RFC 9438, figure 1; the last row is the one of the tests of s2n-quic.
#[test]
fn follows_the_curve() {
    const TIMES: [f64; 7] = [0.0, 1.0, 2.0, 5.0, 8.0, 10.0, 15.0];
    for (max, k, windows) in [
        (10.0, 1.9574, [7.0, 9.649, 10.000, 21.266, 98.252, 218.087, 897.461]),
        (100.0, 4.2172, [70.0, 86.681, 95.640, 100.192, 121.653, 177.354, 601.486]),
        (1000.0, 9.0856, [700.0, 788.555, 857.705, 972.721, 999.488, 1000.306, 1082.754]),
        (2304.0, 12.0000, [1612.8, 1771.600, 1904.000, 2166.800, 2278.400, 2300.800, 2314.800]),
    ] {
        let curve = fallen_from(max);
        assert_close(curve.k(), k);
        for (t, window) in TIMES.into_iter().zip(windows) {
            assert_close(curve.cubic(t), window);
        }
    }
}

#[test]
fn grows_along_the_curve() {
    let mut curve = fallen_from(1000.0);
    (0..100).for_each(|_| curve.grow(0.1, 1.0));
    assert_close(curve.window, 1000.306);
}

#[test]
fn makes_room_for_others_when_it_falls_again_below_the_last_maximum() {
    let mut curve = Curve { window: 80.0, window_max: 100.0, ..Curve::new(80.0) };
    curve.fall();
    assert_close(curve.window_max, 68.0);
    assert_close(curve.window, 56.0);
    assert_close(curve.k(), 3.10723);
}

#[test]
fn is_as_fast_as_reno_where_that_is_faster() {
    let mut curve = fallen_from(80.0);
    let mut rounds = 0;
    while curve.window_reno < 80.0 {
        curve.grow(1e-3, 1e-3);
        rounds += 1;
    }
    assert_eq!(rounds, 46);
    assert_close(curve.window, curve.window_reno);
    let before = curve.window_reno;
    curve.grow(1e-3, 1e-3);
    assert_close(curve.window_reno - before, 1.0);
    // Half way to the plateau, at a round trip of 0.1 s.
    for (max, reno_wins) in [(10.0, true), (30.0, false)] {
        let mut curve = fallen_from(max);
        let half = curve.k() / 2.0;
        (0..1000).for_each(|_| curve.grow(half / 1000.0, half / 1000.0));
        let reno = BETA * max + ALPHA * half / 0.1;
        assert_eq!(reno > curve.cubic(half), reno_wins);
    }
}

#[test]
fn a_silence_does_not_count_as_time_without_congestion() {
    let mut cubic = Cubic::new();
    let quiet = Signals { queue_wait: Some(ms(0)), ..signals() };
    let mut now = 0;
    let mut step = |cubic: &mut Cubic, signals: Signals| {
        now += 50;
        cubic.on_interval(&Signals { admitted_total: now, left_total: now, ..signals }).rate
    };
    let fallen = step(&mut cubic, Signals { queue_wait: Some(ms(60)), ..quiet });
    assert_close(fallen, 70.0);
    (0..10_000).for_each(|_| {
        step(&mut cubic, Signals { app_limited: true, ..quiet });
    });
    assert!(step(&mut cubic, quiet) < 75.0);
}

/// quinn once overflowed after ten days.
#[test]
fn stays_in_range_for_ever() {
    let mut curve = fallen_from(500.0);
    curve.grow(1e7, 0.01);
    curve.grow(1e12, 0.01);
    assert!(curve.window.is_finite());
}
