use std::error::Error;
use std::fmt;

/// Who reads was too slow, and missed so many items: a `broadcast` receiver, or a branch that may
/// [fail when it is late](crate::Pipe::fail_late).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lagged(pub u64);

impl fmt::Display for Lagged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the receiver lagged behind and lost {} messages", self.0)
    }
}

impl Error for Lagged {}
