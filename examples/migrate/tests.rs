//! The whole program, on small files: `examples/data/dirty` has a row for whatever may be wrong with one.

use std::path::{Path, PathBuf};
use std::{env, fs, process};

use rusqlite::Connection;

use crate::args::Args;
use crate::error::Error;
use crate::output::dead_letters_of;
use crate::report::Report;
use crate::run;

const DIRTY: &str = "examples/data/dirty";

/// A directory of its own for each test, gone when the test is.
struct Sandbox {
    directory: PathBuf,
    args: Args,
}

impl Sandbox {
    fn new(test: &str) -> Self {
        let directory = env::temp_dir().join(format!("migrate-{}-{test}", process::id()));
        let args = Args { data: DIRTY.into(), out: directory.join("out/db.sqlite"), ..Args::default() };
        Self { directory, args }
    }

    /// The dirty data, with one file replaced.
    fn with_file(test: &str, name: &str, content: &str) -> Self {
        let mut sandbox = Self::new(test);
        sandbox.args.data = sandbox.directory.join("data");
        fs::create_dir_all(&sandbox.args.data).unwrap();
        for file in fs::read_dir(DIRTY).unwrap().map(Result::unwrap) {
            fs::copy(file.path(), sandbox.args.data.join(file.file_name())).unwrap();
        }
        fs::write(sandbox.args.data.join(name), content).unwrap();
        sandbox
    }

    async fn run(&self) -> Result<Report, Error> {
        run(&self.args).await
    }

    async fn error(&self) -> String {
        self.run().await.map(|_| ()).unwrap_err().to_string()
    }

    fn dead_letters(&self) -> Vec<DeadLetter> {
        let mut reader = csv::Reader::from_path(dead_letters_of(&self.args.out)).unwrap();
        reader.byte_records().map(|record| DeadLetter::new(&record.unwrap())).collect()
    }

