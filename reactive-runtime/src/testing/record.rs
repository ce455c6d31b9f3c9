use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::clock::assert_paused;
use super::timeline::{End, Moment, TICK, Timeline};
use crate::flow::{Drive, Flow, OneItem};
use crate::pipe::Pipe;

/// Runs a pipeline to its end or its first error, and tells what it gave when.
///
/// Times count from the first poll. A pipeline that never ends needs a `take` or a `take_until`.
///
/// # Panics
///
/// If the clock is not paused.
///
/// # Examples
///
/// ```
/// use reactive_runtime::{marbles, prelude::*, testing::{in_virtual_time, record}};
///
/// in_virtual_time(async {
///     let seen = record(pipeline! { marbles!("-a--b|") |> debounce(2ms) }).await;
///     assert_eq!(seen, marbles!("---a-(b|)"));
/// });
/// ```
pub async fn record<F: Flow>(pipe: Pipe<F>) -> Timeline<F::Item, F::Error> {
    record_within(pipe, Duration::MAX, usize::MAX).await
}

/// The same, but only what happens before `horizon`, and at most so many items.
pub(super) async fn record_within<F: Flow>(
    pipe: Pipe<F>,
    horizon: Duration,
    items_max: usize,
) -> Timeline<F::Item, F::Error> {
    assert_paused();
    let (mut pipe, mut over) = (pin!(pipe), pin!(sleep(horizon)));
    let start = Instant::now();
    let mut seen = Timeline { items: Vec::new(), end: None, span: horizon, tick: TICK, watch: None };
    poll_fn(|cx| {
        loop {
            let mut one = OneItem(None);
            let driven = pipe.as_mut().poll_drive(cx, &mut one);
            let at = start.elapsed();
            if at >= horizon || seen.items.len() == items_max {
                return Poll::Ready(());
            }
            match (one.0, driven) {
                (Some(item), _) => seen.items.push(Moment { at, item, letter: None }),
                (None, Poll::Ready(Ok(Drive::Ended))) => seen.end = Some((at, End::Complete)),
                (None, Poll::Ready(Err(fault))) => seen.end = Some((at, End::Fault(fault))),
                (None, Poll::Ready(Ok(Drive::Paused))) => {
                    unreachable!("a flow paused though nothing had broken")
                }
                (None, Poll::Pending) => return over.as_mut().poll(cx),
            }
            if seen.end.is_some() {
                return Poll::Ready(());
            }
        }
    })
    .await;
    seen
}
