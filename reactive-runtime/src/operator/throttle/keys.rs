//! What each key has paid up to, in bounded memory.

use std::collections::HashMap;
use std::task::{Context, Poll};
use std::time::Duration;

use foldhash::quality::RandomState;

use crate::fine::Fine;
use crate::live::Setting;
use crate::operator::Key;
use crate::pacer::Pace;

/// Keys, in two generations. A key whose schedule lies behind is as one that was never seen, so it may be forgotten; when
/// that is true of the whole older generation, and the younger one is half of all, the older one is.
///
/// So nothing is searched for, no key needs a place in an order, and there is room for a new key as long as no more than
/// half of `max` come in the time of a burst.
#[derive(Debug)]
pub(super) struct Keys<Q> {
    pub(super) pace: Pace,
    young: Generation<Q>,
    old: Generation<Q>,
    max: Setting<usize>,
}

#[derive(Debug)]
struct Generation<Q> {
    paid: HashMap<Q, Fine, RandomState>,
    // No key has paid for a time after that.
    until: Fine,
}

impl<Q> Generation<Q> {
    fn new(hasher: RandomState) -> Self {
        Self { paid: HashMap::with_hasher(hasher), until: Fine::ZERO }
    }
}

impl<Q: Key> Keys<Q> {
    pub(super) fn new(pace: Pace, max: Setting<usize>) -> Self {
        let hasher = RandomState::default();
        let (young, old) = (Generation::new(hasher.clone()), Generation::new(hasher));
        Self { pace, young, old, max }
    }

    /// What a key has paid up to; `None` if it is new, and there is no room for it until [`room_at`](Self::room_at).
    pub(super) fn paid(&mut self, key: &Q, now: Duration) -> Option<Fine> {
        if let Some(paid) = self.young.paid.get(key).or_else(|| self.old.paid.get(key)) {
            return Some(*paid);
        }
        if self.young.paid.len() >= (self.max.get() / 2).max(1) {
            self.forget(now);
        }
        if !self.has_room() {
            self.forget(now);
        }
        self.has_room().then_some(Fine::ZERO)
    }

    /// Notes what a key has paid up to. One for which there was no room before is taken in all the same.
    pub(super) fn pay(&mut self, key: Q, paid: Fine) {
        self.young.until = self.young.until.max(paid);
        if !self.old.paid.is_empty() {
            self.old.paid.remove(&key);
        }
        self.young.paid.insert(key, paid);
    }

    /// When there is room again.
    pub(super) fn room_at(&self) -> Duration {
        self.old.until.ceil()
    }

    /// From now on another pace holds. It takes time for each key.
    pub(super) fn set_pace(&mut self, now: Duration, pace: Pace) {
        for generation in [&mut self.young, &mut self.old] {
            for paid in generation.paid.values_mut().chain([&mut generation.until]) {
                *paid = self.pace.changed(*paid, now, pace);
            }
        }
        self.pace = pace;
    }

    /// Follows a change of how many may be known. Who is busy is not forgotten for it.
    pub(super) fn follow(&mut self) {
        self.max.changed();
    }

    /// Wakes the task when there may be room for more; ready if there may now.
    pub(super) fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.max.poll_changed(cx).map(drop)
    }

    fn has_room(&self) -> bool {
        self.young.paid.len() + self.old.paid.len() < self.max.get()
    }

    /// Forgets the older generation, if all of it has rested; then the younger one is the older.
    fn forget(&mut self, now: Duration) {
        if self.old.until.ceil() > now {
            return;
        }
        // Its room is used again, unless it is more than is needed now.
        self.old.paid.clear();
        self.old.paid.shrink_to(self.max.get());
        std::mem::swap(&mut self.young, &mut self.old);
        self.young.until = Fine::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::Rate;
    use crate::units::{ms, s};

    fn keys<Q: Key>(max: usize) -> Keys<Q> {
        Keys::new(Pace { rate: Rate::per_second(1), burst: 1 }, Setting::fixed(max))
    }

    impl<Q: Key> Keys<Q> {
        /// Lets an item of a key go, if it may.
        fn go(&mut self, key: Q, now: Duration) -> bool {
            let Some(paid) = self.paid(&key, now).filter(|paid| self.pace.due(*paid, 1) <= now) else {
                return false;
            };
            self.pay(key, self.pace.after(paid, now, 1));
            true
        }

        fn known(&self) -> usize {
            self.young.paid.len() + self.old.paid.len()
        }
    }

    #[test]
    fn a_million_keys_need_the_room_of_those_that_are_busy() {
        let mut keys = keys(2000);
        // A thousand new ones a second: half of what there is room for.
        for key in 0..1_000_000u64 {
            assert!(keys.go(key, ms(key)));
            assert!(keys.known() <= 2000);
        }
        assert!(keys.young.paid.capacity() + keys.old.paid.capacity() <= 4 * 2000);
    }

    #[test]
    fn busy_keys_are_not_forgotten() {
        let mut keys = keys(10);
        let mut gone = [0u64; 5];
        for now in 0..100_000u64 {
            let key = (now * 7) % 5;
            gone[key as usize] += u64::from(keys.go(key, ms(now)));
        }
        assert!(gone.iter().all(|gone| (95..=100).contains(gone)), "{gone:?}");
    }

    #[test]
    fn there_is_room_again_when_it_says() {
        for max in 1..20u64 {
            let mut keys = keys(max as usize);
            for key in 0..max {
                assert!(keys.go(key, ms(key)), "{key} of {max}");
            }
            assert!(!keys.go(99, ms(max)));
            let room = keys.room_at();
            assert!(room > ms(max) && room <= ms(max) + s(1), "{room:?}");
            assert!(keys.go(99, room));
            assert!(keys.known() <= max as usize);
        }
    }

    #[test]
    fn another_rate_makes_and_loses_no_credit() {
        let mut keys = keys(10);
        assert!(keys.go('a', ms(0)) && !keys.go('a', ms(500)));
        keys.set_pace(ms(500), Pace { rate: Rate::per_second(10), burst: 1 });
        assert!(!keys.go('a', ms(549)) && keys.go('a', ms(550)));
    }
}
