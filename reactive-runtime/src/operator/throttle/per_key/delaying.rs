use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use super::PerKey;
use super::waiting::Waiting;
use crate::backpressure::{OnDrop, Reason, shut_down};
use crate::event;
use crate::fault::Fault;
use crate::flow::{Budget, Downstream, Drive, Driven, Flow, Tail, yield_now};
use crate::live::Setting;
use crate::operator::Key;
use crate::operator::throttle::keys::Keys;
use crate::operator::throttle::pacing::Wait;
use crate::operator::throttle::weight::Weigh;
use crate::operator::throttle::{Delaying, Latest};
use crate::pacer::Pace;

pin_project! {
    /// The flow below a throttle [`per_key`](crate::Staged::per_key) in which items wait; `K` is what upstream fails with, `M`
    /// says what becomes of those behind the first of their key.
    pub struct PerKeyFlow<F, T, W, G, Q, K, M: Behind<T>> {
        #[pin]
        upstream: F,
        desk: Desk<T, Q, M>,
        wait: Wait,
        weigh: W,
        key: G,
        // While it is not open, upstream is not driven.
        tail: Tail<K>,
    }
}

impl<F, W, G, Q, M> PerKeyFlow<F, F::Item, W, G, Q, F::Error, M>
where
    F: Flow,
    Q: Clone + Key,
    M: Behind<F::Item>,
{
    pub(super) fn new(upstream: F, keys: Keys<Q>, wait: Wait, weigh: W, op: PerKey<G, M>) -> Self {
        let desk =
            Desk { keys, waiting: Waiting::new(), capacity: op.capacity, stranger: None, mode: op.mode };
        Self { upstream, desk, wait, weigh, key: op.key, tail: Tail::Open }
    }
}

