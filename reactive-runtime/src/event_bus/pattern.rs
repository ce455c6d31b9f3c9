use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::name::{Flaw, Tokens, flaw};
use super::topic::Topic;

/// Which topics a subscriber wants: a topic in which `*` stands for exactly one token, and `>` at the end for one or more.
///
/// The rules are those of [NATS subjects](https://docs.nats.io/nats-concepts/subjects). A wildcard has a token to itself:
/// `us*.orders` is refused, where NATS would take it for a name.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Pattern(Arc<str>);

/// A part of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Name(&'a str),
    /// `*`
    One,
    /// `>`
    Rest,
}

impl Pattern {
    /// Checks a name.
    ///
    /// # Errors
    ///
    /// If the name is no pattern.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::event_bus::Pattern;
    /// assert!(Pattern::new("migration.*.done").is_ok());
    /// assert_eq!(
    ///     Pattern::new("migration.>.done").unwrap_err().to_string(),
    ///     "`migration.>.done` is no pattern: `>` stands for all that follows, so it is the last token",
    /// );
    /// ```
    pub fn new(name: impl AsRef<str>) -> Result<Self, BadPattern> {
        let name = name.as_ref();
        let misplaced =
            || name.split('.').rev().skip(1).any(|token| token == ">").then_some(Flaw::RestNotLast);
        match flaw(name).or_else(misplaced) {
            None => Ok(Self(name.into())),
            Some(flaw) => Err(BadPattern { name: name.to_owned(), flaw }),
        }
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it takes what is published to this topic.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::event_bus::{Pattern, Topic};
    /// let topic = Topic::new("migration.users.done")?;
    /// assert!(Pattern::new("migration.>")?.matches(&topic));
    /// assert!(!Pattern::new("migration.*")?.matches(&topic));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn matches(&self, topic: &Topic) -> bool {
        let mut names = topic.tokens();
        for token in self.tokens() {
            match (token, names.next()) {
                (Token::Rest, Some(_)) => return true,
                (Token::One, Some(_)) => {}
                (Token::Name(expected), Some(name)) if expected == name => {}
                _ => return false,
            }
        }
        names.next().is_none()
    }

    /// Whether there is a topic that both take.
    pub fn overlaps(&self, other: &Self) -> bool {
        let (mut ours, mut theirs) = (self.tokens(), other.tokens());
        loop {
            match (ours.next(), theirs.next()) {
                (None, None) => return true,
                (None, _) | (_, None) => return false,
                (Some(Token::Rest), _) | (_, Some(Token::Rest)) => return true,
                (Some(Token::Name(ours)), Some(Token::Name(theirs))) if ours != theirs => return false,
                _ => {}
            }
        }
    }

    pub(super) fn tokens(&self) -> impl Iterator<Item = Token<'_>> {
        self.names().map(Token::of)
    }

    pub(super) fn names(&self) -> Tokens<'_> {
        self.0.split('.')
    }
}

impl<'a> Token<'a> {
    pub(super) fn of(token: &'a str) -> Self {
        match token {
            "*" => Self::One,
            ">" => Self::Rest,
            name => Self::Name(name),
        }
    }
}

/// What says which topics are wanted: a text, which is checked, or a [`Pattern`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no pattern of topics",
    label = "not a text or a `Pattern`",
    note = "one subscribes with a `&str`, a `String` or a `Pattern`: `subscribe::<Event>(\"migration.>\")`"
)]
pub trait IntoPattern {
    /// The pattern.
    ///
    /// # Errors
    ///
    /// If the text is no pattern.
    fn into_pattern(self) -> Result<Pattern, BadPattern>;
}

impl IntoPattern for Pattern {
    fn into_pattern(self) -> Result<Pattern, BadPattern> {
        Ok(self)
    }
}

impl IntoPattern for &Pattern {
    fn into_pattern(self) -> Result<Pattern, BadPattern> {
        Ok(self.clone())
    }
}

impl IntoPattern for &str {
    fn into_pattern(self) -> Result<Pattern, BadPattern> {
        Pattern::new(self)
    }
}

impl IntoPattern for String {
    fn into_pattern(self) -> Result<Pattern, BadPattern> {
        Pattern::new(self)
    }
}

impl IntoPattern for &String {
    fn into_pattern(self) -> Result<Pattern, BadPattern> {
        Pattern::new(self)
    }
}

impl FromStr for Pattern {
    type Err = BadPattern;

    fn from_str(name: &str) -> Result<Self, BadPattern> {
        Self::new(name)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A name that is no [`Pattern`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadPattern {
    /// The name.
    pub name: String,
    /// What is wrong with it.
    pub flaw: Flaw,
}

impl fmt::Display for BadPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no pattern: {}", self.name, self.flaw)
    }
}

impl Error for BadPattern {}
