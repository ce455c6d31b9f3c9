use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::fault::{Failed, Fault};
use crate::flow::{Bounded, Budget, Downstream, Drive, Driven, Flow, yield_now};
use crate::items::{Items, Stage, Staged};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Decides what becomes of the errors of all stages above it, up to the next `catch`.
    ///
    /// What `f` returns decides: a [`Recover`], and the pipeline cannot fail any more; or a `Result<Recover<T>, E2>`,
    /// and it may ([`Recover::Fail(e)`](Recover::Fail) is `Err(e)`, so the other arms are `Ok(Recover::Skip)`).
    ///
    /// After `Skip` or `With` the next item follows. An error of the flow itself, a source's, has no next item:
    /// `Skip` then gives the end.
    ///
    /// An error that passes a `batch` or a window flushes what is open first, even if it is skipped here; so put `catch`
    /// before `batch`.
    ///
    /// # Data loss
    ///
    /// The item of which the error was made is gone. `f` gets the error: let it carry what must not be lost.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let mut rejected = Vec::new();
    /// let batches = pipeline! {
    ///     ["1", "x", "3"]
    ///         |> map(|s| s.parse::<u8>().map_err(|_| s))?
    ///         |> catch(|s| { rejected.push(s); Recover::Skip })
    ///         |> batch(2)
    ///         |> collect::<Vec<_>>()
    /// };
    /// assert_eq!(block_on(batches), [[1, 3]]);
    /// assert_eq!(rejected, ["x"]);
    /// ```
    pub fn catch<E, R, L, F, U>(self, f: F) -> Staged<Catch<F, U, K, L>, U, L>
    where
        K: CanFail<Error = E, Beside<T> = U>,
        R: Recovery<U, Fault = L>,
        F: FnMut(E) -> R,
    {
        self.stage(Catch { f, decide: |f, fault| f(fault.into_error()).into_result() })
    }
}

impl<F: Flow> Pipe<F> {
    /// Decides what becomes of the errors of all stages above it. See [`Items::catch`].
    #[track_caller]
    pub fn catch<E, R, L, G>(self, f: G) -> Pipe<CatchFlow<F, G, F::Item, F::Error, L>>
    where
        F::Error: CanFail<Error = E, Beside<F::Item> = F::Item>,
        L: Fault,
        R: Recovery<F::Item, Fault = L>,
        G: FnMut(E) -> R,
    {
        self.with(|items| items.catch(f))
    }
}

/// A fault that can happen: [`Failed<E>`].
#[diagnostic::on_unimplemented(
    message = "nothing can fail above this stage",
    label = "there are no errors here",
    note = "an error leaves by `?` behind a stage that gives `Result`s: `map(parse)? |> catch(..)`; without one take this \
            stage away"
)]
pub trait CanFail {
    /// The error.
    type Error;

    /// The `T`s that flow beside the errors: `T`. A `?` may be missing where nothing can fail; so then nothing is known of
    /// them, and nothing is told of what is below.
    type Beside<T>;

    /// The error that is there.
    fn into_error(self) -> Self::Error;
}

impl<E> CanFail for Failed<E> {
    type Error = E;
    type Beside<T> = T;

    fn into_error(self) -> E {
        self.0
    }
}

/// What [`catch`](Items::catch) does with an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recover<T> {
    /// Goes on with the next item.
    Skip,
    /// Goes on, with this item in place of the one that failed.
    With(T),
    /// Ends the pipeline, without an error.
    Stop,
}

impl<T> Recover<T> {
    /// Fails with `error`: `Err(error)`. The other arms of the closure are then `Ok(Recover::Skip)` and so on.
    #[expect(
        non_snake_case,
        reason = "it stands beside the variants, and cannot be one: `E` would not infer"
    )]
    pub fn Fail<E>(error: E) -> Result<Self, E> {
        Err(error)
    }
}

/// What the closure of [`catch`](Items::catch) may return: it decides whether the pipeline can still fail.
#[diagnostic::on_unimplemented(
    message = "`catch` must give a `Recover<{T}>` or a `Result<Recover<{T}>, _>`, not `{Self}`",
    label = "not a `Recover`",
    note = "`Recover::Skip` goes on with the next item, `Recover::With(item)` with that one, `Recover::Stop` ends"
)]
pub trait Recovery<T> {
    /// The fault of the pipeline below.
    type Fault: Fault;

    /// What to do.
    fn into_result(self) -> Result<Recover<T>, Self::Fault>;
}

impl<T> Recovery<T> for Recover<T> {
    type Fault = Infallible;

    fn into_result(self) -> Result<Self, Infallible> {
        Ok(self)
    }
}

