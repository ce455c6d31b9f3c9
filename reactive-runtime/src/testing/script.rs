use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use super::clock::assert_paused;
use super::timeline::{End, Moment, Timeline};
use super::watch::Watch;
use crate::fault::Fault;
use crate::flow::{Bounded, Budget, Downstream, Drive, Driven, Flow, yield_now};
use crate::source::Source;
use crate::timer::{Timer, after};

impl<T, K> Timeline<T, K> {
    /// The same, with a [`Watch`] that tells what happens to it as a source.
    ///
    /// # Examples
    ///
    /// ```
    /// use reactive_runtime::{assert_emits, marbles, prelude::*};
    ///
    /// let (source, watch) = marbles!("abc|").watched();
    /// assert_emits!(pipeline! { source |> take(2) }, "a(b|)");
    /// assert_eq!(watch.pulled(), 2);
    /// assert!(watch.is_dropped());
    /// ```
    pub fn watched(self) -> (Self, Watch) {
        let watch = Watch::default();
        (Self { watch: Some(watch.clone()), ..self }, watch)
    }
}

impl<T, K: Fault> Source for Timeline<T, K> {
    type Flow = TimelineFlow<T, K>;

    #[track_caller]
    fn into_flow(self) -> Self::Flow {
        assert!(
            !matches!(self.end, Some((_, End::AnyFault))),
            "a source that fails needs an error to fail with: write what `#` stands for, `marbles!(\"..#\", # = error)`; without \
             it, `#` can only be expected",
        );
        let watch = self.watch.unwrap_or_default();
        TimelineFlow {
            items: self.items.into(),
            end: self.end,
            ended: false,
            start: None,
            timer: Timer::default(),
            watch,
        }
    }
}

/// The flow of a [`Timeline`].
pub struct TimelineFlow<T, K> {
    items: VecDeque<Moment<T>>,
    end: Option<(Duration, End<K>)>,
    // Told, and not only known.
    ended: bool,
    start: Option<Instant>,
    timer: Timer,
    watch: Watch,
}

impl<T, K> Unpin for TimelineFlow<T, K> {}

impl<T, K> fmt::Debug for TimelineFlow<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimelineFlow").field("items", &self.items.len()).finish_non_exhaustive()
    }
}

impl<T, K> Drop for TimelineFlow<T, K> {
    fn drop(&mut self) {
        self.watch.source_dropped();
    }
}

impl<T, K: Fault> Flow for TimelineFlow<T, K> {
    type Item = T;
    type Error = K;
    type Bound = Bounded;

    fn poll_drive<D: Downstream<T>>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<K> {
        assert!(!self.ended, "a source is polled after its end");
        self.watch.polled();
        let start = *self.start.get_or_insert_with(|| {
            assert_paused();
            Instant::now()
        });
        let now = start.elapsed();
        let mut budget = Budget::items();
        while let Some(Moment { item, .. }) = self.items.pop_front_if(|moment| moment.at <= now) {
            self.watch.item_pulled();
            if down.push(item).is_break() {
                return Poll::Ready(Ok(Drive::Paused));
            }
            if !budget.spend() {
                return yield_now(cx);
            }
        }
        let next = self.items.front().map(|moment| moment.at);
        match next.or(self.end.as_ref().map(|(at, _)| *at)) {
            Some(at) if now < at => match self.timer.poll_until(after(start, at), cx) {
                Poll::Ready(()) => yield_now(cx),
                Poll::Pending => Poll::Pending,
            },
            Some(_) => self.finish(),
            None => Poll::Pending,
        }
    }

    fn poll_progress(self: Pin<&mut Self>, _: &mut Context<'_>) {}

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.items.len();
        (left, Some(left))
    }
}

impl<T, K: Fault> TimelineFlow<T, K> {
    /// The end is due. An error comes first, and the end then.
    fn finish(&mut self) -> Driven<K> {
        match self.end.as_mut().map(|(_, end)| std::mem::replace(end, End::Complete)) {
            Some(End::Fault(fault)) => Poll::Ready(Err(fault)),
            _ => {
                self.ended = true;
                Poll::Ready(Ok(Drive::Ended))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, StreamExt};

    use super::*;
    use crate::marbles;
    use crate::pipe::Pipe;
    use crate::testing::in_virtual_time;
    use crate::units::ms;

    #[test]
    fn counts_its_time_from_the_first_poll_and_waits_for_no_demand() {
        in_virtual_time(async {
            let mut pipe = Pipe::new(marbles!("a-b-c|"));
            tokio::time::sleep(ms(10)).await;
            let start = Instant::now();
            assert_eq!(pipe.next().await, Some('a'));
            assert_eq!((pipe.next().await, start.elapsed()), (Some('b'), ms(2)));
            tokio::time::sleep(ms(10)).await;
            assert_eq!(pipe.next().now_or_never(), Some(Some('c')));
            assert_eq!(pipe.next().now_or_never(), Some(None));
        });
    }

    #[test]
    fn waits_for_the_end_of_time() {
        in_virtual_time(async {
            let never = Timeline::of([(ms(1), 1), (Duration::MAX, 2)]).tick(Duration::MAX);
            assert_eq!(Pipe::new(never).next().now_or_never(), None);
            let mut pipe = Pipe::new(Timeline::of([(ms(1), 1), (Duration::MAX, 2)]));
            assert_eq!(pipe.next().await, Some(1));
            assert_eq!(pipe.next().now_or_never(), None);
        });
    }

    #[test]
    fn fails_then_ends() {
        in_virtual_time(async {
            let mut pipe = Pipe::new(marbles!("-#", # = "torn"));
            assert_eq!(pipe.next().await, Some(Err("torn")));
            assert_eq!(pipe.next().await, None);
        });
    }

    #[test]
    #[should_panic(
        expected = "the clock is not paused: in an async test write `#[tokio::test(start_paused = true)]`"
    )]
    fn says_so_in_real_time() {
        let _ = Pipe::new(marbles!("a|")).next().now_or_never();
    }

    #[test]
    #[should_panic(expected = "write what `#` stands for, `marbles!(\"..#\", # = error)`")]
    fn asks_for_an_error() {
        let _ = Pipe::new(marbles!("-#"));
    }

    #[test]
    fn asks_for_it_where_the_pipeline_stands() {
        use std::panic::{catch_unwind, set_hook, take_hook};
        use std::sync::{Arc, Mutex};

        let (here, before) = (std::thread::current().id(), take_hook());
        let files = Arc::<Mutex<Vec<_>>>::default();
        let noted = files.clone();
        set_hook(Box::new(move |panic| {
            if std::thread::current().id() != here {
                return before(panic);
            }
            noted.lock().unwrap().extend(panic.location().map(|location| location.file().to_owned()));
        }));
        let by_macro = catch_unwind(|| drop(crate::pipeline! { marbles!("-#") |> map(|x| x) }));
        let by_method = catch_unwind(|| drop(Pipe::new(marbles!("-#"))));
        assert!(by_macro.is_err() && by_method.is_err());
        assert_eq!(*files.lock().unwrap(), [file!(), file!()]);
        drop(take_hook());
    }
}
