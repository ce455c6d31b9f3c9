use std::pin::Pin;
use std::task::{Context, Poll};

use super::Calls;

/// A call of a closure that gives a future.
#[derive(Clone, Copy, Debug)]
pub struct Call<F>(pub(crate) F);

impl<T, F, Fut> Calls<T> for Call<F>
where
    F: FnMut(T) -> Fut,
    Fut: Future,
{
    type Job = Fut;
    type Output = Fut::Output;

    #[inline(always)]
    fn begin(&mut self, item: T) -> Fut {
        (self.0)(item)
    }

    #[inline(always)]
    fn poll_job(&mut self, job: Pin<&mut Fut>, cx: &mut Context<'_>) -> Poll<Fut::Output> {
        job.poll(cx)
    }
}
