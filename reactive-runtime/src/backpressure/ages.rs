use std::collections::VecDeque;
use std::time::Duration;

/// Which items' ages a strategy needs to know exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgesOf {
    /// Of each item: 8 bytes an item.
    Each,
    /// Of about one in so many that 256 are known: 2 KiB for a queue of any size. Between two that are known an item counts
    /// as old as the elder. Only for strategies that drop at the ends of the queue.
    Some,
}

/// How long the items of a queue have been in it.
#[derive(Debug)]
pub(crate) enum Ages {
    /// When each came, in nanoseconds.
    Each(VecDeque<u64>),
    /// When the first of each block of items came.
    Blocks(Blocks),
}

/// Items are numbered; those with the same number above `shift` bits are a block, and share a time.
#[derive(Debug)]
pub(crate) struct Blocks {
    times: Box<[u64]>,
    shift: u32,
    // The bits of a number that are zero for the first of a block.
    within: usize,
    oldest: usize,
}

const BLOCKS: usize = 256;

impl Ages {
    pub(crate) fn new(of: AgesOf, capacity: usize) -> Self {
        if of == AgesOf::Each || capacity <= BLOCKS {
            return Self::Each(VecDeque::new());
        }
        // One block less than there are places, as the oldest and the newest may both be in part.
        let shift = capacity.div_ceil(BLOCKS - 1).next_power_of_two().trailing_zeros();
        Self::Blocks(Blocks { times: Box::default(), shift, within: (1 << shift) - 1, oldest: 0 })
    }

    /// Keeps the times of the `len` items for a queue of another capacity.
    pub(crate) fn resize(&mut self, of: AgesOf, capacity: usize, len: usize) {
        let old = std::mem::replace(self, Self::new(of, capacity));
        for index in 0..len {
            self.push(index, old.at(index));
        }
    }

    /// An item has come behind `len` others.
    #[inline(always)]
    pub(crate) fn push(&mut self, len: usize, now: Duration) {
        match self {
            Self::Each(times) => times.push_back(now.as_nanos() as u64),
            Self::Blocks(blocks) => blocks.push(len, now),
        }
    }

    #[inline(always)]
    pub(crate) fn pop_front(&mut self) {
        match self {
            Self::Each(times) => drop(times.pop_front()),
            Self::Blocks(blocks) => blocks.oldest = blocks.oldest.wrapping_add(1),
        }
    }

    pub(crate) fn pop_back(&mut self) {
        if let Self::Each(times) = self {
            times.pop_back();
        }
    }

    pub(crate) fn remove(&mut self, index: usize) {
        match self {
            Self::Each(times) => drop(times.remove(index)),
            Self::Blocks(blocks) if index == 0 => blocks.oldest = blocks.oldest.wrapping_add(1),
            Self::Blocks(_) => {}
        }
    }

    pub(crate) fn clear(&mut self) {
        // An empty queue begins a block with its next item, wherever it is.
        if let Self::Each(times) = self {
            times.clear();
        }
    }

    pub(crate) fn at(&self, index: usize) -> Duration {
        Duration::from_nanos(match self {
            Self::Each(times) => times[index],
            Self::Blocks(blocks) => blocks.times[blocks.slot(index)],
        })
    }
}

impl Blocks {
    #[inline(always)]
    fn push(&mut self, len: usize, now: Duration) {
        let begins_block = self.oldest.wrapping_add(len) & self.within == 0;
        if begins_block || len == 0 {
            self.begin(len, now);
        }
    }

    #[inline(never)]
    fn begin(&mut self, len: usize, now: Duration) {
        if self.times.is_empty() {
            self.times = vec![0; BLOCKS].into();
        }
        let slot = self.slot(len);
        self.times[slot] = now.as_nanos() as u64;
    }

    fn slot(&self, index: usize) -> usize {
        (self.oldest.wrapping_add(index) >> self.shift) % BLOCKS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_blocks_are_never_too_young() {
        for capacity in [257, 1000, 100_000] {
            let mut ages = Ages::new(AgesOf::Some, capacity);
            let mut exact = VecDeque::new();
            for now in 0..3 * capacity as u64 {
                if exact.len() == capacity || (now % 7 == 0 && !exact.is_empty()) {
                    exact.pop_front();
                    ages.pop_front();
                }
                ages.push(exact.len(), Duration::from_nanos(now));
                exact.push_back(now);
                let (told, came) = (ages.at(0).as_nanos() as u64, exact[0]);
                let block = capacity.div_ceil(BLOCKS - 1).next_power_of_two() as u64;
                assert!(told <= came && came - told <= 2 * block, "{told} for {came} of {capacity}");
            }
        }
    }

    #[test]
    fn of_a_queue_that_was_empty_begin_anew() {
        let mut ages = Ages::new(AgesOf::Some, 1000);
        ages.push(0, Duration::from_nanos(5));
        ages.pop_front();
        ages.push(0, Duration::from_nanos(900));
        assert_eq!(ages.at(0), Duration::from_nanos(900));
    }
}
