//! The sink: an SQLite file that nobody else sees before it is complete.

use std::path::Path;

use rusqlite::Connection;

use crate::tables::{Reference, Table};

pub struct Database {
    connection: Connection,
}

impl Database {
    /// Opens a new file.
    pub fn create(path: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        // The file is thrown away if anything goes wrong, so it needs no journal on disk, and no waiting for the disk
        // at each commit: `Output::publish` waits once.
        connection.execute_batch("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF")?;
        Ok(Self { connection })
    }

    pub fn create_table<T: Table>(&self) -> rusqlite::Result<()> {
        self.connection.execute_batch(T::CREATE)
    }

    /// Inserts all records in one transaction, and says how many.
    pub fn insert<T: Table>(&self, records: &[T::Record]) -> rusqlite::Result<u64> {
        // It ends in this call, so there is no other one within it.
        let transaction = self.connection.unchecked_transaction()?;
        let mut inserted = 0;
        {
            let mut statement = transaction.prepare_cached(T::INSERT)?;
            for record in records {
                inserted += T::insert(record, &mut statement)? as u64;
            }
        }
        transaction.commit()?;
        Ok(inserted)
    }

    pub fn create_indices<T: Table>(&self) -> rusqlite::Result<()> {
        self.connection.execute_batch(T::INDICES)
    }

    /// The rows that the table has: what was written, asked of the one who must know.
    pub fn count<T: Table>(&self) -> rusqlite::Result<u64> {
        self.number(&format!("SELECT count(*) FROM {}", T::NAME))
    }

    /// The rows whose reference names no row of the other table.
    pub fn unresolved<T: Table>(&self, reference: &Reference) -> rusqlite::Result<u64> {
        let Reference { column, table, key } = reference;
        self.number(&format!(
            "SELECT count(*) FROM {from} WHERE {column} IS NOT NULL
             AND NOT EXISTS (SELECT 1 FROM {table} WHERE {table}.{key} = {from}.{column})",
            from = T::NAME,
        ))
    }

    /// Closes the file, which is complete then.
    pub fn close(self) -> rusqlite::Result<()> {
        self.connection.close().map_err(|(_, error)| error)
    }

    fn number(&self, query: &str) -> rusqlite::Result<u64> {
        // SQLite knows signed integers only; a count is never negative.
        let count: i64 = self.connection.query_row(query, [], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }
}
