use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// Which slots were woken, in what order, and the task to wake then.
///
/// A lock in place of atomics: it is held for some instructions, and costs as many atomic operations as a bitmap and a
/// flag would. Waking and dropping a task are foreign code, and never run under it.
#[derive(Debug, Default)]
pub(super) struct Ready {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Each at most once.
    woken: Vec<usize>,
    /// By slot: whether it is among them.
    is_woken: Vec<bool>,
    /// `None` once it is woken, until it listens again.
    task: Option<Waker>,
}

impl Ready {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes room for a slot more, and says which.
    pub(super) fn add(&self) -> usize {
        let mut state = self.lock();
        state.is_woken.push(false);
        state.is_woken.len() - 1
    }

    /// Leaves the waker of the task that polls, and hands over the slots that were woken since the last time.
    pub(super) fn listen(&self, task: &Waker, woken: &mut impl Extend<usize>) {
        let mut state = self.lock();
        let State { woken: new, is_woken, task: known } = &mut *state;
        for slot in &*new {
            is_woken[*slot] = false;
        }
        woken.extend(new.drain(..));
        let old = match known {
            Some(known) if known.will_wake(task) => None,
            _ => known.replace(task.clone()),
        };
        drop(state);
        drop(old);
    }

    /// Forgets the task: nobody will poll any more.
    pub(super) fn close(&self) {
        let task = self.lock().task.take();
        drop(task);
    }

    fn wake(&self, slot: usize) {
        let mut state = self.lock();
        if std::mem::replace(&mut state.is_woken[slot], true) {
            return;
        }
        state.woken.push(slot);
        let task = state.task.take();
        drop(state);
        if let Some(task) = task {
            task.wake();
        }
    }
}

/// What the waker of a slot is made of.
pub(super) struct Signal {
    pub(super) ready: Arc<Ready>,
    pub(super) slot: usize,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.ready.wake(self.slot);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ready.wake(self.slot);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    struct Counts(AtomicUsize);

    impl Wake for Counts {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// All is done under one lock, so two threads can but interleave whole calls: here are all orders of up to eight.
    #[test]
    fn no_wake_up_is_lost_in_any_order_of_calls() {
        const SLOTS: usize = 2;
        for calls in 0..3usize.pow(8) {
            let counts = Arc::new(Counts(AtomicUsize::new(0)));
            let (task, ready) = (Waker::from(counts.clone()), Ready::default());
            assert_eq!((ready.add(), ready.add()), (0, 1));
            let (mut listening, mut expected, mut wake_ups) = (false, Vec::new(), 0);
            for call in (0..8).map(|i| calls / 3usize.pow(i) % 3) {
                if call == SLOTS {
                    let mut woken = Vec::new();
                    ready.listen(&task, &mut woken);
                    assert_eq!(woken, std::mem::take(&mut expected));
                    listening = true;
                } else {
                    ready.wake(call);
                    if !expected.contains(&call) {
                        expected.push(call);
                        wake_ups += usize::from(std::mem::take(&mut listening));
                    }
                }
                assert_eq!(counts.0.load(Ordering::Relaxed), wake_ups);
            }
            ready.close();
            ready.wake(0);
            drop(task);
            assert_eq!(Arc::strong_count(&counts), 1);
            assert_eq!(counts.0.load(Ordering::Relaxed), wake_ups);
        }
    }
}
