//! Whatever may go wrong. Only one kind of it is survived: a bad row.

use std::path::{Path, PathBuf};
use std::{fmt, io};

use reactive_runtime::prelude::*;
use reactive_runtime::processor::ProcessError;

use crate::reject::Reject;
use crate::sink::Refused;

#[derive(Debug)]
pub enum Error {
    /// One row is no good. It goes to the dead letters, and the run goes on; every other error ends the run.
    Row(Reject),
    /// The command line is not understood.
    Usage(String),
    /// A file or a directory: what could not be done with it, why, and what helps.
    File { failed: &'static str, path: PathBuf, cause: io::Error, advice: &'static str },
    /// A CSV file that does not begin with the header of its table.
    Header { file: &'static str, problem: String },
    /// SQLite does not do what it is told.
    Database(rusqlite::Error),
    /// It has failed so often that it is left alone.
    Unavailable,
    /// The processor does not transform any more.
    Processor(String),
}

impl Error {
    /// For `map_err`: gives an I/O error the path, and the advice that it lacks.
    pub fn file<E: Into<io::Error>>(
        failed: &'static str,
        path: &Path,
        advice: &'static str,
    ) -> impl FnOnce(E) -> Self {
        move |cause| Self::File { failed, path: path.to_owned(), cause: cause.into(), advice }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Row(reject) => write!(f, "line {}: {}", reject.line, reject.reason),
            Self::Usage(problem) => f.write_str(problem),
            Self::File { failed, path, cause, advice } => {
                write!(f, "cannot {failed} {}: {cause}\n  help: {advice}", path.display())
            }
            Self::Header { file, problem } => write!(
                f,
                "{file}: {problem}\n  help: its first line must name the columns, as in examples/data/nycflights13"
            ),
            Self::Database(error) => write!(f, "the database: {error}"),
            Self::Unavailable => f.write_str(
                "the database: it has failed too often, and the circuit breaker is open\n  help: try again later",
            ),
            Self::Processor(problem) => write!(f, "the processor: {problem}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File { cause, .. } => Some(cause),
            Self::Database(error) => Some(error),
            Self::Row(_) | Self::Usage(_) | Self::Header { .. } | Self::Unavailable | Self::Processor(_) => {
                None
            }
        }
    }
}

impl From<Reject> for Error {
    fn from(reject: Reject) -> Self {
        Self::Row(reject)
    }
}

impl<T> From<ProcessError<T>> for Error {
    fn from(error: ProcessError<T>) -> Self {
        Self::Processor(error.to_string())
    }
}

impl<T> From<CallError<Refused, T>> for Error {
    fn from(error: CallError<Refused, T>) -> Self {
        match error.into_failed() {
            Some(CircuitError::Failed(error)) => Self::Database(error),
            Some(CircuitError::Open(_)) | None => Self::Unavailable,
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}
