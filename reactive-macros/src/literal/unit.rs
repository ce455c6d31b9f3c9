//! The units, and what is said of others.

/// What a unit measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Time,
    Count,
    Bytes,
}

/// A unit: its suffix, what it measures, and how many of the smallest unit of that (ns, 1, byte) it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unit {
    pub(super) suffix: &'static str,
    pub(super) kind: Kind,
    pub(super) size: u128,
}

const fn unit(suffix: &'static str, kind: Kind, size: u128) -> Unit {
    Unit { suffix, kind, size }
}

const UNITS: &[Unit] = &[
    unit("ns", Kind::Time, 1),
    unit("us", Kind::Time, 1_000),
    // The micro sign and the Greek letter look the same.
    unit("\u{b5}s", Kind::Time, 1_000),
    unit("\u{3bc}s", Kind::Time, 1_000),
    unit("ms", Kind::Time, 1_000_000),
    unit("s", Kind::Time, 1_000_000_000),
    unit("min", Kind::Time, 60_000_000_000),
    unit("h", Kind::Time, 3_600_000_000_000),
    unit("d", Kind::Time, 86_400_000_000_000),
    unit("k", Kind::Count, 1_000),
    unit("M", Kind::Count, 1_000_000),
    unit("G", Kind::Count, 1_000_000_000),
    unit("B", Kind::Bytes, 1),
    unit("kB", Kind::Bytes, 1_000),
    unit("KiB", Kind::Bytes, 1 << 10),
    unit("MB", Kind::Bytes, 1_000_000),
    unit("MiB", Kind::Bytes, 1 << 20),
    unit("GB", Kind::Bytes, 1_000_000_000),
    unit("GiB", Kind::Bytes, 1 << 30),
];

/// The words that people write for a unit, beside it.
const MEANT: &[(&str, &str)] = &[
    ("K", "k"),
    ("KB", "kB"),
    ("Kb", "kB"),
    ("kb", "kB"),
    ("Kib", "KiB"),
    ("kiB", "KiB"),
    ("kib", "KiB"),
    ("Mb", "MB"),
    ("mb", "MB"),
    ("Mib", "MiB"),
    ("mib", "MiB"),
    ("Gb", "GB"),
    ("gb", "GB"),
    ("Gib", "GiB"),
    ("gib", "GiB"),
    ("b", "B"),
    ("bytes", "B"),
    ("g", "G"),
    ("nanos", "ns"),
    ("nsec", "ns"),
    ("micros", "us"),
    ("usec", "us"),
    ("millis", "ms"),
    ("msec", "ms"),
    ("msecs", "ms"),
    ("S", "s"),
    ("sec", "s"),
    ("secs", "s"),
    ("second", "s"),
    ("seconds", "s"),
    ("mins", "min"),
    ("minute", "min"),
    ("minutes", "min"),
    ("H", "h"),
    ("hr", "h"),
    ("hrs", "h"),
    ("hour", "h"),
    ("hours", "h"),
    ("D", "d"),
    ("day", "d"),
    ("days", "d"),
];

pub(super) const ALL: &str =
    "durations are in `ns us \u{b5}s ms s min h d`, counts in `k M G`, sizes in `B kB KiB MB MiB GB GiB`";

pub(super) fn find(suffix: &str) -> Option<&'static Unit> {
    UNITS.iter().find(|unit| unit.suffix == suffix)
}

/// What is said of a suffix that is no unit.
pub(super) fn unknown(suffix: &str) -> String {
    if suffix == "m" {
        return format!(
            "`m` can mean many things: write `min` for minutes, `ms` for milliseconds, `M` for millions; {ALL}"
        );
    }
    match MEANT.iter().find(|(word, _)| *word == suffix) {
        Some((_, meant)) => format!("`{suffix}` is no unit: did you mean `{meant}`? {ALL}"),
        None => format!("`{suffix}` is no unit: {ALL}"),
    }
}
