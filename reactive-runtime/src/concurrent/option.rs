//! A gate that is there or not, as a configuration says.

use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::{Attend, Gate};

/// Without one, nobody holds items back, as with [`Ungoverned`](super::Ungoverned).
impl<G: Gate> Gate for Option<G> {
    const PLACES: usize = G::PLACES;

    #[inline(always)]
    fn advance(&mut self) {
        if let Some(gate) = self {
            gate.advance();
        }
    }

    #[inline(always)]
    fn is_open(&self) -> bool {
        self.as_ref().is_none_or(G::is_open)
    }

    #[inline(always)]
    fn enter(&mut self) {
        if let Some(gate) = self {
            gate.enter();
        }
    }

    #[inline(always)]
    fn leave(&mut self) {
        if let Some(gate) = self {
            gate.leave();
        }
    }

    #[inline(always)]
    fn poll_rest(&mut self, wants_more: bool, cx: &mut Context<'_>) -> Poll<()> {
        self.as_mut().map_or(Poll::Pending, |gate| gate.poll_rest(wants_more, cx))
    }

    #[inline(always)]
    fn close(&mut self) {
        if let Some(gate) = self {
            gate.close();
        }
    }
}

pin_project! {
    /// A call: as the gate attends to it, or as it is.
    #[derive(Debug)]
    pub struct MaybeAttended<J, Fut> {
        #[pin]
        call: Call<J, Fut>,
    }
}

pin_project! {
    #[project = Parts]
    #[derive(Debug)]
    enum Call<J, Fut> {
        Attended {
            #[pin]
            job: J,
        },
        Plain {
            #[pin]
            call: Fut,
        },
    }
}

impl<Fut: Future, G: Attend<Fut>> Attend<Fut> for Option<G> {
    type Job = MaybeAttended<G::Job, Fut>;

    #[inline(always)]
    fn begin(&mut self, call: Fut) -> Self::Job {
        let call = match self {
            Some(gate) => Call::Attended { job: gate.begin(call) },
            None => Call::Plain { call },
        };
        MaybeAttended { call }
    }

    #[inline(always)]
    fn poll_job(&mut self, job: Pin<&mut Self::Job>, cx: &mut Context<'_>) -> Poll<Fut::Output> {
        match (job.project().call.project(), self) {
            (Parts::Attended { job }, Some(gate)) => gate.poll_job(job, cx),
            (Parts::Attended { .. }, None) => unreachable!("the gate that a call has passed stays"),
            (Parts::Plain { call }, _) => call.poll(cx),
        }
    }

    #[inline(always)]
    fn time_out(&mut self, job: Pin<&mut Self::Job>) {
        if let (Parts::Attended { job }, Some(gate)) = (job.project().call.project(), self) {
            gate.time_out(job);
        }
    }
}
