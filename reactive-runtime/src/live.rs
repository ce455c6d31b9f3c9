//! Values that can be changed while a pipeline runs, and how a stage takes and reads them.
//!
//! A stage that takes a rate, a number or a period takes an [`IntoSetting`]: the plain value, or a [`Live`] one. It keeps
//! the [`Setting`] that comes of it. Authors of operators:
//!
//! - take `impl IntoSetting<T>`, and make it a `Setting` with a check that says which values have no meaning;
//! - read it with [`get`](Setting::get): it is a field, so a fixed value costs what a field costs;
//! - ask once a poll whether it has [`changed`](Setting::changed);
//! - before a sleep that depends on it, ask with [`poll_changed`](Setting::poll_changed), so that a change ends the sleep.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::rate::Rate;

/// A value that can be changed while the pipelines that were given it run.
///
/// Every clone is the same value. A stage is given the value itself or a reference to it; it reads the new value when it is
/// next polled, and is woken if it sleeps because of the old one.
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

/// A value as a stage holds it: fixed, or read from a [`Live`] one.
pub struct Setting<T> {
    value: T,
    live: Option<Box<dyn Watch<T>>>,
}

impl<T: Copy> Setting<T> {
    /// The value, as of the last time that a change was asked for.
    #[inline(always)]
    pub fn get(&self) -> T {
        self.value
    }

    /// The new value, if it has changed. To be asked once a poll: a look at one atomic counter, if it is live at all.
    #[inline]
    pub fn changed(&mut self) -> Option<T> {
        self.value = self.live.as_mut()?.changed()?;
        Some(self.value)
    }

    /// The new value, if it has changed; else the task that polls is woken when it does. To be asked before a sleep.
    pub fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<T> {
        let Some(live) = &mut self.live else { return Poll::Pending };
        live.wake_on_change(cx.waker());
        self.changed().map_or(Poll::Pending, Poll::Ready)
    }
}

impl<T: Copy> Clone for Setting<T> {
    fn clone(&self) -> Self {
        Self { value: self.value, live: self.live.as_ref().map(|live| live.cloned()) }
    }
}

impl<T: fmt::Debug> fmt::Debug for Setting<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setting").field("value", &self.value).field("live", &self.live.is_some()).finish()
    }
}

/// What can be given where a stage takes a `T`: a `T`, or a [`Live<T>`], by value or by reference. Where it takes a
/// [`Rate`], also a `Duration`, live or not: one item each.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `{T}`",
    label = "expected a `{T}`, or a `Live` one",
    note = "in `pipeline!` a rate is written `20/s`, or `100ms` for one item each 100 ms; a duration is written with a \
            unit too: `ns us µs ms s min h d`"
)]
pub trait IntoSetting<T>: Sized {
    /// What a stage holds. `check` says why a value has no meaning for the stage, if it has none.
    ///
    /// # Panics
    ///
    /// If the present value has none.
    #[track_caller]
    fn into_setting(self, check: fn(&T) -> Result<(), &'static str>) -> Setting<T>;
}

impl<T> IntoSetting<T> for T {
    #[track_caller]
    fn into_setting(self, check: fn(&T) -> Result<(), &'static str>) -> Setting<T> {
        if let Err(reason) = check(&self) {
            panic!("{reason}");
        }
        Setting { value: self, live: None }
    }
}

#[diagnostic::do_not_recommend]
impl<T: Copy + Send + 'static> IntoSetting<T> for Live<T> {
    #[track_caller]
    fn into_setting(self, check: fn(&T) -> Result<(), &'static str>) -> Setting<T> {
        watched(self, Arc::new(check), |value| value)
    }
}

#[diagnostic::do_not_recommend]
impl<T: Copy + Send + 'static> IntoSetting<T> for &Live<T> {
    #[track_caller]
    fn into_setting(self, check: fn(&T) -> Result<(), &'static str>) -> Setting<T> {
        self.clone().into_setting(check)
    }
}

#[diagnostic::do_not_recommend]
impl IntoSetting<Rate> for Duration {
    #[track_caller]
    fn into_setting(self, check: fn(&Rate) -> Result<(), &'static str>) -> Setting<Rate> {
        Rate::every(self).into_setting(check)
    }
}

