//! A box for flows that hands over items one by one.

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::Context;

use reactive_runtime::prelude::*;
use reactive_runtime::{Bounded, Downstream, Driven};

/// A pipeline in a box which, unlike that of `boxed`, hands over no chunks: so whoever stops what is above it at an item stops
/// it there, with its work in flight.
pub(crate) type ItemByItem = Pipe<Unboxed>;

pub(crate) fn item_by_item<F>(pipe: Pipe<F>) -> ItemByItem
where
    F: Flow<Item = u32, Error = Infallible> + Send + 'static,
{
    Pipe::from_flow(Unboxed(Box::pin(pipe)))
}

pub(crate) struct Unboxed(Pin<Box<dyn AnyFlow + Send>>);

impl Flow for Unboxed {
    type Item = u32;
    type Error = Infallible;
    type Bound = Bounded;

    fn poll_drive<D: Downstream<u32>>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<Infallible> {
        self.0.as_mut().poll_drive(cx, down)
    }

    fn poll_progress(mut self: Pin<&mut Self>, cx: &mut Context<'_>) {
        self.0.as_mut().poll_progress(cx);
    }
}

trait AnyFlow {
    fn poll_drive(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut dyn Downstream<u32>,
    ) -> Driven<Infallible>;

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>);
}

impl<F: Flow<Item = u32, Error = Infallible>> AnyFlow for F {
    fn poll_drive(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut dyn Downstream<u32>,
    ) -> Driven<Infallible> {
        Flow::poll_drive(self, cx, &mut Into(down))
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        Flow::poll_progress(self, cx);
    }
}

struct Into<'a>(&'a mut dyn Downstream<u32>);

impl Downstream<u32> for Into<'_> {
    fn push(&mut self, item: u32) -> ControlFlow<()> {
        self.0.push(item)
    }
}
