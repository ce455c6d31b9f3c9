use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::member::Member;
use super::operation::Operated;
use super::{DeadLetter, ProcessError};
use crate::fault::{Failed, Fault, Join};
use crate::flow::{Downstream, Drive, Driven, Flow};

pin_project! {
    /// The flow below a processor: `F` gives what became of each item.
    ///
    /// `E` is what the source fails with.
    pub struct ProcessFlow<F, E> {
        // Both `None` once it has ended.
        #[pin]
        operations: Option<F>,
        member: Option<Arc<Member>>,
        reads_clock: bool,
        fault: PhantomData<fn() -> E>,
    }
}

impl<F, E> ProcessFlow<F, E> {
    pub(super) fn new(operations: F, member: Arc<Member>, reads_clock: bool) -> Self {
        Self { operations: Some(operations), member: Some(member), reads_clock, fault: PhantomData }
    }
}

impl<F, U, T, E, K> Flow for ProcessFlow<F, E>
where
    F: Flow<Item = Operated<U, T>, Error = K>,
    E: Join<Failed<ProcessError<T>>, Out = K>,
    K: Fault,
{
    type Item = U;
    type Error = K;
    type Bound = F::Bound;

    fn poll_drive<D: Downstream<U>>(self: Pin<&mut Self>, cx: &mut Context<'_>, down: &mut D) -> Driven<K> {
        let mut me = self.project();
        let (Some(operations), Some(member)) = (me.operations.as_mut().as_pin_mut(), &*me.member) else {
            return Poll::Ready(Ok(Drive::Ended));
        };
        if member.join().is_err() {
            me.operations.set(None);
            *me.member = None;
            return Poll::Ready(Err(E::right(Failed(ProcessError::Stopped))));
        }
        let visit = Visit::enter(member, *me.reads_clock);
        let mut giving = Giving { member, down, failed: None };
        let driven = operations.poll_drive(cx, &mut giving);
        let failed = giving.failed;
        visit.leave(driven.is_pending().then_some(&*cx));
        if let Some(letter) = failed {
            return Poll::Ready(Err(E::right(Failed(ProcessError::Failed(*letter)))));
        }
        if matches!(driven, Poll::Ready(Ok(Drive::Ended))) {
            me.operations.set(None);
            *me.member = None;
        }
        driven
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        let me = self.project();
        let (Some(operations), Some(member)) = (me.operations.as_pin_mut(), &*me.member) else { return };
        if !member.has_joined() {
            return;
        }
        let visit = Visit::enter(member, *me.reads_clock);
        operations.poll_progress(cx);
        visit.leave(Some(cx));
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // Any item may fail.
        (0, self.operations.as_ref().map_or(Some(0), |operations| operations.size_hint().1))
    }
}

/// One poll of a stream; a panic ends it too.
struct Visit<'a, 'b>(&'a Member, Option<&'a Context<'b>>);

impl<'a, 'b> Visit<'a, 'b> {
    fn enter(member: &'a Member, reads_clock: bool) -> Self {
        member.enter(reads_clock);
        Self(member, None)
    }

    fn leave(mut self, pending: Option<&'a Context<'b>>) {
        self.1 = pending;
    }
}

impl Drop for Visit<'_, '_> {
    fn drop(&mut self) {
        self.0.settle(self.1);
    }
}

/// Gives the values on, and stops at a failure.
struct Giving<'a, T, D> {
    member: &'a Member,
    down: &'a mut D,
    failed: Option<Box<DeadLetter<T>>>,
}

impl<U, T, D: Downstream<U>> Downstream<Operated<U, T>> for Giving<'_, T, D> {
    #[inline(always)]
    fn push(&mut self, operated: Operated<U, T>) -> ControlFlow<()> {
        match operated {
            Operated::Done(value) => {
                self.member.tally.processed.add(1);
                self.down.push(value)
            }
            Operated::Skipped => ControlFlow::Continue(()),
            Operated::Failed(letter) => {
                self.failed = Some(letter);
                ControlFlow::Break(())
            }
        }
    }
}
