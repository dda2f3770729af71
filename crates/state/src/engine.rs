//! Statements inside a snapshot ([`Read`]) or a transaction ([`Write`]), on SQLite.

use crate::{Error, Row, Value};

/// Longer statements hold values: none is asked twice, and keeping them would take their size.
const KEPT_BYTES_MAX: usize = 16 << 10;

/// A consistent view of the database.
pub struct Read<'a> {
    pub(crate) connection: &'a rusqlite::Connection,
}

impl Read<'_> {
    /// Runs a query; `each` sees the rows in order and stops it by answering `false`.
    ///
    /// # Errors
    /// When the statement fails or `each` does.
    pub fn each<E: From<Error>>(
        &self,
        sql: &str,
        params: &[Value<'_>],
        mut each: impl FnMut(&Row<'_>) -> Result<bool, E>,
    ) -> Result<(), E> {
        let (mut kept, mut fresh);
        let statement: &mut rusqlite::Statement<'_> = if sql.len() <= KEPT_BYTES_MAX {
            kept = self.connection.prepare_cached(sql).map_err(Error::from)?;
            &mut kept
        } else {
            fresh = self.connection.prepare(sql).map_err(Error::from)?;
            &mut fresh
        };
        let mut rows = statement.query(rusqlite::params_from_iter(params)).map_err(Error::from)?;
        while let Some(row) = rows.next().map_err(Error::from)? {
            if !each(&Row(row))? {
                break;
            }
        }
        Ok(())
    }

    /// All rows, mapped.
    ///
    /// # Errors
    /// When the statement fails or `map` does.
    pub fn all<T, E: From<Error>>(
        &self,
        sql: &str,
        params: &[Value<'_>],
        mut map: impl FnMut(&Row<'_>) -> Result<T, E>,
    ) -> Result<Vec<T>, E> {
        let mut found = Vec::new();
        self.each(sql, params, |row| {
            found.push(map(row)?);
            Ok::<_, E>(true)
        })?;
        Ok(found)
    }

    /// The first row, mapped, if there is one.
    ///
    /// # Errors
    /// When the statement fails or `map` does.
    pub fn first<T, E: From<Error>>(
        &self,
        sql: &str,
        params: &[Value<'_>],
        mut map: impl FnMut(&Row<'_>) -> Result<T, E>,
    ) -> Result<Option<T>, E> {
        let mut found = None;
        self.each(sql, params, |row| {
            found = Some(map(row)?);
            Ok::<_, E>(false)
        })?;
        Ok(found)
    }
}

/// A transaction: what it writes is seen by its own reads, and by others once it is durable.
pub struct Write<'a> {
    pub(crate) read: Read<'a>,
}

impl<'a> std::ops::Deref for Write<'a> {
    type Target = Read<'a>;

    fn deref(&self) -> &Read<'a> {
        &self.read
    }
}

impl Write<'_> {
    /// Runs a statement and answers how many rows it changed.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn execute(&self, sql: &str, params: &[Value<'_>]) -> Result<usize, Error> {
        Ok(self.read.connection.prepare_cached(sql)?.execute(rusqlite::params_from_iter(params))?)
    }
}
