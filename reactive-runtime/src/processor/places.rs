use std::collections::VecDeque;

/// The places of a processor, one for each operation that may run, and the streams that wait for one: plain code.
///
/// A stream that gives a place back could take it again before any other is polled. So the one that has waited for longest is
/// *offered* it first: till all have had a turn, others yield. Who does not come then, as nobody polls it, holds nobody up.
#[derive(Debug)]
pub(super) struct Places {
    free: usize,
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    stream: usize,
    offered: bool,
}

/// What becomes of a stream that wants a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// It has one.
    Granted,
    /// This other stream comes first, which is to be woken; then ask again.
    After(usize),
    /// There is none: it is woken when one is given back.
    Wait,
}

impl Places {
    pub(super) fn new(places: usize) -> Self {
        Self { free: places, waiting: VecDeque::new() }
    }

    /// A stream wants a place.
    pub(super) fn ask(&mut self, stream: usize) -> Asked {
        if self.free == 0 {
            self.wait(stream);
            return Asked::Wait;
        }
        match self.waiting.front_mut() {
            Some(first) if first.stream != stream && !first.offered => {
                first.offered = true;
                let first = first.stream;
                self.wait(stream);
                Asked::After(first)
            }
            _ => {
                self.leave(stream);
                self.free -= 1;
                Asked::Granted
            }
        }
    }

    /// So many places are free again.
    pub(super) fn give_back(&mut self, places: usize) {
        self.free += places;
    }

    /// A stream does not wait any more.
    pub(super) fn leave(&mut self, stream: usize) {
        self.waiting.retain(|waiting| waiting.stream != stream);
    }

    /// Whether some stream waits.
    pub(super) fn is_contended(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Those that wait.
    pub(super) fn waiting(&self) -> impl Iterator<Item = usize> {
        self.waiting.iter().map(|waiting| waiting.stream)
    }

    /// A stream that was there, and came too late, is offered the next place anew.
    fn wait(&mut self, stream: usize) {
        match self.waiting.iter_mut().find(|waiting| waiting.stream == stream) {
            Some(waiting) => waiting.offered = false,
            None => self.waiting.push_back(Waiting { stream, offered: false }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_as_many_as_there_are() {
        let mut places = Places::new(2);
        assert_eq!(
            [places.ask(1), places.ask(1), places.ask(1)],
            [Asked::Granted, Asked::Granted, Asked::Wait]
        );
        assert!(places.is_contended());
        places.give_back(1);
        assert_eq!(places.ask(1), Asked::Granted);
        assert!(!places.is_contended());
    }

    #[test]
    fn offers_a_place_to_who_has_waited_for_longest() {
        let mut places = Places::new(1);
        assert_eq!((places.ask(1), places.ask(2), places.ask(3)), (Asked::Granted, Asked::Wait, Asked::Wait));
        places.give_back(1);
        assert_eq!(places.ask(1), Asked::After(2));
        assert_eq!(places.ask(2), Asked::Granted);
        assert_eq!(places.waiting().collect::<Vec<_>>(), [3, 1]);
        places.give_back(1);
        assert_eq!(places.ask(2), Asked::After(3));
        assert_eq!(places.ask(3), Asked::Granted);
    }

    #[test]
    fn is_not_held_up_by_a_stream_that_nobody_polls() {
        let mut places = Places::new(1);
        assert_eq!((places.ask(1), places.ask(2)), (Asked::Granted, Asked::Wait));
        places.give_back(1);
        assert_eq!(places.ask(1), Asked::After(2));
        assert_eq!(places.ask(1), Asked::Granted);
        places.give_back(1);
        assert_eq!(places.ask(1), Asked::Granted);
        // It comes too late, and is offered the next one.
        assert_eq!(places.ask(2), Asked::Wait);
        places.give_back(1);
        assert_eq!(places.ask(1), Asked::After(2));
        places.leave(2);
        assert_eq!(places.ask(1), Asked::Granted);
        assert!(!places.is_contended());
    }
}
