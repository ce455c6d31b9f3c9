use std::task::{Context, Poll};
use std::time::Duration;

use crate::live::Setting;
use crate::operator::windowed::nanos;

/// Which windows there are: how far apart they begin, and how long they last. Both may change; the windows that have begun
/// by then stay as they are, and the next one begins where it would have.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    size: Setting<Duration>,
    // `None`: one begins where the last one ends.
    step: Option<Setting<Duration>>,
    // By the present settings.
    present: Era,
    // By earlier ones, while windows of theirs may be open.
    earlier: Vec<Era>,
}

/// Windows by the same settings: the first begins at `from`, the last before `until`.
#[derive(Clone, Copy, Debug)]
struct Era {
    from: i64,
    until: i64,
    // A multiple of the step away from each window.
    origin: i64,
    size: i64,
    step: i64,
}

/// A window, half open. In the order in which they are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    pub(super) end: i64,
    pub(super) start: i64,
}

impl Grid {
    pub(super) fn new(size: Setting<Duration>, step: Option<Setting<Duration>>) -> Self {
        let mut present = Era { from: i64::MIN, until: i64::MAX, origin: 0, size: 0, step: 0 };
        present.set(&size, step.as_ref());
        Self { size, step, present, earlier: Vec::new() }
    }

    pub(super) fn into_size(self) -> Setting<Duration> {
        self.size
    }

    /// No window begins before that.
    pub(super) fn begin(&mut self, from: i64) {
        self.present.from = from;
    }

    /// The first window with this time in it that ends after the `watermark`.
    #[inline(always)]
    pub(super) fn first(&self, at: i64, watermark: i64) -> Option<Span> {
        let behind = Span { end: watermark, start: i64::MAX };
        if self.earlier.is_empty() { self.present.next(at, behind) } else { self.next_of_all(at, behind) }
    }

    /// The next one with this time in it, behind one that has it too.
    #[inline(always)]
    pub(super) fn following(&self, at: i64, behind: Span) -> Option<Span> {
        if !self.earlier.is_empty() {
            return self.next_of_all(at, behind);
        }
        let Era { size, step, .. } = self.present;
        let start = behind.start.saturating_add(step);
        (start <= at).then(|| Span { start, end: start.saturating_add(size) })
    }

    #[cold]
    fn next_of_all(&self, at: i64, behind: Span) -> Option<Span> {
        self.earlier.iter().chain([&self.present]).filter_map(|era| era.next(at, behind)).min()
    }

    /// Whether a time between two windows is in none of them.
    pub(super) fn is_gap(&self, at: i64) -> bool {
        let first = self.earlier.first().unwrap_or(&self.present);
        first.from <= at && self.first(at, i64::MIN).is_none()
    }

    /// In how many windows an item may be at most.
    pub(super) fn per_item(&self) -> usize {
        let of = |era: &Era| usize::try_from((era.size - 1) / era.step + 1).unwrap_or(usize::MAX);
        self.earlier.iter().map(of).fold(of(&self.present), usize::saturating_add)
    }

    pub(super) fn is_fixed(&self) -> bool {
        self.size.is_fixed() && self.step.as_ref().is_none_or(Setting::is_fixed)
    }

    /// Follows a change of the settings: from the first window on that begins at `from` or later. All that end by `closed`
    /// are closed.
    pub(super) fn follow(&mut self, from: i64, closed: i64) {
        let (size, step) = (self.size.changed(), self.step.as_mut().and_then(Setting::changed));
        if size.is_some() || step.is_some() {
            self.resize(from);
        }
        self.earlier.retain(|era| era.until.saturating_add(era.size) > closed);
    }

    /// The same; else the task is woken by a change, as that holds from when it came.
    pub(super) fn poll_changed(&mut self, from: i64, cx: &mut Context<'_>) {
        let size = self.size.poll_changed(cx);
        let step = self.step.as_mut().map_or(Poll::Pending, |step| step.poll_changed(cx));
        if size.is_ready() || step.is_ready() {
            self.resize(from);
        }
    }

    #[cold]
    fn resize(&mut self, from: i64) {
        let Era { from: began, origin, step, .. } = self.present;
        // Where none has begun there is none to keep.
        if began < from {
            let steps = from.saturating_sub(origin).saturating_add(step - 1).div_euclid(step);
            let next = origin.saturating_add(steps.saturating_mul(step));
            self.earlier.push(Era { until: next, ..self.present });
            (self.present.from, self.present.origin) = (next, next);
        }
        self.present.set(&self.size, self.step.as_ref());
    }
}

impl Era {
    fn set(&mut self, size: &Setting<Duration>, step: Option<&Setting<Duration>>) {
        self.size = nanos(size.get());
        self.step = step.map_or(self.size, |step| nanos(step.get()));
    }

    /// The next window with this time in it behind that one.
    #[inline(always)]
    fn next(&self, at: i64, behind: Span) -> Option<Span> {
        if at < self.from {
            return None;
        }
        // The first time at which it may begin.
        let same_end = behind.end.saturating_sub(self.size);
        let behind = if same_end > behind.start { same_end } else { same_end.saturating_add(1) };
        let earliest = behind.max(at.saturating_sub(self.size) + 1).max(self.from);
        let last = self.last_start(at.min(self.until.saturating_sub(1)));
        if last < earliest {
            return None;
        }
        let start = self.last_start(earliest.saturating_add(self.step - 1));
        Some(Span { start, end: start.saturating_add(self.size) })
    }

    /// The last multiple of the step that is not after that.
    fn last_start(&self, at: i64) -> i64 {
        let steps = at.saturating_sub(self.origin).div_euclid(self.step);
        self.origin.saturating_add(steps.saturating_mul(self.step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As after a change of the largest size, with times as far apart as they may be.
    #[test]
    fn reaches_from_one_end_of_time_to_the_other() {
        let farthest = nanos(Duration::MAX);
        for (origin, at) in [(farthest, -farthest), (-farthest, farthest)] {
            let era = Era { from: i64::MIN, until: i64::MAX, origin, size: farthest, step: farthest };
            assert!(era.last_start(at) <= at);
        }
    }
}
