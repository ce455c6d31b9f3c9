//! Whether work in flight is left off, by a flow that notes what the one below it does.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use crate::flow::{Downstream, Drive, Driven, Flow};
use crate::pipe::Pipe;
use crate::source::Source;

/// A flow, and a note on how it was left last.
pub(super) struct LeftOff<F> {
    flow: Pin<Box<F>>,
    note: Note,
}

/// How a flow was left in a call of the one below it.
#[derive(Clone, Default)]
pub(super) struct Note(Arc<AtomicU8>);

/// It has not begun, or there is no more of it: nothing is in flight.
const NOTHING: u8 = 0;
/// It was broken off, or was not called at all.
const OFF: u8 = 1;
/// It was driven to where it waits, or let go on.
const GOES_ON: u8 = 2;

impl<F: Flow> LeftOff<F> {
    pub(super) fn watch(source: impl Source<Flow = F>) -> (Pipe<Self>, Note) {
        let note = Note::default();
        (Pipe::from_flow(Self { flow: Box::pin(source.into_flow()), note: note.clone() }), note)
    }
}

impl Note {
    fn set(&self, note: u8) {
        self.0.store(note, Ordering::Relaxed);
    }

    /// A call begins, of the flow that is looked at.
    pub(super) fn begin(&self) {
        if self.0.load(Ordering::Relaxed) == GOES_ON {
            self.set(OFF);
        }
    }

    pub(super) fn is_left_off(&self) -> bool {
        self.0.load(Ordering::Relaxed) == OFF
    }
}

impl<F: Flow> Flow for LeftOff<F> {
    type Item = F::Item;
    type Error = F::Error;
    type Bound = F::Bound;

    fn poll_drive<D: Downstream<F::Item>>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<F::Error> {
        let driven = self.flow.as_mut().poll_drive(cx, down);
        self.note.set(match driven {
            Poll::Pending => GOES_ON,
            Poll::Ready(Ok(Drive::Ended)) => NOTHING,
            Poll::Ready(_) => OFF,
        });
        driven
    }

    fn poll_progress(mut self: Pin<&mut Self>, cx: &mut Context<'_>) {
        self.flow.as_mut().poll_progress(cx);
        if self.note.is_left_off() {
            self.note.set(GOES_ON);
        }
    }
}

impl<F> Drop for LeftOff<F> {
    fn drop(&mut self) {
        self.note.set(NOTHING);
    }
}
