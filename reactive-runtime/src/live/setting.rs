use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::{Check, Live, Reader};
use crate::rate::Rate;

/// A value as a stage holds it: fixed, or read from a [`Live`] one.
pub struct Setting<T> {
    value: T,
    live: Option<Box<dyn Watch<T>>>,
}

impl<T> Setting<T> {
    /// A value that never changes.
    pub(crate) const fn fixed(value: T) -> Self {
        Self { value, live: None }
    }

    /// Whether it never changes.
    pub fn is_fixed(&self) -> bool {
        self.live.is_none()
    }
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
    #[inline]
    pub fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<T> {
        if self.live.is_none() { Poll::Pending } else { self.poll_live(cx) }
    }

    #[cold]
    fn poll_live(&mut self, cx: &mut Context<'_>) -> Poll<T> {
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
    note = "in `pipeline!` a number is written `20`, a rate `20/s`, or `100ms` for one item each 100 ms, and a duration \
            with a unit: `ns us µs ms s min h d`"
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
        Setting::fixed(self)
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
