//! The source: the rows of a CSV file, each with its line number and its bytes as they stood there.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use csv::{ByteRecord, Reader, ReaderBuilder};

use crate::error::Error;
use crate::header;
use crate::progress;
use crate::reject::{Reason, Reject};
use crate::tables::Table;

/// Opens the file of a table, and reads its header.
pub fn open<T: Table>(
    directory: &Path,
) -> Result<impl Iterator<Item = Result<Row<ByteRecord>, Error>>, Error> {
    let path = directory.join(T::FILE);
    let file = File::open(&path).map_err(Error::file("open", &path, OPEN_ADVICE))?;
    let mut rows = Rows::new(progress::reading(file, T::NAME)).map(move |row| {
        row.map_err(Error::file("read", &path, "what was read of it so far is not kept; try again"))
    });
    let header = rows.next().transpose()?;
    header::check(T::FILE, header.map(|row| row.value).as_ref(), T::COLUMNS)?;
    Ok(rows)
}

const OPEN_ADVICE: &str =
    "`--data DIR` names the directory of the CSV files; the default is found from the root of the repository";

/// A row on its way, and where it came from.
#[derive(Debug)]
pub struct Row<T> {
    pub line: u64,
    pub raw: Vec<u8>,
    pub value: T,
}

impl<T> Row<T> {
    /// Goes on with what `f` makes of the value; what it refuses is rejected, with its origin.
    pub fn try_map<U>(self, f: impl FnOnce(T) -> Result<U, Reason>) -> Result<Row<U>, Reject> {
        let Self { line, raw, value } = self;
        match f(value) {
            Ok(value) => Ok(Row { line, raw, value }),
            Err(reason) => Err(Reject { line, raw, reason }),
        }
    }
}

/// Reads rows one by one; memory is bounded by the longest row. Blank lines are no rows.
///
/// Whatever a row looks like, it is given: wrong field counts and invalid UTF-8 are for the parser to reject. So the
/// only error left is a file that cannot be read any further.
pub struct Rows<R> {
    reader: Reader<Tape<R>>,
    /// Bytes before the next row.
    offset: u64,
}

impl<R: Read> Rows<R> {
    pub fn new(source: R) -> Self {
        let tape = Tape { source, kept: Vec::new(), cut: 0 };
        let mut builder = ReaderBuilder::new();
        builder.has_headers(false).flexible(true).buffer_capacity(64 * 1024);
        Self { reader: builder.from_reader(tape), offset: 0 }
    }

    fn read(&mut self) -> io::Result<Option<Row<ByteRecord>>> {
        let line = self.reader.position().line();
        let mut value = ByteRecord::new();
        if !self.reader.read_byte_record(&mut value)? {
            return Ok(None);
        }
        let end = self.reader.position().byte();
        let raw = self.reader.get_mut().cut((end - self.offset) as usize);
        self.offset = end;
        // The reader takes blank lines, and the `\n` of a `\r\n`, as the beginning of the row that follows.
        let blank = raw.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let (blank, raw) = raw.split_at(blank);
        let skipped = blank.iter().filter(|byte| **byte == b'\n').count();
        Ok(Some(Row { line: line + skipped as u64, raw: without_line_end(raw).to_vec(), value }))
    }
}

impl<R: Read> Iterator for Rows<R> {
    type Item = io::Result<Row<ByteRecord>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

fn without_line_end(raw: &[u8]) -> &[u8] {
    let raw = raw.strip_suffix(b"\n").unwrap_or(raw);
    raw.strip_suffix(b"\r").unwrap_or(raw)
}

/// Remembers what passes to the CSV reader until it is cut off, row by row: the reader keeps no raw bytes.
struct Tape<R> {
    source: R,
    kept: Vec<u8>,
    /// How much of `kept` is cut off; it is dropped once per read, not once per row.
    cut: usize,
}

impl<R: Read> Read for Tape<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.kept.drain(..self.cut);
        self.cut = 0;
        self.kept.extend_from_slice(&buffer[..count]);
        Ok(count)
    }
}

impl<R> Tape<R> {
    fn cut(&mut self, length: usize) -> &[u8] {
        let start = self.cut;
        self.cut += length;
        &self.kept[start..self.cut]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time, so that every row is cut in every place.
    struct Trickle<'a>(&'a [u8]);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(buffer.len()).min(1);
            self.0.read(&mut buffer[..count])
        }
    }

    fn rows(text: &[u8]) -> Vec<(u64, Vec<u8>, usize)> {
        let whole: Vec<_> =
            Rows::new(text).map(Result::unwrap).map(|r| (r.line, r.raw, r.value.len())).collect();
        let trickled = Rows::new(Trickle(text)).map(Result::unwrap).map(|r| (r.line, r.raw, r.value.len()));
        assert!(trickled.eq(whole.iter().cloned()), "it matters how the bytes arrive");
        whole
    }

    #[test]
    fn lines_are_counted_through_quoted_newlines_and_blank_lines() {
        let found = rows(b"a,b\n\n\"x\ny\",1\nlast,2");
        let expected = [(1, &b"a,b"[..], 2), (3, b"\"x\ny\",1", 2), (5, b"last,2", 2)];
        assert_eq!(found, expected.map(|(line, raw, fields)| (line, raw.to_vec(), fields)));
    }

    #[test]
    fn windows_line_ends_count_once_and_are_no_part_of_the_row() {
        let found = rows(b"a\r\n\"x\r\ny\"\r\n\r\nb,\xff\r\n");
        let expected = [(1, &b"a"[..], 1), (2, b"\"x\r\ny\"", 1), (5, b"b,\xff", 2)];
        assert_eq!(found, expected.map(|(line, raw, fields)| (line, raw.to_vec(), fields)));
    }
}
