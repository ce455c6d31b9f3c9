use std::future::Ready;

use super::DeadLetter;

/// Where items go that failed for good: [`NoLetters`] or a [`Sender`].
pub trait Letters<T> {
    /// A letter on its way.
    type Sending: Future<Output = ()>;

    /// Sends one.
    fn send(&mut self, letter: DeadLetter<T>) -> Option<Self::Sending>;
}

/// They are dropped.
#[derive(Clone, Copy, Debug)]
pub struct NoLetters;

impl<T> Letters<T> for NoLetters {
    type Sending = Ready<()>;

    fn send(&mut self, _: DeadLetter<T>) -> Option<Ready<()>> {
        None
    }
}

/// A closure takes them.
#[derive(Clone, Copy, Debug)]
pub struct Sender<G>(pub(crate) G);

impl<T, G: FnMut(DeadLetter<T>) -> Fut, Fut: Future<Output = ()>> Letters<T> for Sender<G> {
    type Sending = Fut;

    fn send(&mut self, letter: DeadLetter<T>) -> Option<Fut> {
        Some((self.0)(letter))
    }
}
