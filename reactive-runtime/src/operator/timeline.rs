//! Random timelines, slow readers, and simple models of what an operator says when: in virtual time, to the millisecond.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use futures::stream;
use proptest::prelude::*;
use tokio::time::{Instant, sleep, sleep_until};

use crate::fault::Failed;
use crate::flow::{Drive, Flow, OneItem};
use crate::pipe::Pipe;
use crate::units::ms;

/// What a flow says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said<T = u32> {
    Item(T),
    Error,
    End,
}

/// What a source has to say, each at its millisecond.
pub(crate) type Timeline = VecDeque<(u64, Said)>;

/// Items and errors, up to `gap` milliseconds apart, and the end.
pub(crate) fn timelines(gap: u64) -> impl Strategy<Value = Timeline> {
    prop::collection::vec((0..=gap, prop::bool::weighted(0.1)), 1..40).prop_map(|events| {
        let (last, mut at) = (events.len() - 1, 0);
        let said = events.into_iter().enumerate().map(|(i, (gap, fails))| {
            at += gap;
            let said = if fails { Said::Error } else { Said::Item(i as u32) };
            (at, if i == last { Said::End } else { said })
        });
        said.collect()
    })
}

/// For how long a reader is busy after each thing that it was told, again and again: often not at all.
pub(crate) fn pauses() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(prop_oneof![3 => Just(0), 1 => 0u64..12], 1..8)
}

/// A source that says what stands on a timeline. What is due and not taken is there at once when it is asked for.
pub(crate) fn source(timeline: &Timeline) -> Pipe<impl Flow<Item = u32, Error = Failed<()>>> {
    let said = stream::unfold((timeline.clone(), None), async |(mut timeline, start)| {
        let start = start.unwrap_or_else(Instant::now);
        let (at, said) = timeline.pop_front()?;
        if start + ms(at) > Instant::now() {
            sleep_until(start + ms(at)).await;
        }
        let item = match said {
            Said::Item(item) => Ok(item),
            Said::Error => Err(()),
            Said::End => return None,
        };
        Some((item, (timeline, Some(start))))
    });
    Pipe::from_stream(Box::pin(said)).or_fail()
}

/// What a flow says to a reader who is busy in between, and at which millisecond.
pub(crate) fn play<F: Flow>(flow: F, pauses: &[u64]) -> Vec<(u64, Said<F::Item>)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime without I/O needs nothing of the system").block_on(async {
        let mut flow = pin!(flow);
        let (start, mut told) = (Instant::now(), Vec::new());
        for pause in pauses.iter().cycle() {
            let said = next(flow.as_mut()).await;
            let ended = matches!(said, Said::End);
            told.push((start.elapsed().as_millis() as u64, said));
            if ended {
                break;
            }
            if *pause > 0 {
                sleep(ms(*pause)).await;
            }
        }
        told
    })
}

/// The next thing that a flow says, also behind an error.
pub(crate) async fn next<F: Flow>(mut flow: Pin<&mut F>) -> Said<F::Item> {
    poll_fn(|cx| {
        let mut one = OneItem(None);
        let driven = flow.as_mut().poll_drive(cx, &mut one);
        match (one.0, driven) {
            (Some(item), _) => Poll::Ready(Said::Item(item)),
            (None, Poll::Ready(Ok(Drive::Ended))) => Poll::Ready(Said::End),
            (None, Poll::Ready(Err(_))) => Poll::Ready(Said::Error),
            (None, Poll::Ready(Ok(Drive::Paused))) => unreachable!("a flow paused though nothing had broken"),
            (None, Poll::Pending) => Poll::Pending,
        }
    })
    .await
}

/// What should be said by a `model`, which is asked, at a millisecond, for one thing to say or nothing, and takes of the
/// timeline what it wants.
pub(crate) fn simulate<T: Copy>(
    timeline: &Timeline,
    pauses: &[u64],
    mut model: impl FnMut(u64, &mut Upstream) -> Option<Said<T>>,
) -> Vec<(u64, Said<T>)> {
    let mut upstream = Upstream { timeline: timeline.clone(), now: 0 };
    let (mut told, mut pauses, mut asks_at) = (Vec::new(), pauses.iter().cycle(), 0);
    for now in 0.. {
        upstream.now = now;
        while asks_at <= now {
            let Some(said) = model(now, &mut upstream) else { break };
            told.push((now, said));
            if matches!(said, Said::End) {
                return told;
            }
            asks_at = now + pauses.next().expect("there is a pause");
        }
    }
    unreachable!("a timeline ends")
}

/// The timeline, of which a model takes what is there.
pub(crate) struct Upstream {
    timeline: Timeline,
    now: u64,
}

impl Upstream {
    /// The next thing, if its time has come.
    pub(crate) fn take(&mut self) -> Option<Said> {
        if self.timeline.front()?.0 > self.now {
            return None;
        }
        self.timeline.pop_front().map(|(_, said)| said)
    }
}
