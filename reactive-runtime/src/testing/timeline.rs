use std::convert::Infallible;
use std::fmt;
use std::time::Duration;

use super::marbles::{Marbles, Mistake, Sign};
use super::watch::Watch;
use crate::fault::Failed;
use crate::units::IntoDuration;

/// What happens when: items at times, then the end, or an error, or nothing for ever.
///
/// Made by [`marbles!`](crate::marbles), of a list by [`of`](Self::of), and by [`record`](super::record()) of what a
/// pipeline gives. It is a source, as such cold: its times count from its first poll. It waits for no demand: what is due is there
/// when it is asked for.
///
/// # Panics
///
/// As a source: when it becomes one and its `#` stands for no error, and when it is polled and the clock is not paused.
#[derive(Clone)]
pub struct Timeline<T, K = Infallible> {
    pub(super) items: Vec<Moment<T>>,
    pub(super) end: Option<(Duration, End<K>)>,
    /// How long it tells what happens.
    pub(super) span: Duration,
    pub(super) tick: Duration,
    pub(super) watch: Option<Watch>,
}

#[derive(Clone)]
pub(super) struct Moment<T> {
    pub(super) at: Duration,
    pub(super) item: T,
    /// Its letter, where it comes of a diagram.
    pub(super) letter: Option<char>,
}

/// How a [`Timeline`] ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End<K> {
    /// There are no more items.
    Complete,
    /// It fails.
    Fault(K),
    /// It fails with whatever: this can only be expected.
    AnyFault,
}

impl Timeline<char> {
    /// A marble diagram of its letters: [`marbles!("-a-b|")`](crate::marbles).
    ///
    /// # Panics
    ///
    /// If the diagram makes no sense.
    #[track_caller]
    pub fn marbles(text: &str) -> Self {
        Self::read(text, Some)
    }
}

impl<T> Timeline<T> {
    /// Items at their times. It has no end, unless [`ends_at`](Self::ends_at) or [`fails_at`](Self::fails_at) adds one.
    ///
    /// # Panics
    ///
    /// If the times are not in order.
    ///
    /// # Examples
    ///
    /// ```
    /// use reactive_runtime::{assert_emits, prelude::*, testing::Timeline, units::ms};
    ///
    /// let source = Timeline::of([(ms(1), 10), (ms(100), 20)]).ends_at(ms(102));
    /// assert_emits!(pipeline! { source |> debounce(2ms) |> take(1) }, "---(a|)", a = 10);
    /// ```
    #[track_caller]
    pub fn of(items: impl IntoIterator<Item = (Duration, T)>) -> Self {
        let items: Vec<_> = items.into_iter().map(|(at, item)| Moment { at, item, letter: None }).collect();
        let late = items.windows(2).find(|pair| pair[1].at < pair[0].at);
        if let Some([before, after]) = late {
            panic!("the times of a timeline are in order, and {:?} stands before {:?}", before.at, after.at);
        }
        let span = items.last().map_or(Duration::ZERO, |last| last.at);
        Self { items, end: None, span, tick: TICK, watch: None }
    }

