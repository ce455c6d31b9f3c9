//! What the configs share: wrong fields are told all at once, and durations are text (`"30s"`) or seconds (`30.0`).

#[cfg(feature = "serde")]
pub(crate) mod duration;
pub(crate) mod fields;

use std::fmt;

/// Every wrong field of a config, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    fields: Vec<WrongField>,
}

/// A field of a config that has no meaning as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongField {
    /// The name of the field.
    pub name: &'static str,
    /// What it should be, and what it is.
    pub problem: String,
}

impl ConfigError {
    /// The wrong fields, in the order of the config.
    pub fn fields(&self) -> &[WrongField] {
        &self.fields
    }

    /// What is wrong with several configs, in their order.
    #[cfg(all(feature = "time", feature = "rt"))]
    pub(crate) fn of_all(configs: impl IntoIterator<Item = Result<(), Self>>) -> Result<(), Self> {
        Checks(configs.into_iter().filter_map(Result::err).flat_map(|error| error.fields).collect()).finish()
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, WrongField { name, problem }) in self.fields.iter().enumerate() {
            write!(f, "{}{name} {problem}", if i == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// Gathers what is wrong with a config.
#[derive(Debug, Default)]
pub(crate) struct Checks(Vec<WrongField>);

impl Checks {
    /// `expected` says what `value` should be, and is told if it is not `right`.
    pub(crate) fn field(&mut self, name: &'static str, value: impl fmt::Debug, right: bool, expected: &str) {
        if !right {
            self.0.push(WrongField { name, problem: format!("must be {expected}, and is {value:?}") });
        }
    }

    pub(crate) fn finish(self) -> Result<(), ConfigError> {
        if self.0.is_empty() { Ok(()) } else { Err(ConfigError { fields: self.0 }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_every_wrong_field() {
        let mut checks = Checks::default();
        checks.field("size", 0, false, "at least 1");
        checks.field("rate", 1.0, true, "positive");
        checks.field("share", f64::NAN, false, "from 0.0 to 1.0");
        let error = checks.finish().unwrap_err();
        assert_eq!(error.fields().len(), 2);
        assert_eq!(
            error.to_string(),
            "size must be at least 1, and is 0; share must be from 0.0 to 1.0, and is NaN"
        );
        assert_eq!(Checks::default().finish(), Ok(()));
    }
}
