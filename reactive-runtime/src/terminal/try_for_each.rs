use super::{Consuming, Drain};
use crate::fault::{Failed, Join};
use crate::flow::Flow;
use crate::items::{Final, Items, Stage, Terminal};
use crate::operator::{Map, OrFail, OrFailFlow};
use crate::pipe::Pipe;
use crate::step::{OneToOne, StepFlow};

impl<T, K> Items<T, K> {
    /// Hands each item to `f`, until it fails: `map(f)? |> drain()`.
    ///
    /// # Errors
    ///
    /// The first error of the pipeline or of `f`, which converts with `From` into the pipeline's.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let checked = pipeline! { 0..9 |> try_for_each(|x| if x < 5 { Ok(()) } else { Err(x) }) };
    /// assert_eq!(block_on(checked), Err(5));
    /// ```
    pub fn try_for_each<E, F>(self, f: F) -> Final<TryForEach<F>>
    where
        F: FnMut(T) -> Result<(), E>,
        K: Join<Failed<E>>,
    {
        self.terminal(TryForEach { f })
    }
}

impl<F: Flow> Pipe<F> {
    /// Hands each item to `f`, until it fails. See [`Items::try_for_each`].
    #[track_caller]
    pub fn try_for_each<E, G>(self, f: G) -> Consuming<OrFailFlow<StepFlow<F, Map<G>, OneToOne>>, Drain>
    where
        G: FnMut(F::Item) -> Result<(), E>,
        F::Error: Join<Failed<E>>,
    {
        self.with(|items| items.try_for_each(f))
    }
}

/// Hands items to a closure that may fail: made by [`Items::try_for_each`].
#[derive(Clone, Copy, Debug)]
pub struct TryForEach<F> {
    f: F,
}

impl<F, E, G> Terminal<F> for TryForEach<G>
where
    F: Flow,
    G: FnMut(F::Item) -> Result<(), E>,
    F::Error: Join<Failed<E>>,
{
    type Future = Consuming<OrFailFlow<StepFlow<F, Map<G>, OneToOne>>, Drain>;

    fn run(self, upstream: F) -> Self::Future {
        let mapped = Items::<F::Item>::new().map(self.f).attach(upstream);
        Consuming::new(OrFail.attach(mapped), Drain)
    }
}
