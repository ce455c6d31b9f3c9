use std::fmt::{self, Debug};
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

use super::clock::assert_paused;
use super::wakes::WakeCounter;
use crate::fault::Failed;
use crate::flow::{Downstream, Drive, Flow, OneItem};
use crate::pipe::Pipe;
use crate::units::IntoDuration;

/// Asks a pipeline for one item after the other, by hand, and says what it expects.
///
/// Nothing is asked for that is not expected, so what a stage takes ahead of demand is seen by a
/// [`Watch`](super::Watch) on its source. No time passes but in [`advance`](Self::advance).
///
/// # Panics
///
/// In a tokio runtime whose clock is not paused. What it expects panics where something else comes.
///
/// # Examples
///
/// ```
/// use reactive_runtime::{marbles, prelude::*, testing::{Probe, in_virtual_time}, units::ms};
///
/// in_virtual_time(async {
///     let (source, watch) = marbles!("(abc)--d|").watched();
///     let mut probe = Probe::new(pipeline! { source |> pairwise() });
///     assert_eq!(watch.pulled(), 0);
///     probe.expect_item(('a', 'b'));
///     assert_eq!(watch.pulled(), 2);
///
///     assert_eq!(probe.request(5), [('b', 'c')]);
///     probe.expect_pending();
///     probe.advance(ms(3)).await;
///     assert!(probe.is_woken());
///     probe.expect_item(('c', 'd'));
///
///     probe.drop_pipe();
///     assert!(watch.is_dropped() && !probe.keeps_waker());
/// });
/// ```
pub struct Probe<F: Flow> {
    // `None` after the end, an error, and `drop_pipe`.
    pipe: Option<Pin<Box<Pipe<F>>>>,
    // An error that `request` met.
    error: Option<F::Error>,
    wakes: WakeCounter,
    // How often it had been woken when it was polled last.
    seen: usize,
}

/// What came of a poll.
#[derive(Debug)]
enum Came<T, K> {
    Item(T),
    Error(K),
    End,
    Pending,
}

impl<F: Flow> Probe<F> {
    /// Nothing is polled yet.
    #[track_caller]
    pub fn new(pipe: Pipe<F>) -> Self {
        if Handle::try_current().is_ok() {
            assert_paused();
        }
        Self { pipe: Some(Box::pin(pipe)), error: None, wakes: WakeCounter::new(), seen: 0 }
    }

    /// Asks for so many items at once, and gives those that are ready.
    pub fn request(&mut self, count: usize) -> Vec<F::Item> {
        let mut batch = Batch { items: Vec::new(), count };
        if count > 0
            && let Came::Error(error) = self.drive(&mut batch)
        {
            self.error = Some(error);
        }
        batch.items
    }

    /// Lets time pass, in which other tasks run. Nothing is asked for.
    pub async fn advance(&self, time: impl IntoDuration) {
        tokio::time::sleep(time.into_duration()).await;
    }

    /// Whether the pipeline woke whoever polls it, since the last poll.
    pub fn is_woken(&self) -> bool {
        self.wakes.count() > self.seen
    }

    /// Drops the pipeline, as who cancels does.
    pub fn drop_pipe(&mut self) {
        self.pipe = None;
    }

    /// Whether somebody keeps a waker: a timer, a channel, a source. Nobody may once the pipeline is dropped.
    pub fn keeps_waker(&self) -> bool {
        self.wakes.is_kept()
    }

    fn ask(&mut self) -> Came<F::Item, F::Error> {
        if let Some(error) = self.error.take() {
            return Came::Error(error);
        }
        let mut one = OneItem(None);
        let came = self.drive(&mut one);
        one.0.map_or(came, Came::Item)
    }

