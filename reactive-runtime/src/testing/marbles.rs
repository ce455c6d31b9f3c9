use std::fmt;

/// Writes what happens when: one character a tick, which is a millisecond unless [`tick`] says otherwise.
///
/// | | |
/// |---|---|
/// | `-` | nothing, for a tick |
/// | `a` | an item, and a tick passes |
/// | `(ab)` | several items at the same instant; a group takes one tick, however long it is |
/// | <code>&#124;</code> | the end; also in a group: <code>(ab&#124;)</code> |
/// | `#` | an error, which is the end too |
/// | space | nothing at all, to align diagrams |
///
/// The first character stands at time 0. A diagram without an end goes on for ever, and gives nothing more.
///
/// Items are the characters themselves, or what is bound to their names: then each letter must be bound, and each name
/// must stand in the diagram. `# = error` says what `#` fails with; without it `#` is any error, which can be expected but not
/// given.
///
/// It makes a [`Timeline`](crate::testing::Timeline), which is a source, and what
/// [`assert_emits!`](crate::assert_emits) compares with.
///
/// [`tick`]: crate::testing::Timeline::tick
///
/// # Panics
///
/// If the diagram makes no sense, with a caret below the place.
///
/// # Examples
///
/// ```
/// use reactive_runtime::{assert_emits, marbles, prelude::*};
///
/// let source = marbles!("-a-b-(cd)#", a = 1, b = 2, c = 3, d = 4, # = "torn");
/// let doubled = pipeline! { source |> map(|x| x * 2) };
/// assert_emits!(doubled, "-a-b-(cd)#", a = 2, b = 4, c = 6, d = 8, # = "torn");
/// ```
#[macro_export]
macro_rules! marbles {
    ($text:expr $(, # = $error:expr)? $(,)?) => {
        $crate::testing::Timeline::marbles($text)$(.failing_with($error))?
    };
    ($text:expr, $($name:ident = $value:expr),+ $(, # = $error:expr)? $(,)?) => {
        $crate::testing::Timeline::marbles_of($text, [$((stringify!($name), $value)),+])
            $(.failing_with($error))?
    };
}

/// A marble diagram, read.
#[derive(Debug)]
pub(super) struct Marbles {
    pub(super) marks: Vec<Mark>,
    /// How many ticks it takes.
    pub(super) ticks: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) tick: u32,
    pub(super) sign: Sign,
    /// Where it stands in the text, in characters.
    pub(super) place: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Item(char),
    End,
    Error,
}

/// What is wrong with a diagram, and where.
#[derive(Debug)]
pub(super) struct Mistake<'a> {
    pub(super) text: &'a str,
    pub(super) place: usize,
    pub(super) says: String,
}

impl fmt::Display for Mistake<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, place, says } = self;
        write!(f, "a marble diagram makes no sense: {says}\n    {text}\n    {:place$}^", "")
    }
}

impl Marbles {
    pub(super) fn read(text: &str) -> Result<Self, Mistake<'_>> {
        let mistake = |place, says: &str| Mistake { text, place, says: says.to_owned() };
        let mut marks = Vec::<Mark>::new();
        let (mut ticks, mut group) = (0, None);
        for (place, character) in text.chars().enumerate() {
            let over = marks.last().is_some_and(|mark| !matches!(mark.sign, Sign::Item(_)));
            match character {
                ' ' => continue,
                ')' if group.take().is_some() => {}
                ')' => return Err(mistake(place, "no group was opened")),
                _ if over => return Err(mistake(place, "nothing can follow the end")),
                '(' if group.is_some() => return Err(mistake(place, "a group cannot hold a group")),
                '(' => group = Some(place),
                '-' if group.is_some() => {
                    return Err(mistake(place, "no time passes in a group, which is one instant"));
                }
                '-' => {}
                '|' => marks.push(Mark { tick: ticks, sign: Sign::End, place }),
                '#' => marks.push(Mark { tick: ticks, sign: Sign::Error, place }),
                '\t' | '\n' => return Err(mistake(place, "a diagram is one line, aligned with spaces")),
                letter => marks.push(Mark { tick: ticks, sign: Sign::Item(letter), place }),
            }
            ticks += u32::from(group.is_none());
        }
        match group {
            Some(place) => Err(mistake(place, "the group is not closed")),
            None => Ok(Self { marks, ticks }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(u32, char)> {
        let sign = |sign| match sign {
            Sign::Item(letter) => letter,
            Sign::End => '|',
            Sign::Error => '#',
        };
        Marbles::read(text).unwrap().marks.into_iter().map(|mark| (mark.tick, sign(mark.sign))).collect()
    }

    #[test]
    fn gives_a_tick_to_a_character_and_to_a_group() {
        assert_eq!(read("-a-b|"), [(1, 'a'), (3, 'b'), (4, '|')]);
        assert_eq!(read("(ab)c(d#)"), [(0, 'a'), (0, 'b'), (1, 'c'), (2, 'd'), (2, '#')]);
        assert_eq!(read("a  - b"), [(0, 'a'), (2, 'b')]);
        assert_eq!(Marbles::read("(abc)--").unwrap().ticks, 3);
        assert_eq!(read(""), []);
    }

    #[test]
    fn points_at_a_mistake() {
        for (text, caret, says) in [
            ("-(ab-|", "    ^", "no time passes in a group"),
            ("-(ab", " ^", "not closed"),
            ("-a)", "  ^", "no group was opened"),
            ("((a)", " ^", "cannot hold a group"),
            ("-|-a", "  ^", "nothing can follow the end"),
            ("ä#|", "  ^", "nothing can follow the end"),
            ("(|a)", "  ^", "nothing can follow the end"),
            ("a\tb", " ^", "aligned with spaces"),
        ] {
            let told = Marbles::read(text).unwrap_err().to_string();
            assert!(told.contains(says), "{told}");
            assert!(told.ends_with(&format!("\n    {text}\n    {caret}")), "{told}");
        }
    }
}
