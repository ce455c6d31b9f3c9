use super::catch::CanFail;
use super::map_err::{Turn, TurnErrFlow};
use crate::fault::Failed;
use crate::flow::Flow;
use crate::items::{Items, Stage, Staged};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
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
    pub fn inspect_err<E, F, U>(self, f: F) -> Staged<InspectErr<F>, U, Failed<E>>
    where
        K: CanFail<Error = E, Beside<T> = U>,
        F: FnMut(&E),
    {
        self.stage(InspectErr { f })
    }
}

impl<F: Flow<Error = Failed<E>>, E> Pipe<F> {
    /// Shows the errors of all stages above it to `f` on their way. See [`Items::inspect_err`].
    #[track_caller]
    pub fn inspect_err<G: FnMut(&E)>(self, f: G) -> Pipe<TurnErrFlow<F, InspectErr<G>>> {
        self.with(|items| items.inspect_err(f))
    }
}

/// Shows errors to a closure: made by [`Items::inspect_err`].
#[derive(Clone, Copy, Debug)]
pub struct InspectErr<F> {
    f: F,
}

impl<E, F: FnMut(&E)> Turn<E> for InspectErr<F> {
    type Out = E;

    fn turn(&mut self, error: E) -> E {
        (self.f)(&error);
        error
    }
}

impl<F: Flow<Error = Failed<E>>, E, G: FnMut(&E)> Stage<F> for InspectErr<G> {
    type Flow = TurnErrFlow<F, Self>;

    fn attach(self, upstream: F) -> Self::Flow {
        TurnErrFlow { upstream, turn: self }
    }
}
