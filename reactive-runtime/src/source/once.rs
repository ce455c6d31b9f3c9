use super::IterFlow;
use crate::pipe::Pipe;

/// A pipeline of one item.
pub fn once<T>(item: T) -> Pipe<IterFlow<std::iter::Once<T>>> {
    Pipe::from_iter(std::iter::once(item))
}
