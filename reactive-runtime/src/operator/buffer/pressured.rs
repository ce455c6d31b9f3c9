use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::Buffer;
use super::gate::{Gate, Passage};
use crate::backpressure::{
    BackpressureMonitor, BoundedQueue, Listeners, OnDrop, OnPressure, Pressure, Reason, SourceKind, Strategy,
    Watermarks,
};
use crate::fault::{Fault, Join};
use crate::flow::{Budget, Downstream, Drive, Driven, Flow, Tail, yield_now};
use crate::items::{Items, Stage, Staged};
use crate::live::Setting;

impl<T, K> Staged<Buffer, T, K> {
    /// Lets a strategy decide what becomes of the items that come while nobody below wants one: see
    /// [`backpressure`](crate::backpressure).
    ///
    /// With a strategy that drops, what is above never waits for what is below. A source that is always ready is then run
    /// through while the pipeline waits.
    ///
    /// Where a strategy lets an item wait that it has seen, that one stands besides the `capacity`. Options:
    /// [`on_drop`](Staged::on_drop), [`high_watermark`](Staged::high_watermark), [`low_watermark`](Staged::low_watermark),
    /// [`on_pressure`](Staged::on_pressure), [`monitor`](Staged::monitor), [`source`](Staged::source).
    ///
    /// # Data loss
    ///
    /// What the strategy drops; and what is queued is dropped with the pipeline. Each such item is counted, and handed to
    /// `on_drop`.
    ///
    /// # Errors
    ///
    /// A strategy that fails makes the pipeline one that can fail: [`Fail`](crate::backpressure::Fail) with
    /// [`Overloaded`](crate::backpressure::Overloaded), behind what is queued.
    ///
    /// # Panics
    ///
    /// If the options of the strategy have no meaning.
    ///
    /// # Examples
    ///
    /// The work on an item takes as long as more than four need to come, and only the two newest of them are worth it:
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// async fn work(item: usize) -> usize {
    ///     tokio::time::sleep(Duration::from_millis(45)).await;
    ///     item
    /// }
    ///
    /// let monitor = BackpressureMonitor::new();
    /// let worked_on = pipeline! {
    ///     interval(10ms)
    ///         |> take(9)
    ///         |> enumerate()
    ///         |> map(|(i, _)| i)
    ///         |> buffer(2, backpressure = DropOldest, monitor = &monitor)
    ///         |> map_async(work)
    ///         |> collect::<Vec<_>>()
    /// };
    /// assert_eq!(worked_on.await, [0, 3, 7, 8]);
    /// assert_eq!(monitor.metrics().dropped_items.total(), 5);
    /// # }
    /// ```
    #[track_caller]
    pub fn backpressure<S, L>(self, strategy: S) -> Staged<Pressured<S>, T, L>
    where
        S: Strategy<T>,
        K: Join<S::Fault, Out = L>,
    {
        strategy.check();
        let Buffer { capacity } = self.into_op();
        Items::<T, L>::new().stage(Pressured::new(capacity, strategy))
    }
}

impl<S, D, P, T, K> Staged<Pressured<S, D, P>, T, K> {
    /// Hands each item that is dropped to `on_drop`, with the reason.
    ///
    /// It is called where the item is dropped, in the task of the queue: keep it short.
    pub fn on_drop<G: FnMut(T, Reason)>(self, on_drop: G) -> Staged<Pressured<S, G, P>, T, K> {
        self.map_op(|op| op.on_drop(on_drop))
    }

    /// Calls `on_pressure` when the usage has reached the high watermark, and when it has fallen to the low one: the two in
    /// turn.
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let mut events = Vec::new();
    /// let worked_on = pipeline! {
    ///     0..25
    ///         |> buffer(10, backpressure = Block, high_watermark = 90%, low_watermark = 50%)
    ///             .on_pressure(|pressure| events.push(pressure))
    ///         |> for_each_async(async |_| tokio::time::sleep(Duration::from_millis(5)).await)
    /// };
    /// worked_on.await;
    /// assert_eq!(events, [Pressure::Pressured, Pressure::Normal]);
    /// # }
    /// ```
    pub fn on_pressure<G: FnMut(Pressure)>(self, on_pressure: G) -> Staged<Pressured<S, D, G>, T, K> {
        self.map_op(|op| op.on_pressure(on_pressure))
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
        self.map_op(|op| op.high_watermark(fraction))
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
        self.map_op(|op| op.low_watermark(fraction))
    }

