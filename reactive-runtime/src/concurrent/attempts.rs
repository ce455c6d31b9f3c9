use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep};

use super::{Attend, Call, Calls, Ungoverned};
use crate::event::event;
use crate::live::Setting;
use crate::retry::{Budget, CallError, Cause, Delays, GaveUp, Retry};
use crate::timer::after;

/// A call whose attempts may time out, and which may be tried again.
#[derive(Clone, Debug)]
pub struct Attempts<F, R, G = Ungoverned> {
    pub(crate) call: Call<F, G>,
    pub(crate) timeout: Option<Setting<Duration>>,
    pub(crate) recall: R,
}

/// Begins an attempt: a closure that gives a future, or what does the same.
pub trait Begins<T> {
    /// The attempt.
    type Future: Future;

    /// Begins one, with an item.
    fn begin(&mut self, item: T) -> Self::Future;
}

impl<T, F: FnMut(T) -> Fut, Fut: Future> Begins<T> for F {
    type Future = Fut;

    #[inline(always)]
    fn begin(&mut self, item: T) -> Fut {
        self(item)
    }
}

/// Whether and how a failed call is tried again: [`Once`] or [`Again`].
pub trait Recall<T, E> {
    /// What is kept of an item while its call runs.
    type Kept;

    /// What the error carries of it.
    type Item;

    /// Called with each item, before the first attempt.
    fn keep(&mut self, item: &T) -> Self::Kept;

    /// An attempt has failed: the item for the next one, and how long to wait before it, or why there is none.
    fn next(&mut self, kept: &mut Self::Kept, cause: &Cause<E>) -> Result<(T, Duration), GaveUp>;

    /// There is no further attempt.
    fn item(kept: Self::Kept) -> Self::Item;
}

/// No further attempt, and nothing is kept of the item.
#[derive(Clone, Copy, Debug)]
pub struct Once;

impl<T, E> Recall<T, E> for Once {
    type Kept = ();
    type Item = ();

    fn keep(&mut self, _: &T) {}

    fn next(&mut self, (): &mut (), _: &Cause<E>) -> Result<(T, Duration), GaveUp> {
        Err(GaveUp::Attempts)
    }

    fn item((): ()) {}
}

/// Further attempts, as a [`Retry`] says; `P` says for which errors.
#[derive(Debug)]
pub struct Again<P> {
    policy: Retry,
    budget: Budget,
    worth: P,
}

impl Again<Always> {
    pub(crate) fn new(policy: Retry) -> Self {
        Self { budget: policy.new_budget(), policy, worth: Always }
    }

    pub(crate) fn with_worth<P>(self, worth: P) -> Again<P> {
        Again { policy: self.policy, budget: self.budget, worth }
    }
}

/// A clone belongs to another stage, and has a budget of its own.
impl<P: Clone> Clone for Again<P> {
    fn clone(&self) -> Self {
        Self { policy: self.policy.clone(), budget: self.policy.new_budget(), worth: self.worth.clone() }
    }
}

/// Which errors are worth another attempt.
pub trait Worth<E> {
    /// Whether this one is.
    fn is_worth(&mut self, error: &E) -> bool;
}

/// All are.
#[derive(Clone, Copy, Debug)]
pub struct Always;

impl<E> Worth<E> for Always {
    fn is_worth(&mut self, _: &E) -> bool {
        true
    }
}

/// Those for which a closure says so.
#[derive(Clone, Copy, Debug)]
pub struct If<P>(pub(crate) P);

impl<E, P: FnMut(&E) -> bool> Worth<E> for If<P> {
    fn is_worth(&mut self, error: &E) -> bool {
        (self.0)(error)
    }
}

/// What is kept of an item that may be tried again.
#[derive(Debug)]
pub struct Kept<T> {
    item: T,
    // From the first failure on.
    delays: Option<Delays>,
    // No attempt begins later; known where there is a limit.
    last_begin: Option<Instant>,
}

impl<T: Clone, E, P: Worth<E>> Recall<T, E> for Again<P> {
    type Kept = Kept<T>;
    type Item = T;

    fn keep(&mut self, item: &T) -> Kept<T> {
        self.budget.deposit();
        let last_begin = self.policy.limit().map(|limit| after(Instant::now(), limit));
        Kept { item: item.clone(), delays: None, last_begin }
    }

    fn next(&mut self, kept: &mut Kept<T>, cause: &Cause<E>) -> Result<(T, Duration), GaveUp> {
        if let Cause::Failed(error) = cause
            && !self.worth.is_worth(error)
        {
            return Err(GaveUp::Permanent);
        }
        let delays = kept.delays.get_or_insert_with(|| self.policy.delays());
        let delay = delays.next().ok_or(GaveUp::Attempts)?;
        if kept.last_begin.is_some_and(|last_begin| after(Instant::now(), delay) > last_begin) {
            return Err(GaveUp::Elapsed);
        }
        if !self.budget.withdraw() {
            return Err(GaveUp::Budget);
        }
        Ok((kept.item.clone(), delay))
    }

