use std::collections::VecDeque;
use std::task::{Context, Poll};
use std::time::Duration;

use super::windowed::{Clocked, Disjoint, Held, Shape, Single, Windowed, nanos};
use crate::flow::Flow;
use crate::gather::TimedGatherFlow;
use crate::items::{Items, Staged};
use crate::live::{IntoSetting, Setting};
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Gathers items into a `Vec` until none has come for `gap`.
    ///
    /// A session is given `gap` after its last item; an item that comes at that very time begins the next. The open one is
    /// flushed at the end and before an error; where an error should not cut it, put [`catch`](Items::catch) above, as for
    /// [`batch`](Items::batch).
    ///
    /// It holds the items of the open session, which where no gap comes is not bounded: give it a [`max`](Staged::max). While
    /// nobody asks for a session it goes on taking items, until the open one has ended.
    ///
    /// Options: [`max`](Staged::max), [`by`](Staged::by) a key, [`by_time`](Staged::by_time) for event time, where items that
    /// are out of order may join two sessions into one: first the items of the earlier, then those of the later.
    ///
    /// `gap` may be [`Live`](crate::Live): a change also holds for the open session. What is in it stays together, and it is
    /// given at once where it has been quiet for long enough. With [`by`](Staged::by), a change takes time for each key.
    ///
    /// # Panics
    ///
    /// If `gap` is zero, which as a literal in `pipeline!` does not compile; and if it has to wait outside of a tokio runtime
    /// with time enabled.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # use futures::executor::block_on;
    /// let sessions = pipeline! {
    ///     [1u64, 20, 35, 200, 210] |> session_window(50ms).by_time(|ms| *ms) |> collect::<Vec<_>>()
    /// };
    /// assert_eq!(block_on(sessions), [vec![1, 20, 35], vec![200, 210]]);
    /// ```
    #[track_caller]
    pub fn session_window(self, gap: impl IntoSetting<Duration>) -> Staged<Windowed<Session>, Vec<T>, K> {
        let gap = gap.into_setting(|gap| match *gap {
            Duration::ZERO => {
                Err("a gap of no time has no meaning: `session_window` takes a gap such as `100ms`")
            }
            _ => Ok(()),
        });
        self.stage(Windowed::new(Session::new(gap, Setting::fixed(Duration::MAX))))
    }
}

impl<F: Flow> Pipe<F> {
    /// Gathers items into a `Vec` until none has come for `gap`. See [`Items::session_window`].
    #[track_caller]
    pub fn session_window(
        self,
        gap: impl IntoSetting<Duration>,
    ) -> Pipe<TimedGatherFlow<F, Clocked<Single<Session, Sessions<F::Item>>>, Vec<F::Item>, F::Error>> {
        self.with(|items| items.session_window(gap))
    }
}

impl<G, C, U, K> Staged<Windowed<Session, G, C>, U, K> {
    /// Ends a session also `time` after its first item.
    ///
    /// It may be [`Live`](crate::Live): a change also holds for the open session.
    ///
    /// # Panics
    ///
    /// If `time` is zero.
    #[track_caller]
    pub fn max(self, time: impl IntoSetting<Duration>) -> Self {
        let max = time.into_setting(|max| match *max {
            Duration::ZERO => Err("a session of no time has no meaning: `max` takes a time such as `1min`"),
            _ => Ok(()),
        });
        self.map_op(|op| op.map_shape(|session| Session::new(session.gap, max)))
    }
}

/// Windows that end in a gap: made by [`Items::session_window`].
#[derive(Clone, Debug)]
pub struct Session {
    gap: Setting<Duration>,
    max: Setting<Duration>,
    limits: Limits,
}

impl Disjoint for Session {}

impl Session {
    fn new(gap: Setting<Duration>, max: Setting<Duration>) -> Self {
        let limits = Limits::of(&gap, &max);
        Self { gap, max, limits }
    }
}

impl<T> Shape<T> for Session {
    type Windows = Sessions<T>;

