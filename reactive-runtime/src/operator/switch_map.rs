use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::fault::Join;
use crate::flow::{Downstream, Drive, Driven, Flow};
use crate::items::{Items, Stage, Staged};
use crate::pipe::Pipe;
use crate::source::InnerSource;

impl<T, K> Items<T, K> {
    /// Starts a source for each item, drops the one before it, and gives the items of the latest one.
    ///
    /// In `pipeline!`, `f` gives anything that a pipeline begins with; by method, what [`Pipe::new`] takes. It ends when the
    /// items and the last source have ended. An item that is ready goes before what the running source has ready; of several
    /// items that are ready at once only the last one starts a source.
    ///
    /// # Data loss
    ///
    /// What a source would still have given when the next item comes, and items that are replaced before they have started
    /// a source.
    ///
    /// # Errors
    ///
    /// Those of the items and those of the running source, at once.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let ticks = |key: char| pipeline! { interval(40ms) |> map(move |_| key) };
    /// let keys = ['a', 'b'].into_iter().zip(0..);
    /// let latest = pipeline! {
    ///     interval(100ms) |> zip(keys) |> map(|(_, (key, _))| key) |> switch_map(ticks) |> take(5) |> collect::<String>()
    /// };
    /// assert_eq!(latest.await, "aaabb");
    /// # }
    /// ```
    #[doc(alias = "flat_map_latest")]
    pub fn switch_map<S, G, M>(self, f: M) -> Staged<SwitchMap<M>, G::Item, K::Out>
    where
        M: FnMut(T) -> S,
        S: InnerSource<Flow = G>,
        G: Flow,
        K: Join<G::Error>,
    {
        self.stage(SwitchMap { f })
    }
}

impl<F: Flow> Pipe<F> {
    /// Starts a source for each item, and drops the one before it. See [`Items::switch_map`].
    #[track_caller]
    pub fn switch_map<S, G, M>(self, f: M) -> Pipe<SwitchMapFlow<F, M, G>>
    where
        M: FnMut(F::Item) -> S,
        S: InnerSource<Flow = G>,
        G: Flow,
        F::Error: Join<G::Error>,
    {
        self.with(|items| items.switch_map(f))
    }
}

/// Runs the source of the latest item: made by [`Items::switch_map`].
#[derive(Clone, Copy, Debug)]
pub struct SwitchMap<M> {
    f: M,
}

impl<F, M, S, G> Stage<F> for SwitchMap<M>
where
    F: Flow,
    M: FnMut(F::Item) -> S,
    S: InnerSource<Flow = G>,
    G: Flow,
    F::Error: Join<G::Error>,
{
    type Flow = SwitchMapFlow<F, M, G>;

    fn attach(self, upstream: F) -> Self::Flow {
        SwitchMapFlow { upstream: Some(upstream), f: self.f, inner: None }
    }
}

pin_project! {
    /// The flow below [`SwitchMap`].
    #[derive(Debug)]
    pub struct SwitchMapFlow<F, M, G> {
        // `None` once it has ended.
        #[pin]
        upstream: Option<F>,
        f: M,
        // The source of the latest item, until it ends.
        #[pin]
        inner: Option<G>,
    }
}

impl<F, M, S, G> Flow for SwitchMapFlow<F, M, G>
where
    F: Flow,
    M: FnMut(F::Item) -> S,
    S: InnerSource<Flow = G>,
    G: Flow,
    F::Error: Join<G::Error>,
{
    type Item = G::Item;
    type Error = <F::Error as Join<G::Error>>::Out;
    type Bound = F::Bound;

    fn poll_drive<D: Downstream<G::Item>>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<Self::Error> {
        let mut me = self.project();
        if let Some(upstream) = me.upstream.as_mut().as_pin_mut() {
            let mut latest = Latest(None);
            let driven = upstream.poll_drive(cx, &mut latest);
            if let Some(item) = latest.0 {
                // Dropped first: the new source may need what the old one holds.
                me.inner.set(None);
                me.inner.set(Some((me.f)(item).into_flow()));
            }
            match driven {
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error.left())),
                Poll::Ready(Ok(_)) => me.upstream.set(None),
                Poll::Pending => {}
            }
        }
        let driven = match me.inner.as_mut().as_pin_mut() {
            Some(inner) => inner.poll_drive(cx, down).map_err(<F::Error as Join<G::Error>>::right),
            None => Poll::Ready(Ok(Drive::Ended)),
        };
        if !matches!(driven, Poll::Ready(Ok(Drive::Ended))) {
            return driven;
        }
        me.inner.set(None);
        if me.upstream.is_some() { Poll::Pending } else { driven }
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        let me = self.project();
        if let Some(upstream) = me.upstream.as_pin_mut() {
            upstream.poll_progress(cx);
        }
        if let Some(inner) = me.inner.as_pin_mut() {
            inner.poll_progress(cx);
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (at_least, at_most) = self.inner.as_ref().map_or((0, Some(0)), G::size_hint);
        match self.upstream.as_ref().map(Flow::size_hint) {
            // Another item may come, and drop the source that runs.
            Some((_, Some(1..) | None)) => (0, None),
            Some((_, Some(0))) | None => (at_least, at_most),
        }
    }
}

/// Only the last item counts.
struct Latest<T>(Option<T>);

impl<T> Downstream<T> for Latest<T> {
    fn push(&mut self, item: T) -> ControlFlow<()> {
        self.0 = Some(item);
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use futures::executor::block_on;
    use futures::{FutureExt, StreamExt};

    use super::*;
    use crate::operator::Recover;

    #[test]
    fn starts_only_the_last_of_several_items_that_are_ready() {
        let mut started = Vec::new();
        let pipe = Pipe::new(0..3).inspect(|_| ()).switch_map(|x| {
            started.push(x);
            [x, x]
        });
        assert_eq!(block_on(pipe.collect::<Vec<_>>()), [2, 2]);
        assert_eq!(started, [2]);
    }

    #[test]
    fn goes_on_though_items_always_come() {
        assert_eq!(block_on(Pipe::new(0..).switch_map(|x| [x]).take(5).count()), 5);
    }

    #[tokio::test]
    async fn drops_the_running_source_before_it_starts_the_next() {
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
        let alive = Rc::new(());
        let mut pipe = Pipe::new(receiver).switch_map(|x| {
            assert_eq!(Rc::strong_count(&alive), 1);
            let alive = alive.clone();
            Pipe::new(x..).inspect(move |_| {
                let _ = &alive;
            })
        });
        for x in [10, 20] {
            sender.send(x).unwrap();
            assert_eq!(pipe.next().await, Some(x));
            assert_eq!(pipe.next().await, Some(x + 1));
        }
        drop(sender);
        assert_eq!(pipe.next().await, Some(22));
        drop(pipe);
        assert_eq!(Rc::strong_count(&alive), 1);
    }

    #[test]
    fn tells_an_error_at_once_and_goes_on_if_it_is_skipped() {
        let items = Pipe::new([1, 2]).try_map(|x| if x == 2 { Err("two") } else { Ok(x) });
        let mut pipe = items.switch_map(|x| x..);
        assert_eq!(pipe.next().now_or_never(), Some(Some(Err("two"))));

        let items = Pipe::new([1, 2]).try_map(|x| if x == 2 { Err("two") } else { Ok(x) });
        let pipe = items.switch_map(|x| 0..x).catch(|_| Recover::Skip);
        assert_eq!(block_on(pipe.collect::<Vec<_>>()), [0]);
    }
}