    /// Drives the pipeline until it says something; who only yields is driven on.
    fn drive<D: Downstream<F::Item>>(&mut self, down: &mut D) -> Came<F::Item, F::Error> {
        const YIELDS_MAX: usize = 100_000;
        let Some(pipe) = &mut self.pipe else { return Came::End };
        for _ in 0..YIELDS_MAX {
            self.seen = self.wakes.count();
            match pipe.as_mut().poll_drive(&mut Context::from_waker(&self.wakes.waker()), down) {
                Poll::Pending if self.wakes.count() > self.seen => {}
                Poll::Pending | Poll::Ready(Ok(Drive::Paused)) => return Came::Pending,
                Poll::Ready(Ok(Drive::Ended)) => {
                    self.pipe = None;
                    return Came::End;
                }
                Poll::Ready(Err(error)) => {
                    self.pipe = None;
                    return Came::Error(error);
                }
            }
        }
        panic!("the pipeline wakes itself again and again, and gives nothing");
    }
}

impl<F: Flow<Item: Debug, Error: Debug>> Probe<F> {
    /// Asks for an item, which must be this one.
    #[track_caller]
    pub fn expect_item<U: Debug>(&mut self, expected: U)
    where
        F::Item: PartialEq<U>,
    {
        let came = self.ask();
        let same = matches!(&came, Came::Item(item) if *item == expected);
        assert!(same, "expected the item {expected:?}, and this came: {came:?}");
    }

    /// Asks for an item; there must be none yet.
    #[track_caller]
    pub fn expect_pending(&mut self) {
        let came = self.ask();
        assert!(matches!(came, Came::Pending), "expected nothing yet, and this came: {came:?}");
    }

    /// Asks for an item; the end must come.
    #[track_caller]
    pub fn expect_end(&mut self) {
        let came = self.ask();
        assert!(matches!(came, Came::End), "expected the end, and this came: {came:?}");
    }

    /// Asks for an item; an error must come. Gives it.
    #[track_caller]
    pub fn expect_error<E>(&mut self) -> E
    where
        F: Flow<Error = Failed<E>>,
    {
        match self.ask() {
            Came::Error(Failed(error)) => error,
            came => panic!("expected an error, and this came: {came:?}"),
        }
    }
}

impl<F: Flow> Debug for Probe<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe").field("pipe", &self.pipe).field("wakes", &self.wakes).finish_non_exhaustive()
    }
}

/// Takes a number of items, then breaks.
struct Batch<T> {
    items: Vec<T>,
    count: usize,
}

impl<T> Downstream<T> for Batch<T> {
    fn push(&mut self, item: T) -> ControlFlow<()> {
        self.items.push(item);
        if self.items.len() == self.count { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marbles;
    use crate::testing::in_virtual_time;
    use crate::units::ms;

    #[test]
    fn asks_for_what_is_expected_and_for_no_more() {
        in_virtual_time(async {
            let (source, watch) = marbles!("(abcd)-#", # = "torn").watched();
            let mut probe = Probe::new(Pipe::new(source));
            probe.expect_item('a');
            assert_eq!(probe.request(2), ['b', 'c']);
            assert_eq!(watch.pulled(), 3);
            assert_eq!(probe.request(9), ['d']);
            probe.expect_pending();
            assert!(probe.keeps_waker() && !probe.is_woken());
            probe.advance(ms(2)).await;
            assert!(probe.is_woken());
            assert_eq!(probe.request(9), []);
            assert_eq!(probe.expect_error(), "torn");
            probe.expect_end();
            assert!(watch.is_dropped() && !probe.keeps_waker());
        });
    }

    #[test]
    fn drives_on_who_only_yields() {
        let mut probe = Probe::new(Pipe::new(0..100_000u32).filter(|x| *x == 99_999));
        probe.expect_item(99_999u32);
        probe.expect_end();
    }

    #[test]
    #[should_panic(expected = "expected the item 2, and this came: Item(1)")]
    fn says_what_came_in_place_of_an_item() {
        Probe::new(Pipe::new([1])).expect_item(2);
    }

    #[test]
    #[should_panic(expected = "expected nothing yet, and this came: End")]
    fn says_what_came_in_place_of_nothing() {
        Probe::new(Pipe::new(0..0)).expect_pending();
    }

    #[tokio::test]
    #[should_panic(expected = "the clock is not paused")]
    async fn says_so_in_real_time() {
        let _ = Probe::new(Pipe::new(0..3));
    }
}
