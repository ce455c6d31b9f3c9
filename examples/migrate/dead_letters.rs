//! Where bad rows go: a CSV file of them, in which no byte of a row is changed.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use csv::Writer;
use reactive_runtime::prelude::*;

use crate::error::Error;
use crate::output::ADVICE;
use crate::reject::{Kind, Reject};

pub struct DeadLetters {
    path: PathBuf,
    writer: Writer<File>,
}

impl DeadLetters {
    pub fn create(path: &Path) -> Result<Self, Error> {
        let file = File::create(path).map_err(Error::file("create", path, ADVICE))?;
        let mut letters = Self { path: path.to_owned(), writer: Writer::from_writer(file) };
        letters.write(&["file", "line", "reason", "detail", "row"].map(str::as_bytes))?;
        Ok(letters)
    }

    /// For the rows of one file.
    pub fn of(&mut self, file: &'static str) -> Rejects<'_> {
        Rejects { letters: self, file, counts: BTreeMap::new() }
    }

    pub fn close(mut self) -> Result<(), Error> {
        self.writer.flush().map_err(Error::file("write", &self.path, ADVICE))
    }

    fn write(&mut self, fields: &[&[u8]; 5]) -> Result<(), Error> {
        self.writer.write_record(fields).map_err(Error::file("write", &self.path, ADVICE))
    }
}

/// Takes the bad rows of one file, and counts them.
pub struct Rejects<'a> {
    letters: &'a mut DeadLetters,
    file: &'static str,
    counts: BTreeMap<Kind, u64>,
}

impl Rejects<'_> {
    /// For `catch`: a bad row is written down and skipped, any other error still ends the run.
    pub fn take<T>(&mut self, error: Error) -> Result<Recover<T>, Error> {
        let Error::Row(reject) = error else { return Err(error) };
        self.write(&reject)?;
        Ok(Recover::Skip)
    }

    pub fn into_counts(self) -> BTreeMap<Kind, u64> {
        self.counts
    }

    fn write(&mut self, Reject { line, raw, reason }: &Reject) -> Result<(), Error> {
        let (line, kind) = (line.to_string(), reason.kind.to_string());
        self.letters.write(&[
            self.file.as_bytes(),
            line.as_bytes(),
            kind.as_bytes(),
            reason.detail.as_bytes(),
            raw,
        ])?;
        *self.counts.entry(reason.kind).or_default() += 1;
        Ok(())
    }
}
