use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use crate::processor::Failure;

/// What the validation of a transformer gives: whether a result is valid, and if not, why.
///
/// A `bool`, a `Result<(), _>` whose error says why, or all violations, as [`Rules`] finds them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say whether an item is valid",
    label = "expected a `bool`, a `Result<(), _>`, or a `Vec<Violation>`"
)]
pub trait Verdict {
    /// Every reason why it is not.
    fn violations(self) -> Vec<Violation>;
}

impl Verdict for bool {
    fn violations(self) -> Vec<Violation> {
        if self { Vec::new() } else { vec![Violation { rule: VALIDATION, reason: None }] }
    }
}

impl<E: fmt::Display> Verdict for Result<(), E> {
    fn violations(self) -> Vec<Violation> {
        let violation = |error: E| Violation { rule: VALIDATION, reason: Some(error.to_string()) };
        self.err().map(violation).into_iter().collect()
    }
}

impl Verdict for Vec<Violation> {
    fn violations(self) -> Vec<Violation> {
        self
    }
}

/// The rule where there is but one.
const VALIDATION: Cow<'static, str> = Cow::Borrowed("validation");

/// A rule that a result breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Violation {
    /// The name of the rule.
    pub rule: Cow<'static, str>,
    /// How it is broken, where the rule says so.
    pub reason: Option<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Some(reason) => write!(f, "{}: {reason}", self.rule),
            None => f.write_str(&self.rule),
        }
    }
}

/// A result is not valid: the error of a [`Failure`] of a transformer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// Every rule that it breaks, in their order.
    pub violations: Vec<Violation>,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid: ")?;
        for (i, violation) in self.violations.iter().enumerate() {
            write!(f, "{}{violation}", if i == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl Error for Invalid {}

impl Failure {
    /// Every rule that the result of a transformer breaks; none if it failed otherwise.
    pub fn violations(&self) -> &[Violation] {
        self.error.downcast_ref().map_or(&[], |Invalid { violations }| violations)
    }
}

/// Several rules for results, all of which are looked at.
///
/// # Examples
///
/// ```
/// use reactive_runtime::transformer::Rules;
///
/// let rules = Rules::new()
///     .rule("name", |(name, _): &(&str, u32)| !name.is_empty())
///     .rule("age", |(_, age)| if *age < 150 { Ok(()) } else { Err(format!("{age} years")) });
/// assert_eq!(rules.check(&("ann", 30)), []);
/// let violations = rules.check(&("", 200));
/// assert_eq!(violations.iter().map(ToString::to_string).collect::<Vec<_>>(), ["name", "age: 200 years"]);
/// ```
pub struct Rules<U> {
    rules: Vec<(Cow<'static, str>, Rule<U>)>,
}

type Rule<U> = Box<dyn Fn(&U) -> Vec<Violation> + Send + Sync>;

impl<U> Rules<U> {
    /// No rules.
    pub fn new() -> Self {
        Self { rules: Vec::new() }
    }

    /// One rule more: whether a result keeps it, or how it breaks it.
    #[must_use]
    pub fn rule<V: Verdict>(
        mut self,
        name: impl Into<Cow<'static, str>>,
        rule: impl Fn(&U) -> V + Send + Sync + 'static,
    ) -> Self {
        self.rules.push((name.into(), Box::new(move |result| rule(result).violations())));
        self
    }

    /// Every rule that the result breaks, in the order in which they were added.
    pub fn check(&self, result: &U) -> Vec<Violation> {
        let broken = self.rules.iter().flat_map(|(name, rule)| {
            rule(result).into_iter().map(|violation| Violation { rule: name.clone(), ..violation })
        });
        broken.collect()
    }
}

impl<U> Default for Rules<U> {
    fn default() -> Self {
        Self::new()
    }
}

impl<U> fmt::Debug for Rules<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.rules.iter().map(|(name, _)| name)).finish()
    }
}
