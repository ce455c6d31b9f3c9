//! The options of `map_async` for calls under flow control.

#[cfg(test)]
mod tests;

use super::MapAsync;
use crate::concurrent::{Attempts, ByError, Call, Govern, Governed};
use crate::flow_control::{ErrorClass, IntoFlowControl};
use crate::items::Staged;
use crate::retry::CallError;

impl<T, C, L, U, K> Staged<MapAsync<T, C, L>, U, K> {
    /// Decides by an algorithm how fast items enter this stage, and how many calls are in flight.
    ///
    /// It takes an [`Algorithm`](crate::flow_control::Algorithm) such as [`Bbr`](crate::flow_control::Bbr), a
    /// [`FlowControlConfig`](crate::flow_control::FlowControlConfig), a
    /// [`FlowController`](crate::flow_control::FlowController), or a [`FlowControl`](crate::flow_control::FlowControl),
    /// which lets one look at what it does.
    ///
    /// The stage measures itself: how many items came and went, how many are in flight, how long each took, and
    /// whether the source had more to give. What happens inside a call cannot be seen, so how long it waits in the
    /// service that it calls is told from latency alone. A retry is a call of its own, and is not held back, but counts;
    /// an item that waits for its next attempt or for its key is in flight. Nothing is lost: what may not enter yet stays
    /// with the source.
    ///
    /// [`concurrency`](Staged::concurrency) still bounds the places, 1000 unless it is given, where finished results
    /// wait for their turn too. To decide only how many are in flight, and not how fast they come, give it an
    /// [`adaptive`](crate::flow_control::adaptive) one in place of this.
    ///
    /// The clock is read once a poll. A timer runs only while calls are in flight or items are held back, and wakes the
    /// task once a control interval.
    ///
    /// A synchronous stage has no flow control: a call of `map` is over before the next item comes, so nothing is ever in
    /// flight or waits, and there is nothing to be found out.
    ///
    /// # Panics
    ///
    /// If it is given a configuration that has no meaning. When it is polled outside of a tokio runtime with time enabled.
    ///
    /// # Examples
    ///
    /// ```
    /// use reactive_runtime::flow_control::Bbr;
    /// use reactive_runtime::prelude::*;
    /// use std::time::Duration;
    /// use tokio::sync::Semaphore;
    /// use tokio::time::{Instant, sleep};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// // Four requests at a time take 10 ms each: 400 a second.
    /// let service = Semaphore::new(4);
    /// let request = async |id: u32| {
    ///     let _turn = service.acquire().await;
    ///     sleep(Duration::from_millis(10)).await;
    ///     id
    /// };
    ///
    /// let start = Instant::now();
    /// let done = pipeline! { 0..4000 |> map_async(request, flow_control = Bbr::new().target_delay(50ms)) |> count() };
    /// assert_eq!(done.await, 4000);
    /// assert!(start.elapsed().as_secs() < 12);
    /// # }
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "time")))]
    #[track_caller]
    pub fn flow_control<X, D>(self, control: X) -> Staged<MapAsync<T, D, L>, U, K>
    where
        X: IntoFlowControl,
        C: Govern<Governed<X::Algorithm>, Governed = D>,
    {
        let gate = Governed::new(control);
        self.with_calls(|calls| calls.govern(gate))
    }
}

impl<T, F, A, L, U, E, K> Staged<MapAsync<T, Call<F, Governed<A>>, L>, Result<U, E>, K> {
    /// Tells flow control what the error of a call says: that there was too much to do, or that the item was at fault.
    ///
    /// For calls that give a `Result`, with [`flow_control`](Staged::flow_control) or an
    /// [`adaptive`](crate::flow_control::adaptive) concurrency. Without it every result counts as work done, whatever it
    /// is; so a service that refuses fast would look like a fast one. Errors leave as usual, also those of an overload: a
    /// [`retry`](Staged::retry) is what tries them again, and each attempt counts by itself. One that is given up by
    /// [`attempt_timeout`](Staged::attempt_timeout) is a [`Timeout`](ErrorClass::Timeout), in any case.
    ///
    /// # Examples
    ///
    /// ```
    /// use reactive_runtime::flow_control::{ErrorClass, FlowControl, Adaptive};
    /// use reactive_runtime::prelude::*;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// // The status of an answer.
    /// let get = async |status: u16| if status < 400 { Ok(status) } else { Err(status) };
    /// let class = |status: &u16| match status {
    ///     429 | 503 => ErrorClass::Overload,
    ///     504 => ErrorClass::Timeout,
    ///     _ => ErrorClass::BadRequest,
    /// };
    ///
    /// let control = FlowControl::new(Adaptive::new());
    /// let answers = pipeline! {
    ///     [200, 404, 200, 503].into_iter().cycle().take(400)
    ///         |> map_async(get, flow_control = &control, classify = class)?
    ///         |> catch(|_| Recover::Skip)
    ///         |> count()
    /// };
    /// assert_eq!(answers.await, 200);
    /// assert!(control.metrics().unwrap().congestion_events > 0);
    /// # }
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "time")))]
    pub fn classify<X: FnMut(&E) -> ErrorClass>(
        self,
        class: X,
    ) -> Staged<MapAsync<T, Call<F, Governed<A, ByError<X>>>, L>, Result<U, E>, K> {
        self.with_calls(|call| call.classified(class))
    }
}

impl<T, F, R, A, L, U, E, I, K>
    Staged<MapAsync<T, Attempts<F, R, Governed<A>>, L>, Result<U, CallError<E, I>>, K>
{
    /// Tells flow control what the error of an attempt says. See [`classify`](Staged::classify) of a call that is made once.
    #[cfg_attr(docsrs, doc(cfg(feature = "time")))]
    pub fn classify<X: FnMut(&E) -> ErrorClass>(
        self,
        class: X,
    ) -> Staged<MapAsync<T, Attempts<F, R, Governed<A, ByError<X>>>, L>, Result<U, CallError<E, I>>, K> {
        self.with_calls(|Attempts { call, timeout, recall }| Attempts {
            call: call.classified(class),
            timeout,
            recall,
        })
    }
}

impl<F, A> Call<F, Governed<A>> {
    fn classified<X>(self, class: X) -> Call<F, Governed<A, ByError<X>>> {
        Call { f: self.f, gate: self.gate.classified(ByError(class)) }
    }
}
