//! What topics and patterns share: names that consist of tokens.

use std::fmt;
use std::str::Split;

/// The parts of a name.
pub(super) type Tokens<'a> = Split<'a, char>;

/// How many tokens a name may have. It bounds how deep the tree of patterns is.
const TOKENS: usize = 64;

/// Why a name is no topic, or no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flaw {
    /// The token at this place, counted from 1, is empty.
    EmptyToken(usize),
    /// The token at this place, counted from 1, holds whitespace.
    Whitespace(usize),
    /// The token at this place, counted from 1, holds a `*` or a `>`, and other characters.
    WildcardInToken(usize),
    /// There is a token behind `>`.
    RestNotLast,
    /// It is a topic, and holds a `*` or a `>`.
    WildcardInTopic,
    /// It has more than 64 tokens.
    TooManyTokens,
}

/// The first flaw of a name, wildcards apart that have a token to themselves.
pub(super) fn flaw(name: &str) -> Option<Flaw> {
    let of_token = |(at, token): (usize, &str)| match token {
        _ if at == TOKENS => Some(Flaw::TooManyTokens),
        "" => Some(Flaw::EmptyToken(at + 1)),
        "*" | ">" => None,
        _ if token.contains(['*', '>']) => Some(Flaw::WildcardInToken(at + 1)),
        _ if token.contains(char::is_whitespace) => Some(Flaw::Whitespace(at + 1)),
        _ => None,
    };
    name.split('.').enumerate().find_map(of_token)
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyToken(at) => write!(f, "token {at} is empty"),
            Self::Whitespace(at) => write!(f, "token {at} holds whitespace"),
            Self::WildcardInToken(at) => {
                write!(
                    f,
                    "token {at} holds a wildcard among other characters: `*` and `>` stand alone, as in `a.*`"
                )
            }
            Self::RestNotLast => write!(f, "`>` stands for all that follows, so it is the last token"),
            Self::WildcardInTopic => {
                write!(f, "wildcards are for those who subscribe, one publishes to one topic")
            }
            Self::TooManyTokens => write!(f, "it has more than {TOKENS} tokens"),
        }
    }
}
