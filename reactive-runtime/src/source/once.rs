use super::IterFlow;
use crate::pipe::Pipe;

/// A pipeline of one item.
///
/// # Examples
///
/// ```
/// # use reactive_runtime::prelude::*;
/// # use futures::executor::block_on;
/// let title = pipeline! { once("title") |> concat(["a", "b"]) |> collect::<Vec<_>>() };
/// assert_eq!(block_on(title), ["title", "a", "b"]);
/// ```
pub fn once<T>(item: T) -> Pipe<IterFlow<std::iter::Once<T>>> {
    Pipe::from_iter(std::iter::once(item))
}
