use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

#[cfg(test)]
mod tests;

/// Which slots were woken: makes their wakers, and wakes the task.
///
/// A slot is a bit, 64 of them a word, which a wake-up sets without a lock. Only who sets the first bit of a word takes
/// the lock, to put the word on the list of those to look at, and to wake the task. So a wake-up is quick, and so is to
/// find it, however many slots there are.
#[derive(Debug, Default)]
pub(super) struct Ready {
    list: Arc<List>,
    words: Vec<Arc<Word>>,
    slots: usize,
    // Empty between two calls: kept for its room.
    to_look_at: Vec<usize>,
}

impl Ready {
    /// The waker of one slot more; they are numbered in turn.
    pub(super) fn add(&mut self) -> Waker {
        let slot = self.slots;
        self.slots += 1;
        if slot.is_multiple_of(SLOTS) {
            let word = Word { bits: AtomicU64::new(0), index: slot / SLOTS, list: self.list.clone() };
            self.words.push(Arc::new(word));
        }
        let word = self.words[slot / SLOTS].clone();
        Waker::from(Arc::new(Signal { word, bit: 1 << (slot % SLOTS) }))
    }

    /// Leaves the waker of the task that polls, and hands over the slots that were woken since the last time. A wake-up
    /// after this wakes the task.
    pub(super) fn listen(&mut self, task: &Waker, woken: &mut Vec<usize>) {
        self.list.listen(task, &mut self.to_look_at);
        for index in self.to_look_at.drain(..) {
            let mut bits = self.words[index].take();
            while bits != 0 {
                woken.push(index * SLOTS + bits.trailing_zeros() as usize);
                bits &= bits - 1;
            }
        }
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        // Wakers of slots may be kept elsewhere; that of the task is not.
        self.list.close();
    }
}

/// The slots of a word.
const SLOTS: usize = u64::BITS as usize;

/// The words that have a bit, and the task. Waking and dropping a task are foreign code, and never run under the lock.
#[derive(Debug, Default)]
struct List {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    words: Vec<usize>,
    /// `None` once it is woken, until it listens again.
    task: Option<Waker>,
}

impl List {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listen(&self, task: &Waker, words: &mut Vec<usize>) {
        let mut state = self.lock();
        words.append(&mut state.words);
        let old = match &mut state.task {
            Some(known) if known.will_wake(task) => None,
            known => known.replace(task.clone()),
        };
        drop(state);
        drop(old);
    }

    /// A word has its first bit.
    #[cold]
    fn push(&self, word: usize) {
        let mut state = self.lock();
        state.words.push(word);
        let task = state.task.take();
        drop(state);
        if let Some(task) = task {
            task.wake();
        }
    }

    /// Forgets the task: nobody will poll any more.
    fn close(&self) {
        let task = self.lock().task.take();
        drop(task);
    }
}

#[derive(Debug)]
struct Word {
    bits: AtomicU64,
    index: usize,
    list: Arc<List>,
}

impl Word {
    /// Sets a bit; `true` if it is the first, and the word is to be put on the list.
    ///
    /// Where it is not, whoever set the first one has put the word on the list, or is about to, and nobody takes the bits
    /// before that.
    #[inline(always)]
    fn set(&self, bit: u64) -> bool {
        self.bits.fetch_or(bit, Ordering::AcqRel) == 0
    }

    /// Takes the bits of a word that was on the list.
    fn take(&self) -> u64 {
        self.bits.swap(0, Ordering::AcqRel)
    }
}

/// What the waker of a slot is made of.
struct Signal {
    word: Arc<Word>,
    bit: u64,
}

impl Wake for Signal {
    #[inline(always)]
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    #[inline(always)]
    fn wake_by_ref(self: &Arc<Self>) {
        if self.word.set(self.bit) {
            self.word.list.push(self.word.index);
        }
    }
}