    /// A marble diagram whose letters stand for values: [`marbles!("-a-b|", a = 1, b = 2)`](crate::marbles).
    ///
    /// # Panics
    ///
    /// If the diagram makes no sense, a letter has no value, or a value no letter.
    #[track_caller]
    pub fn marbles_of(text: &str, values: impl IntoIterator<Item = (&'static str, T)>) -> Self
    where
        T: Clone,
    {
        let values: Vec<_> = values.into_iter().collect();
        for (name, _) in &values {
            assert!(
                text.contains(name) && name.chars().count() == 1,
                "the name `{name}` is no letter of the marble diagram {text:?}"
            );
        }
        let is = |letter: char, name: &str| name.chars().eq([letter]);
        Self::read(text, |letter| {
            values.iter().find(|(name, _)| is(letter, name)).map(|(_, value)| value.clone())
        })
    }

    #[track_caller]
    fn read(text: &str, value: impl Fn(char) -> Option<T>) -> Self {
        let marbles = Marbles::read(text).unwrap_or_else(|mistake| panic!("{mistake}"));
        let (mut items, mut end) = (Vec::new(), None);
        for mark in marbles.marks {
            let at = TICK * mark.tick;
            match mark.sign {
                Sign::End => end = Some((at, End::Complete)),
                Sign::Error => end = Some((at, End::AnyFault)),
                Sign::Item(letter) => {
                    let item = value(letter).unwrap_or_else(|| {
                        let says = format!("`{letter}` has no value: add `{letter} = ..`");
                        panic!("{}", Mistake { text, place: mark.place, says })
                    });
                    items.push(Moment { at, item, letter: Some(letter) });
                }
            }
        }
        Self { items, end, span: TICK * marbles.ticks, tick: TICK, watch: None }
    }

    /// The same, with an end.
    ///
    /// # Panics
    ///
    /// If that is before its last item.
    #[track_caller]
    pub fn ends_at(self, at: impl IntoDuration) -> Self {
        self.with_end(at.into_duration(), End::Complete)
    }

    /// The same, with an error at its end.
    ///
    /// # Panics
    ///
    /// If that is before its last item.
    #[track_caller]
    pub fn fails_at<E>(self, at: impl IntoDuration, error: E) -> Timeline<T, Failed<E>> {
        self.with_end(at.into_duration(), End::Fault(Failed(error)))
    }

    /// What the `#` of a diagram fails with: [`marbles!("-a#", # = error)`](crate::marbles).
    ///
    /// # Panics
    ///
    /// If the diagram has no `#`.
    #[track_caller]
    pub fn failing_with<E>(self, error: E) -> Timeline<T, Failed<E>> {
        match self.end {
            Some((at, End::AnyFault)) => self.with_end(at, End::Fault(Failed(error))),
            _ => panic!("an error is given for a marble diagram without a `#`"),
        }
    }

    #[track_caller]
    fn with_end<L>(self, at: Duration, end: End<L>) -> Timeline<T, L> {
        let Self { items, span, tick, watch, .. } = self;
        assert!(items.last().is_none_or(|last| last.at <= at), "a timeline ends after its last item");
        Timeline { items, end: Some((at, end)), span: span.max(at), tick, watch }
    }
}

/// The time of one character of a diagram, unless told otherwise.
pub(super) const TICK: Duration = Duration::from_millis(1);

impl<T, K> Timeline<T, K> {
    /// The time of one character of the diagram: what stands at 3 ms comes after 3 ticks.
    ///
    /// # Panics
    ///
    /// If it is zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use reactive_runtime::{assert_emits, marbles, prelude::*, units::ms};
    ///
    /// let settled = pipeline! { marbles!("-ab----c|").tick(ms(50)) |> debounce(100ms) };
    /// assert_emits!(settled, marbles!("----b---(c|)").tick(ms(50)));
    /// ```
    #[track_caller]
    pub fn tick(mut self, tick: impl IntoDuration) -> Self {
        let tick = tick.into_duration();
        assert!(!tick.is_zero(), "a tick of zero has no meaning: give it a time such as `10ms`");
        let scale = |at: &mut Duration| {
            let nanos = at.as_nanos().saturating_mul(tick.as_nanos()) / self.tick.as_nanos();
            *at = Duration::from_nanos_u128(nanos.min(Duration::MAX.as_nanos()));
        };
        self.items.iter_mut().for_each(|moment| scale(&mut moment.at));
        self.end.iter_mut().for_each(|(at, _)| scale(at));
        scale(&mut self.span);
        Self { tick, ..self }
    }

    /// Its items, and when they come.
    pub fn items(&self) -> impl ExactSizeIterator<Item = (Duration, &T)> {
        self.items.iter().map(|moment| (moment.at, &moment.item))
    }

    /// When and how it ends; `None`: it does not.
    pub fn end(&self) -> Option<(Duration, &End<K>)> {
        self.end.as_ref().map(|(at, end)| (*at, end))
    }
}

/// The same items and the same end at the same times; however they were written.
impl<T: PartialEq, K: PartialEq> PartialEq for Timeline<T, K> {
    fn eq(&self, other: &Self) -> bool {
        self.items().eq(other.items()) && self.end == other.end
    }
}

impl<T: fmt::Debug, K: fmt::Debug> fmt::Debug for Timeline<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        map.entries(self.items());
        if let Some((at, end)) = self.end() {
            map.entry(&at, end);
        }
        map.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marbles;
    use crate::units::ms;

    #[test]
    fn is_the_same_however_it_is_written() {
        let list = Timeline::of([(ms(1), 'a'), (ms(3), 'b'), (ms(3), 'c')]);
        assert_eq!(list, marbles!("-a-(bc)--"));
        assert_eq!(list.clone().ends_at(ms(4)), marbles!("-a-(bc)|"));
        assert_eq!(list.fails_at(ms(4), "torn"), marbles!("-a-(bc)#", # = "torn"));
        assert_eq!(marbles!("-a|").tick(ms(10)), marbles!("----------a---------|"));
    }

    #[test]
    fn binds_values_to_letters() {
        let twice = marbles!("aba", a = vec![1], b = vec![2]);
        assert_eq!(twice.items().map(|(_, item)| item[0]).collect::<Vec<_>>(), [1, 2, 1]);
    }

    #[test]
    #[should_panic(expected = "`b` has no value: add `b = ..`\n    -a-b|\n       ^")]
    fn points_at_a_letter_without_a_value() {
        let _ = marbles!("-a-b|", a = 1);
    }

    #[test]
    #[should_panic(expected = "the name `c` is no letter of the marble diagram")]
    fn refuses_a_value_without_a_letter() {
        let _ = marbles!("-a|", a = 1, c = 2);
    }

    #[test]
    #[should_panic(expected = "a marble diagram without a `#`")]
    fn refuses_an_error_without_a_place() {
        let _ = marbles!("-a|", # = "torn");
    }

    #[test]
    #[should_panic(expected = "2ms stands before 1ms")]
    fn refuses_times_that_go_back() {
        let _ = Timeline::of([(ms(2), 'a'), (ms(1), 'b')]);
    }
}
