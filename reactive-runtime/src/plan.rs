//! What a pipeline consists of, as static data: the name, the text and the line of each stage.

use std::fmt;

/// The stages of a pipeline, as written in `pipeline!`.
///
/// # Examples
///
/// ```
/// # use reactive_runtime::prelude::*;
/// let pipe = pipeline! { 0..9 |> map(|x| x + 1) |> batch(3) };
/// let plan = pipe.plan().expect("written with `pipeline!`");
/// assert_eq!(plan.stages[1].name, "batch");
/// assert_eq!(plan.stages[1].source, "batch(3)");
/// ```
///
/// A pipeline may have a name, which reports and traces say:
///
/// ```
/// # use reactive_runtime::prelude::*;
/// let pipe = pipeline! { "numbers": 0..9 |> map(|x| x + 1) };
/// assert_eq!(pipe.plan().expect("written with `pipeline!`").name, Some("numbers"));
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its name, where it has one: `pipeline! { "name": source |> .. }`.
    pub name: Option<&'static str>,
    /// The text of the source.
    pub source: &'static str,
    /// The file that the pipeline is written in.
    pub file: &'static str,
    /// The line of its source, from 1; 0 where the compiler does not tell.
    pub line: u32,
    /// Its stages, from the source down.
    pub stages: &'static [PlanEntry],
}

/// One stage of a [`Plan`].
#[derive(Debug, PartialEq, Eq)]
pub struct PlanEntry {
    /// The name of its operator.
    pub name: &'static str,
    /// Its text, as written.
    pub source: &'static str,
    /// Its line, from 1; 0 where the compiler does not tell.
    pub line: u32,
}

impl fmt::Display for Plan {
    /// One line a stage: `migrate.rs:40  "users": rows`, `migrate.rs:41  |> batch(100)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}  ", self.file, self.line)?;
        if let Some(name) = self.name {
            write!(f, "{name:?}: ")?;
        }
        write!(f, "{}", self.source)?;
        for stage in self.stages {
            write!(f, "\n{}:{}  |> {}", self.file, stage.line, stage.source)?;
        }
        Ok(())
    }
}
