//! Rows that are no good, and why.

use std::fmt;

/// A row that cannot be migrated, whole, as it stood in its file.
#[derive(Debug)]
pub struct Reject {
    /// The line on which the row begins; the first of the file is line 1.
    pub line: u64,
    pub raw: Vec<u8>,
    pub reason: Reason,
}

/// Why a row is no good: a kind to count, and words to understand it by.
#[derive(Debug)]
pub struct Reason {
    pub kind: Kind,
    pub detail: String,
}

/// What rejects are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    FieldCount,
    Encoding,
    Missing,
    Format,
    Range,
    Contradiction,
    Duplicate,
}

impl Reason {
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.detail)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::FieldCount => "wrong number of fields",
            Self::Encoding => "not UTF-8",
            Self::Missing => "missing value",
            Self::Format => "malformed value",
            Self::Range => "out of range",
            Self::Contradiction => "contradiction",
            Self::Duplicate => "duplicate key",
        })
    }
}
