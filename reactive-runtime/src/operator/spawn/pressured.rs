use super::Spawn;
use crate::backpressure::{BackpressureMonitor, Pressure, Reason, SourceKind, Strategy, Watermarks};
use crate::fault::Join;
use crate::items::{Chain, Items, Staged};
use crate::live::{IntoSetting, Setting};
use crate::operator::Pressured;

impl<T, K> Staged<Spawn, T, K> {
    /// Lets a strategy decide what becomes of the items that come while the pipeline does not want one: see
    /// [`backpressure`](crate::backpressure).
    ///
    /// The queue of `capacity` items is on the task; between the two tasks stands one more item. Options:
    /// [`capacity`](Staged::capacity), [`on_drop`](Staged::on_drop), which is called on the task, and those of
    /// [`buffer`](Items::buffer). All else is as there.
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
        let between = Spawn { capacity: Setting::fixed(1) };
        Items::<T, L>::new().stage(Chain(Pressured::new(capacity, strategy), between))
    }
}

impl<S, D, P, T, K> Staged<Chain<Pressured<S, D, P>, Spawn>, T, K> {
    /// Hands each item that is dropped to `on_drop`, with the reason. It is called on the task: keep it short.
    pub fn on_drop<G>(self, on_drop: G) -> Staged<Chain<Pressured<S, G, P>, Spawn>, T, K>
    where
        G: FnMut(T, Reason),
    {
        self.map_op(|Chain(queue, spawn)| Chain(queue.on_drop(on_drop), spawn))
    }

    /// Calls `on_pressure` when the usage has reached the high watermark, and when it has fallen to the low one: the two in
    /// turn. It is called on the task.
    pub fn on_pressure<G>(self, on_pressure: G) -> Staged<Chain<Pressured<S, D, G>, Spawn>, T, K>
    where
        G: FnMut(Pressure),
    {
        self.map_op(|Chain(queue, spawn)| Chain(queue.on_pressure(on_pressure), spawn))
    }

    /// How many items may be queued. It may be [`Live`](crate::Live), as that of a [`buffer`](Items::buffer).
    ///
    /// # Panics
    ///
    /// If `items` is 0. As a literal in `pipeline!`, that does not compile.
    #[track_caller]
    pub fn capacity(self, items: impl IntoSetting<usize>) -> Self {
        let capacity = super::capacity(items);
        self.map_queue(|queue| queue.capacity(capacity))
    }

    /// Pressure starts when the queue is full to this fraction, in place of what the strategy says: at 80 % if it says
    /// nothing.
    ///
    /// # Panics
    ///
    /// If it is not above 0.0 and at most 1.0; and where the pipeline is built, if the low watermark is not below it.
    #[track_caller]
    pub fn high_watermark(self, fraction: f64) -> Self {
        Watermarks::check_high(fraction);
        self.map_queue(|queue| queue.high_watermark(fraction))
    }

    /// Pressure ends when the queue has fallen to this fraction, in place of what the strategy says: at 30 % if it says
    /// nothing.
    ///
    /// # Panics
    ///
    /// If it is not from 0.0 to below 1.0; and where the pipeline is built, if it is not below the high watermark.
    #[track_caller]
    pub fn low_watermark(self, fraction: f64) -> Self {
        Watermarks::check_low(fraction);
        self.map_queue(|queue| queue.low_watermark(fraction))
    }

    /// Shows there how the queue does: once a poll, and at its end.
    pub fn monitor(self, monitor: &BackpressureMonitor) -> Self {
        self.map_queue(|queue| queue.monitor(monitor))
    }

    /// Says how items come to the pipeline. By default they are pulled.
    pub fn source(self, source: SourceKind) -> Self {
        self.map_queue(|queue| queue.source(source))
    }

    fn map_queue(self, f: impl FnOnce(Pressured<S, D, P>) -> Pressured<S, D, P>) -> Self {
        self.map_op(|Chain(queue, spawn)| Chain(f(queue), spawn))
    }
}
