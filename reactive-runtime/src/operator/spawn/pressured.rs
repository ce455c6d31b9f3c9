use super::Spawn;
use crate::backpressure::{BackpressureMonitor, Reason, SourceKind, Strategy};
use crate::fault::Join;
use crate::items::{Chain, Items, Staged};
use crate::operator::Pressured;

impl<T, K> Staged<Spawn, T, K> {
    /// Lets a strategy decide what becomes of the items that come while the pipeline does not want one: see
    /// [`backpressure`](crate::backpressure).
    ///
    /// The queue of `capacity` items is on the task; between the two tasks stands one more item. Options:
    /// [`on_drop`](Staged::on_drop), which is called on the task, [`monitor`](Staged::monitor), [`source`](Staged::source). All
    /// else is as with [`buffer`](Items::buffer).
    ///
    /// # Data loss
    ///
    /// What the strategy drops; and what is queued is dropped with the pipeline. Each such item is counted, and handed to
    /// `on_drop`; not so the one that is between the tasks when the pipeline is dropped, which counts as delivered.
    ///
    /// # Errors
    ///
    /// A strategy that fails makes the pipeline one that can fail.
    ///
    /// # Panics
    ///
    /// If the options of the strategy have no meaning.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let mut ticks = pipeline! { interval(10ms) |> enumerate() |> spawn(capacity = 4, backpressure = Latest) };
    /// let mut seen = Vec::new();
    /// for _ in 0..4 {
    ///     // Whoever reads a `Stream` slowly sees what is new.
    ///     let (tick, _) = futures::StreamExt::next(&mut ticks).await.expect("it ticks for ever");
    ///     seen.push(tick);
    ///     tokio::time::sleep(Duration::from_millis(105)).await;
    /// }
    /// assert_eq!(seen, [0, 1, 10, 20]);
    /// # }
    /// ```
    #[track_caller]
    pub fn backpressure<S, L>(self, strategy: S) -> Staged<Chain<Pressured<S>, Spawn>, T, L>
    where
        S: Strategy<T>,
        K: Join<S::Fault, Out = L>,
    {
        strategy.check();
        let Spawn { capacity } = self.into_op();
        Items::<T, L>::new().stage(Chain(Pressured::new(capacity, strategy), Spawn { capacity: 1 }))
    }
}

impl<S, D, T, K> Staged<Chain<Pressured<S, D>, Spawn>, T, K> {
    /// Hands each item that is dropped to `on_drop`, with the reason. It is called on the task: keep it short.
    pub fn on_drop<G: FnMut(T, Reason)>(self, on_drop: G) -> Staged<Chain<Pressured<S, G>, Spawn>, T, K> {
        self.map_op(|Chain(queue, spawn)| Chain(queue.on_drop(on_drop), spawn))
    }

    /// Shows there how the queue does: once a poll, and at its end.
    pub fn monitor(self, monitor: &BackpressureMonitor) -> Self {
        self.map_op(|Chain(queue, spawn)| Chain(queue.monitor(monitor), spawn))
    }

    /// Says how items come to the pipeline. By default they are pulled.
    pub fn source(self, source: SourceKind) -> Self {
        self.map_op(|Chain(queue, spawn)| Chain(queue.source(source), spawn))
    }
}
