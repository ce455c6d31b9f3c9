use crate::flow::Flow;
use crate::items::{Items, Stepped};
use crate::pipe::Pipe;
use crate::step::{MayStop, Step, StepFlow, Stop};

impl<T, K> Items<T, K> {
    /// Turns each item into what `f` makes of it, until that is `None`; then ends.
    ///
    /// # Data loss
    ///
    /// The item of which `f` makes `None` is gone, and what the source would have given after it is not asked for.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let numbers = pipeline! { ["1", "2", "x", "4"] |> map_while(|s| s.parse::<u8>().ok()) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(numbers), [1, 2]);
    /// ```
    pub fn map_while<U, F>(self, f: F) -> Stepped<MapWhile<F>, U, K, MayStop>
    where
        F: FnMut(T) -> Option<U>,
    {
        self.step(MapWhile { f }).may_stop()
    }
}

impl<F: Flow> Pipe<F> {
    /// Turns each item into what `f` makes of it, until that is `None`. See [`Items::map_while`].
    #[track_caller]
    pub fn map_while<U, G>(self, f: G) -> Pipe<StepFlow<F, MapWhile<G>, MayStop>>
    where
        G: FnMut(F::Item) -> Option<U>,
    {
        self.with(|items| items.map_while(f))
    }
}

/// Ends at the first `None`: made by [`Items::map_while`].
#[derive(Clone, Copy, Debug)]
pub struct MapWhile<F> {
    f: F,
}

impl<T, U, F: FnMut(T) -> Option<U>> Step<T> for MapWhile<F> {
    type Out = U;

    #[inline(always)]
    fn step(&mut self, item: T, stop: &mut Stop) -> Option<U> {
        let out = (self.f)(item);
        if out.is_none() {
            stop.stop();
        }
        out
    }
}