    #[inline(always)]
    fn put(&self, sessions: &mut Sessions<T>, item: T, at: i64, watermark: i64) -> Result<(), T> {
        if let Some(newest) = sessions.0.back_mut()
            && newest.last <= at
            && self.limits.goes_on(newest.first, newest.last, at, at)
        {
            newest.last = at;
            newest.items.push(item);
            return Ok(());
        }
        sessions.put_apart(self.limits, item, at, watermark)
    }

    #[inline(always)]
    fn next_end(&self, sessions: &Sessions<T>) -> Option<i64> {
        sessions.0.front().map(|open| self.limits.end(open.first, open.last))
    }

    fn close(&self, sessions: &mut Sessions<T>) -> Option<Vec<T>> {
        sessions.0.pop_front().map(|open| open.items)
    }

    fn held(&self, Sessions(open): &Sessions<T>) -> Held {
        // Items to come may join all of them.
        Held { at_least: usize::from(!open.is_empty()), at_most: open.len(), per_item: 1 }
    }

    fn follow(&mut self, _: i64, _: i64) -> bool {
        let (gap, max) = (self.gap.changed(), self.max.changed());
        let changed = gap.is_some() || max.is_some();
        if changed {
            self.limits = Limits::of(&self.gap, &self.max);
        }
        changed
    }

    fn poll_changed(&mut self, _: i64, cx: &mut Context<'_>) -> Poll<()> {
        let (gap, max) = (self.gap.poll_changed(cx), self.max.poll_changed(cx));
        if gap.is_pending() && max.is_pending() {
            return Poll::Pending;
        }
        self.limits = Limits::of(&self.gap, &self.max);
        Poll::Ready(())
    }
}

/// The open sessions of a [`Session`], one before the other. By the clock there is one.
#[derive(Debug)]
pub struct Sessions<T>(VecDeque<Open<T>>);

impl<T> Default for Sessions<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

#[derive(Debug)]
struct Open<T> {
    first: i64,
    last: i64,
    items: Vec<T>,
}

/// When a session ends.
#[derive(Clone, Copy, Debug)]
struct Limits {
    gap: i64,
    max: i64,
}

impl Limits {
    fn of(gap: &Setting<Duration>, max: &Setting<Duration>) -> Self {
        Self { gap: nanos(gap.get()), max: nanos(max.get()) }
    }

    fn end(self, first: i64, last: i64) -> i64 {
        (last + self.gap).min(first + self.max)
    }

    /// Whether what happens from `first` to `last` is one session with what comes next, from `from` to `to`.
    fn goes_on(self, first: i64, last: i64, from: i64, to: i64) -> bool {
        from - last < self.gap && to - first < self.max
    }
}

impl<T> Sessions<T> {
    /// Puts an item into the session that it belongs to, or into one of its own.
    fn put_apart(&mut self, limits: Limits, item: T, at: i64, watermark: i64) -> Result<(), T> {
        let after = self.0.partition_point(|open| open.first <= at);
        if let Some(before) = after.checked_sub(1)
            && let open = &mut self.0[before]
            && limits.goes_on(open.first, open.last, at, at.max(open.last))
        {
            open.last = open.last.max(at);
            open.items.push(item);
            self.join(limits, before);
        } else if let Some(open) = self.0.get_mut(after)
            && limits.goes_on(at, at, open.first, open.last)
        {
            open.first = at;
            open.items.push(item);
        } else if limits.end(at, at) > watermark {
            if self.0.is_empty() {
                // There is seldom more than one; there may be many keys.
                self.0.reserve_exact(1);
            }
            self.0.insert(after, Open { first: at, last: at, items: vec![item] });
        } else {
            return Err(item);
        }
        Ok(())
    }

    /// Joins the session at `place` with the next one, if they have become one.
    fn join(&mut self, limits: Limits, place: usize) {
        let (Some(one), Some(next)) = (self.0.get(place), self.0.get(place + 1)) else { return };
        if limits.goes_on(one.first, one.last, next.first, next.last)
            && let Some(next) = self.0.remove(place + 1)
        {
            let one = &mut self.0[place];
            one.last = next.last;
            one.items.extend(next.items);
        }
    }
}
