//! A processor: a function for each item, several at a time, again where it failed, with an account of all of it.
//!
//! Built of the operators: [`StreamProcessor::process_stream`] is a read-ahead, a `map_async` with its attempts, and a stage
//! that counts.

mod config;
mod control;
mod failure;
mod flow;
mod handlers;
mod hub;
mod intake;
mod kind;
mod latencies;
pub(crate) mod letters;
mod member;
mod metrics;
mod operation;
mod outcome;
mod places;
mod pressure;
mod stream_processor;
mod tally;
mod until_stop;

pub use config::{OnFailure, RetryBackoff, StreamConfig};
pub use control::Control;
pub use failure::{BoxError, DeadLetter, Failure, ProcessError, Stopped, TimedOut};
pub use flow::ProcessFlow;
pub use handlers::Handled;
pub use intake::Intake;
pub use kind::{Kind, Stage};
pub use letters::{Letters, NoLetters, Sender};
pub use metrics::{ProcessorMetrics, StopReport};
pub use operation::{AtOnce, Operated, Operating, Operation};
pub use outcome::{
    As, Awaited, AwaitedFallible, Fallible, Keeps, NeverFails, NoResult, Outcome, TryOutcome, UseTryProcess,
    Value,
};
pub use pressure::{CountDrops, Queue, Watching};
pub use stream_processor::StreamProcessor;

use std::borrow::Cow;
use std::sync::Arc;

use self::member::Member;
use crate::concurrent::{Calls, ConcurrentFlow, Limit, Order, Unkeyed, Work};
use crate::fault::{Failed, Fault, Join};
use crate::flow::Flow;

/// The flows of a processor, one below the other. `E` is what upstream fails with, and `K` what the processor does.
pub type Processed<F, T, C, J, U, E, K> =
    ProcessFlow<ConcurrentFlow<Intake<Queue<F, T, K>, T, K>, Work<T, C, Unkeyed, J, Operated<U, T>>, K>, E>;

/// Puts a processor below `upstream`.
pub(crate) fn attach<M, F, T, G, D, P, C, J, U, E, K>(
    upstream: F,
    processor: &StreamProcessor,
    f: G,
    (name, letters, worth, control): (Cow<'static, str>, D, P, Control),
    order: Order,
) -> Processed<F, T, C, J, U, E, K>
where
    F: Flow<Item = T, Error = E>,
    M: Kind<T, G, D, P, U, Calls = C>,
    C: Calls<T, Job = J, Output = Operated<U, T>>,
    E: Fault + Join<Failed<ProcessError<T>>, Out = K>,
    K: Fault,
{
    let member = Arc::new(Member::new(processor.hub().clone()));
    let hub = &member.hub;
    let upstream = Queue::new(upstream, hub.backpressure.as_ref(), &member);
    let limit = Limit::concurrency(hub.config.max_concurrent_operations);
    let calls = M::calls(f, Stage { member: member.clone(), name, letters, worth, control });
    let work = Work::new(calls, Unkeyed, limit, order);
    let operations = ConcurrentFlow::new(Intake::new(upstream, member.clone()), work);
    ProcessFlow::new(operations, member, M::TAKES_TIME)
}