    fn item(kept: Kept<T>) -> T {
        kept.item
    }
}

pin_project! {
    /// A call, from its first attempt to its last; `J` is the job of one.
    pub struct Attempt<J, T, K> {
        #[pin]
        job: Option<J>,
        // While an attempt is pending: when it times out. Between two: when the next one begins.
        #[pin]
        timer: Option<Sleep>,
        // Of the attempt that is pending.
        timeout: Duration,
        // Between two attempts: for the next one.
        item: Option<T>,
        kept: Option<K>,
        attempts: u32,
    }
}

impl<T, U, E, F, Fut, R, G> Calls<T> for Attempts<F, R, G>
where
    F: Begins<T, Future = Fut>,
    Fut: Future<Output = Result<U, E>>,
    R: Recall<T, E>,
    G: Attend<Fut>,
{
    type Job = Attempt<G::Job, T, R::Kept>;
    type Output = Result<U, CallError<E, R::Item>>;
    type Gate = G;

    fn begin(&mut self, item: T) -> Self::Job {
        let kept = Some(self.recall.keep(&item));
        Attempt {
            job: Some(self.call.gate.begin(self.call.f.begin(item))),
            timer: None,
            timeout: Duration::ZERO,
            item: None,
            kept,
            attempts: 1,
        }
    }

    fn poll_job(&mut self, attempt: Pin<&mut Self::Job>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut attempt = attempt.project();
        loop {
            let cause = match attempt.job.as_mut().as_pin_mut() {
                Some(mut job) => match self.call.gate.poll_job(job.as_mut(), cx) {
                    Poll::Ready(Ok(value)) => return Poll::Ready(Ok(value)),
                    Poll::Ready(Err(error)) => Cause::Failed(error),
                    Poll::Pending => {
                        let timeout = self.timeout.as_mut();
                        ready!(poll_timeout(attempt.timer.as_mut(), attempt.timeout, timeout, cx));
                        self.call.gate.time_out(job);
                        Cause::TimedOut(*attempt.timeout)
                    }
                },
                None => {
                    if let Some(timer) = attempt.timer.as_mut().as_pin_mut() {
                        ready!(timer.poll(cx));
                    }
                    attempt.timer.set(None);
                    let item = attempt.item.take().expect("there is an item for the next attempt");
                    *attempt.attempts += 1;
                    attempt.job.set(Some(self.call.gate.begin(self.call.f.begin(item))));
                    continue;
                }
            };
            attempt.job.set(None);
            attempt.timer.set(None);
            let kept = attempt.kept.as_mut().expect("it is kept until the call has failed for good");
            match self.recall.next(kept, &cause) {
                Ok((item, delay)) => {
                    event!(
                        tracing::Level::DEBUG,
                        attempts = *attempt.attempts,
                        timed_out = matches!(cause, Cause::TimedOut(_)),
                        ?delay,
                        "an attempt failed, and another is made"
                    );
                    *attempt.item = Some(item);
                    if delay.is_zero() {
                        // Not at once: a call that fails without a wait would keep the task for itself.
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    attempt.timer.set(Some(sleep(delay)));
                }
                Err(gave_up) => {
                    event!(
                        tracing::Level::WARN,
                        attempts = *attempt.attempts,
                        timed_out = matches!(cause, Cause::TimedOut(_)),
                        ?gave_up,
                        "a call failed for good"
                    );
                    let item = R::item(attempt.kept.take().expect("a call fails for good once"));
                    let attempts = *attempt.attempts;
                    return Poll::Ready(Err(CallError { item, attempts, cause, gave_up }));
                }
            }
        }
    }

    fn gate(&self) -> &G {
        &self.call.gate
    }

    fn gate_mut(&mut self) -> &mut G {
        &mut self.call.gate
    }
}

/// Ready when the attempt has taken too long. The clock is asked when it is pending, and not before; what it may take is what
/// is set then.
fn poll_timeout(
    mut timer: Pin<&mut Option<Sleep>>,
    timeout: &mut Duration,
    setting: Option<&mut Setting<Duration>>,
    cx: &mut Context<'_>,
) -> Poll<()> {
    let Some(setting) = setting else { return Poll::Pending };
    if timer.is_none() {
        setting.changed();
        *timeout = setting.get();
        timer.set(Some(sleep(*timeout)));
    }
    timer.as_pin_mut().expect("it is set").poll(cx)
}
