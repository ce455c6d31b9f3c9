//! What was expected and what came, as two diagrams, one below the other.

use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::time::Duration;

use super::emits::Expects;
use super::timeline::{End, Moment, Timeline};

/// The most ticks that are drawn; longer timelines are told as lists.
const TICKS_MAX: u128 = 150;

/// `None`: the same happens at the same times. Else what is different, in words and as diagrams.
pub(super) fn difference<T, L, U, K>(expected: &Timeline<U, L>, actual: &Timeline<T, K>) -> Option<String>
where
    T: PartialEq<U> + Debug,
    U: Debug,
    K: Expects<L> + Debug,
    L: Debug,
{
    let pairs = expected.items().zip(actual.items());
    let same = pairs.take_while(|((at, wanted), (when, given))| at == when && *given == *wanted).count();
    let same_items = same == expected.items.len() && same == actual.items.len();
    if same_items && same_end(expected.end(), actual.end()) {
        return None;
    }
    let mut letters = Letters::default();
    let (expected_row, actual_row) = (Row::of(expected, &mut letters), Row::of(actual, &mut letters));
    let (wanted, given) = (expected_row.after(same), actual_row.after(same));
    Some(format!(
        "the pipeline gives something else than expected; first: expected {wanted}, got {given}\n{}{letters}",
        Rows { expected: &expected_row, actual: &actual_row, tick: expected.tick },
    ))
}

fn same_end<L, K: Expects<L>>(
    expected: Option<(Duration, &End<L>)>,
    actual: Option<(Duration, &End<K>)>,
) -> bool {
    match (expected, actual) {
        (None, None) => true,
        (Some((at, wanted)), Some((when, given))) => {
            let same = match (wanted, given) {
                (End::Complete, End::Complete) => true,
                (End::Fault(wanted), End::Fault(given)) => given.is(wanted),
                (End::AnyFault, End::Fault(_)) => true,
                _ => false,
            };
            at == when && same
        }
        _ => false,
    }
}

/// A timeline, with a letter for everything in it.
struct Row {
    signs: Vec<Sign>,
    span: Duration,
}

struct Sign {
    at: Duration,
    letter: char,
    /// An end, in words.
    end: Option<String>,
}

impl Row {
    fn of<T: Debug, K: Debug>(timeline: &Timeline<T, K>, letters: &mut Letters) -> Self {
        let letter = |moment: &Moment<T>| Sign {
            at: moment.at,
            letter: letters.letter(moment.letter, format!("{:?}", moment.item)),
            end: None,
        };
        let mut signs: Vec<_> = timeline.items.iter().map(letter).collect();
        let end = timeline.end().map(|(at, end)| match end {
            End::Complete => Sign { at, letter: '|', end: Some("the end".to_owned()) },
            End::AnyFault => Sign { at, letter: '#', end: Some("an error".to_owned()) },
            End::Fault(fault) => Sign { at, letter: '#', end: Some(format!("{fault:?}")) },
        });
        signs.extend(end);
        Self { signs, span: timeline.span }
    }

    /// What comes after so many items, in words.
    fn after(&self, items: usize) -> String {
        match self.signs.get(items) {
            Some(Sign { at, end: Some(end), .. }) => format!("{end} at {at:?}"),
            Some(Sign { at, letter, .. }) => format!("`{letter}` at {at:?}"),
            None => "nothing more".to_owned(),
        }
    }

    /// All of it, in words.
    fn list(&self) -> String {
        let signs = self.signs.iter().map(|sign| format!("{} at {:?}", sign.letter, sign.at));
        signs.collect::<Vec<_>>().join(", ")
    }

    /// What stands at a tick, as in a marble diagram.
    fn cell(&self, tick: u128, length: Duration) -> String {
        let at_tick = |sign: &&Sign| sign.at.as_nanos() / length.as_nanos() == tick;
        let letters: String = self.signs.iter().filter(at_tick).map(|sign| sign.letter).collect();
        let over = self
            .signs
            .last()
            .is_some_and(|last| last.end.is_some() && last.at.as_nanos() < tick * length.as_nanos());
        match letters.chars().count() {
            0 if over => String::new(),
            0 => "-".to_owned(),
            1 => letters,
            _ => format!("({letters})"),
        }
    }
}

/// Both rows, a column a tick.
struct Rows<'a> {
    expected: &'a Row,
    actual: &'a Row,
    tick: Duration,
}

impl fmt::Display for Rows<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = [("expected:", self.expected), ("actual:", self.actual)];
        let signs = || rows.iter().flat_map(|(_, row)| &row.signs);
        let last = signs().map(|sign| sign.at).max().unwrap_or_default();
        let ticks = (last.as_nanos() / self.tick.as_nanos() + 1)
            .max(self.expected.span.as_nanos() / self.tick.as_nanos());
        let on_the_grid = signs().all(|sign| sign.at.as_nanos().is_multiple_of(self.tick.as_nanos()));
        for (name, row) in rows {
            let told = if on_the_grid && ticks <= TICKS_MAX { self.drawn(row, ticks) } else { row.list() };
            writeln!(f, "  {name:10}{}", told.trim_end())?;
        }
        Ok(())
    }
}

