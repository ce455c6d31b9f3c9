//! Pipelines of which it is known where their time goes, in virtual time.

use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use tokio::time::{advance, sleep};

use super::*;
use crate::prelude::*;
use crate::units::ms;

/// Sleeps, then gives the item.
fn after<T: Send + 'static>(wait: u64) -> impl Fn(T) -> BoxFuture<'static, T> + Copy {
    move |item| sleep(ms(wait)).map(|()| item).boxed()
}

/// Works for so long, without to await.
fn work(millis: u64) {
    // The first poll moves the clock.
    let _ = advance(ms(millis)).now_or_never();
}

/// Of each stage: its name, and the milliseconds for which it was busy, starved and blocked.
fn times(report: &Report) -> Vec<(&str, [u128; 3])> {
    let times = |stage: &StageReport| [stage.busy, stage.starved, stage.blocked].map(|time| time.as_millis());
    report.stages.iter().map(|stage| (stage.name.as_str(), times(stage))).collect()
}

fn items(report: &Report) -> Vec<(u64, u64)> {
    report.stages.iter().map(|stage| (stage.items_in, stage.items_out)).collect()
}

fn slowest(report: &Report) -> Option<&str> {
    report.bottleneck().map(|stage| stage.name.as_str())
}

#[tokio::test(start_paused = true)]
async fn a_source_is_busy_while_it_has_nothing() {
    let profiler = Profiler::new();
    let source = futures::stream::iter(0..10).then(after(100));
    pipeline! { watch = &profiler: source |> map(|x| x + 1) |> batch(3) |> drain() }.await;
    let report = profiler.report();
    assert_eq!(report.elapsed, ms(1000));
    let starved = [0, 1000, 0];
    assert_eq!(
        times(&report),
        [("source", [1000, 0, 0]), ("map", starved), ("batch", starved), ("drain", starved)]
    );
    assert_eq!(items(&report), [(0, 10), (10, 10), (10, 4), (4, 0)]);
    assert_eq!(slowest(&report), Some("source"));
    assert!(report.to_string().contains("`source` at "), "{report}");
    assert!(report.to_string().ends_with("busy 100 %; everything downstream waits for it"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_concurrent_stage_is_busy_while_calls_are_in_flight() {
    let profiler = Profiler::new();
    pipeline! { watch = &profiler: 0..40 |> map_async(after(100), concurrency = 4) |> drain() }.await;
    let report = profiler.report();
    assert_eq!(
        times(&report),
        [("0..40", [0, 0, 1000]), ("map_async", [1000, 0, 0]), ("drain", [0, 1000, 0])]
    );
    assert_eq!(slowest(&report), Some("map_async"));
}

#[tokio::test(start_paused = true)]
async fn a_concurrent_stage_with_free_places_holds_nobody_up() {
    let profiler = Profiler::new();
    let source = futures::stream::iter(0..10).then(after(100));
    // A call of 90 ms each 100 ms, where four would be allowed.
    pipeline! { watch = &profiler: source |> map_async(after(90), concurrency = 4) |> drain() }.await;
    let report = profiler.report();
    assert_eq!(report.elapsed, ms(1090));
    assert_eq!(
        times(&report),
        [("source", [1000, 0, 0]), ("map_async", [900, 190, 0]), ("drain", [0, 1090, 0])]
    );
    assert_eq!(slowest(&report), Some("source"));
}

#[tokio::test(start_paused = true)]
async fn what_is_started_for_an_item_is_the_work_of_its_stage() {
    let items = || futures::stream::iter(0..10).then(after(10));
    let inner = |x| Pipe::from_stream(futures::stream::iter([x]).then(after(100)));
    let profiler = Profiler::new();
    pipeline! { watch = &profiler: items() |> flat_map_stream(inner).unordered() |> drain() }.await;
    let report = profiler.report();
    assert_eq!(times(&report)[..2], [("items()", [100, 0, 0]), ("flat_map_stream", [190, 10, 0])]);

    pipeline! { watch = &profiler: items() |> flat_map_stream(inner, concurrency = 20) |> drain() }.await;
    assert_eq!(times(&profiler.report())[1], ("flat_map_stream", [190, 10, 0]));

    pipeline! { watch = &profiler: items() |> flat_map_stream(inner) |> drain() }.await;
    assert_eq!(times(&profiler.report())[1], ("flat_map_stream", [1000, 100, 0]));
    assert_eq!(slowest(&profiler.report()), Some("flat_map_stream"));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_slow_blocks_what_is_above() {
    // Of ten calls of 10 ms, two are made at a time if so many places are freed at a time.
    for (concurrency, calls) in [(1, 90), (2, 50)] {
        let profiler = Profiler::new();
        let save = async |_| sleep(ms(100)).await;
        pipeline! {
            watch = &profiler:
            0..10 |> map_async(after(10), concurrency = 2) |> for_each_async(save, concurrency = concurrency)
        }
        .await;
        let report = profiler.report();
        assert_eq!(slowest(&report), Some("for_each_async"), "{report}");
        let all = 10 + 1000 / concurrency as u128;
        assert_eq!(report.elapsed.as_millis(), all);
        let [_, map, body] = times(&report)[..] else { panic!("{report}") };
        assert_eq!(map.1, [calls, 0, all - calls]);
        assert_eq!(body.1, [all - 10, 10, 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_throttle_is_busy_while_it_holds_an_item_back() {
    let profiler = Profiler::new();
    pipeline! { watch = &profiler: 0..11 |> throttle(10/s) |> drain() }.await;
    let report = profiler.report();
    let [source, throttle, drain] = times(&report)[..] else { panic!("{report}") };
    assert_eq!((throttle, drain), (("throttle", [1000, 0, 0]), ("drain", [0, 1000, 0])));
    assert_eq!((source.1[0], source.1[1]), (0, 0));
    assert_eq!(slowest(&report), Some("throttle"));
}

#[tokio::test(start_paused = true)]
async fn a_step_is_busy_while_its_closure_works() {
    let profiler = Profiler::new();
    pipeline! {
        watch = &profiler:
        0..1000 |> map(|x| { work(10); x }) |> filter(|x| x % 2 == 0) |> batch(4) |> for_each(|_| work(10))
    }
    .await;
    let report = profiler.report();
    assert_eq!(report.elapsed, ms(11_250));
    assert_eq!(report.stages[1].name, "map |> filter");
    let near = |time: Duration, expected: u64| time.abs_diff(ms(expected)) < ms(400);
    let [source, run, batch, body] = &report.stages[..] else { panic!("{report}") };
    assert!(near(source.busy, 0) && near(source.blocked, 11_250), "{report}");
    assert!(near(run.busy, 10_000) && near(run.starved, 0) && near(run.blocked, 1250), "{report}");
    assert!(near(batch.busy, 0) && near(batch.starved, 10_000) && near(batch.blocked, 1250), "{report}");
    assert!(near(body.busy, 1250) && near(body.starved, 10_000), "{report}");
    assert_eq!(slowest(&report), Some("map |> filter"));
}

#[tokio::test(start_paused = true)]
async fn of_short_polls_some_are_measured_and_the_shares_are_right() {
    let work = |nanos| {
        let _ = advance(Duration::from_nanos(nanos)).now_or_never();
    };
    // 5 us a poll of ten items, so that tens of polls go by from one that is measured to the next; and a pause each 500
    // polls, for which all wait for the source.
    let source = futures::stream::iter(0..50_000u32).then(async |x| {
        if x % 5000 == 4999 {
            sleep(ms(1)).await;
        }
        x
    });
    let call = async |x| {
        tokio::task::yield_now().await;
        work(300);
        x
    };
    let profiler = Profiler::new();
    pipeline! {
        watch = &profiler:
        source |> inspect(|_| work(150)) |> map_async(call, concurrency = 10) |> for_each(|_| work(50))
    }
    .await;
    let report = profiler.report();
    // Items of half a microsecond; the pauses are as long as the timer makes them.
    let pauses = report.elapsed - ms(25);
    let near = |time: Duration, expected: Duration| {
        let off = time.abs_diff(expected).as_secs_f64() / report.elapsed.as_secs_f64();
        assert!(off < 0.03, "{time:?} instead of {expected:?}\n{report}");
    };
    let [source, inspect, call, body] = &report.stages[..] else { panic!("{report}") };
    near(source.busy, pauses);
    near(inspect.busy, Duration::from_micros(7500));
    near(inspect.starved, pauses);
    near(call.busy, ms(15));
    near(body.busy, Duration::from_micros(2500));
    near(body.starved, report.elapsed - Duration::from_micros(2500));
    assert_eq!(slowest(&report), Some("source"), "{report}");
    assert_eq!(items(&report), [(0, 50_000), (50_000, 50_000), (50_000, 50_000), (50_000, 0)]);
}

#[tokio::test(start_paused = true)]
async fn polls_and_waits_add_up() {
    let profiler = Profiler::new();
    let source = futures::stream::iter(0..100).then(after(5));
    let call = async |x| {
        work(3);
        sleep(ms(20)).await;
        work(2);
        x
    };
    pipeline! {
        watch = &profiler:
        source |> inspect(|_| work(1)) |> map_async(call, concurrency = 3) |> for_each(|_| work(4))
    }
    .await;
    let report = profiler.report();
    // A thousand of work, and what is waited besides.
    assert!(report.elapsed > ms(1000));
    for stage in &report.stages {
        let sum = stage.busy + stage.starved + stage.blocked;
        let ended_early = report.elapsed - sum;
        assert!(ended_early < ms(200), "{} {ended_early:?} {report}", stage.name);
    }
    assert!(report.stages[1].busy.abs_diff(ms(100)) < ms(20), "{report}");
    assert!(report.stages[3].busy.abs_diff(ms(400)) < ms(40), "{report}");
}

#[cfg(feature = "rt")]
#[tokio::test(start_paused = true)]
async fn what_runs_on_another_task_has_its_own_polls() {
    let profiler = Profiler::new();
    pipeline! {
        watch = &profiler:
        0..100 |> map_async(after(10)) |> spawn(capacity = 4) |> for_each_async(async |_| sleep(ms(20)).await)
    }
    .await;
    let report = profiler.report();
    assert_eq!(slowest(&report), Some("for_each_async"), "{report}");
    let [_, map, spawn, body] = &report.stages[..] else { panic!("{report}") };
    assert!(body.busy >= ms(1990) && map.busy == ms(1000), "{report}");
    assert!(spawn.busy.is_zero() && spawn.blocked >= ms(1900), "{report}");
    assert_eq!(items(&report), [(0, 100), (100, 100), (100, 100), (100, 0)]);

    pipeline! {
        watch = &profiler:
        0..100 |> map_async(after(20)) |> spawn(capacity = 4) |> for_each_async(async |_| sleep(ms(10)).await)
    }
    .await;
    let report = profiler.report();
    assert_eq!(slowest(&report), Some("map_async"), "{report}");
    assert!(report.stages[2].starved >= ms(900) && report.stages[2].busy.is_zero(), "{report}");
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_by_nobody_is_blocked() {
    let profiler = Profiler::new();
    let mut pipe = pipeline! { watch = &profiler: 0..4 |> map(|x| x + 1) |> buffer(2) };
    while pipe.next().await.is_some() {
        sleep(ms(100)).await;
    }
    let report = profiler.report();
    let blocked = [0, 0, 400];
    assert_eq!(times(&report), [("0..4", blocked), ("map", blocked), ("buffer", blocked)]);
    assert_eq!(slowest(&report), None);
    assert!(report.to_string().ends_with("whoever reads the pipeline holds it up"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_holds_it_up_longer_than_a_stage_is_named() {
    let profiler = Profiler::new();
    let mut pairs = pipeline! { watch = &profiler: 0..50u32 |> map_async(after(2)) |> batch(2) };
    while pairs.next().await.is_some() {
        sleep(ms(20)).await;
    }
    let report = profiler.report();
    // Four of each 24 ms are those of `map_async`.
    assert_eq!(slowest(&report), None);
    assert!(report.to_string().ends_with("whoever reads the pipeline holds it up"), "{report}");
}

#[cfg(feature = "rt")]
#[tokio::test(start_paused = true)]
async fn tells_from_another_task_while_it_runs() {
    let profiler = Profiler::new();
    assert_eq!(profiler.report(), Report::default());
    let slow = pipeline! { "slow", watch = &profiler: 0..4 |> map_async(after(100)) |> drain() };
    let task = tokio::spawn(slow);
    sleep(ms(250)).await;
    let report = profiler.clone().report();
    assert_eq!((report.pipeline.as_deref(), report.finished, report.elapsed), (Some("slow"), false, ms(250)));
    assert_eq!(times(&report)[1], ("map_async", [250, 0, 0]));
    assert_eq!(items(&report), [(0, 3), (3, 2), (2, 0)]);
    task.abort();
    let _ = task.await;
    sleep(ms(100)).await;
    let report = profiler.report();
    assert_eq!((report.finished, report.elapsed), (true, ms(250)));
}

#[tokio::test(start_paused = true)]
async fn an_error_ends_it() {
    let profiler = Profiler::new();
    let fails = async |x: u32| {
        sleep(ms(10)).await;
        if x == 3 { Err(x) } else { Ok(x) }
    };
    let failed = pipeline! { watch = &profiler: 0..9u32 |> map_async(fails)? |> drain() };
    assert_eq!(failed.await, Err(3));
    let report = profiler.report();
    assert_eq!((report.finished, report.elapsed), (true, ms(40)));
    assert_eq!(times(&report)[1], ("map_async", [40, 0, 0]));
    // Below the `?` of the stage.
    assert_eq!(items(&report), [(0, 4), (4, 4), (4, 0)]);

    let skipped =
        pipeline! { watch = &profiler: 0..9u32 |> map_async(fails)? |> catch(|_| Recover::Skip) |> count() };
    assert_eq!(skipped.await, 8);
    assert_eq!(items(&profiler.report()), [(0, 9), (9, 9), (9, 8), (8, 0)]);
}

#[tokio::test(start_paused = true)]
async fn an_early_stop_ends_what_is_above() {
    let profiler = Profiler::new();
    let kept =
        pipeline! { watch = &profiler: 0.. |> map_async(after(10)) |> take(2) |> throttle(10/s) |> drain() };
    kept.await;
    let report = profiler.report();
    assert_eq!(report.elapsed, ms(110));
    assert_eq!(times(&report)[1].1[0], 20);
    assert!(report.finished);
}

#[tokio::test(start_paused = true)]
async fn a_panic_leaves_the_polls_of_others_alone() {
    let profiler = Profiler::new();
    let panics = pipeline! { watch = &profiler: 0..3 |> map(|x| assert!(x < 2)) |> drain() };
    let caught = std::panic::AssertUnwindSafe(panics).catch_unwind().await;
    assert!(caught.is_err());
    sleep(ms(50)).await;
    let other = Profiler::new();
    pipeline! { watch = &other: 0..3 |> map_async(after(10)) |> drain() }.await;
    assert_eq!(other.report().elapsed, ms(30));
    assert!(profiler.report().finished);
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_in_a_pipeline_has_a_profiler_of_its_own() {
    let (outer, inner) = (Profiler::new(), Profiler::new());
    let call = async |x: u32| pipeline! { watch = &inner: 0..x |> map_async(after(10)) |> count() }.await;
    pipeline! { watch = &outer: 1..4u32 |> map_async(call) |> drain() }.await;
    assert_eq!(outer.report().elapsed, ms(60));
    assert_eq!(times(&outer.report())[1], ("map_async", [60, 0, 0]));
    // The last of them.
    assert_eq!(times(&inner.report())[1], ("map_async", [30, 0, 0]));
}

#[test]
fn what_is_never_polled_took_no_time() {
    let profiler = Profiler::new();
    drop(pipeline! { watch = &profiler: 0..3 |> drain() });
    let report = profiler.report();
    assert_eq!((report.elapsed, report.finished), (Duration::ZERO, false));
    assert_eq!(report.to_string().lines().count(), 5);
}

#[cfg(feature = "serde")]
#[tokio::test(start_paused = true)]
async fn a_report_is_written_and_read_with_serde() {
    let profiler = Profiler::new();
    pipeline! { "users", watch = &profiler: 0..3 |> map_async(after(500)) |> drain() }.await;
    let report = profiler.report();
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!((&json["pipeline"], &json["elapsed"]), (&"users".into(), &1.5.into()));
    assert_eq!(json["stages"][1]["busy"], 1.5);
    assert_eq!(serde_json::from_value::<Report>(json).unwrap(), report);
}
