use super::IterFlow;
use crate::flow::Unbounded;
use crate::pipe::Pipe;

/// The flow of what a closure gives, again and again: made by [`repeat_with`].
pub type RepeatWithFlow<F> = IterFlow<std::iter::RepeatWith<F>, Unbounded>;

/// A pipeline of what `f` gives, without end; `f` is called once for each item that is asked for.
///
/// # Examples
///
/// ```
/// # use reactive_runtime::prelude::*;
/// # use futures::executor::block_on;
/// let mut x = 1;
/// let powers = pipeline! { repeat_with(|| { x *= 2; x }) |> take(4) |> collect::<Vec<_>>() };
/// assert_eq!(block_on(powers), [2, 4, 8, 16]);
/// ```
pub fn repeat_with<T, F: FnMut() -> T>(f: F) -> Pipe<RepeatWithFlow<F>> {
    Pipe::from_flow(IterFlow::new(std::iter::repeat_with(f)))
}
