//! The one table of operators. Each row is a hint: an operator that is not in it works, only unfused, or without the early
//! message.

/// What the macro may know of an operator.
pub(crate) struct Row {
    name: &'static str,
    /// It is a step: runs of steps fuse into one loop.
    pub(crate) fuses: bool,
    /// Its first argument is a source.
    pub(crate) takes_source: bool,
    /// What to say when its first argument is a literal zero, where that has no meaning.
    pub(crate) no_zero: Option<&'static str>,
}

impl Row {
    const fn no_zero(self, message: &'static str) -> Self {
        Self { no_zero: Some(message), ..self }
    }
}

const fn stage(name: &'static str) -> Row {
    Row { name, fuses: false, takes_source: false, no_zero: None }
}

const fn step(name: &'static str) -> Row {
    Row { fuses: true, ..stage(name) }
}

const fn combine(name: &'static str) -> Row {
    Row { takes_source: true, ..stage(name) }
}

const OPERATORS: &[Row] = &[
    stage("batch").no_zero("a batch of 0 items has no meaning: give it a size of at least 1"),
    combine("concat"),
    step("distinct"),
    step("distinct_by"),
    step("distinct_until_changed"),
    step("distinct_until_changed_by"),
    step("enumerate"),
    step("filter"),
    step("filter_map"),
    step("inspect"),
    stage("interval").no_zero("an interval of 0 has no meaning: give it a period such as `100ms`"),
    step("map"),
    step("map_while"),
    combine("merge"),
    step("pairwise"),
    step("scan"),
    step("skip"),
    step("skip_last"),
    step("skip_while"),
    step("step_by").no_zero("each 0th item has no meaning: give it a count of at least 1"),
    step("take"),
    step("take_while"),
    stage("window").no_zero("a window of 0 items has no meaning: give it a size of at least 1"),
    combine("zip"),
];

pub(crate) fn row(name: &str) -> Option<&'static Row> {
    OPERATORS.iter().find(|row| row.name == name)
}
