use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Attend, Calls, Ungoverned};

/// A call of a closure that gives a future; `G` is the [`Gate`](super::Gate) that it passes.
#[derive(Clone, Copy, Debug)]
pub struct Call<F, G = Ungoverned> {
    pub(crate) f: F,
    pub(crate) gate: G,
}

impl<F> Call<F> {
    pub(crate) fn new(f: F) -> Self {
        Self { f, gate: Ungoverned }
    }
}

impl<T, F, Fut, G> Calls<T> for Call<F, G>
where
    F: FnMut(T) -> Fut,
    Fut: Future,
    G: Attend<Fut>,
{
    type Job = G::Job;
    type Output = Fut::Output;
    type Gate = G;

    #[inline(always)]
    fn begin(&mut self, item: T) -> G::Job {
        self.gate.begin((self.f)(item))
    }

    #[inline(always)]
    fn poll_job(&mut self, job: Pin<&mut G::Job>, cx: &mut Context<'_>) -> Poll<Fut::Output> {
        self.gate.poll_job(job, cx)
    }

    #[inline(always)]
    fn gate(&self) -> &G {
        &self.gate
    }

    #[inline(always)]
    fn gate_mut(&mut self) -> &mut G {
        &mut self.gate
    }
}
