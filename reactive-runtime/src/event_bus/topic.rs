use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::name::{Flaw, Tokens, flaw};

/// The name under which an event is published: tokens between dots, as in `migration.users.done`.
///
/// A token is not empty and holds neither whitespace nor wildcards; upper and lower case differ. There are at most 64. Its
/// clones share the text, so keep one for events that go out often.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Topic(Arc<str>);

impl Topic {
    /// Checks a name.
    ///
    /// # Errors
    ///
    /// If the name is no topic.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::event_bus::Topic;
    /// assert!(Topic::new("migration.users").is_ok());
    /// assert_eq!(
    ///     Topic::new("migration..users").unwrap_err().to_string(),
    ///     "`migration..users` is no topic: token 2 is empty",
    /// );
    /// ```
    pub fn new(name: impl AsRef<str>) -> Result<Self, BadTopic> {
        let name = name.as_ref();
        let wildcard = || name.contains(['*', '>']).then_some(Flaw::WildcardInTopic);
        match wildcard().or_else(|| flaw(name)) {
            None => Ok(Self(name.into())),
            Some(flaw) => Err(BadTopic { name: name.to_owned(), flaw }),
        }
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its tokens, at least one.
    pub fn tokens(&self) -> impl Iterator<Item = &str> + Clone {
        self.names()
    }

    pub(super) fn names(&self) -> Tokens<'_> {
        self.0.split('.')
    }
}

/// What names a topic: a text, which is checked, or a [`Topic`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` names no topic",
    label = "not a text or a `Topic`",
    note = "an event is published to a `&str`, a `String` or a `Topic`: `publish(\"migration.users\", &event)`"
)]
pub trait IntoTopic {
    /// The topic.
    ///
    /// # Errors
    ///
    /// If the text is no topic.
    fn into_topic(self) -> Result<Topic, BadTopic>;
}

impl IntoTopic for Topic {
    fn into_topic(self) -> Result<Topic, BadTopic> {
        Ok(self)
    }
}

impl IntoTopic for &Topic {
    fn into_topic(self) -> Result<Topic, BadTopic> {
        Ok(self.clone())
    }
}

impl IntoTopic for &str {
    fn into_topic(self) -> Result<Topic, BadTopic> {
        Topic::new(self)
    }
}

impl IntoTopic for String {
    fn into_topic(self) -> Result<Topic, BadTopic> {
        Topic::new(self)
    }
}

impl IntoTopic for &String {
    fn into_topic(self) -> Result<Topic, BadTopic> {
        Topic::new(self)
    }
}

impl FromStr for Topic {
    type Err = BadTopic;

    fn from_str(name: &str) -> Result<Self, BadTopic> {
        Self::new(name)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A name that is no [`Topic`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadTopic {
    /// The name.
    pub name: String,
    /// What is wrong with it.
    pub flaw: Flaw,
}

impl fmt::Display for BadTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no topic: {}", self.name, self.flaw)
    }
}

impl Error for BadTopic {}
