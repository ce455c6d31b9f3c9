use super::map_err::{MapErr, MapErrFlow};
use crate::fault::Failed;
use crate::flow::Flow;
use crate::items::{Items, Staged};
use crate::pipe::Pipe;

impl<T, E> Items<T, Failed<E>> {
    /// Shows the errors of all stages above it to `f` on their way.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let mut seen = Vec::new();
    /// let read = pipeline! {
    ///     ["1", "x"] |> map(str::parse::<u8>)? |> inspect_err(|e| seen.push(e.to_string())) |> catch(|_| Recover::Skip) |> count()
    /// };
    /// assert_eq!(block_on(read), 1);
    /// assert_eq!(seen, ["invalid digit found in string"]);
    /// ```
    pub fn inspect_err<F: FnMut(&E)>(self, mut f: F) -> Staged<MapErr<impl FnMut(E) -> E>, T, Failed<E>> {
        self.map_err(move |error| {
            f(&error);
            error
        })
    }
}

impl<F: Flow<Error = Failed<E>>, E> Pipe<F> {
    /// Shows the errors of all stages above it to `f` on their way. See [`Items::inspect_err`].
    #[track_caller]
    pub fn inspect_err<G: FnMut(&E)>(self, f: G) -> Pipe<MapErrFlow<F, impl FnMut(E) -> E>> {
        self.with(|items| items.inspect_err(f))
    }
}
