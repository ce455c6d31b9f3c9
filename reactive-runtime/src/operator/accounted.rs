use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::Context;

use pin_project_lite::pin_project;

use super::throttle::Weigh;
use super::{Meter, MeteredFlow};
use crate::backpressure::{BackpressureMonitor, Inside, Ledger};
use crate::flow::{Activity, Downstream, Driven, Flow};
use crate::items::{Stage, Staged};

impl<O: MayDrop, T, K> Staged<O, T, K> {
    /// Shows there how many items came, went on, were dropped and why, and are held: once a poll, and when the pipeline is
    /// dropped. It comes last of the options.
    ///
    /// For each stage that may drop: `throttle` that drops the excess or keeps the latest, `debounce`, `sample`, `audit`,
    /// windows by the time of the items, and calls behind a circuit breaker that are
    /// [dropped while it is open](Staged::drop_while_open). Without it nothing is counted, which costs nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let monitor = BackpressureMonitor::new();
    /// let kept = pipeline! { interval(10ms) |> take(7) |> throttle(25ms).latest().monitor(&monitor) |> count() };
    /// assert_eq!(kept.await, 4);
    /// let accounting = monitor.accounting();
    /// assert!(accounting.balances());
    /// assert_eq!((accounting.offered, accounting.delivered), (7, 4));
    /// assert_eq!(accounting.dropped.by(Reason::Displaced), 3);
    /// # }
    /// ```
    pub fn monitor(self, monitor: &BackpressureMonitor) -> Staged<Accounted<O>, T, K> {
        self.map_op(|op| Accounted { op, monitor: monitor.clone() })
    }
}

/// A stage that may drop items, and can have them counted.
#[diagnostic::on_unimplemented(
    message = "`{Self}` drops no items of its own, or does not count them",
    note = "`monitor` is for boundaries with `backpressure`, and for stages that may drop"
)]
pub trait MayDrop {
    /// The same stage, which counts what it drops.
    type Counted;

    /// How many of the items that came are in one that it gives.
    type Weigh: Default;

    /// Its name in the metrics.
    const NAME: &'static str;

    /// What an item is that it holds.
    const INSIDE: Inside = Inside::Buffered;

    /// Counts what is dropped from now on.
    fn counted(self, ledger: &Ledger) -> Self::Counted;
}

/// Keeps account of a stage that may drop items: made by [`Staged::monitor`].
#[derive(Clone, Debug)]
pub struct Accounted<O> {
    op: O,
    monitor: BackpressureMonitor,
}

impl<F, O, S, W> Stage<F> for Accounted<O>
where
    F: Flow,
    O: MayDrop<Counted = S, Weigh = W>,
    S: Stage<MeteredFlow<F, Entrance>>,
    W: Weigh<<S::Flow as Flow>::Item> + Default,
{
    type Flow = AccountedFlow<S::Flow, W>;

    fn attach(self, upstream: F) -> Self::Flow {
        let ledger = Ledger::new(O::NAME, O::INSIDE, self.monitor);
        let flow = self.op.counted(&ledger).attach(MeteredFlow::new(upstream, Entrance(ledger.clone())));
        AccountedFlow { flow, ledger, weigh: W::default() }
    }
}

/// Counts what comes into a stage.
#[derive(Debug)]
pub struct Entrance(Ledger);

impl Meter for Entrance {
    #[inline(always)]
    fn item(&mut self) {
        self.0.offered();
    }
}

pin_project! {
    /// The flow below [`Accounted`]: counts what comes out of the stage.
    #[derive(Debug)]
    pub struct AccountedFlow<G, W> {
        #[pin]
        flow: G,
        ledger: Ledger,
        weigh: W,
    }
}

impl<G: Flow, W: Weigh<G::Item>> Flow for AccountedFlow<G, W> {
    type Item = G::Item;
    type Error = G::Error;
    type Bound = G::Bound;

    #[inline(always)]
    fn poll_drive<D: Downstream<G::Item>>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<G::Error> {
        let me = self.project();
        let driven = me.flow.poll_drive(cx, &mut Exit { ledger: me.ledger, weigh: me.weigh, down });
        me.ledger.show();
        driven
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        let me = self.project();
        me.flow.poll_progress(cx);
        me.ledger.show();
    }

    fn activity(&self) -> Activity {
        self.flow.activity()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.flow.size_hint()
    }
}

struct Exit<'a, W, D> {
    ledger: &'a Ledger,
    weigh: &'a mut W,
    down: &'a mut D,
}

impl<T, W: Weigh<T>, D: Downstream<T>> Downstream<T> for Exit<'_, W, D> {
    #[inline(always)]
    fn push(&mut self, item: T) -> ControlFlow<()> {
        let items = self.weigh.weigh(&item);
        let pushed = self.down.push(item);
        self.ledger.delivered(items);
        pushed
    }
}
