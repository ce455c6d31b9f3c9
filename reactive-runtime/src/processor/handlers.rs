use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};

use super::failure::Failure;

/// The error handlers of a processor, in the order in which they were added.
#[derive(Clone, Default)]
pub(super) struct Handlers(Arc<RwLock<Vec<Handler>>>);

type Handler = Arc<dyn Fn(Failure) -> Option<Handling> + Send + Sync>;

/// What an asynchronous handler still does.
pub(super) type Handling = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Handlers {
    pub(super) fn add<R: Handled<M>, M>(&self, handler: impl Fn(Failure) -> R + Send + Sync + 'static) {
        let handler = Arc::new(move |failure| handler(failure).rest());
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(handler);
    }

    /// Calls them all; gives what the asynchronous ones still do, the last one first.
    pub(super) fn call(&self, failure: &Failure) -> Vec<Handling> {
        // Foreign code does not run under the lock: a handler may add another one.
        let handlers = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut rest: Vec<_> = handlers.iter().filter_map(|handler| handler(failure.clone())).collect();
        rest.reverse();
        rest
    }
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.read().unwrap_or_else(PoisonError::into_inner).len();
        write!(f, "{count} handlers")
    }
}

/// What an error handler gives: nothing, or a future of nothing. `M` says which of them it is, and is inferred.
#[diagnostic::on_unimplemented(
    message = "an error handler gives nothing, or a future of nothing, and not `{Self}`",
    label = "is told of the failure, and decides nothing",
    note = "end the body of the closure with a `;`; where it never returns, say that it would give nothing: `|failure| -> ()`"
)]
pub trait Handled<M> {
    /// What it still does.
    #[doc(hidden)]
    fn rest(self) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>>;
}

impl Handled<super::Value> for () {
    fn rest(self) -> Option<Handling> {
        None
    }
}

#[diagnostic::do_not_recommend]
impl<F: Future<Output = ()> + Send + 'static> Handled<super::Awaited> for F {
    fn rest(self) -> Option<Handling> {
        Some(Box::pin(self))
    }
}