#[diagnostic::do_not_recommend]
impl IntoSetting<Rate> for Live<Duration> {
    #[track_caller]
    fn into_setting(self, check: fn(&Rate) -> Result<(), &'static str>) -> Setting<Rate> {
        let check = move |period: &Duration| {
            if period.is_zero() { Err(Rate::NO_PERIOD) } else { check(&Rate::every(*period)) }
        };
        watched(self, Arc::new(check), Rate::every)
    }
}

#[diagnostic::do_not_recommend]
impl IntoSetting<Rate> for &Live<Duration> {
    #[track_caller]
    fn into_setting(self, check: fn(&Rate) -> Result<(), &'static str>) -> Setting<Rate> {
        self.clone().into_setting(check)
    }
}

/// A stage's eye on a live value of some type, which it reads as a `T`.
trait Watch<T>: Send + Sync {
    fn changed(&mut self) -> Option<T>;
    fn wake_on_change(&mut self, waker: &Waker);
    fn cloned(&self) -> Box<dyn Watch<T>>;
}

/// It leaves nothing behind in the live value when it is dropped.
struct Watcher<S, T> {
    live: Live<S>,
    id: u64,
    seen: u64,
    read: fn(S) -> T,
}

#[track_caller]
fn watched<S, T>(live: Live<S>, check: Check<S>, read: fn(S) -> T) -> Setting<T>
where
    S: Copy + Send + 'static,
    T: 'static,
{
    let (watcher, value) = Watcher::new(live, check, read);
    Setting { value, live: Some(Box::new(watcher)) }
}

impl<S: Copy, T> Watcher<S, T> {
    #[track_caller]
    fn new(live: Live<S>, check: Check<S>, read: fn(S) -> T) -> (Self, T) {
        let mut state = live.lock();
        let value = state.value;
        if let Err(reason) = check(&value) {
            drop(state);
            panic!("{reason}");
        }
        let id = state.next_reader;
        state.next_reader += 1;
        state.readers.insert(id, Reader { check, sleeper: None });
        let seen = live.0.version.load(Ordering::Acquire);
        drop(state);
        (Self { live, id, seen, read }, read(value))
    }
}

impl<S: Copy + Send + 'static, T: 'static> Watch<T> for Watcher<S, T> {
    fn changed(&mut self) -> Option<T> {
        let version = self.live.0.version.load(Ordering::Acquire);
        if version == self.seen {
            return None;
        }
        self.seen = version;
        Some((self.read)(self.live.get()))
    }

    fn wake_on_change(&mut self, waker: &Waker) {
        let mut state = self.live.lock();
        let reader = state.readers.get_mut(&self.id).expect("a reader is there until it is dropped");
        let old = match &reader.sleeper {
            Some(sleeper) if sleeper.will_wake(waker) => None,
            _ => reader.sleeper.replace(waker.clone()),
        };
        // It may be the last of its task, which may hold a reader of this value.
        drop(state);
        drop(old);
    }

    fn cloned(&self) -> Box<dyn Watch<T>> {
        let check = self.live.lock().readers[&self.id].check.clone();
        let (mut watcher, _) = Self::new(self.live.clone(), check, self.read);
        // What the clone holds is the value that this one has read.
        watcher.seen = self.seen;
        Box::new(watcher)
    }
}

impl<S, T> Drop for Watcher<S, T> {
    fn drop(&mut self) {
        let reader = self.live.lock().readers.remove(&self.id);
        drop(reader);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;
    use crate::units::ms;

    fn positive(size: &usize) -> Result<(), &'static str> {
        if *size > 0 { Ok(()) } else { Err("a size of 0 has no meaning") }
    }

    fn setting<T>(value: impl IntoSetting<T>) -> Setting<T> {
        value.into_setting(|_| Ok(()))
    }

