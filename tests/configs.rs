//! The configs of the components: their names and defaults, read and written with serde, checked all at once.

use std::fmt::Debug;
use std::time::Duration;

use reactive_runtime::prelude::*;
use reactive_runtime::processor::{OnFailure, ProcessorMetrics, RetryBackoff, StopReport};
use reactive_runtime::transformer::TransformerMetrics;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

fn reads_what_it_writes<C: Serialize + DeserializeOwned + PartialEq + Debug>(config: &C) {
    assert_eq!(serde_json::from_str::<C>(&serde_json::to_string(config).unwrap()).unwrap(), *config);
    assert_eq!(toml::from_str::<C>(&toml::to_string(config).unwrap()).unwrap(), *config);
}

fn names(error: &reactive_runtime::ConfigError) -> Vec<&str> {
    error.fields().iter().map(|field| field.name).collect()
}

#[test]
fn have_the_names_and_defaults_of_the_original_design() {
    let written = serde_json::to_value(StreamConfig::default()).unwrap();
    assert_eq!(
        written,
        json!({
            "buffer_size": 1000,
            "max_concurrent_operations": 10,
            "backpressure_threshold": 0.8,
            "batch_size": 100,
            "processing_timeout": "30s",
            "enable_metrics": true,
            "enable_flow_control": true,
            "max_retry_attempts": 3,
            "retry_delay": "1s",
            "retry_backoff": "fixed",
            "on_failure": "continue",
        })
    );
    let written = serde_json::to_value(TransformationConfig::default().max_workers(3)).unwrap();
    assert_eq!(
        written,
        json!({
            "max_workers": 3,
            "enable_caching": false,
            "cache_size": 10_000,
            "cache_ttl": null,
            "enable_validation": true,
        })
    );
    let written = serde_json::to_value(FlowControlConfig::default()).unwrap();
    assert_eq!(
        written,
        json!({
            "initial_rate": 100.0,
            "max_rate": 1000.0,
            "min_rate": 1.0,
            "congestion_algorithm": "adaptive",
            "congestion_threshold": 0.8,
            "recovery_factor": 0.5,
            "increase_factor": 1.1,
            "additive_step": null,
            "measurement_window": 100,
            "enable_prediction": true,
            "prediction_horizon": 10,
            "target_delay": "50ms",
            "target_idle": 0.02,
            "control_interval": "100ms",
        })
    );
    let available = std::thread::available_parallelism().unwrap().get();
    assert_eq!(TransformationConfig::default().max_workers, available);
    for valid in [StreamConfig::default(), StreamConfig::high_throughput(), StreamConfig::low_latency()] {
        assert_eq!(valid.validate(), Ok(()));
    }
    for valid in
        [TransformationConfig::default(), TransformationConfig::repeated(), TransformationConfig::unique()]
    {
        assert_eq!(valid.validate(), Ok(()));
    }
    for valid in [BackpressureConfig::default(), BackpressureConfig::steady(), BackpressureConfig::bursty()] {
        assert_eq!(valid.validate(), Ok(()));
    }
}

#[test]
fn presets_are_those_of_the_tuning_section() {
    let high = StreamConfig::high_throughput();
    assert_eq!((high.buffer_size, high.max_concurrent_operations, high.batch_size), (10_000, 20, 500));
    let low = StreamConfig::low_latency();
    assert_eq!((low.buffer_size, low.max_concurrent_operations, low.batch_size), (100, 5, 10));
    let repeated = TransformationConfig::repeated();
    assert_eq!((repeated.enable_caching, repeated.cache_size), (true, 10_000));
    assert_eq!(TransformationConfig::unique().max_workers, 2 * repeated.max_workers);
    let (steady, bursty) = (BackpressureConfig::steady(), BackpressureConfig::bursty());
    assert_eq!(steady.strategy, BackpressureStrategy::Block);
    assert_eq!(bursty.strategy, BackpressureStrategy::Adaptive);
    assert_eq!([steady.high_watermark, steady.low_watermark], [0.8, 0.3]);
    assert_eq!([bursty.high_watermark, bursty.low_watermark], [0.7, 0.2]);
}

#[test]
fn are_read_as_they_are_written() {
    reads_what_it_writes(&StreamConfig::default());
    let other = StreamConfig::low_latency()
        .processing_timeout(Duration::from_millis(2500))
        .retry_backoff(RetryBackoff::Exponential)
        .on_failure(OnFailure::Fail)
        .enable_metrics(false);
    reads_what_it_writes(&other);
    reads_what_it_writes(&BackpressureConfig::bursty());
    reads_what_it_writes(&FlowControlConfig::default());
    reads_what_it_writes(&FlowControlConfig::default().additive_step(Some(5.0)).max_rate(5000.0));
    reads_what_it_writes(&TransformationConfig::default());
    reads_what_it_writes(&TransformationConfig::repeated().cache_ttl(Some(Duration::from_secs(90))));
}

#[test]
fn durations_are_text_or_seconds_and_what_is_left_out_has_its_default() {
    let expected = StreamConfig::default()
        .processing_timeout(Duration::from_secs(90))
        .retry_delay(Duration::from_millis(500));
    let text = "processing_timeout = \"1min30s\"\nretry_delay = 0.5\n";
    assert_eq!(toml::from_str::<StreamConfig>(text).unwrap(), expected);
    let text = r#"{"processing_timeout": 90, "retry_delay": "500ms"}"#;
    assert_eq!(serde_json::from_str::<StreamConfig>(text).unwrap(), expected);
    assert_eq!(serde_json::from_str::<StreamConfig>("{}").unwrap(), StreamConfig::default());
    let ttl: TransformationConfig = toml::from_str("max_workers = 1\ncache_ttl = \"5min\"").unwrap();
    assert_eq!(ttl.cache_ttl, Some(Duration::from_secs(300)));
}

