//! How a processor stops: what is done before, who is waited for, and what it tells.

use super::*;

#[tokio::test(start_paused = true)]
async fn stops_gracefully_with_a_report() {
    let p = processor(config().max_concurrent_operations(2).buffer_size(3));
    let stream = p.process_stream(0..1000, async |x| {
        sleep(ms(100)).await;
        x
    });
    let stop = async {
        sleep(ms(250)).await;
        p.stop().await
    };
    let (results, report) = tokio::join!(stream.collect::<Vec<_>>(), stop);
    // Four were done, two were running, and three read ahead.
    assert!(results.unwrap().into_iter().eq(0..9));
    assert!(report.is_clean());
    assert_eq!((report.metrics.items_processed, report.metrics.elapsed_seconds), (9, 0.5));
    assert_eq!(report.to_string().split(':').next(), Some("stopped after 0.500 s"));
    assert_eq!(p.stop().await, report);
}

#[tokio::test(start_paused = true)]
async fn a_stop_wakes_a_stream_whose_source_is_quiet() {
    let p = processor(config());
    let stream =
        tokio::spawn(p.process_stream(Pipe::from_stream(futures::stream::pending::<u32>()), |x| x).count());
    sleep(s(1)).await;
    assert!(p.stop().await.is_clean());
    assert_eq!(stream.await.unwrap().unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_ever_for_a_stream_that_nobody_drives() {
    let p = processor(config().processing_timeout(s(3)));
    let start = Instant::now();
    let mut idle = p.process_stream(0..3, |x| x);
    assert_eq!(idle.next().await.unwrap().unwrap(), 0);
    let mut busy = p.process_stream(0..3, async |x| {
        sleep(s(1)).await;
        x
    });
    assert!(futures::poll!(busy.next()).is_pending());
    let report = p.stop().await;
    assert_eq!((report.items_unfinished, start.elapsed()), (3, s(3)));
    assert!(report.to_string().ends_with("; 3 items are unfinished"));
    // They are not lost.
    assert_eq!(busy.count().await.unwrap(), 3);
    assert_eq!(idle.count().await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_with_the_streams_though_another_did_not_wait_for_them() {
    let p = processor(config());
    let start = Instant::now();
    let stream = p.process_stream(0..5, async |x| {
        sleep(ms(100)).await;
        x
    });
    let impatient = async {
        sleep(ms(5)).await;
        p.stop_within(ms(10)).await
    };
    let meanwhile = async {
        sleep(ms(6)).await;
        (p.stop().await, start.elapsed())
    };
    let later = async {
        sleep(ms(20)).await;
        (p.stop().await, start.elapsed())
    };
    let (results, impatient, meanwhile, later) = tokio::join!(stream.count(), impatient, meanwhile, later);
    assert_eq!((results.unwrap(), impatient.items_unfinished), (5, 5));
    for (report, waited) in [meanwhile, later] {
        assert!(report.is_clean());
        assert_eq!(waited, ms(100));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_inside_of_an_operation_waits_for_itself_without_spinning() {
    let p = processor(config().processing_timeout(s(3)).max_retry_attempts(0));
    let (start, polls) = (Instant::now(), Cell::new(0));
    let stops = async |x: u32| {
        let mut stop = pin!(p.stop());
        poll_fn(|cx| {
            polls.set(polls.get() + 1);
            stop.as_mut().poll(cx)
        })
        .await;
        x
    };
    assert_eq!(p.process_stream(0..1, stops).count().await.unwrap(), 1);
    assert_eq!(start.elapsed(), s(3));
    assert!(polls.get() <= 3, "{}", polls.get());
}

#[tokio::test(start_paused = true)]
async fn a_stop_loses_nothing_of_what_a_strategy_has_queued() {
    use BackpressureStrategy::{Adaptive, Block, CircuitBreaker, DropOldest};
    for with in [Block, DropOldest, Adaptive, CircuitBreaker] {
        let p =
            processor(config().max_concurrent_operations(1)).with_backpressure(strategy(with, 10)).unwrap();
        let came = Cell::new(0);
        let source = interval(ms(10)).inspect(|_| came.set(came.get() + 1));
        let stream = p.process_stream(source, async |_| sleep(ms(30)).await);
        let stop = async {
            sleep(ms(205)).await;
            (p.metrics(), p.stop().await)
        };
        let (results, (before, report)) = tokio::join!(stream.count(), stop);
        let after = report.metrics.clone();
        assert!(before.items_buffered > 0 && report.is_clean(), "{with}: {before:?}");
        assert_eq!((after.items_taken, after.items_taken), (before.items_taken, came.get()), "{with}");
        assert_eq!((after.items_dropped, after.items_cancelled), (before.items_dropped, 0), "{with}");
        assert_eq!(after.items_processed, after.items_taken - after.items_dropped, "{with}");
        assert_eq!(results.unwrap() as u64, after.items_processed, "{with}");
    }
}
