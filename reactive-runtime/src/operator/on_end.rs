use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::flow::{Downstream, Drive, Driven, Flow};
use crate::items::{Items, Stage, Staged};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Calls `f` once, with how what is above it ended: by itself, by an error, or dropped before.
    ///
    /// An error that a `catch` below skips is no end. A panic above counts as dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::{prelude::*, operator::Ending};
    /// # use futures::executor::block_on;
    /// let mut ending = None;
    /// block_on(pipeline! { 0..9 |> on_end(|how| ending = Some(how)) |> take(2) |> count() });
    /// assert_eq!(ending, Some(Ending::Dropped));
    /// ```
    #[doc(alias = "finally")]
    pub fn on_end<F: FnOnce(Ending)>(self, f: F) -> Staged<OnEnd<F>, T, K> {
        self.stage(OnEnd { f })
    }
}

impl<F: Flow> Pipe<F> {
    /// Calls `f` once, with how what is above it ended. See [`Items::on_end`].
    #[track_caller]
    pub fn on_end<G: FnOnce(Ending)>(self, f: G) -> Pipe<OnEndFlow<F, G>> {
        self.with(|items| items.on_end(f))
    }
}

/// How a pipeline ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// There are no more items.
    End,
    /// An error came, and nobody asked for what is behind it.
    Error,
    /// Nobody wanted more: it was dropped before its end.
    Dropped,
}

/// Watches for the end: made by [`Items::on_end`].
#[derive(Clone, Copy, Debug)]
pub struct OnEnd<F> {
    f: F,
}

impl<F: Flow, G: FnOnce(Ending)> Stage<F> for OnEnd<G> {
    type Flow = OnEndFlow<F, G>;

    fn attach(self, upstream: F) -> OnEndFlow<F, G> {
        OnEndFlow { upstream, watch: Watch { f: Some(self.f), ending: Ending::Dropped } }
    }
}

pin_project! {
    /// The flow below [`OnEnd`].
    pub struct OnEndFlow<F, G: FnOnce(Ending)> {
        #[pin]
        upstream: F,
        watch: Watch<G>,
    }
}

/// Tells how it ended, at the latest when it is dropped.
struct Watch<G: FnOnce(Ending)> {
    f: Option<G>,
    // If it were dropped now.
    ending: Ending,
}

impl<G: FnOnce(Ending)> Watch<G> {
    fn tell(&mut self, ending: Ending) {
        if let Some(f) = self.f.take() {
            f(ending);
        }
    }
}

impl<G: FnOnce(Ending)> Drop for Watch<G> {
    fn drop(&mut self) {
        self.tell(self.ending);
    }
}

impl<F: Flow, G: FnOnce(Ending)> Flow for OnEndFlow<F, G> {
    type Item = F::Item;
    type Error = F::Error;
    type Bound = F::Bound;

    #[inline(always)]
    fn poll_drive<D: Downstream<F::Item>>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<F::Error> {
        let me = self.project();
        me.watch.ending = Ending::Dropped;
        let driven = me.upstream.poll_drive(cx, down);
        match &driven {
            Poll::Ready(Ok(Drive::Ended)) => me.watch.tell(Ending::End),
            Poll::Ready(Err(_)) => me.watch.ending = Ending::Error,
            Poll::Ready(Ok(Drive::Paused)) | Poll::Pending => {}
        }
        driven
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        self.project().upstream.poll_progress(cx);
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.upstream.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::operator::Recover;

    type Read = [Result<u8, &'static str>; 2];

    #[test]
    fn tells_the_end_once() {
        let mut endings = Vec::new();
        let counted = block_on(Pipe::new([1, 2]).on_end(|how| endings.push(how)).count());
        assert_eq!((counted, endings), (2, vec![Ending::End]));
    }

    #[test]
    fn tells_an_error_that_nobody_skips() {
        let read: Read = [Err("no"), Ok(1)];
        let mut endings = Vec::new();
        let failed = block_on(Pipe::new(read).or_fail().on_end(|how| endings.push(how)).count());
        assert_eq!((failed, endings), (Err("no"), vec![Ending::Error]));

        let mut endings = Vec::new();
        let pipe = Pipe::new(read).or_fail().on_end(|how| endings.push(how));
        let counted = block_on(pipe.catch(|_| Recover::Skip).count());
        assert_eq!((counted, endings), (1, vec![Ending::End]));
    }

    #[test]
    fn tells_that_it_was_dropped() {
        let mut endings = Vec::new();
        drop(Pipe::new([1]).on_end(|how| endings.push(how)));
        assert_eq!(endings, [Ending::Dropped]);
    }
}