impl<F, T, W, Q, G, K, M> Flow for PerKeyFlow<F, T, W, G, Q, K, M>
where
    F: Flow<Item = T, Error = K>,
    W: Weigh<T>,
    Q: Clone + Key,
    G: FnMut(&T) -> Q,
    K: Fault,
    M: Behind<T>,
{
    type Item = T;
    type Error = K;
    type Bound = F::Bound;

    fn poll_drive<D: Downstream<T>>(self: Pin<&mut Self>, cx: &mut Context<'_>, down: &mut D) -> Driven<K> {
        let mut me = self.project();
        let (mut items, mut drives) = (Budget::items(), Budget::drives());
        while drives.spend() {
            let now = me.wait.now();
            if let Some(pace) = me.wait.pace.changed() {
                me.desk.set_pace(now, pace);
            }
            // What there was no room for has been waiting above, like what waits here.
            let since = if me.desk.has_room() { now } else { me.wait.since(now) };
            me.desk.follow();
            while let Some(item) = me.desk.next_due(now, me.wait) {
                if down.push(item).is_break() {
                    return Poll::Ready(Ok(Drive::Paused));
                }
                if !items.spend() {
                    me.upstream.poll_progress(cx);
                    return yield_now(cx);
                }
            }
            if me.desk.is_empty()
                && let Some(told) = me.tail.settle()
            {
                return Poll::Ready(told);
            }
            if me.tail.is_open() && me.desk.has_room() {
                let mut intake =
                    Intake { now, since, desk: me.desk, weigh: me.weigh, key: me.key, broke: false, down };
                let driven = me.upstream.as_mut().poll_drive(cx, &mut intake);
                if intake.broke || me.desk.is_empty() {
                    if let Some(pace) = me.wait.drove(&driven, cx) {
                        me.desk.set_pace(me.wait.now(), pace);
                    }
                    return driven;
                }
                let waits = driven.is_pending();
                me.tail.note(driven);
                if !waits {
                    me.upstream.as_mut().poll_progress(cx);
                }
            } else {
                me.upstream.as_mut().poll_progress(cx);
            }
            if me.desk.poll_changed(cx).is_ready() {
                continue;
            }
            match me.wait.poll_until(me.desk.due(), cx) {
                Poll::Ready(Some(pace)) => me.desk.set_pace(now, pace),
                Poll::Ready(None) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
        me.upstream.poll_progress(cx);
        yield_now(cx)
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        self.project().upstream.poll_progress(cx);
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let held = self.desk.len();
        let (at_least, at_most) =
            if matches!(self.tail, Tail::Ended) { (0, Some(0)) } else { self.upstream.size_hint() };
        let at_least = if M::REPLACES { 0 } else { at_least };
        (at_least.saturating_add(held), at_most.and_then(|items| items.checked_add(held)))
    }
}

/// What becomes of items that come while one of their key waits.
pub trait Behind<T> {
    /// Each replaces the one that waits, which is dropped; and so is the item of a new key for which there is no room. Else
    /// all of them wait.
    const REPLACES: bool;

    /// The item is dropped.
    fn dropped(&mut self, item: T, reason: Reason);

    /// The stage is dropped, and what waits with it.
    fn shut_down(&mut self, waiting: impl Iterator<Item = T>);
}

impl<T> Behind<T> for Delaying {
    const REPLACES: bool = false;

    fn dropped(&mut self, _: T, _: Reason) {}

    fn shut_down(&mut self, _: impl Iterator<Item = T>) {}
}

impl<T, D: OnDrop<T>> Behind<T> for Latest<D> {
    const REPLACES: bool = true;

    fn dropped(&mut self, item: T, reason: Reason) {
        self.on_drop.dropped(item, reason);
    }

    fn shut_down(&mut self, waiting: impl Iterator<Item = T>) {
        shut_down(&mut self.on_drop, waiting);
    }
}

/// Where items wait for the time of their key.
struct Desk<T, Q, M: Behind<T>> {
    keys: Keys<Q>,
    waiting: Waiting<T, Q>,
    capacity: Setting<usize>,
    // An item of a new key, for which there is no room among the keys.
    stranger: Option<(Q, T, u64)>,
    mode: M,
}

impl<T, Q: Clone + Key, M: Behind<T>> Desk<T, Q, M> {
    /// Gives an item back that may go at once, and has been waiting since then; else it waits, or is a stranger, or is
    /// dropped.
    fn admit(&mut self, key: Q, item: T, weight: u64, since: Duration, now: Duration) -> Option<T> {
        if self.waiting.has(&key) {
            self.line_up(&key, item, weight, now);
            return None;
        }
        let Some(paid) = self.keys.paid(&key, now) else {
            if M::REPLACES {
                event::dropped(Reason::QueueFull);
                self.mode.dropped(item, Reason::QueueFull);
            } else {
                self.stranger = Some((key, item, weight));
            }
            return None;
        };
        let due = self.keys.pace.due(paid, weight);
        if due > now {
            self.waiting.push_first(key, item, weight, due);
            return None;
        }
        self.keys.pay(key, self.keys.pace.after(paid, since, weight));
        Some(item)
    }

    /// Another item of the key waits.
    fn line_up(&mut self, key: &Q, item: T, weight: u64, now: Duration) {
        if !M::REPLACES {
            return self.waiting.push_behind(key, item, weight);
        }
        let paid = self.keys.paid(key, now).unwrap_or_default();
        let due = self.keys.pace.due(paid, weight);
        if let Some(older) = self.waiting.replace(key, item, weight, due) {
            event::dropped(Reason::Displaced);
            self.mode.dropped(older, Reason::Displaced);
        }
    }

    /// The next item that waits and is due.
    fn next_due(&mut self, now: Duration, wait: &mut Wait) -> Option<T> {
        let Some((key, item, weight)) = self.waiting.pop_due(now) else {
            let (key, item, weight) = self.stranger.take()?;
            return self.admit(key, item, weight, now, now);
        };
        let since = wait.since(now);
        // A key that was forgotten while its item waited for the reader had rested, and is as a new one.
        let paid = self.keys.paid(&key, now).unwrap_or_default();
        let paid = self.keys.pace.after(paid, since, weight);
        let pace = self.keys.pace;
        self.waiting.schedule(&key, |weight| pace.due(paid, weight));
        self.keys.pay(key, paid);
        Some(item)
    }

    /// When something can go on, if anything waits.
    fn due(&self) -> Duration {
        let room = self.stranger.as_ref().map(|_| self.keys.room_at());
        self.waiting.due().into_iter().chain(room).min().expect("something waits")
    }

    fn set_pace(&mut self, now: Duration, pace: Pace) {
        self.keys.set_pace(now, pace);
        let (pace, keys) = (self.keys.pace, &mut self.keys);
        self.waiting.reschedule(|key, weight| pace.due(keys.paid(key, now).unwrap_or_default(), weight));
    }

    /// Follows a change of how many may wait, and of how many keys may be known.
    fn follow(&mut self) {
        self.capacity.changed();
        self.keys.follow();
    }

    /// Wakes the task when there may be room for what waits for some; ready if there may now.
    fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (capacity, keys) = (self.capacity.poll_changed(cx), self.keys.poll_changed(cx));
        if capacity.is_ready() { Poll::Ready(()) } else { keys }
    }

    fn has_room(&self) -> bool {
        self.stranger.is_none() && self.waiting.len() < self.capacity.get()
    }

    fn len(&self) -> usize {
        self.waiting.len() + usize::from(self.stranger.is_some())
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T, Q, M: Behind<T>> Drop for Desk<T, Q, M> {
    fn drop(&mut self) {
        self.mode.shut_down(self.waiting.take_all());
    }
}

struct Intake<'a, T, W, G, Q, M: Behind<T>, D> {
    now: Duration,
    since: Duration,
    desk: &'a mut Desk<T, Q, M>,
    weigh: &'a mut W,
    key: &'a mut G,
    broke: bool,
    down: &'a mut D,
}

impl<T, W, Q, G, M, D> Downstream<T> for Intake<'_, T, W, G, Q, M, D>
where
    W: Weigh<T>,
    Q: Clone + Key,
    G: FnMut(&T) -> Q,
    M: Behind<T>,
    D: Downstream<T>,
{
    fn push(&mut self, item: T) -> ControlFlow<()> {
        let (key, weight) = ((self.key)(&item), self.weigh.weigh(&item));
        if let Some(item) = self.desk.admit(key, item, weight, self.since, self.now) {
            let pushed = self.down.push(item);
            self.broke |= pushed.is_break();
            return pushed;
        }
        if self.desk.has_room() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}
