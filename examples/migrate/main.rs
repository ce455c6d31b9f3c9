//! A whole program: moves real data from CSV files into SQLite, and loses no row on the way.
//!
//! Every row is parsed, validated and transformed, rows are inserted a thousand to a transaction, and a row that is no
//! good goes to a dead-letter file, with the reason, while the rest moves on. A database that fails for a while loses
//! nothing: inserts are tried again, behind a circuit breaker. The data path is one `pipeline!`, the
//! same for every table: see `migration.rs`. What is special to a table is in its file in `tables/`.
//!
//! ```text
//! cargo run --release --example migrate
//! cargo run --release --example migrate -- --data examples/data/dirty
//! cargo run --release --example migrate -- --inject-faults
//! cargo run --release --example migrate -- --help
//! ```

#![expect(unreachable_pub, reason = "in a program, `pub` says: for the other modules")]

mod args;
mod calendar;
mod check;
mod database;
mod dead_letters;
mod error;
mod fields;
mod header;
mod migration;
mod output;
mod progress;
mod reject;
mod report;
mod rows;
mod sink;
mod tables;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use args::{Args, Command};
use error::Error;
use migration::Migration;
use output::Output;
use report::Report;
use tables::{Airline, Airport, Flight, Plane};

// One task does all the work, so one thread is enough; SQLite has only one writer anyway.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match Args::parse(std::env::args_os().skip(1)) {
        Ok(Command::Help) => {
            print!("{}", args::HELP);
            ExitCode::SUCCESS
        }
        Ok(Command::Migrate(args)) => match run(&args).await {
            Ok(report) => conclude(&args, &report),
            Err(error) => fail(&error, 1),
        },
        Err(error) => fail(&error, 2),
    }
}

/// Migrates all tables, those first that others refer to.
async fn run(args: &Args) -> Result<Report, Error> {
    let output = Output::prepare(&args.out)?;
    let mut migration = Migration::begin(args, &output)?;
    let tables = vec![
        migration.table::<Airline>().await?,
        migration.table::<Airport>().await?,
        migration.table::<Plane>().await?,
        migration.table::<Flight>().await?,
    ];
    let report = migration.finish(tables).await?;
    if report.balances() {
        output.publish()?;
    }
    Ok(report)
}

fn conclude(args: &Args, report: &Report) -> ExitCode {
    println!("{report}");
    if !report.balances() {
        eprintln!("error: not every row is accounted for; {} is left as it was", args.out.display());
        return ExitCode::FAILURE;
    }
    println!("database       {}", args.out.display());
    println!("rejected rows  {}", output::dead_letters_of(&args.out).display());
    ExitCode::SUCCESS
}

fn fail(error: &Error, code: u8) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::from(code)
}
