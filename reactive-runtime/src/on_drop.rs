//! Who is told of the items that a stage drops.

/// What is done with an item that is dropped: a closure, or `()` for nothing.
pub trait OnDrop<T> {
    /// Whether anything is done with it.
    const LISTENS: bool = true;

    /// The item was dropped.
    fn dropped(&mut self, item: T);
}

impl<T> OnDrop<T> for () {
    const LISTENS: bool = false;

    #[inline(always)]
    fn dropped(&mut self, _: T) {}
}

impl<T, F: FnMut(T)> OnDrop<T> for F {
    #[inline(always)]
    fn dropped(&mut self, item: T) {
        self(item);
    }
}
