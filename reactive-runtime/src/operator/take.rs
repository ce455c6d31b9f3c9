use crate::flow::Flow;
use crate::items::{Items, Stepped};
use crate::pipe::Pipe;
use crate::step::{MayStop, Step, StepFlow, Stop};

impl<T, K> Items<T, K> {
    /// Lets the first `count` items pass, then ends.
    ///
    /// It ends with the last of them, not with the one after, and drops what is upstream at once. With a count of 0 the
    /// source is never polled.
    ///
    /// # Data loss
    ///
    /// What the source would have given after them is not asked for.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let first = pipeline! { 1.. |> take(3) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(first), [1, 2, 3]);
    /// ```
    pub fn take(self, count: usize) -> Stepped<Take, T, K, MayStop> {
        self.step(Take { left: count }).may_stop()
    }
}

impl<F: Flow> Pipe<F> {
    /// Lets the first `count` items pass, then ends. See [`Items::take`].
    #[track_caller]
    pub fn take(self, count: usize) -> Pipe<StepFlow<F, Take, MayStop>> {
        self.with(|items| items.take(count))
    }
}

/// Ends after some items: made by [`Items::take`].
#[derive(Clone, Copy, Debug)]
pub struct Take {
    // At least 1 whenever an item arrives: a step that is finished, or has stopped, gets none.
    left: usize,
}

impl<T> Step<T> for Take {
    type Out = T;

    #[inline(always)]
    fn step(&mut self, item: T, stop: &mut Stop) -> Option<T> {
        self.left -= 1;
        if self.left == 0 {
            stop.stop();
        }
        Some(item)
    }

    fn finished(&self) -> bool {
        self.left == 0
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, StreamExt};

    use super::*;

    #[test]
    fn never_polls_its_source_for_zero_items() {
        let polled = || -> Option<u8> { panic!("polled") };
        let mut none = Pipe::from_iter(std::iter::from_fn(polled)).take(0);
        assert_eq!(none.next().now_or_never(), Some(None));
    }

    #[test]
    fn drops_its_source_with_the_last_item() {
        let source = std::rc::Rc::new(());
        let held = source.clone();
        let mut two = Pipe::from_iter((0..9).inspect(move |_| {
            let _ = &held;
        }))
        .take(2);
        assert_eq!(two.next().now_or_never(), Some(Some(0)));
        assert_eq!(std::rc::Rc::strong_count(&source), 2);
        assert_eq!(two.next().now_or_never(), Some(Some(1)));
        assert_eq!(std::rc::Rc::strong_count(&source), 1);
    }
}
