//! A feed in which a strategy decides: for what cannot wait.

mod feeder;
mod flow;
mod handing;
mod state;
#[cfg(test)]
mod tests;

pub use feeder::{SheddingFeeder, SheddingPush};
pub use flow::SheddingFlow;

use std::sync::Arc;

use self::handing::Dropped;
use self::state::Shared;
use crate::backpressure::{
    BackpressureMonitor, Block, BoundedQueue, Listeners, OnDrop, OnPressure, Pressure, Reason, SourceKind,
    Strategy, Watermarks,
};
use crate::pipe::Pipe;

/// A pipeline that is fed from outside, as by [`feed`](super::feed), where a strategy decides what becomes of items that
/// find no room. A strategy decides under a lock of the feed: its closures must not feed the pipeline themselves.
///
/// Its items come when they come: so [`Adaptive`](crate::backpressure::Adaptive) sheds here. With a strategy that lets items
/// wait, [`try_push`](SheddingFeeder::try_push) refuses them, and [`push`](SheddingFeeder::push) waits.
///
/// # Data loss
///
/// What the strategy drops; and what is queued when the pipeline is dropped. Each such item is counted, and handed to
/// [`on_drop`](Self::on_drop).
///
/// # Examples
///
/// ```
/// # use reactive_runtime::prelude::*;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let monitor = BackpressureMonitor::new();
/// let (feeder, readings) = Feed::new(3).backpressure(DropOldest).monitor(&monitor).open();
/// // A callback that cannot wait.
/// for reading in 0..10 {
///     feeder.try_push(reading).expect("there is room for whatever is new");
/// }
/// drop(feeder);
/// assert_eq!(pipeline! { readings |> collect::<Vec<_>>() }.await, [7, 8, 9]);
/// assert_eq!(monitor.metrics().dropped_items.total(), 7);
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a feed does nothing until it is opened"]
pub struct Feed<S = Block, D = (), P = ()> {
    capacity: usize,
    strategy: S,
    high: Option<f64>,
    low: Option<f64>,
    listeners: Listeners<D, P>,
    monitor: Option<BackpressureMonitor>,
}

impl Feed {
    /// A feed that holds up to `capacity` items.
    ///
    /// # Panics
    ///
    /// If `capacity` is 0.
    #[track_caller]
    pub fn new(capacity: usize) -> Self {
        assert!(capacity > 0, "a feed of 0 items has no meaning: `Feed` takes a capacity of at least 1");
        Self { capacity, strategy: Block, high: None, low: None, listeners: Listeners::none(), monitor: None }
    }
}

impl<S, D, P> Feed<S, D, P> {
    /// Lets `strategy` decide, in place of [`Block`].
    pub fn backpressure<R>(self, strategy: R) -> Feed<R, D, P> {
        let Self { capacity, high, low, listeners, monitor, .. } = self;
        Feed { capacity, strategy, high, low, listeners, monitor }
    }

    /// Hands each item that is dropped to `on_drop`, with the reason.
    ///
    /// It is called by whoever feeds or drives the pipeline, by one of them at a time; it may feed the pipeline itself. Keep
    /// it short: what is dropped while it runs waits for it.
    pub fn on_drop<T, G: FnMut(T, Reason)>(self, on_drop: G) -> Feed<S, G, P> {
        let Self { capacity, strategy, high, low, listeners, monitor } = self;
        Feed { capacity, strategy, high, low, listeners: listeners.on_drop(on_drop), monitor }
    }

    /// Calls `on_pressure` when the usage has reached the high watermark, and when it has fallen to the low one: the two in
    /// turn. It is called as [`on_drop`](Self::on_drop) is.
    pub fn on_pressure<G: FnMut(Pressure)>(self, on_pressure: G) -> Feed<S, D, G> {
        let Self { capacity, strategy, high, low, listeners, monitor } = self;
        Feed { capacity, strategy, high, low, listeners: listeners.on_pressure(on_pressure), monitor }
    }

    /// Pressure starts when the queue is full to this fraction, in place of what the strategy says: at 80 % if it says
    /// nothing.
    ///
    /// # Panics
    ///
    /// If it is not above 0.0 and at most 1.0.
    #[track_caller]
    pub fn high_watermark(self, fraction: f64) -> Self {
        Watermarks::check_high(fraction);
        Self { high: Some(fraction), ..self }
    }

    /// Pressure ends when the queue has fallen to this fraction, in place of what the strategy says: at 30 % if it says
    /// nothing.
    ///
    /// # Panics
    ///
    /// If it is not from 0.0 to below 1.0.
    #[track_caller]
    pub fn low_watermark(self, fraction: f64) -> Self {
        Watermarks::check_low(fraction);
        Self { low: Some(fraction), ..self }
    }

    /// Shows there how the queue does: whenever the pipeline is polled, and at its end. A feeder
    /// [knows](SheddingFeeder::metrics) it at any time.
    pub fn monitor(mut self, monitor: &BackpressureMonitor) -> Self {
        self.monitor = Some(monitor.clone());
        self
    }

    /// The feeder, and the pipeline that it feeds.
    ///
    /// # Panics
    ///
    /// If the options of the strategy have no meaning, or the low watermark is not below the high one.
    #[track_caller]
    pub fn open<T>(self) -> (SheddingFeeder<T>, FedPipe<T, S, D, P>)
    where
        S: Strategy<T, Fault: Send> + Send + 'static,
        D: OnDrop<T> + Send + 'static,
        P: OnPressure + Send + 'static,
        T: Send + 'static,
    {
        let Self { capacity, strategy, high, low, listeners, monitor } = self;
        let dropped = Dropped::for_listener(&listeners);
        let watermarks = strategy.watermarks().with(high, low);
        let mut queue =
            BoundedQueue::with(capacity, strategy, dropped).source(SourceKind::Push).watermarks(watermarks);
        if let Some(monitor) = &monitor {
            queue = queue.monitor(monitor);
        }
        let shared = Arc::new(Shared::new(queue, listeners));
        (SheddingFeeder::new(shared.clone()), Pipe::from_flow(SheddingFlow::new(shared)))
    }
}

/// The pipeline that a [`Feed`] is opened to.
pub type FedPipe<T, S, D, P> = Pipe<SheddingFlow<T, S, Listeners<D, P>, <S as Strategy<T>>::Fault>>;
