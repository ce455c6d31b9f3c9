//! The command line, read by hand: four options need no library.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::error::Error;

pub const HELP: &str = "\
Migrates flight data from CSV files into an SQLite database.

Usage: cargo run --release --example migrate -- [OPTIONS]

Options:
  --data DIR   where the CSV files are [default: examples/data/nycflights13]
  --out FILE   the database to write; an old one is replaced when all has gone well
               [default: target/migrate/nycflights13.sqlite]
  --limit N    read at most N rows of each table
  --inject-faults
               let the database fail for a while, again and again: no row is lost by that
  --help       print this

Rows that cannot be migrated are written, with the reason, to a CSV file beside the
database that has its name and the ending `.rejected.csv`.
";

/// What the command line asks for.
#[derive(Debug)]
pub enum Command {
    Help,
    Migrate(Args),
}

#[derive(Debug)]
pub struct Args {
    pub data: PathBuf,
    pub out: PathBuf,
    /// Rows of each table.
    pub limit: usize,
    /// Whether the database fails on purpose.
    pub inject_faults: bool,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            data: PathBuf::from("examples/data/nycflights13"),
            out: PathBuf::from("target/migrate/nycflights13.sqlite"),
            limit: usize::MAX,
            inject_faults: false,
        }
    }
}

impl Args {
    /// Reads the arguments that follow the name of the program.
    pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Command, Error> {
        let mut args = Self::default();
        let mut words = words.into_iter();
        while let Some(option) = words.next() {
            let option = option.to_string_lossy();
            let mut value = || {
                words.next().ok_or_else(|| Error::Usage(format!("`{option}` needs a value: see `--help`")))
            };
            match &*option {
                "--help" | "-h" => return Ok(Command::Help),
                "--data" => args.data = value()?.into(),
                "--out" => args.out = value()?.into(),
                "--limit" => args.limit = count(&value()?)?,
                "--inject-faults" => args.inject_faults = true,
                _ => return Err(Error::Usage(format!("there is no option `{option}`: see `--help`"))),
            }
        }
        Ok(Command::Migrate(args))
    }
}

fn count(word: &OsString) -> Result<usize, Error> {
    let word = word.to_string_lossy();
    word.parse().map_err(|_| Error::Usage(format!("`--limit` needs a number of rows, and `{word}` is none")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Command, Error> {
        Args::parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn options_come_in_any_order_and_have_defaults() {
        let Ok(Command::Migrate(args)) = parse("--limit 10 --inject-faults --data here") else {
            panic!("it is a valid line")
        };
        assert_eq!((args.limit, args.inject_faults, args.data), (10, true, PathBuf::from("here")));
        assert_eq!(args.out, Args::default().out);
        assert!(matches!(parse("--limit 10 --help"), Ok(Command::Help)));
    }

    #[test]
    fn a_wrong_line_is_told_what_is_wrong_with_it() {
        let told = |line| parse(line).map(|_| ()).unwrap_err().to_string();
        assert_eq!(told("--dta x"), "there is no option `--dta`: see `--help`");
        assert_eq!(told("--out"), "`--out` needs a value: see `--help`");
        assert_eq!(told("--limit ten"), "`--limit` needs a number of rows, and `ten` is none");
    }
}