    #[derive(Default)]
    struct Task(AtomicUsize);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_change_is_seen_once() {
        let live = Live::new(1usize);
        let mut setting: Setting<usize> = setting(&live);
        assert_eq!((setting.get(), setting.changed()), (1, None));
        live.clone().set(2);
        live.set(3);
        assert_eq!((setting.get(), live.get()), (1, 3));
        assert_eq!((setting.changed(), setting.changed(), setting.get()), (Some(3), None, 3));
    }

    #[test]
    fn a_fixed_value_never_changes() {
        let mut setting = setting::<usize>(7);
        let mut cx = Context::from_waker(Waker::noop());
        assert_eq!((setting.get(), setting.changed()), (7, None));
        assert!(setting.poll_changed(&mut cx).is_pending());
    }

    #[test]
    fn wakes_who_sleeps_and_no_one_else() {
        let live = Live::new(ms(1));
        let sleeper = Arc::<Task>::default();
        let (mut sleeps, mut reads) = (setting::<Duration>(live.clone()), setting::<Duration>(&live));
        let waker = Waker::from(sleeper.clone());
        assert!(sleeps.poll_changed(&mut Context::from_waker(&waker)).is_pending());
        live.set(ms(2));
        live.set(ms(3));
        assert_eq!(sleeper.0.load(Ordering::Relaxed), 1);
        assert_eq!(sleeps.poll_changed(&mut Context::from_waker(&waker)), Poll::Ready(ms(3)));
        assert_eq!(reads.changed(), Some(ms(3)));
    }

    #[test]
    fn leaves_nothing_behind() {
        let live = Live::new(1usize);
        let task = Arc::<Task>::default();
        let mut setting: Setting<usize> = setting(&live);
        let mut copy = setting.clone();
        for setting in [&mut setting, &mut copy] {
            let waker = Waker::from(task.clone());
            assert!(setting.poll_changed(&mut Context::from_waker(&waker)).is_pending());
        }
        assert_eq!(Arc::strong_count(&task), 3);
        drop((setting, copy));
        assert_eq!(Arc::strong_count(&task), 1);
        assert!(live.lock().readers.is_empty());
    }

    #[test]
    fn a_clone_sees_its_own_changes() {
        let live = Live::new(1usize);
        let mut first: Setting<usize> = setting(&live);
        live.set(2);
        let mut second = first.clone();
        assert_eq!((first.changed(), second.changed()), (Some(2), Some(2)));
    }

    #[test]
    fn refuses_what_a_stage_can_do_nothing_with_for_as_long_as_it_is_there() {
        let live = Live::new(3usize);
        let mut setting = (&live).into_setting(positive);
        let refused = catch_unwind(AssertUnwindSafe(|| live.set(0))).unwrap_err();
        assert_eq!(refused.downcast_ref::<String>().unwrap(), "a size of 0 has no meaning");
        assert_eq!((live.get(), setting.changed()), (3, None));
        drop(setting);
        live.set(0);
        assert!(catch_unwind(AssertUnwindSafe(|| (&live).into_setting(positive))).is_err());
        assert!(catch_unwind(|| 0usize.into_setting(positive)).is_err());
    }

    #[test]
    fn a_period_is_a_rate() {
        let period = Live::new(ms(50));
        let mut rate: Setting<Rate> = setting(&period);
        assert_eq!(rate.get(), Rate::per_second(20));
        period.set(ms(10));
        assert_eq!(rate.changed(), Some(Rate::per_second(100)));
        assert!(catch_unwind(AssertUnwindSafe(|| period.set(ms(0)))).is_err());
        assert_eq!(setting::<Rate>(ms(50)).get(), Rate::per_second(20));
    }

    #[test]
    fn a_waker_may_use_the_value_that_wakes_it() {
        struct Sets(Live<usize>);
        impl Wake for Sets {
            fn wake(self: Arc<Self>) {
                self.0.set(self.0.get() + 1);
            }
        }
        let live = Live::new(1usize);
        let mut setting: Setting<usize> = setting(&live);
        let waker = Waker::from(Arc::new(Sets(live.clone())));
        assert!(setting.poll_changed(&mut Context::from_waker(&waker)).is_pending());
        live.set(2);
        assert_eq!(live.get(), 3);
    }
}
