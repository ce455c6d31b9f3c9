//! The one table of operators. Each row is a hint: an operator that is not in it works, only unfused, or without the early
//! message.

/// What the macro may know of an operator.
pub(crate) struct Row {
    name: &'static str,
    /// It is a step: runs of steps fuse into one loop.
    pub(crate) fuses: bool,
    /// Its first argument is a source.
    pub(crate) takes_source: bool,
    /// Which arguments have no meaning when they are zero.
    pub(crate) nonzero: &'static [Nonzero],
}

/// An argument that must not be zero, and what to say then.
pub(crate) struct Nonzero {
    pub(crate) argument: Argument,
    pub(crate) message: &'static str,
}

pub(crate) enum Argument {
    Position(usize),
}

const fn step(name: &'static str) -> Row {
    Row { name, fuses: true, takes_source: false, nonzero: &[] }
}

const fn combines(name: &'static str) -> Row {
    Row { name, fuses: false, takes_source: true, nonzero: &[] }
}

const fn nonzero(name: &'static str, nonzero: &'static [Nonzero]) -> Row {
    Row { name, fuses: false, takes_source: false, nonzero }
}

const OPERATORS: &[Row] = &[
    nonzero(
        "batch",
        &[Nonzero {
            argument: Argument::Position(0),
            message: "a batch of 0 items has no meaning: give it a size of at least 1",
        }],
    ),
    combines("concat"),
    step("enumerate"),
    step("filter"),
    step("filter_map"),
    step("inspect"),
    nonzero(
        "interval",
        &[Nonzero {
            argument: Argument::Position(0),
            message: "an interval of 0 has no meaning: give it a period such as `100ms`",
        }],
    ),
    step("map"),
    combines("merge"),
    step("scan"),
    step("skip"),
    step("take"),
    combines("zip"),
];

pub(crate) fn row(name: &str) -> Option<&'static Row> {
    OPERATORS.iter().find(|row| row.name == name)
}