    /// Shows there how the queue does: once a poll, and at its end.
    pub fn monitor(self, monitor: &BackpressureMonitor) -> Self {
        self.map_op(|op| op.monitor(monitor))
    }

    /// Says how items come to the pipeline. By default they are pulled, and a strategy such as
    /// [`Adaptive`](crate::backpressure::Adaptive) lets them wait; those that come by themselves, as from a socket that
    /// would lose them, it sheds.
    pub fn source(self, source: SourceKind) -> Self {
        self.map_op(|op| op.source(source))
    }
}

/// Lets a flow run ahead into a queue in which a strategy decides: made by [`Staged::backpressure`].
#[derive(Clone, Debug)]
pub struct Pressured<S, D = (), P = ()> {
    capacity: Setting<usize>,
    strategy: S,
    listeners: Listeners<D, P>,
    high: Option<f64>,
    low: Option<f64>,
    source: SourceKind,
    monitor: Option<BackpressureMonitor>,
}

impl<S> Pressured<S> {
    pub(crate) fn new(capacity: Setting<usize>, strategy: S) -> Self {
        let (listeners, source) = (Listeners::none(), SourceKind::Pull);
        Self { capacity, strategy, listeners, high: None, low: None, source, monitor: None }
    }
}

impl<S, D, P> Pressured<S, D, P> {
    pub(crate) fn on_drop<T, G: OnDrop<T>>(self, on_drop: G) -> Pressured<S, G, P> {
        self.map_listeners(|listeners| listeners.on_drop(on_drop))
    }

    pub(crate) fn on_pressure<G: FnMut(Pressure)>(self, on_pressure: G) -> Pressured<S, D, G> {
        self.map_listeners(|listeners| listeners.on_pressure(on_pressure))
    }

    #[cfg(feature = "rt")]
    pub(crate) fn capacity(self, capacity: Setting<usize>) -> Self {
        Self { capacity, ..self }
    }

    pub(crate) fn high_watermark(self, fraction: f64) -> Self {
        Self { high: Some(fraction), ..self }
    }

    pub(crate) fn low_watermark(self, fraction: f64) -> Self {
        Self { low: Some(fraction), ..self }
    }

    pub(crate) fn monitor(self, monitor: &BackpressureMonitor) -> Self {
        Self { monitor: Some(monitor.clone()), ..self }
    }

    pub(crate) fn source(self, source: SourceKind) -> Self {
        Self { source, ..self }
    }

    fn map_listeners<E, Q>(self, f: impl FnOnce(Listeners<D, P>) -> Listeners<E, Q>) -> Pressured<S, E, Q> {
        let Self { capacity, strategy, listeners, high, low, source, monitor } = self;
        Pressured { capacity, strategy, listeners: f(listeners), high, low, source, monitor }
    }

    fn gate<T>(self) -> Gate<T, S, Listeners<D, P>>
    where
        S: Strategy<T>,
        D: OnDrop<T>,
        P: OnPressure,
    {
        let watermarks = self.strategy.watermarks().with(self.high, self.low);
        let queue = BoundedQueue::with(self.capacity.get(), self.strategy, self.listeners)
            .source(self.source)
            .watermarks(watermarks);
        let queue = match &self.monitor {
            Some(monitor) => queue.monitor(monitor),
            None => queue,
        };
        Gate::new(queue, self.capacity)
    }
}

impl<F, S, D, P, K> Stage<F> for Pressured<S, D, P>
where
    F: Flow<Error: Join<S::Fault, Out = K>>,
    S: Strategy<F::Item>,
    D: OnDrop<F::Item>,
    P: OnPressure,
    K: Fault,
{
    type Flow = PressuredFlow<F, F::Item, S, Listeners<D, P>, K>;

    fn attach(self, upstream: F) -> Self::Flow {
        let gate = self.gate();
        PressuredFlow { upstream, gate, tail: Tail::Open, started: false }
    }
}

pin_project! {
    /// The flow below [`Pressured`].
    pub struct PressuredFlow<F, T, S: Strategy<T>, D: OnDrop<T>, K> {
        #[pin]
        upstream: F,
        gate: Gate<T, S, D>,
        tail: Tail<K>,
        started: bool,
    }
}

