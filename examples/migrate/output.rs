//! The files that a run leaves, which come into being all at once.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::error::Error;

/// Where the run writes to, until all has gone well.
pub struct Output {
    pub database: PathBuf,
    pub dead_letters: PathBuf,
    /// What the database is called in the end.
    target: PathBuf,
}

impl Output {
    /// Makes the directory, and room for this run: nothing that an earlier one has published is touched.
    pub fn prepare(target: &Path) -> Result<Self, Error> {
        let directory = target.parent().unwrap_or(Path::new(""));
        fs::create_dir_all(directory).map_err(Error::file("create", directory, ADVICE))?;
        let output = Self {
            database: with_ending(target, ".partial"),
            dead_letters: with_ending(&dead_letters_of(target), ".partial"),
            target: target.to_owned(),
        };
        // A run that was killed has left its own.
        output.discard();
        Ok(output)
    }

    /// Gives the finished files their names, in place of those of an earlier run.
    ///
    /// A rename is atomic: whoever opens the database has the old one or the new one, whole.
    pub fn publish(self) -> Result<(), Error> {
        rename(&self.dead_letters, &dead_letters_of(&self.target))?;
        rename(&self.database, &self.target)
    }

    fn discard(&self) {
        // They may well not exist; whoever creates them says what is wrong, if something is.
        let _ = fs::remove_file(&self.database);
        let _ = fs::remove_file(&self.dead_letters);
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.discard();
    }
}

/// `flights.sqlite` has its dead letters in `flights.rejected.csv`.
pub fn dead_letters_of(database: &Path) -> PathBuf {
    database.with_extension("rejected.csv")
}

fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    // A crash must not leave the new name with half a file behind it.
    let file = File::options().write(true).open(from);
    file.and_then(|file| file.sync_all()).map_err(Error::file("write", from, ADVICE))?;
    fs::rename(from, to).map_err(Error::file("replace", to, ADVICE))
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

/// What helps where a file cannot be written.
pub const ADVICE: &str =
    "is there room on the disk, and may this user write there? `--out FILE` names another place";
