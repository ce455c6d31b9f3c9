use super::{Attempts, Call, Guarded};

/// Calls that nothing holds back, and that can be put behind a [`Gate`](super::Gate).
#[diagnostic::on_unimplemented(
    message = "these calls are under flow control already",
    label = "one of `flow_control` and an adaptive `concurrency` is too many",
    note = "both decide how many items are in flight; to bound what `flow_control` decides, give a number as `concurrency`"
)]
pub trait Govern<G> {
    /// The same calls, behind the gate.
    type Governed;

    /// Puts them there.
    fn govern(self, gate: G) -> Self::Governed;
}

impl<F, G> Govern<G> for Call<F> {
    type Governed = Call<F, G>;

    fn govern(self, gate: G) -> Call<F, G> {
        Call { f: self.f, gate }
    }
}

impl<F, R, G> Govern<G> for Attempts<F, R> {
    type Governed = Attempts<F, R, G>;

    fn govern(self, gate: G) -> Self::Governed {
        let Self { call, timeout, recall } = self;
        Attempts { call: call.govern(gate), timeout, recall }
    }
}

impl<C: Govern<G>, W, P, G> Govern<G> for Guarded<C, W, P> {
    type Governed = Guarded<C::Governed, W, P>;

    fn govern(self, gate: G) -> Self::Governed {
        let Self { calls, breaker, open, failure } = self;
        Guarded { calls: calls.govern(gate), breaker, open, failure }
    }
}
