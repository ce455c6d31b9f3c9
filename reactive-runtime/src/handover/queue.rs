use std::collections::VecDeque;

use super::CHUNK;

/// Items that go in and out in chunks, which change hands: what came in a chunk is not copied on its way.
#[derive(Debug)]
pub(super) struct Queue<T> {
    // In their order; none is empty.
    chunks: VecDeque<Vec<T>>,
    // Behind them: gathers items that come alone, and small chunks.
    open: Vec<T>,
    len: usize,
    // Empty ones, kept for their room.
    spare: Vec<Vec<T>>,
}

impl<T> Queue<T> {
    pub(super) fn new() -> Self {
        Self { chunks: VecDeque::new(), open: Vec::new(), len: 0, spare: Vec::new() }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn push(&mut self, item: T) {
        if self.open.len() >= CHUNK {
            self.close_chunk();
        }
        self.open.push(item);
        self.len += 1;
    }

    /// Takes the items of a chunk, and leaves an empty one.
    pub(super) fn append(&mut self, chunk: &mut Vec<T>) {
        self.len += chunk.len();
        if !self.open.is_empty() {
            if self.open.len() + chunk.len() <= CHUNK {
                return self.open.append(chunk);
            }
            self.close_chunk();
        }
        std::mem::swap(&mut self.open, chunk);
    }

    /// Puts the next chunk in the place of an empty one, which it keeps. It stays empty if there is none.
    pub(super) fn take(&mut self, chunk: &mut Vec<T>) {
        debug_assert!(chunk.is_empty(), "a chunk was given on before all of it was taken");
        match self.chunks.pop_front() {
            Some(next) => self.spare.push(std::mem::replace(chunk, next)),
            None => std::mem::swap(&mut self.open, chunk),
        }
        self.len -= chunk.len();
    }

    fn close_chunk(&mut self) {
        let empty = self.spare.pop().unwrap_or_default();
        self.chunks.push_back(std::mem::replace(&mut self.open, empty));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_chunk_changes_hands() {
        let mut queue = Queue::new();
        queue.push(7);
        let mut chunk = Vec::from_iter(0..CHUNK);
        let items = chunk.as_ptr();
        queue.append(&mut chunk);
        assert_eq!((queue.len(), chunk.len()), (CHUNK + 1, 0));
        queue.take(&mut chunk);
        assert_eq!(chunk, [7]);
        chunk.clear();
        queue.take(&mut chunk);
        assert_eq!((chunk.len(), chunk.as_ptr(), queue.len()), (CHUNK, items, 0));
    }

    #[test]
    fn small_chunks_are_gathered_and_their_room_is_used_again() {
        let (mut queue, mut out) = (Queue::new(), Vec::new());
        let mut next = 0..;
        for round in 0..100 {
            for size in [1, 2, 30, 31, 1] {
                let mut chunk = Vec::from_iter(next.by_ref().take(size));
                queue.append(&mut chunk);
            }
            assert!(queue.chunks.len() + queue.spare.len() <= 1, "in round {round}");
            let mut chunk = Vec::new();
            while queue.len() > 0 {
                queue.take(&mut chunk);
                out.append(&mut chunk);
            }
        }
        assert!(out.into_iter().eq(0..6500));
    }
}
