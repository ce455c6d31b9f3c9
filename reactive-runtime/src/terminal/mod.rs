//! The terminals: a file each. They end a pipeline and make a future of it, which drives at full speed.
//!
//! Of a pipeline that can fail they give a `Result`; the first error ends them.

mod all;
mod any;
mod broadcast;
mod checked;
mod collect;
mod count;
mod drain;
mod extreme;
mod find;
mod first;
mod fold;
mod for_each;
mod for_each_async;
mod held;
mod last;
mod max;
mod min;
mod partition;
mod position;
mod route;
mod send_to;
mod split;
mod sum;
mod try_for_each;

pub use all::All;
pub use any::Any;
pub use broadcast::Everyone;
pub use checked::Checked;
pub use collect::{Collect, CollectsInto};
pub use count::Count;
pub use drain::Drain;
pub use extreme::{By, ByKey, Compares, Extreme, ExtremeOf, Greatest, Least, Natural, Ordered, Replaces};
pub use find::Find;
pub use first::First;
pub use fold::Fold;
pub use for_each::ForEach;
pub use for_each_async::{BodyFlow, ForEachAsync};
pub use last::Last;
pub use partition::Partition;
pub use position::Position;
pub use route::Route;
pub use send_to::{SendTo, Sending, SinkOf};
pub use split::{
    Both, Branch, BranchFlow, Branches, Deal, Each, Ending, FailLate, Joined, Late, Nothing, Outlets,
    Running, Split, Splitting,
};
pub use sum::{AddsTo, Sum};
pub use try_for_each::TryForEach;

use std::fmt;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::fault::Fault;
use crate::flow::{Activity, Downstream, Flow};

/// What a terminal does with the items: it takes them one by one, and has a result in the end.
pub trait Consume<T> {
    /// The result.
    type Output;

    /// Takes an item. `Break`: it wants no more, and has its result.
    fn consume(&mut self, item: T) -> ControlFlow<()>;

    /// The result of what it took.
    fn finish(self) -> Self::Output;

    /// Called before each drive. Who moves its state out to change it shows the compiler here that it is in: then the
    /// loop need not look.
    fn resume(self) -> Self
    where
        Self: Sized,
    {
        self
    }
}

pin_project! {
    /// The future of a terminal: drives a pipeline into something that consumes its items.
    ///
    /// Dropped, it drops the pipeline, and what was consumed so far.
    ///
    /// # Errors
    ///
    /// The first error of the pipeline, where it can fail; what was consumed before it is dropped.
    ///
    /// # Panics
    ///
    /// When it is polled after it was ready or has panicked.
    #[must_use = "a pipeline does nothing unless it is polled: `.await` it"]
    pub struct Consuming<F, C> {
        #[pin]
        flow: Option<F>,
        consumer: Option<C>,
    }
}

impl<F, C> Consuming<F, C> {
    /// For authors of terminals: drives `flow` into `consumer`.
    pub fn new(flow: F, consumer: C) -> Self {
        Self { flow: Some(flow), consumer: Some(consumer) }
    }
}

impl<F: Flow, C> Consuming<F, C> {
    /// What the flow does that it drives.
    pub(super) fn activity(&self) -> Activity {
        self.flow.as_ref().map_or(Activity::Idle, Flow::activity)
    }
}

impl<F, C> fmt::Debug for Consuming<F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consuming").field("ready", &self.flow.is_none()).finish_non_exhaustive()
    }
}

impl<F: Flow, C: Consume<F::Item>> Future for Consuming<F, C> {
    type Output = <F::Error as Fault>::Of<C::Output>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut me = self.project();
        let (Some(flow), Some(consumer)) = (me.flow.as_mut().as_pin_mut(), me.consumer.take()) else {
            panic!("a terminal was polled after it was ready or had panicked");
        };
        // A local of its own behind a reference: so its state stays in registers while the loop runs.
        let mut local = consumer.resume();
        let driven = flow.poll_drive(cx, &mut Into { consumer: &mut local });
        match driven {
            Poll::Pending => {
                *me.consumer = Some(local);
                Poll::Pending
            }
            Poll::Ready(told) => {
                me.flow.set(None);
                Poll::Ready(match told {
                    Ok(_) => F::Error::ok(local.finish()),
                    Err(fault) => fault.err(),
                })
            }
        }
    }
}

struct Into<'a, C> {
    consumer: &'a mut C,
}

impl<T, C: Consume<T>> Downstream<T> for Into<'_, C> {
    #[inline(always)]
    fn push(&mut self, item: T) -> ControlFlow<()> {
        self.consumer.consume(item)
    }
}
