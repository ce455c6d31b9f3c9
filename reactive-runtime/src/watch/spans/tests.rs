use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use futures::FutureExt;
use futures::executor::block_on;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber, info};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, Registry};

use super::*;
use crate::prelude::*;

/// What happened, in the words of the layer below.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn say(&self, what: String) {
        self.0.lock().unwrap().push(what);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// Runs `f` with everything captured.
    fn capture<R>(&self, f: impl FnOnce() -> R) -> R {
        tracing::subscriber::with_default(Registry::default().with(self.clone()), f)
    }
}

/// The fields of a span or an event, as text.
#[derive(Default)]
struct Fields(HashMap<&'static str, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Seen {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let span = context.span(id).unwrap();
        if span.name() != "batch" {
            let get = |name: &str| fields.0.get(name).cloned().unwrap_or_default();
            let parent = span.parent().map_or("none", |parent| parent.name());
            self.say(format!("{} {} {} in {parent}", span.name(), get("pipeline"), get("stage")));
            assert!(get("file").ends_with("tests.rs") && get("line") != "0");
        }
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        record.record(span.extensions_mut().get_mut::<Fields>().unwrap());
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let within = context.event_span(event);
        let stage = within.map(|span| span.extensions().get::<Fields>().unwrap().0["stage"].clone());
        self.say(format!("{} in {}", fields.0["message"], stage.unwrap_or_default()));
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let span = context.span(&id).unwrap();
        if span.name() == "batch" {
            let fields = &span.extensions().get::<Fields>().unwrap().0.clone();
            self.say(format!("{} of {}", fields["items"], fields["stage"]));
        } else if span.name() == "pipeline" {
            self.say("closed".to_owned());
        }
    }
}

#[test]
fn each_stage_and_each_batch_has_a_span() {
    let seen = Seen::default();
    seen.capture(|| {
        let source = [1, 2, 3];
        let run = pipeline! { "numbers", watch = Tracing: source |> map(|x| x + 1) |> batch(2) |> drain() };
        assert!(seen.take().is_empty(), "before the first poll there is nothing");
        block_on(run);
    });
    let expected = [
        "pipeline numbers  in none",
        "stage numbers drain in pipeline",
        "stage numbers batch in pipeline",
        "stage numbers map in pipeline",
        "stage numbers source in pipeline",
        "3 of source",
        "3 of map",
        "2 of batch",
        "closed",
    ];
    assert_eq!(seen.take(), expected);
}

#[test]
fn what_a_closure_says_is_in_the_span_of_its_stage() {
    let seen = Seen::default();
    seen.capture(|| {
        let call = async |x: i32| {
            info!("call");
            x
        };
        let outside = tracing::info_span!("outside", stage = "outside", file = "tests.rs", line = 1);
        let source = std::iter::once_with(|| {
            info!("next");
            1
        });
        let run = pipeline! {
            watch = Tracing:
            source |> inspect(|_| info!("look")) |> map_async(call) |> batch(1) |> for_each(|_| info!("body"))
        };
        outside.in_scope(|| {
            block_on(run);
            info!("after");
        });
    });
    let said: Vec<_> =
        seen.take().into_iter().filter(|said| !said.starts_with("stage") && !said.contains(" of ")).collect();
    let expected = [
        "outside  outside in none",
        "pipeline   in outside",
        "next in source",
        "look in inspect",
        "call in map_async",
        "body in for_each",
        "closed",
        "after in outside",
    ];
    assert_eq!(said, expected);
}

#[test]
fn a_panic_leaves_no_span_entered() {
    let seen = Seen::default();
    seen.capture(|| {
        let panics = pipeline! { watch = Tracing: [1] |> map(|_| panic!("no")) |> for_each(|()| {}) };
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| block_on(panics))).is_err());
        assert!(Span::current().is_none());
    });
}

#[test]
fn without_a_subscriber_it_makes_no_spans() {
    let mut pipe = std::pin::pin!(pipeline! { watch = Tracing: 0..3 |> map(|x| x + 1) |> sum::<i32>() });
    assert_eq!(pipe.as_mut().now_or_never(), Some(6));
}

#[tokio::test(start_paused = true)]
async fn stages_tell_of_retries_and_timeouts() {
    let seen = Seen::default();
    let _guard = tracing::subscriber::set_default(Registry::default().with(seen.clone()));
    let slow = async |x: u32| {
        tokio::time::sleep(Duration::from_secs(9)).await;
        Ok::<_, &str>(x)
    };
    let run = pipeline! {
        watch = Tracing:
        [1] |> map_async(slow, attempt_timeout = 1s, retry = Retry::fixed(10ms).max_retries(1))
            |> timeout(500ms)
            |> count()
    };
    let _ = run.await;
    let calls = pipeline! {
        watch = Tracing:
        [1] |> map_async(slow, attempt_timeout = 1s, retry = Retry::fixed(10ms).max_retries(1)) |> count()
    };
    calls.await;
    let said: Vec<_> =
        seen.take().into_iter().filter(|said| said.starts_with("a") || said.starts_with("n")).collect();
    let expected = [
        "nothing came in time in timeout",
        "an attempt failed, and another is made in map_async",
        "a call failed for good in map_async",
    ];
    assert_eq!(said, expected);
}

#[tokio::test(start_paused = true)]
async fn stages_tell_of_drops_and_of_circuit_breakers() {
    let seen = Seen::default();
    let _guard = tracing::subscriber::set_default(Registry::default().with(seen.clone()));
    pipeline! { watch = Tracing: 0..3 |> throttle(1s).drop_excess() |> drain() }.await;
    let queued = pipeline! {
        watch = Tracing:
        0..9 |> buffer(8, backpressure = DropOldest).on_drop(|_, _| ()) |> throttle(1s).latest() |> drain()
    };
    queued.await;
    let breaker = CircuitBreaker::consecutive(1).recovery_timeout(Duration::from_secs(1));
    let fails_first = async |x: u32| if x == 0 { Err("no") } else { Ok(x) };
    let calls = pipeline! {
        watch = Tracing:
        0..2u32 |> map_async(fails_first, circuit_breaker = breaker) |> drain()
    };
    calls.await;
    let mut said: Vec<_> =
        seen.take().into_iter().filter(|said| said.contains("circuit") || said.contains("dropped")).collect();
    said.dedup();
    let expected = [
        "an item was dropped in throttle",
        "the circuit breaker opened in map_async",
        "the circuit breaker tries whether calls succeed in map_async",
        "the circuit breaker closed in map_async",
    ];
    assert_eq!(said, expected);
}