impl<F, T, S, D, K> Flow for PressuredFlow<F, T, S, D, K>
where
    F: Flow<Item = T, Error: Join<S::Fault, Out = K>>,
    S: Strategy<T>,
    D: OnDrop<T>,
    K: Fault,
{
    type Item = T;
    type Error = K;
    type Bound = F::Bound;

    #[inline(always)]
    fn poll_drive<O: Downstream<T>>(self: Pin<&mut Self>, cx: &mut Context<'_>, down: &mut O) -> Driven<K> {
        let mut me = self.project();
        *me.started = true;
        me.gate.look_at_the_clock();
        let mut budget = Budget::drives();
        let driven = loop {
            if !budget.spend() {
                break yield_now(cx);
            }
            if me.gate.give(down).is_break() {
                break Poll::Ready(Ok(Drive::Paused));
            }
            match me.gate.offer_again() {
                None => {}
                Some(Passage::Waits) => {
                    me.gate.sleep(cx);
                    me.upstream.as_mut().poll_progress(cx);
                    break Poll::Pending;
                }
                Some(Passage::Failed(fault)) => {
                    break Poll::Ready(Err(F::Error::right(fault)));
                }
                Some(Passage::Ended) => continue,
            }
            if let Some(told) = me.tail.settle() {
                break Poll::Ready(told);
            }
            let mut passing = Passing { gate: me.gate, down, broke: false, fault: None };
            let driven = me.upstream.as_mut().poll_drive(cx, &mut passing);
            match (passing.broke, passing.fault) {
                (true, _) => break Poll::Ready(Ok(Drive::Paused)),
                (false, Some(fault)) => break Poll::Ready(Err(F::Error::right(fault))),
                (false, None) => {}
            }
            if let Poll::Ready(Ok(Drive::Paused)) = driven {
                // An item waits.
                continue;
            }
            let driven = driven.map_err(Join::<S::Fault>::left);
            if matches!(driven, Poll::Ready(Ok(Drive::Ended))) {
                *me.tail = Tail::Ended;
            }
            break driven;
        };
        me.gate.publish();
        driven
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        let mut me = self.project();
        if !*me.started || matches!(me.tail, Tail::Ended) {
            return;
        }
        me.gate.look_at_the_clock();
        if let Some(Passage::Failed(fault)) = me.gate.offer_again() {
            *me.tail = Tail::Failed(F::Error::right(fault));
        }
        let mut asked = false;
        if me.tail.is_open() && me.gate.wants() {
            let mut filling = Filling { gate: me.gate, fault: None };
            let driven = me.upstream.as_mut().poll_drive(cx, &mut filling);
            asked = driven.is_pending();
            match filling.fault {
                Some(fault) => *me.tail = Tail::Failed(F::Error::right(fault)),
                None => me.tail.note(driven.map_err(Join::<S::Fault>::left)),
            }
        }
        // Also where it wants nothing: it may once it has another capacity.
        me.gate.sleep(cx);
        me.gate.publish();
        // What it has begun goes on, though it is not asked for more.
        if !asked && !matches!(me.tail, Tail::Ended) {
            me.upstream.poll_progress(cx);
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let above = if matches!(self.tail, Tail::Ended) { Some(0) } else { self.upstream.size_hint().1 };
        (0, above.and_then(|items| items.checked_add(self.gate.held())))
    }
}

/// Somebody below wants items: each goes through the queue at once.
struct Passing<'a, T, S: Strategy<T>, D: OnDrop<T>, O> {
    gate: &'a mut Gate<T, S, D>,
    down: &'a mut O,
    broke: bool,
    fault: Option<S::Fault>,
}

impl<T, S: Strategy<T>, D: OnDrop<T>, O: Downstream<T>> Downstream<T> for Passing<'_, T, S, D, O> {
    #[inline(always)]
    fn push(&mut self, item: T) -> ControlFlow<()> {
        match self.gate.offer(item) {
            Passage::Ended => {
                let given = self.gate.give(self.down);
                self.broke = given.is_break();
                given
            }
            Passage::Waits => ControlFlow::Break(()),
            Passage::Failed(fault) => {
                self.fault = Some(fault);
                ControlFlow::Break(())
            }
        }
    }
}

/// Nobody below wants items: they are queued.
struct Filling<'a, T, S: Strategy<T>, D: OnDrop<T>> {
    gate: &'a mut Gate<T, S, D>,
    fault: Option<S::Fault>,
}

impl<T, S: Strategy<T>, D: OnDrop<T>> Downstream<T> for Filling<'_, T, S, D> {
    #[inline(always)]
    fn push(&mut self, item: T) -> ControlFlow<()> {
        match self.gate.offer(item) {
            Passage::Ended if self.gate.wants() => ControlFlow::Continue(()),
            Passage::Ended | Passage::Waits => ControlFlow::Break(()),
            Passage::Failed(fault) => {
                self.fault = Some(fault);
                ControlFlow::Break(())
            }
        }
    }
}