#[test]
fn a_name_that_is_not_known_is_told_with_the_one_that_was_meant() {
    let told = |text: &str| serde_json::from_str::<StreamConfig>(text).unwrap_err().to_string();
    let expected = "unknown field `bufer_size`: did you mean `buffer_size`? at line 1 column 13";
    assert_eq!(told(r#"{"bufer_size": 10}"#), expected);
    assert!(told(r#"{"colour": 10}"#).starts_with("unknown field `colour`: there are `buffer_size`, "));
    assert!(told(r#"{"batch_size": 1, "batch_size": 2}"#).starts_with("duplicate field `batch_size`"));
    assert!(told(r#"{"batch_size": "many"}"#).starts_with("invalid type: string \"many\", expected usize"));
    assert!(told("[]").starts_with("invalid type: sequence, expected the fields of a `StreamConfig`"));
    let error = toml::from_str::<TransformationConfig>("enable_cache = true").unwrap_err().to_string();
    assert!(error.contains("did you mean `enable_caching`?"), "{error}");
    let error =
        serde_json::from_str::<BackpressureConfig>(r#"{"high_watermrk": 1}"#).unwrap_err().to_string();
    assert!(error.contains("did you mean `high_watermark`?"), "{error}");
    let error = toml::from_str::<FlowControlConfig>("max_rat = 1.0").unwrap_err().to_string();
    assert!(error.contains("did you mean `max_rate`?"), "{error}");
}

#[test]
fn every_wrong_field_is_named_at_once() {
    let wrong = StreamConfig {
        buffer_size: 0,
        max_concurrent_operations: 0,
        backpressure_threshold: f64::NAN,
        batch_size: 0,
        processing_timeout: Duration::ZERO,
        ..Default::default()
    };
    let error = wrong.validate().unwrap_err();
    assert_eq!(
        names(&error),
        [
            "buffer_size",
            "max_concurrent_operations",
            "backpressure_threshold",
            "batch_size",
            "processing_timeout"
        ]
    );
    assert_eq!(StreamProcessor::new(wrong.clone()).unwrap_err(), error);
    let transformation = TransformationConfig {
        max_workers: 0,
        cache_size: 0,
        cache_ttl: Some(Duration::ZERO),
        ..Default::default()
    };
    let error = transformation.validate().unwrap_err();
    assert_eq!(names(&error), ["max_workers", "cache_size", "cache_ttl"]);
    let backpressure = BackpressureConfig::default();
    let made =
        |stream, transformation| ReactiveTransformer::new(stream, backpressure.clone(), transformation);
    assert_eq!(made(StreamConfig::default(), transformation.clone()).unwrap_err(), error);
    assert_eq!(made(wrong, TransformationConfig::default()).unwrap_err().fields().len(), 5);
}

#[tokio::test]
async fn metrics_are_written_under_the_keys_of_the_original_design() {
    let transformer = ReactiveTransformer::new(
        StreamConfig::default(),
        BackpressureConfig::default(),
        TransformationConfig::default(),
    );
    let transformer = transformer.unwrap();
    assert_eq!(transformer.transform_stream(0..5, |x| x, |x| *x > 0).count().await.unwrap(), 4);
    let metrics = transformer.metrics();
    let written = serde_json::to_value(&metrics).unwrap();
    for (key, expected) in [("items_processed", 4), ("items_failed", 1), ("items_invalid", 1)] {
        assert_eq!(written[key], json!(expected), "{key}");
    }
    for key in ["throughput_per_second", "average_processing_time_ms", "buffer_usage_percent"] {
        assert!(written[key].is_f64(), "{key}");
    }
    assert_eq!(written["backpressure"]["strategy"], json!("adaptive"));
    assert_eq!(written["cache"]["hits"], json!(0));
    // By way of TOML, as JSON may lose the last bit of a measured time.
    assert_eq!(toml::from_str::<TransformerMetrics>(&toml::to_string(&metrics).unwrap()).unwrap(), metrics);
    let report = transformer.stop().await;
    assert_eq!(toml::from_str::<StopReport>(&toml::to_string(&report).unwrap()).unwrap(), report);
    reads_what_it_writes(&TransformerMetrics::default());
    reads_what_it_writes(&ProcessorMetrics::default());
}

#[tokio::test(start_paused = true)]
async fn dead_letters_are_written_as_records() {
    let processor = StreamProcessor::new(StreamConfig::default().max_retry_attempts(1)).unwrap();
    let mut records = Vec::new();
    let parsed = Pipe::new(["1", "x"]).with(|items| {
        items.try_process(&processor, str::parse::<u32>).named("parse").dead_letters(|letter| {
            records.push(serde_json::to_value(&letter).unwrap());
            std::future::ready(())
        })
    });
    assert_eq!(parsed.collect::<Vec<_>>().await.unwrap(), [1]);
    let [record] = &records[..] else { panic!("{records:?}") };
    let seconds = |key: &str| record[key].as_f64().unwrap();
    assert!((seconds("failed") - seconds("began") - 1.0).abs() < 1e-3);
    for (key, expected) in [
        ("item", json!("x")),
        ("error", json!("invalid digit found in string")),
        ("attempts", json!(2)),
        ("gave_up", json!("all tries are used up")),
        ("stage", json!("parse")),
    ] {
        assert_eq!(record[key], expected, "{key}");
    }
}
