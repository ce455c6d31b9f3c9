use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use foldhash::quality::RandomState;
use quick_cache::sync::{Cache as Entries, GuardResult};
use quick_cache::{Lifecycle, OptionsBuilder, UnitWeighter};
use tokio::time::Instant;

use super::CacheMetrics;

/// The results of equal items: computed once, also while the first is in flight, and kept for a time.
pub(super) struct Cache<T, U> {
    entries: Entries<T, Entry<U>, UnitWeighter, RandomState, Counts>,
    ttl: Option<Duration>,
    counts: Counts,
}

#[derive(Clone)]
struct Entry<U> {
    value: U,
    /// Until then it is given.
    expires: Option<Instant>,
}

impl<U> Entry<U> {
    fn is_fresh(&self) -> bool {
        self.expires.is_none_or(|expires| Instant::now() < expires)
    }
}

impl<T: Hash + Eq + Clone, U: Clone> Cache<T, U> {
    pub(super) fn new(capacity: usize, ttl: Option<Duration>, counts: &Counts) -> Self {
        // A shard has its part of the room: with little of it, one keeps to the size.
        let shards = if capacity < 1024 { 1 } else { 8 };
        let options = OptionsBuilder::new()
            .estimated_items_capacity(capacity)
            .weight_capacity(capacity as u64)
            .shards(shards)
            .build()
            .expect("everything is set");
        let entries = Entries::with_options(options, UnitWeighter, RandomState::default(), counts.clone());
        Self { entries, ttl, counts: counts.clone() }
    }

    /// What is known already.
    pub(super) fn get(&self, item: &T) -> Option<U> {
        let entry = self.entries.get(item).filter(Entry::is_fresh)?;
        self.counts.0.hits.fetch_add(1, Ordering::Relaxed);
        Some(entry.value)
    }

    /// What is known, or will be as another thread computes it; else computes it. An error is not kept.
    pub(super) fn get_or<E>(&self, item: &T, compute: impl FnOnce() -> Result<U, E>) -> Result<U, E> {
        loop {
            match self.entries.get_value_or_guard(item, None) {
                GuardResult::Value(entry) if entry.is_fresh() => {
                    self.counts.0.hits.fetch_add(1, Ordering::Relaxed);
                    return Ok(entry.value);
                }
                GuardResult::Value(_) => {
                    if self.entries.remove_if(item, |entry| !entry.is_fresh()).is_some() {
                        self.counts.0.expired.fetch_add(1, Ordering::Relaxed);
                    }
                }
                GuardResult::Guard(guard) => {
                    self.counts.0.misses.fetch_add(1, Ordering::Relaxed);
                    let value = compute()?;
                    let expires = self.ttl.map(|ttl| crate::timer::after(Instant::now(), ttl));
                    // It fails only if the entry was removed meanwhile: then it is not kept.
                    let _ = guard.insert(Entry { value: value.clone(), expires });
                    return Ok(value);
                }
                GuardResult::Timeout => unreachable!("there is no limit for the wait"),
            }
        }
    }
}

impl<T, U> fmt::Debug for Cache<T, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("ttl", &self.ttl).finish_non_exhaustive()
    }
}

/// What is counted of all caches of a transformer.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    hits: AtomicU64,
    misses: AtomicU64,
    evictions: AtomicU64,
    expired: AtomicU64,
}

impl Counts {
    pub(super) fn metrics(&self) -> CacheMetrics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Counters { hits, misses, evictions, expired } = &*self.0;
        CacheMetrics {
            hits: read(hits),
            misses: read(misses),
            evictions: read(evictions),
            expired: read(expired),
        }
    }
}

impl<T, U> Lifecycle<T, U> for Counts {
    type RequestState = ();

    fn on_evict(&self, (): &mut (), _: T, _: U) {
        self.0.evictions.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::units::s;

    fn compute(cache: &Cache<u32, u32>, x: u32) -> (u32, bool) {
        let mut computed = false;
        let value = cache.get_or(&x, || {
            computed = true;
            Ok::<_, Infallible>(x * x)
        });
        let Ok(value) = value;
        (value, computed)
    }

    #[tokio::test(start_paused = true)]
    async fn computes_once_until_it_expires() {
        let counts = Counts::default();
        let cache = Cache::new(10, Some(s(5)), &counts);
        assert_eq!((compute(&cache, 3), compute(&cache, 3), cache.get(&3)), ((9, true), (9, false), Some(9)));
        tokio::time::sleep(s(5)).await;
        assert_eq!((cache.get(&3), compute(&cache, 3)), (None, (9, true)));
        assert_eq!(counts.metrics(), CacheMetrics { hits: 2, misses: 2, evictions: 0, expired: 1 });
    }

    #[test]
    fn keeps_to_its_size() {
        let counts = Counts::default();
        let cache = Cache::new(100, None, &counts);
        (0..1000).for_each(|x| assert!(compute(&cache, x).1));
        assert_eq!((cache.entries.len(), counts.metrics().evictions), (100, 900));
    }

    #[test]
    fn keeps_no_error() {
        let cache = Cache::new(10, None, &Counts::default());
        assert_eq!(cache.get_or(&1, || Err("no")), Err("no"));
        assert_eq!(compute(&cache, 1), (1, true));
    }

    #[test]
    fn computes_equal_items_in_flight_once() {
        let cache = Cache::new(10, None, &Counts::default());
        let (barrier, computed) = (std::sync::Barrier::new(4), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    barrier.wait();
                    let value = cache.get_or(&7, || {
                        computed.fetch_add(1, Ordering::SeqCst);
                        std::thread::yield_now();
                        Ok::<_, Infallible>(49)
                    });
                    assert_eq!(value, Ok(49));
                });
            }
        });
        assert_eq!(computed.into_inner(), 1);
    }
}
