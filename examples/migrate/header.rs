//! The first line of a CSV file: a file with other columns is another kind of file, so none of its rows is looked at.

use csv::ByteRecord;

use crate::error::Error;

/// The header names these columns, all of them and in this order. There is none if the file is empty.
pub fn check(file: &'static str, header: Option<&ByteRecord>, columns: &[&str]) -> Result<(), Error> {
    let Some(header) = header else {
        return Err(Error::Header { file, problem: "the file is empty".to_owned() });
    };
    let found: Vec<_> = header.iter().map(String::from_utf8_lossy).collect();
    if found == columns {
        return Ok(());
    }
    let lacking: Vec<_> =
        columns.iter().copied().filter(|column| !found.iter().any(|name| name == column)).collect();
    let unknown: Vec<_> = found.iter().map(|name| &**name).filter(|name| !columns.contains(name)).collect();
    let problem = if !lacking.is_empty() {
        format!("the header lacks {}", lacking.join(", "))
    } else if !unknown.is_empty() {
        format!("the header has a column that no table takes: {}", unknown.join(", "))
    } else {
        "the columns stand in another order, or twice".to_owned()
    };
    Err(Error::Header { file, problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(header: &[&str]) -> Option<String> {
        let header = ByteRecord::from(header.to_vec());
        check("file", Some(&header), &["a", "b"])
            .err()
            .map(|error| error.to_string().lines().next().unwrap().to_owned())
    }

    #[test]
    fn says_what_is_wrong_with_a_header() {
        assert_eq!(told(&["a", "b"]), None);
        assert_eq!(told(&["a", "c"]).unwrap(), "file: the header lacks b");
        assert_eq!(told(&["a", "b", "c"]).unwrap(), "file: the header has a column that no table takes: c");
        assert_eq!(told(&["b", "a"]).unwrap(), "file: the columns stand in another order, or twice");
    }
}