impl Rows<'_> {
    fn drawn(&self, row: &Row, ticks: u128) -> String {
        let cell = |tick| {
            let width = |row: &Row| row.cell(tick, self.tick).chars().count();
            let width = width(self.expected).max(width(self.actual));
            format!("{:width$}", row.cell(tick, self.tick))
        };
        (0..ticks).map(cell).collect()
    }
}

/// What the letters stand for.
#[derive(Default)]
struct Letters(BTreeMap<char, String>);

impl Letters {
    /// The letter of a value: the one it has, the value itself where that is a letter, or a free one.
    fn letter(&mut self, given: Option<char>, value: String) -> char {
        let known = self.0.iter().find(|(_, known)| **known == value).map(|(letter, _)| *letter);
        let is_free = |letter: &char| !self.0.contains_key(letter);
        let mut free = ('a'..='z').chain('A'..='Z').filter(is_free);
        let letter = given.or(known).or_else(|| itself(&value).filter(is_free)).or_else(|| free.next());
        let letter = letter.unwrap_or('?');
        self.0.insert(letter, value);
        letter
    }
}

/// The letter or digit that a value is.
fn itself(value: &str) -> Option<char> {
    let inner = value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).unwrap_or(value);
    let mut letters = inner.chars();
    letters.next().filter(|letter| letters.next().is_none() && letter.is_alphanumeric())
}

impl fmt::Display for Letters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = self.0.iter().filter(|(letter, value)| itself(value) != Some(**letter));
        for (index, (letter, value)) in told.enumerate() {
            write!(f, "{}{letter} = {value}", if index == 0 { "  where " } else { ", " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marbles;
    use crate::units::ms;

    #[track_caller]
    fn assert_told(told: Option<String>, lines: &[&str]) {
        let told = told.expect("a difference");
        assert_eq!(told.lines().collect::<Vec<_>>(), lines, "\n{told}");
    }

    #[test]
    fn is_none_where_the_same_happens() {
        assert_eq!(difference(&marbles!("-a-(bc)|"), &marbles!("-a-(bc)|")), None);
        assert_eq!(difference(&marbles!("-a-#"), &marbles!("-a-#", # = "torn")), None);
        assert_eq!(difference(&marbles!("-a-#", # = "torn"), &marbles!("-a-#", # = "torn")), None);
        assert_eq!(difference(&marbles!("-a---"), &marbles!("-a")), None);
    }

    #[test]
    fn shows_both_aligned() {
        assert_told(
            difference(&marbles!("-a-(bc)-|"), &marbles!("-a-b-c|")),
            &[
                "the pipeline gives something else than expected; first: expected `c` at 3ms, got `c` at 5ms",
                "  expected: -a-(bc)-|",
                "  actual:   -a-b   -c|",
            ],
        );
    }

    #[test]
    fn says_what_letters_stand_for() {
        let expected = marbles!("x-y-|", x = "one", y = "two");
        let actual = Timeline::of([(ms(0), "one"), (ms(2), "three")]).fails_at(ms(3), "torn");
        assert_told(
            difference(&expected, &actual),
            &[
                "the pipeline gives something else than expected; first: expected `y` at 2ms, got `a` at 2ms",
                "  expected: x-y-|",
                "  actual:   x-a#",
                "  where a = \"three\", x = \"one\", y = \"two\"",
            ],
        );
    }

    #[test]
    fn tells_ends_that_differ() {
        let told = |expected: &Timeline<char>, actual: &Timeline<char>| difference(expected, actual).unwrap();
        assert!(
            told(&marbles!("a-|"), &marbles!("a--")).contains("expected the end at 2ms, got nothing more")
        );
        assert!(
            told(&marbles!("a--"), &marbles!("a-|")).contains("expected nothing more, got the end at 2ms")
        );
        assert!(told(&marbles!("a-#"), &marbles!("a-|")).contains("expected an error at 2ms, got the end"));
        let torn = |error| marbles!("a-#", # = error);
        assert!(
            difference(&torn("a"), &torn("b"))
                .unwrap()
                .contains("expected Failed(\"a\") at 2ms, got Failed(\"b\") at 2ms")
        );
    }

    #[test]
    fn lists_what_does_not_fit_a_diagram() {
        let off = Timeline::of([(ms(1), 7), (ms(15), 8)]);
        let told = difference(&Timeline::of([(ms(10), 7)]).tick(ms(10)), &off).unwrap();
        assert!(told.contains("\n  actual:   7 at 1ms, 8 at 15ms\n"), "{told}");
        let told = difference(&Timeline::of([(ms(10), 7)]), &Timeline::of([(ms(90_000), 7)])).unwrap();
        assert!(told.contains("\n  actual:   7 at 90s\n"), "{told}");
    }
}
