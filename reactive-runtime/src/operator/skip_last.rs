use std::collections::VecDeque;

use crate::flow::Flow;
use crate::items::{Items, Stepped};
use crate::pipe::Pipe;
use crate::step::{AtMostOne, Step, StepFlow, Stop};

impl<T, K> Items<T, K> {
    /// Holds back the last `count` items: an item passes when `count` newer ones have come.
    ///
    /// It holds at most `count` items.
    ///
    /// # Data loss
    ///
    /// The items that are held at the end are dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let body = pipeline! { ["a", "b", "total"] |> skip_last(1) |> collect::<Vec<_>>() };
    /// assert_eq!(block_on(body), ["a", "b"]);
    /// ```
    pub fn skip_last(self, count: usize) -> Stepped<SkipLast<T>, T, K> {
        self.step(SkipLast { held: VecDeque::new(), count })
    }
}

impl<F: Flow> Pipe<F> {
    /// Holds back the last `count` items. See [`Items::skip_last`].
    #[track_caller]
    pub fn skip_last(self, count: usize) -> Pipe<StepFlow<F, SkipLast<F::Item>, AtMostOne>> {
        self.with(|items| items.skip_last(count))
    }
}

/// Holds back the last items: made by [`Items::skip_last`].
#[derive(Clone, Debug)]
pub struct SkipLast<T> {
    held: VecDeque<T>,
    count: usize,
}

impl<T> Step<T> for SkipLast<T> {
    type Out = T;

    #[inline(always)]
    fn step(&mut self, item: T, _: &mut Stop) -> Option<T> {
        if self.count == 0 {
            return Some(item);
        }
        let passed = if self.held.len() == self.count { self.held.pop_front() } else { None };
        self.held.push_back(item);
        passed
    }
}
