use std::sync::atomic::AtomicUsize;

use super::*;

struct Counts(AtomicUsize);

impl Wake for Counts {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A thread that wakes a slot, or the one that listens: what it does in one step that no other can come in between.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Thread {
    Sets,
    Pushes,
    Listens,
    Takes,
    Done,
}

/// Every order of the steps of two threads that wake two slots of a word, of one that wakes a slot of another word, and of
/// a task that listens two times meanwhile. Each word is one atomic, so there is no other order than these.
#[test]
fn no_wake_up_is_lost_in_any_order_of_steps() {
    let mut orders = 0;
    explore(&mut Vec::new(), &mut orders);
    assert!(orders > 5000, "{orders} orders");
}

/// Runs the steps of `path`, then every step that is possible behind it.
fn explore(path: &mut Vec<usize>, orders: &mut usize) {
    let possible = Model::run(path);
    if possible.is_empty() {
        *orders += 1;
    }
    for thread in possible {
        path.push(thread);
        explore(path, orders);
        path.pop();
    }
}

/// Which slot each of the threads wakes.
const WAKES: [usize; 3] = [0, 1, SLOTS];

struct Model {
    ready: Ready,
    counts: Arc<Counts>,
    threads: [Thread; WAKES.len() + 1],
    to_look_at: Vec<usize>,
    listened: usize,
    /// Wake-ups of the task before it listened for the last time.
    wake_ups: usize,
    /// Slots that were woken, and are not handed over yet.
    woken: Vec<usize>,
}

impl Model {
    /// The threads that have a step to do behind those of `path`.
    fn run(path: &[usize]) -> Vec<usize> {
        let mut ready = Ready::default();
        (0..=SLOTS).for_each(|_| drop(ready.add()));
        let mut threads = [Thread::Sets; WAKES.len() + 1];
        threads[WAKES.len()] = Thread::Listens;
        let counts = Arc::new(Counts(AtomicUsize::new(0)));
        let (to_look_at, woken) = (Vec::new(), Vec::new());
        let mut model = Self { ready, counts, threads, to_look_at, listened: 0, wake_ups: 0, woken };
        path.iter().for_each(|thread| model.step(*thread));
        let possible: Vec<_> = (0..threads.len()).filter(|i| model.threads[*i] != Thread::Done).collect();
        if possible.is_empty() {
            model.check();
        }
        possible
    }

    fn step(&mut self, thread: usize) {
        self.threads[thread] = match self.threads[thread] {
            Thread::Sets => {
                let slot = WAKES[thread];
                self.woken.push(slot);
                let first = self.ready.words[slot / SLOTS].set(1 << (slot % SLOTS));
                if first { Thread::Pushes } else { Thread::Done }
            }
            Thread::Pushes => {
                self.ready.list.push(WAKES[thread] / SLOTS);
                Thread::Done
            }
            Thread::Listens => {
                self.ready.list.listen(&Waker::from(self.counts.clone()), &mut self.to_look_at);
                self.wake_ups = self.counts.0.load(Ordering::Relaxed);
                self.listened += 1;
                Thread::Takes
            }
            Thread::Takes => match self.to_look_at.pop() {
                Some(word) => {
                    let bits = self.ready.words[word].take();
                    assert!(bits != 0, "a word is on the list once");
                    self.woken.retain(|slot| slot / SLOTS != word || bits & (1 << (slot % SLOTS)) == 0);
                    Thread::Takes
                }
                None if self.listened < 2 => Thread::Listens,
                None => Thread::Done,
            },
            Thread::Done => unreachable!("it has no step to do"),
        };
    }

    /// What was not handed over has woken the task after it listened for the last time.
    fn check(mut self) {
        let wake_ups = self.counts.0.load(Ordering::Relaxed);
        assert!(self.woken.is_empty() || wake_ups > self.wake_ups);
        let mut found = Vec::new();
        self.ready.listen(&Waker::from(self.counts.clone()), &mut found);
        assert!(self.woken.iter().all(|slot| found.contains(slot)));
        drop(self.ready);
        assert_eq!(Arc::strong_count(&self.counts), 1);
    }
}
