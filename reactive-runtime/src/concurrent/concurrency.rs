use super::Limit;
#[cfg(feature = "time")]
use super::{Govern, Governed};
#[cfg(feature = "time")]
use crate::flow_control::{AdaptiveConcurrency, Algorithm};
use crate::live::{IntoSetting, Setting};

/// What a stage that makes the calls `C` takes as `concurrency`: a number, a [`Live`](crate::Live) one, or an
/// [`adaptive`](crate::flow_control::adaptive) range.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no concurrency",
    label = "expected a `usize`, a `Live` one, or `adaptive(1..=256)`",
    note = "with `flow_control`, which decides how many are in flight, it is the bound of that: a number"
)]
pub trait IntoConcurrency<C> {
    /// The calls that the stage makes then.
    type Calls;

    /// The limit that the stage keeps, and its calls.
    ///
    /// # Panics
    ///
    /// If it is 0.
    #[track_caller]
    fn into_concurrency(self, calls: C) -> (Setting<usize>, Self::Calls);
}

impl<C, N: IntoSetting<usize>> IntoConcurrency<C> for N {
    type Calls = C;

    #[track_caller]
    fn into_concurrency(self, calls: C) -> (Setting<usize>, C) {
        (Limit::concurrency(self).0, calls)
    }
}

#[cfg(feature = "time")]
#[diagnostic::do_not_recommend]
impl<C: Govern<Governed<A>>, A: Algorithm> IntoConcurrency<C> for AdaptiveConcurrency<A> {
    type Calls = C::Governed;

    #[track_caller]
    fn into_concurrency(self, calls: C) -> (Setting<usize>, C::Governed) {
        let (limits, control) = self.into_parts();
        let most = *limits.end();
        let gate = Governed::new(control).map_governor(|governor| governor.unpaced().bounds(limits));
        (Setting::fixed(most), calls.govern(gate))
    }
}
