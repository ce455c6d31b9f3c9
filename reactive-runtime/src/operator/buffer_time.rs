use std::time::Duration;

use crate::flow::Flow;
use crate::gather::TimedGatherFlow;
use crate::items::{Items, Stage, Staged};
use crate::live::IntoSetting;
use crate::operator::{Batch, MaxWait, Open, Waiting};
use crate::pipe::Pipe;

/// How many items a batch holds at most, unless told otherwise.
const CAPACITY: usize = 10_000;

impl<T, K> Items<T, K> {
    /// Gathers the items of a time into a `Vec`, which is given `wait` after its first item came.
    ///
    /// It is [`batch`](Items::batch) by time alone: never empty, flushed at the end and before an error. It holds at most
    /// 10 000 items, or [`capacity`](Staged::capacity): a batch of as many is given at once.
    ///
    /// `wait` may be [`Live`](crate::Live): a change also holds for the open batch.
    ///
    /// While nobody asks for a batch it goes on taking items, until the open one is full.
    ///
    /// # Panics
    ///
    /// If `wait` is zero, which as a literal in `pipeline!` does not compile; and if it has to wait outside of a tokio runtime
    /// with time enabled.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let batches = pipeline! {
    ///     interval(20ms) |> enumerate() |> map(|(i, _)| i) |> take(5) |> buffer_time(50ms) |> collect::<Vec<_>>()
    /// };
    /// assert_eq!(batches.await, [vec![0, 1, 2], vec![3, 4]]);
    /// # }
    /// ```
    #[track_caller]
    pub fn buffer_time(self, wait: impl IntoSetting<Duration>) -> Staged<BufferTime, Vec<T>, K> {
        let wait = wait.into_setting(|wait| match *wait {
            Duration::ZERO => {
                Err("a batch of no time has no meaning: `buffer_time` takes a time such as `100ms`")
            }
            _ => Ok(()),
        });
        self.stage(BufferTime { of: MaxWait { batch: at_most(CAPACITY), wait } })
    }
}

impl<F: Flow> Pipe<F> {
    /// Gathers the items of a time into a `Vec`. See [`Items::buffer_time`].
    #[track_caller]
    pub fn buffer_time(
        self,
        wait: impl IntoSetting<Duration>,
    ) -> Pipe<TimedGatherFlow<F, Waiting<Open<F::Item>>, Vec<F::Item>, F::Error>> {
        self.with(|items| items.buffer_time(wait))
    }
}

impl<U, K> Staged<BufferTime, U, K> {
    /// Gives a batch of so many items at once. The number may be [`Live`](crate::Live), as the size of a
    /// [`batch`](Items::batch).
    ///
    /// # Panics
    ///
    /// If `items` is 0.
    #[track_caller]
    pub fn capacity(self, items: impl IntoSetting<usize>) -> Self {
        let batch = at_most(items);
        self.map_op(|BufferTime { of }| BufferTime { of: MaxWait { batch, ..of } })
    }
}

#[track_caller]
fn at_most(items: impl IntoSetting<usize>) -> Batch {
    Batch::of(items, |items| match items {
        0 => Err("a batch of at most 0 items has no meaning: `capacity` takes at least 1"),
        _ => Ok(()),
    })
}

/// Gathers items by time: made by [`Items::buffer_time`].
#[derive(Clone, Debug)]
pub struct BufferTime {
    of: MaxWait<Batch>,
}

impl<F: Flow> Stage<F> for BufferTime {
    type Flow = TimedGatherFlow<F, Waiting<Open<F::Item>>, Vec<F::Item>, F::Error>;

    fn attach(self, upstream: F) -> Self::Flow {
        self.of.attach(upstream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{ms, s};

    #[tokio::test(start_paused = true)]
    async fn gives_a_full_batch_at_once() {
        let all = Pipe::new(0..25_000).buffer_time(s(1)).map(|batch| batch.len()).collect::<Vec<_>>();
        assert_eq!(all.await, [10_000, 10_000, 5000]);
        let pairs = Pipe::new(0..3).with(|items| items.buffer_time(s(1)).capacity(2));
        assert_eq!(pairs.collect::<Vec<_>>().await, [vec![0, 1], vec![2]]);
    }

    #[test]
    #[should_panic(expected = "a batch of no time has no meaning")]
    fn refuses_zero() {
        let _ = Pipe::new(0..3).buffer_time(ms(0));
    }
}
