//! Values that can be changed while a pipeline runs, and how a stage takes and reads them.
//!
//! A stage that takes a rate, a number or a period takes an [`IntoSetting`]: the plain value, or a [`Live`] one. It keeps
//! the [`Setting`] that comes of it. Authors of operators:
//!
//! - take `impl IntoSetting<T>`, and make it a `Setting` with a check that says which values have no meaning;
//! - read it with [`get`](Setting::get): it is a field, so a fixed value costs what a field costs;
//! - ask once a poll whether it has [`changed`](Setting::changed);
//! - before a sleep that depends on it, ask with [`poll_changed`](Setting::poll_changed), so that a change ends the sleep.

mod setting;
#[cfg(test)]
mod tests;

pub use setting::{IntoSetting, Setting};

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// A value that can be changed while the pipelines that were given it run.
///
/// Every clone is the same value. A stage is given the value itself or a reference to it; it reads the new value when it is
/// next polled, and is woken if it sleeps because of the old one. When a change takes effect stands with each option.
///
/// What is no setting of a stage is not live: which items of all there are (`take`, `skip`, `step_by`, `take_last`); fractions;
/// what belongs to a policy that is a value of its own, such as a strategy, a `Retry` or a circuit breaker; and the capacity
/// of a `feed`, which is promised to who is on the other side.
///
/// # Panics
///
/// [`set`](Self::set) panics where a stage that has been given the value can do nothing with the new one, such as a period
/// of zero, and so do the operators when they are given such a one.
///
/// # Examples
///
/// ```
/// # use reactive_runtime::prelude::*;
/// # use std::time::Duration;
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let rate = Live::new(Rate::per_second(1));
/// let start = tokio::time::Instant::now();
/// let sent = pipeline! { 0..5 |> throttle(&rate) |> inspect(|x| if *x == 1 { rate.set(Rate::per_second(10)) }) |> count() };
/// assert_eq!(sent.await, 5);
/// assert_eq!(start.elapsed(), Duration::from_millis(1000 + 3 * 100));
/// # }
/// ```
pub struct Live<T>(Arc<Shared<T>>);

struct Shared<T> {
    // Counts the changes: what a stage looks at once a poll.
    version: AtomicU64,
    state: Mutex<State<T>>,
}

struct State<T> {
    value: T,
    readers: BTreeMap<u64, Reader<T>>,
    next_reader: u64,
}

/// A stage that has been given the value.
struct Reader<T> {
    check: Check<T>,
    // Of the task that sleeps because of the value.
    sleeper: Option<Waker>,
}

/// Says why a value has no meaning for a stage, if it has none.
type Check<T> = Arc<dyn Fn(&T) -> Result<(), &'static str> + Send + Sync>;

impl<T> Live<T> {
    /// A value that can be changed.
    pub fn new(value: T) -> Self {
        let state = State { value, readers: BTreeMap::new(), next_reader: 0 };
        Self(Arc::new(Shared { version: AtomicU64::new(0), state: Mutex::new(state) }))
    }

    /// The value.
    pub fn get(&self) -> T
    where
        T: Clone,
    {
        self.lock().value.clone()
    }

    /// Changes the value, and wakes the stages that sleep because of the old one.
    ///
    /// # Panics
    ///
    /// If a stage that has been given it can do nothing with `value`. The value stays as it was.
    #[track_caller]
    pub fn set(&self, value: T) {
        let mut state = self.lock();
        if let Some(reason) = state.readers.values().find_map(|reader| (reader.check)(&value).err()) {
            drop(state);
            panic!("{reason}");
        }
        let old = std::mem::replace(&mut state.value, value);
        self.0.version.fetch_add(1, Ordering::Release);
        let sleepers: Vec<_> =
            state.readers.values_mut().filter_map(|reader| reader.sleeper.take()).collect();
        // What follows may run code of others, which may use this value again.
        drop(state);
        drop(old);
        sleepers.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing is half done when a clone or a check panics.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: fmt::Debug> fmt::Debug for Live<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Live").field(&self.lock().value).finish()
    }
}

impl<T: Default> Default for Live<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}
