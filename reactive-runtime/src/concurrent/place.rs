use std::pin::Pin;
use std::task::Poll;

use pin_project_lite::pin_project;

pin_project! {
    /// What is in the slot of an item.
    #[derive(Debug, Default)]
    #[project = Inside]
    #[project_replace = Was]
    pub(super) enum Place<J, O> {
        /// Nothing; the slot is vacant, or its item waits for its lane.
        #[default]
        Empty,
        /// The work for it.
        Running {
            #[pin]
            job: J,
        },
        /// What that gave, until it is taken.
        Done { output: O },
    }
}

impl<J, O> Place<J, O> {
    /// Polls the work. When it is ready, the place is set to something else next.
    #[inline(always)]
    pub(super) fn poll(self: Pin<&mut Self>, poll: impl FnOnce(Pin<&mut J>) -> Poll<O>) -> Option<O> {
        match self.project() {
            Inside::Running { job } => match poll(job) {
                Poll::Ready(output) => Some(output),
                Poll::Pending => None,
            },
            // Who was woken may be done already.
            Inside::Empty | Inside::Done { .. } => None,
        }
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(self, Self::Running { .. })
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self, Self::Done { .. })
    }

    /// Takes what the work gave.
    #[inline(always)]
    pub(super) fn take(self: Pin<&mut Self>) -> Option<O> {
        if !self.is_done() {
            return None;
        }
        match self.project_replace(Self::Empty) {
            Was::Done { output } => Some(output),
            Was::Empty | Was::Running { .. } => None,
        }
    }
}
