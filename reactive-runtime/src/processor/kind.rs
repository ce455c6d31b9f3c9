use std::borrow::Cow;
use std::sync::Arc;

use super::control::Control;
use super::failure::BoxError;
use super::letters::Letters;
use super::member::Member;
use super::operation::{AtOnce, Operated, Operating};
use super::outcome::{As, Awaited, AwaitedFallible, Fallible, Value};
use crate::concurrent::{Again, Attempts, Begins, Call, Calls, Worth};
use crate::live::Setting;

/// What a processor does with a function of the kind that this marker stands for: `F` takes `T`s and gives `U`s, `D` takes the
/// dead letters, and `P` says which errors are worth another attempt.
pub trait Kind<T, F, D, P, U> {
    /// The operations.
    type Calls: Calls<T, Output = Operated<U, T>>;

    /// Whether an operation may take its time.
    const TAKES_TIME: bool;

    #[doc(hidden)]
    fn calls(f: F, stage: Stage<D, P>) -> Self::Calls;
}

/// What an operation needs to know of its stage.
#[doc(hidden)]
#[derive(Debug)]
pub struct Stage<D, P> {
    pub(super) member: Arc<Member>,
    pub(super) name: Cow<'static, str>,
    pub(super) letters: D,
    pub(super) worth: P,
    pub(super) control: Control,
}

impl<D, P> Stage<D, P> {
    fn operating<M, F>(self, f: F) -> Operating<Attempts<As<M, F>, Again<P>, Control>, D> {
        let hub = &self.member.hub;
        let attempts = Attempts {
            call: Call { f: As::new(f, self.member.tally.clone()), gate: hub.control(self.control) },
            timeout: Some(Setting::fixed(hub.config.processing_timeout)),
            recall: Again::new(hub.retry.clone()).with_worth(self.worth),
        };
        Operating::new(attempts, self.letters, self.name, self.member)
    }
}

impl<T, U, F: FnMut(T) -> U, D, P> Kind<T, F, D, P, U> for Value {
    type Calls = AtOnce<F>;

    const TAKES_TIME: bool = false;

    fn calls(f: F, stage: Stage<D, P>) -> AtOnce<F> {
        AtOnce::new(f, stage.member)
    }
}

/// Kinds that may fail.
macro_rules! attempted {
    ($([$($param:tt)*] $kind:ty: $gives:ty, $error:ty;)+) => {$(
        impl<T, U, F, D, P, $($param)*> Kind<T, F, D, P, U> for $kind
        where
            T: Clone,
            F: FnMut(T) -> $gives,
            As<Self, F>: Begins<T, Future: Future<Output = Result<U, $error>>>,
            $error: Into<BoxError>,
            D: Letters<T>,
            P: Worth<$error>,
        {
            type Calls = Operating<Attempts<As<Self, F>, Again<P>, Control>, D>;

            const TAKES_TIME: bool = true;

            fn calls(f: F, stage: Stage<D, P>) -> Self::Calls {
                stage.operating(f)
            }
        }
    )+};
}

attempted! {
    [Fut: Future<Output = U>] Awaited: Fut, std::convert::Infallible;
    [E] Fallible: Result<U, E>, E;
    [Fut: Future<Output = Result<U, E>>, E] AwaitedFallible: Fut, E;
}
