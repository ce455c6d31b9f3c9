//! Flow control of a processor and of a stage: what holds operations back, and what is done with those.

use super::*;

/// Always the same rate, and never congested.
#[derive(Clone)]
struct Steady(f64);

impl Algorithm for Steady {
    fn on_interval(&mut self, _: &Signals) -> Decision {
        Decision { rate: self.0, max_in_flight: None }
    }

    fn congestion_events(&self) -> u64 {
        0
    }
}

fn steady(rate: f64) -> FlowController<Steady> {
    let config = FlowControlConfig::default().initial_rate(rate);
    FlowController::with_algorithm(config, Steady(rate)).unwrap()
}

#[tokio::test(start_paused = true)]
async fn flow_control_paces_operations_that_take_their_time() {
    let later = async |x: u32| {
        sleep(ms(1)).await;
        x
    };
    let took = async |p: StreamProcessor| {
        let start = Instant::now();
        let results = p.process_stream(0..101, later).collect::<Vec<_>>().await.unwrap();
        assert!(results.into_iter().eq(0..101));
        (start.elapsed().as_millis(), p.metrics())
    };
    // 50 a second: the 101st begins after 2 s.
    let (elapsed, metrics) = took(processor(config()).with_flow_control(steady(50.0))).await;
    assert!((1990..=2030).contains(&elapsed), "{elapsed}");
    assert_eq!(metrics.flow_control.unwrap().current_rate, 50.0);
    assert_eq!(metrics.max_processing_time_ms, 1.0);
    let (elapsed, metrics) =
        took(processor(config().enable_flow_control(false)).with_flow_control(steady(50.0))).await;
    assert_eq!((elapsed, metrics.flow_control), (11, None));
    let (elapsed, metrics) = took(processor(config())).await;
    assert_eq!((elapsed, metrics.flow_control), (11, None));
    // A value that is there at once waits for nothing.
    let (p, start) = (processor(config()).with_flow_control(steady(1.0)), Instant::now());
    assert_eq!(p.process_stream(0..100, |x| x).count().await.unwrap(), 100);
    assert_eq!(start.elapsed(), ms(0));
}

#[tokio::test(start_paused = true)]
async fn a_stage_may_have_a_flow_control_of_its_own() {
    async fn took(p: &StreamProcessor, rate: f64) -> u128 {
        let (start, control) = (Instant::now(), steady(rate).into_flow_control());
        let later = async |x: u32| {
            sleep(ms(1)).await;
            if x == 7 { Err("no luck") } else { Ok(x) }
        };
        let worth = |_: &&str| false;
        let results = pipeline! {
            0..101
                |> try_process(p, later, flow_control = &control, retry_if = worth, dead_letters = async |_| {})
                |> count()
        };
        assert_eq!(results.await.unwrap(), 100);
        let rate_told = control.metrics().map(|metrics| metrics.current_rate);
        assert_eq!(rate_told, p.config().enable_flow_control.then_some(rate));
        start.elapsed().as_millis()
    }
    let p = processor(config());
    for (rate, from) in [(50.0, 1990), (100.0, 990)] {
        let elapsed = took(&p, rate).await;
        assert!((from..=from + 40).contains(&elapsed), "{elapsed}");
    }
    // It stands in for the one of the processor, and the switch is for both.
    let elapsed = took(&processor(config()).with_flow_control(steady(1.0)), 50.0).await;
    assert!((1990..=2030).contains(&elapsed), "{elapsed}");
    assert_eq!(took(&processor(config().enable_flow_control(false)), 1.0).await, 11);
}

#[tokio::test(start_paused = true)]
async fn what_flow_control_holds_back_is_read_ahead_and_given_after_a_stop() {
    let p = processor(config().buffer_size(5)).with_flow_control(steady(10.0));
    let stream = p.process_stream(0..1000, async |x| {
        sleep(ms(1)).await;
        x
    });
    let stop = async {
        sleep(ms(250)).await;
        assert_eq!(p.metrics().items_buffered, 5);
        p.stop().await
    };
    let (results, report) = tokio::join!(stream.collect::<Vec<_>>(), stop);
    // Three had begun, and five were read ahead.
    assert!(results.unwrap().into_iter().eq(0..8));
    assert!(report.is_clean());
}

#[tokio::test(start_paused = true)]
async fn each_attempt_counts_for_flow_control_and_each_stream_is_held_back_by_itself() {
    let p = processor(config().processing_timeout(ms(10)).max_retry_attempts(1).retry_delay(ms(10)))
        .with_flow_control(CongestionAlgorithm::Aimd);
    let stuck = || p.process_stream(0..200, async |_| std::future::pending::<()>().await).count();
    let (one, other) = tokio::join!(stuck(), stuck());
    assert_eq!((one.unwrap(), other.unwrap()), (0, 0));
    let metrics = p.metrics();
    assert_eq!((metrics.items_failed, metrics.retries), (400, 400));
    // Attempts that time out are congestion.
    assert!(metrics.flow_control.unwrap().congestion_events > 0);
    let (p, start) = (processor(config()).with_flow_control(steady(50.0)), Instant::now());
    let stream = || p.process_stream(0..51, async |_| sleep(ms(1)).await).count();
    let (one, other) = tokio::join!(stream(), stream());
    assert_eq!(one.unwrap() + other.unwrap(), 102);
    assert!(start.elapsed() < ms(1050), "{:?}", start.elapsed());
}

#[test]
fn flow_control_refuses_a_configuration_without_a_meaning() {
    let given = FlowControlConfig::default().min_rate(0.0);
    let panicked = catch_unwind(|| processor(config()).with_flow_control(given)).unwrap_err();
    let message = panicked.downcast_ref::<String>().unwrap();
    assert_eq!(message, "min_rate must be above 0.0 and finite, and is 0.0");
}
