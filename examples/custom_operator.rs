//! Two operators of one's own, which then stand in `pipeline!` like any other. Run it with
//! `cargo run --example custom_operator`.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use reactive_runtime::prelude::*;
use reactive_runtime::{Downstream, Drive, Driven, Stage, Staged, Step, Stepped, Stop};

/// The operators: an extension trait on the items that reach them.
trait Smoothing<T, K> {
    /// Gives the mean of each item and the one before it.
    fn smooth(self) -> Stepped<Smooth, f64, K>;
    /// Gives each item twice.
    fn twice(self) -> Staged<Twice, T, K>;
}

impl<K> Smoothing<f64, K> for Items<f64, K> {
    fn smooth(self) -> Stepped<Smooth, f64, K> {
        self.step(Smooth { previous: None })
    }

    fn twice(self) -> Staged<Twice, f64, K> {
        self.stage(Twice)
    }
}

/// One in, at most one out: a step.
struct Smooth {
    previous: Option<f64>,
}

impl Step<f64> for Smooth {
    type Out = f64;

    fn step(&mut self, item: f64, _: &mut Stop) -> Option<f64> {
        let previous = self.previous.replace(item)?;
        Some((previous + item) / 2.0)
    }
}

/// Anything else is a stage, which turns the flow above it into a flow.
struct Twice;

pin_project! {
    struct TwiceFlow<F: Flow> {
        #[pin]
        upstream: F,
        // The second copy, when downstream broke at the first: who makes several items of one keeps the rest.
        rest: Option<F::Item>,
    }
}

impl<F: Flow<Item: Clone>> Stage<F> for Twice {
    type Flow = TwiceFlow<F>;

    fn attach(self, upstream: F) -> TwiceFlow<F> {
        TwiceFlow { upstream, rest: None }
    }
}

impl<F: Flow<Item: Clone>> Flow for TwiceFlow<F> {
    type Item = F::Item;
    type Error = F::Error;
    type Bound = F::Bound;

    fn poll_drive<D: Downstream<F::Item>>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<F::Error> {
        let me = self.project();
        if let Some(second) = me.rest.take()
            && down.push(second).is_break()
        {
            return Poll::Ready(Ok(Drive::Paused));
        }
        me.upstream.poll_drive(cx, &mut Double { rest: me.rest, down })
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        self.project().upstream.poll_progress(cx);
    }
}

struct Double<'a, T, D> {
    rest: &'a mut Option<T>,
    down: &'a mut D,
}

impl<T: Clone, D: Downstream<T>> Downstream<T> for Double<'_, T, D> {
    fn push(&mut self, item: T) -> ControlFlow<()> {
        if self.down.push(item.clone()).is_break() {
            *self.rest = Some(item);
            return ControlFlow::Break(());
        }
        self.down.push(item)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let smoothed = pipeline! { [1.0, 3.0, 8.0] |> smooth() |> twice() |> collect::<Vec<_>>() }.await;
    println!("{smoothed:?}");
    assert_eq!(smoothed, [2.0, 2.0, 5.5, 5.5]);
}
