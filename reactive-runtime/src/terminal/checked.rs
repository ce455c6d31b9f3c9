use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::{Consume, Consuming};
use crate::fault::Fault;
use crate::flow::Flow;

pin_project! {
    /// [`Consuming`], of a terminal whose result is inferred from its use, and so may not fit the items: made by
    /// [`Items::collect`](crate::Items::collect) and [`Items::sum`](crate::Items::sum).
    #[must_use = "a pipeline does nothing unless it is polled: `.await` it"]
    pub struct Checked<F, C, R> {
        #[pin]
        consuming: Consuming<F, C>,
        // Made where the bounds are known to hold. So whoever awaits it asks for nothing, and a mistake is told once.
        poll: fn(Pin<&mut Consuming<F, C>>, &mut Context<'_>) -> Poll<R>,
    }
}

impl<F: Flow, C> Checked<F, C, <F::Error as Fault>::Of<C::Output>>
where
    C: Consume<F::Item>,
{
    pub(super) fn new(flow: F, consumer: C) -> Self {
        Self { consuming: Consuming::new(flow, consumer), poll: Consuming::poll }
    }
}

impl<F, C, R> fmt::Debug for Checked<F, C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.consuming.fmt(f)
    }
}

impl<F, C, R> Future for Checked<F, C, R> {
    type Output = R;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        let me = self.project();
        (me.poll)(me.consuming, cx)
    }
}
