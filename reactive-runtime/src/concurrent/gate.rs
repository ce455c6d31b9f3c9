use std::pin::Pin;
use std::task::{Context, Poll};

/// Holds items back from a stage that would have room for them: what flow control does; [`Ungoverned`] does nothing.
///
/// A poll of the stage begins with [`advance`](Self::advance) and ends with [`poll_rest`](Self::poll_rest), unless nobody
/// wants more.
pub trait Gate {
    /// How many items may be in the stage where its user did not say.
    const PLACES: usize;

    /// Time has gone on.
    fn advance(&mut self);

    /// Whether another item may enter.
    fn is_open(&self) -> bool;

    /// An item enters.
    fn enter(&mut self);

    /// The work on it is done.
    fn leave(&mut self);

    /// The stage rests; it would take more if `wants_more`. Ready if it is to be polled at once, else the task is woken when
    /// it is.
    fn poll_rest(&mut self, wants_more: bool, cx: &mut Context<'_>) -> Poll<()>;

    /// The stage has ended, and is woken no more.
    fn close(&mut self);
}

/// A [`Gate`] that measures the calls that pass it, each of which is a `Fut`.
pub trait Attend<Fut: Future>: Gate {
    /// The call, and what is noted of it.
    type Job;

    /// A call begins.
    fn begin(&mut self, call: Fut) -> Self::Job;

    /// Goes on with it.
    fn poll_job(&mut self, job: Pin<&mut Self::Job>, cx: &mut Context<'_>) -> Poll<Fut::Output>;

    /// It is given up, as it takes too long, and dropped next.
    fn time_out(&mut self, job: Pin<&mut Self::Job>);
}

/// Nobody holds items back.
#[derive(Clone, Copy, Debug)]
pub struct Ungoverned;

impl Gate for Ungoverned {
    const PLACES: usize = 1;

    #[inline(always)]
    fn advance(&mut self) {}

    #[inline(always)]
    fn is_open(&self) -> bool {
        true
    }

    #[inline(always)]
    fn enter(&mut self) {}

    #[inline(always)]
    fn leave(&mut self) {}

    #[inline(always)]
    fn poll_rest(&mut self, _: bool, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }

    #[inline(always)]
    fn close(&mut self) {}
}

impl<Fut: Future> Attend<Fut> for Ungoverned {
    type Job = Fut;

    #[inline(always)]
    fn begin(&mut self, call: Fut) -> Fut {
        call
    }

    #[inline(always)]
    fn poll_job(&mut self, job: Pin<&mut Fut>, cx: &mut Context<'_>) -> Poll<Fut::Output> {
        job.poll(cx)
    }

    #[inline(always)]
    fn time_out(&mut self, _: Pin<&mut Fut>) {}
}