    fn texts(&self, query: &str) -> Vec<String> {
        let connection = Connection::open(&self.args.out).unwrap();
        let mut statement = connection.prepare(query).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    /// What is in the output directory.
    fn files(&self) -> Vec<String> {
        let files = fs::read_dir(self.args.out.parent().unwrap()).unwrap();
        let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

struct DeadLetter {
    file: String,
    line: usize,
    reason: String,
    detail: String,
    row: Vec<u8>,
}

impl DeadLetter {
    fn new(record: &csv::ByteRecord) -> Self {
        let text = |index| String::from_utf8(record[index].to_vec()).unwrap();
        Self {
            file: text(0),
            line: text(1).parse().unwrap(),
            reason: text(2),
            detail: text(3),
            row: record[4].to_vec(),
        }
    }
}

#[tokio::test]
async fn every_bad_row_is_a_dead_letter_with_its_reason() {
    let sandbox = Sandbox::new("reasons");
    sandbox.run().await.unwrap();
    let letters = sandbox.dead_letters();
    let found: Vec<_> =
        letters.iter().map(|l| (&*l.file, l.line, &*l.reason, l.detail.split(':').next().unwrap())).collect();
    let expected = [
        ("airlines.csv", 5, "malformed value", "carrier"),
        ("airlines.csv", 7, "missing value", "name is required"),
        ("airlines.csv", 8, "malformed value", "carrier"),
        ("airlines.csv", 10, "wrong number of fields", "3 fields for 2 columns"),
        ("airlines.csv", 11, "duplicate key", "UA is on line 2 already"),
        ("airports.csv", 4, "out of range", "lat"),
        ("airports.csv", 5, "malformed value", "lon"),
        ("airports.csv", 6, "contradiction", "lon"),
        ("airports.csv", 7, "not UTF-8", "name"),
        ("airports.csv", 8, "out of range", "dst"),
        ("planes.csv", 4, "malformed value", "tailnum"),
        ("planes.csv", 5, "out of range", "year"),
        ("planes.csv", 6, "malformed value", "engines"),
        ("planes.csv", 7, "wrong number of fields", "6 fields for 9 columns"),
        ("planes.csv", 8, "wrong number of fields", "3 fields for 9 columns"),
        ("flights-2013-01.csv", 5, "missing value", "carrier is required"),
        ("flights-2013-01.csv", 6, "wrong number of fields", "20 fields for 19 columns"),
        ("flights-2013-01.csv", 7, "malformed value", "dep_time"),
        ("flights-2013-01.csv", 8, "out of range", "month"),
        ("flights-2013-01.csv", 9, "not UTF-8", "tailnum"),
        ("flights-2013-01.csv", 10, "out of range", "distance"),
        ("flights-2013-01.csv", 11, "out of range", "day"),
        ("flights-2013-01.csv", 12, "out of range", "sched_arr_time"),
        ("flights-2013-01.csv", 13, "malformed value", "time_hour"),
        ("flights-2013-01.csv", 14, "contradiction", "time_hour"),
        ("flights-2013-01.csv", 15, "contradiction", "sched_dep_time"),
        ("flights-2013-01.csv", 16, "contradiction", "dep_time and dep_delay"),
        ("flights-2013-01.csv", 17, "contradiction", "dep_time"),
        ("flights-2013-01.csv", 18, "duplicate key", "2013-1-1 UA 1545 EWR is on line 2 already"),
        ("flights-2013-01.csv", 19, "malformed value", "dest"),
        ("flights-2013-01.csv", 21, "malformed value", "origin"),
        ("flights-2013-01.csv", 22, "malformed value", "flight"),
    ];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_dead_letter_has_the_bytes_that_stand_at_its_line() {
    let sandbox = Sandbox::new("bytes");
    sandbox.run().await.unwrap();
    for letter in sandbox.dead_letters() {
        let file = fs::read(Path::new(DIRTY).join(&letter.file)).unwrap();
        let before: usize =
            file.split_inclusive(|byte| *byte == b'\n').take(letter.line - 1).map(<[u8]>::len).sum();
        let rest = file[before..].strip_prefix(&*letter.row);
        assert!(rest.is_some_and(|rest| rest.starts_with(b"\n")), "{}:{}", letter.file, letter.line);
    }
}

#[tokio::test]
async fn what_is_read_is_written_or_rejected() {
    let sandbox = Sandbox::new("balance");
    let report = sandbox.run().await.unwrap();
    let counts: Vec<_> =
        report.tables.iter().map(|t| (t.read, t.written, t.rejected.values().sum::<u64>())).collect();
    assert_eq!(counts, [(7, 2, 5), (7, 2, 5), (7, 2, 5), (21, 4, 17)]);
    assert!(report.balances());
    assert_eq!(sandbox.dead_letters().len(), 5 + 5 + 5 + 17);
}

#[tokio::test]
async fn the_database_has_types_and_nulls_and_utc() {
    let sandbox = Sandbox::new("values");
    sandbox.run().await.unwrap();
    assert_eq!(sandbox.texts("SELECT name FROM airlines WHERE carrier = 'UA'"), ["United\nAir Lines, Inc."]);
    assert_eq!(sandbox.texts("SELECT manufacturer FROM planes WHERE tailnum = 'N14228'"), [r#"BOEING, "B""#]);
    assert_eq!(sandbox.texts("SELECT typeof(year) FROM planes ORDER BY tailnum"), ["integer", "null"]);
    assert_eq!(
        sandbox.texts("SELECT typeof(latitude) || typeof(time_zone) FROM airports"),
        ["realtext", "realnull"]
    );
    // The last one: planned for 23:59 in New York, where UTC is a day ahead already; it left five hours late.
    let departure =
        "SELECT scheduled_departure_utc || ' ' || ifnull(departure_utc, 'cancelled') FROM flights";
    assert_eq!(
        sandbox.texts(departure),
        [
            "2013-01-01T10:15:00Z 2013-01-01T10:17:00Z",
            "2013-01-01T10:15:00Z cancelled",
            "2013-01-01T10:15:00Z 2013-01-01T10:17:00Z",
            "2013-01-02T04:59:00Z 2013-01-02T10:03:00Z",
        ]
    );
}

#[tokio::test]
async fn a_flight_of_an_unknown_plane_is_kept_and_counted() {
    let sandbox = Sandbox::new("references");
    let report = sandbox.run().await.unwrap();
    let unresolved: Vec<_> =
        report.tables[3].unresolved.iter().map(|(r, count)| (r.column, *count)).collect();
    assert_eq!(unresolved, [("carrier", 0), ("tailnum", 1), ("origin", 0), ("dest", 1)]);
    assert_eq!(sandbox.texts("SELECT dest FROM flights WHERE tailnum = 'N999ZZ'"), ["SJU"]);
}

#[tokio::test]
async fn a_limit_counts_rows_that_are_read() {
    // The third row of the airlines, and the fourth and fifth of the flights, are bad.
    for (limit, written) in [(0, 0), (2, 2), (3, 2), (4, 2)] {
        let mut sandbox = Sandbox::new("limit");
        sandbox.args.limit = limit;
        let report = sandbox.run().await.unwrap();
        assert!(report.balances());
        assert_eq!((report.tables[0].read, report.tables[0].written), (limit as u64, written));
    }
}

#[tokio::test(start_paused = true)]
async fn a_database_that_fails_for_a_while_loses_nothing() {
    let mut sandbox = Sandbox::new("faults");
    let steady = sandbox.run().await.unwrap();
    sandbox.args.inject_faults = true;
    let shaken = sandbox.run().await.unwrap();
    assert!(shaken.balances());
    let written = |report: &Report| report.tables.iter().map(|table| table.written).collect::<Vec<_>>();
    assert_eq!(written(&shaken), written(&steady));
    assert_eq!(shaken.transforms.items_processed, 2 + 2 + 2 + 4);
    // Of the four inserts the last one fails four times, the third of which opens the breaker, and the fourth again.
    assert_eq!((steady.inserts.succeeded, steady.inserts.failed, steady.inserts.opened), (4, 0, 0));
    assert_eq!((shaken.inserts.succeeded, shaken.inserts.failed, shaken.inserts.opened), (4, 4, 2));
    assert!(shaken.to_string().contains("4 done, 4 failed; the breaker opened 2 times"), "{shaken}");
}

#[tokio::test]
async fn a_file_without_rows_is_an_empty_table() {
    let sandbox = Sandbox::with_file("no-rows", "airlines.csv", "carrier,name\n");
    let report = sandbox.run().await.unwrap();
    assert_eq!((report.tables[0].read, report.tables[0].written, report.balances()), (0, 0, true));
    assert_eq!(report.tables[3].unresolved[0].1, 4);
}

#[tokio::test]
async fn a_file_of_another_kind_ends_the_run() {
    let empty = Sandbox::with_file("empty", "planes.csv", "");
    assert!(empty.error().await.starts_with("planes.csv: the file is empty\n  help: "));
    let other = Sandbox::with_file("header", "airlines.csv", "carrier,title\nUA,United\n");
    assert!(other.error().await.starts_with("airlines.csv: the header lacks name\n  help: "));
}

#[tokio::test]
async fn a_run_replaces_the_last_one_or_leaves_it_as_it_was() {
    let mut sandbox = Sandbox::new("replace");
    let published = ["db.rejected.csv", "db.sqlite"];
    let count = "SELECT count(*) || '' FROM flights";
    sandbox.run().await.unwrap();
    assert_eq!(
        (sandbox.files(), sandbox.texts(count)),
        (published.map(String::from).to_vec(), vec!["4".to_owned()])
    );

    sandbox.args.limit = 1;
    sandbox.run().await.unwrap();
    assert_eq!(
        (sandbox.files(), sandbox.texts(count)),
        (published.map(String::from).to_vec(), vec!["1".to_owned()])
    );
    assert_eq!(sandbox.dead_letters().len(), 0);

    sandbox.args.data = "examples/data/nowhere".into();
    sandbox.error().await;
    assert_eq!(
        (sandbox.files(), sandbox.texts(count)),
        (published.map(String::from).to_vec(), vec!["1".to_owned()])
    );
}

#[tokio::test]
async fn errors_say_what_to_do() {
    let mut sandbox = Sandbox::new("errors");
    sandbox.args.data = "examples/data/nowhere".into();
    let error = sandbox.error().await;
    assert!(
        error.contains("cannot open examples/data/nowhere/airlines.csv") && error.contains("--data DIR"),
        "{error}"
    );

    sandbox.args.out = PathBuf::from("examples/data/README.md/db.sqlite");
    let error = sandbox.error().await;
    assert!(
        error.contains("cannot create examples/data/README.md") && error.contains("--out FILE"),
        "{error}"
    );
}
