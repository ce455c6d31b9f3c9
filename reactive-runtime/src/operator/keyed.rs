//! Memory by key, which is bounded by number and by age.

mod age;
mod lru;

#[cfg(feature = "time")]
pub use self::age::AtMost;
pub use self::age::{Age, Forever};
pub(super) use self::lru::Lru;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::live::{IntoSetting, Setting};

/// How much is remembered by key: made by the operators that do, and changed by their setters.
#[derive(Clone, Debug)]
pub struct Memory<A = Forever> {
    max_keys: Setting<usize>,
    age: A,
    evicted: Option<Arc<AtomicU64>>,
}

impl Memory {
    pub(super) fn new(max_keys: usize) -> Self {
        Self { max_keys: Setting::fixed(max_keys), age: Forever, evicted: None }
    }
}

impl<A> Memory<A> {
    #[track_caller]
    pub(super) fn max_keys(self, keys: impl IntoSetting<usize>) -> Self {
        let max_keys = keys.into_setting(|keys| match keys {
            0 => Err("a memory of 0 keys has no meaning: `max_keys` takes at least 1"),
            _ => Ok(()),
        });
        Self { max_keys, ..self }
    }

    #[cfg(feature = "time")]
    pub(super) fn age<B>(self, age: B) -> Memory<B> {
        Memory { max_keys: self.max_keys, age, evicted: self.evicted }
    }

    pub(super) fn count_evictions(self, counter: Arc<AtomicU64>) -> Self {
        Self { evicted: Some(counter), ..self }
    }

    fn count(&self) {
        if let Some(evicted) = &self.evicted {
            evicted.fetch_add(1, Ordering::Relaxed);
        }
    }
}
