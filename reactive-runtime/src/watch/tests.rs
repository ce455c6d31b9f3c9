use std::cell::RefCell;
use std::rc::Rc;

use futures::FutureExt;
use futures::executor::block_on;

use super::*;
use crate::flow::Activity;
use crate::operator::{Enter, Leave};
use crate::prelude::*;

/// Writes down what its meters are told.
#[derive(Clone, Default)]
struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    fn take(&self) -> String {
        self.0.take().join(" ")
    }
}

struct Logged(String, Log);

impl Watch for &Log {
    type Run = Log;
    type Meter = Logged;

    fn begin(self, plan: &'static Plan) -> Log {
        self.0.borrow_mut().push(plan.name.unwrap_or("unnamed").to_owned());
        self.clone()
    }

    fn meter(run: &mut Log, place: Place) -> Logged {
        Logged(place.name(), run.clone())
    }
}

impl Meter for Logged {
    fn enter(&mut self, why: Enter) {
        self.1.0.borrow_mut().push(format!("{}:{why:?}", self.0));
    }

    fn item(&mut self) {
        self.1.0.borrow_mut().push(format!("{}+1", self.0));
    }

    fn leave(&mut self, why: Leave, _: Activity) {
        self.1.0.borrow_mut().push(format!("{}-{why:?}", self.0));
    }
}

#[test]
fn a_meter_stands_below_each_stage_and_around_the_terminal() {
    let log = Log::default();
    let source = [1, 2];
    block_on(
        pipeline! { "two", watch = &log: source |> map(|x| x) |> filter(|_| true) |> batch(2) |> drain() },
    );
    assert_eq!(
        log.take(),
        "two drain:Drive batch:Drive map |> filter:Drive source:Drive source+1 map |> filter+1 source+1 map |> filter+1 \
         batch+1 source-Ended map |> filter-Ended batch-Ended drain-Ended"
    );
}

#[test]
fn a_pair_watches_as_one_in_the_other() {
    let log = Log::default();
    let source = [1];
    block_on(pipeline! { watch = (&log, &log): source |> drain() });
    assert_eq!(
        log.take(),
        "unnamed unnamed drain:Drive drain:Drive source:Drive source:Drive source+1 source+1 source-Ended source-Ended \
         drain-Ended drain-Ended"
    );
}

#[test]
fn a_question_is_part_of_its_stage() {
    let log = Log::default();
    let source = [Ok(1), Err("no")];
    let pipe = pipeline! { watch = &log: source |> map_async(async |x| x)? |> map(|x| x) };
    assert_eq!(pipe.collect::<Vec<_>>().now_or_never(), Some(Err("no")));
    assert_eq!(
        log.take(),
        "unnamed map:Drive map_async:Drive source:Drive source+1 map_async+1 map+1 source+1 map_async+1 source-Paused \
         map_async-Paused map-Failed"
    );
}

#[test]
fn a_source_alone_and_a_fragment_are_watched() {
    let log = Log::default();
    let twice = stage! { |> map(|x: u32| 2 * x) |> batch(1) };
    let source = [1];
    block_on(pipeline! { watch = &log: source |> twice }.drain());
    assert!(log.take().contains("twice+1"));
    block_on(pipeline! { watch = &log: source }.drain());
    assert!(log.take().contains("source+1"));
}

#[test]
fn an_unwatched_pipeline_has_no_meters() {
    let log = Log::default();
    let plain = pipeline! { 0..3 |> map_async(async |x| x) |> batch(2) };
    let named = pipeline! { "named": 0..3 |> map_async(async |x| x) |> batch(2) };
    let watched = pipeline! { watch = &log: 0..3 |> map_async(async |x| x) |> batch(2) };
    assert_eq!(size_of_val(&plain), size_of_val(&named));
    assert!(size_of_val(&watched) > size_of_val(&plain));
}