impl<T, E> Recovery<T> for Result<Recover<T>, E> {
    type Fault = Failed<E>;

    fn into_result(self) -> Result<Recover<T>, Failed<E>> {
        self.map_err(Failed)
    }
}

/// Decides on errors: made by [`Items::catch`].
#[derive(Clone, Copy, Debug)]
pub struct Catch<F, T, K, L> {
    f: F,
    // What it asks of `f` is asked for where the operator is named, so that a mistake is told there and once.
    decide: Decide<F, T, K, L>,
}

type Decide<F, T, K, L> = fn(&mut F, K) -> Result<Recover<T>, L>;

// What cannot fail is refused here too: else a missing `?` would be told again by what is below.
impl<F: Flow<Error: CanFail>, G, L: Fault> Stage<F> for Catch<G, F::Item, F::Error, L> {
    type Flow = CatchFlow<F, G, F::Item, F::Error, L>;

    fn attach(self, upstream: F) -> Self::Flow {
        CatchFlow { upstream: Some(upstream), f: self.f, decide: self.decide }
    }
}

pin_project! {
    /// The flow below [`Catch`].
    pub struct CatchFlow<F, G, T, K, L> {
        // `None` after `Recover::Stop` and after the end.
        #[pin]
        upstream: Option<F>,
        f: G,
        decide: Decide<G, T, K, L>,
    }
}

impl<F: Flow<Item = T, Error = K>, G, T, K, L: Fault> Flow for CatchFlow<F, G, T, K, L> {
    type Item = T;
    type Error = L;
    type Bound = Bounded;

    fn poll_drive<D: Downstream<T>>(self: Pin<&mut Self>, cx: &mut Context<'_>, down: &mut D) -> Driven<L> {
        let mut me = self.project();
        let mut budget = Budget::drives();
        while budget.spend() {
            let Some(upstream) = me.upstream.as_mut().as_pin_mut() else {
                return Poll::Ready(Ok(Drive::Ended));
            };
            let fault = match upstream.poll_drive(cx, down) {
                Poll::Ready(Err(fault)) => fault,
                Poll::Ready(Ok(drive)) => {
                    if drive == Drive::Ended {
                        me.upstream.set(None);
                    }
                    return Poll::Ready(Ok(drive));
                }
                Poll::Pending => return Poll::Pending,
            };
            match (me.decide)(me.f, fault) {
                Ok(Recover::Skip) => {}
                Ok(Recover::With(item)) => {
                    if down.push(item).is_break() {
                        return Poll::Ready(Ok(Drive::Paused));
                    }
                }
                Ok(Recover::Stop) => me.upstream.set(None),
                Err(fault) => return Poll::Ready(Err(fault)),
            }
        }
        yield_now(cx)
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        if let Some(upstream) = self.project().upstream.as_pin_mut() {
            upstream.poll_progress(cx);
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // `Recover::With` makes items of errors, which no hint counts.
        (0, if self.upstream.is_some() { None } else { Some(0) })
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    fn odd(x: u32) -> Result<u32, u32> {
        if x % 2 == 1 { Ok(x) } else { Err(x) }
    }

    #[test]
    fn skips_replaces_or_stops() {
        let caught =
            |f: fn(u32) -> Recover<u32>| block_on(Pipe::new(1..6).try_map(odd).catch(f).collect::<Vec<_>>());
        assert_eq!(caught(|_| Recover::Skip), [1, 3, 5]);
        assert_eq!(caught(|e| Recover::With(e * 10)), [1, 20, 3, 40, 5]);
        assert_eq!(caught(|_| Recover::Stop), [1]);
    }

    #[test]
    fn may_fail_with_another_error() {
        let fatal = |e| if e == 4 { Recover::Fail("four") } else { Ok(Recover::Skip) };
        assert_eq!(block_on(Pipe::new(1..6).try_map(odd).catch(fatal).collect::<Vec<_>>()), Err("four"));
        assert_eq!(block_on(Pipe::new(1..4).try_map(odd).catch(fatal).collect::<Vec<_>>()), Ok(vec![1, 3]));
    }

    #[test]
    fn drops_its_source_when_it_stops() {
        let source = std::rc::Rc::new(());
        let held = source.clone();
        let failing = (0..9).map(move |_| Err::<u8, _>(std::rc::Rc::strong_count(&held)));
        let mut pipe = Pipe::from_iter(failing).or_fail().catch(|_| Recover::<u8>::Stop);
        assert_eq!(block_on(futures::StreamExt::next(&mut pipe)), None);
        assert_eq!(std::rc::Rc::strong_count(&source), 1);
    }
}
