//! One row of an answer, read by column number from 0.

use rusqlite::types::ValueRef;

use crate::Error;

/// A row while a query runs. Text and blobs are borrowed until the next row.
pub struct Row<'a>(pub(crate) &'a rusqlite::Row<'a>);

impl Row<'_> {
    fn value(&self, column: usize) -> Result<ValueRef<'_>, Error> {
        Ok(self.0.get_ref(column)?)
    }

    /// # Errors
    /// When the column is not an integer.
    pub fn int(&self, column: usize) -> Result<i64, Error> {
        self.value(column)?.as_i64().map_err(|_| Error::Column(column))
    }

    /// # Errors
    /// When the column is neither NULL nor an integer.
    pub fn int_opt(&self, column: usize) -> Result<Option<i64>, Error> {
        self.value(column)?.as_i64_or_null().map_err(|_| Error::Column(column))
    }

    /// # Errors
    /// When the column is not text.
    pub fn text(&self, column: usize) -> Result<&str, Error> {
        self.value(column)?.as_str().map_err(|_| Error::Column(column))
    }

    /// # Errors
    /// When the column is neither NULL nor text.
    pub fn text_opt(&self, column: usize) -> Result<Option<&str>, Error> {
        self.value(column)?.as_str_or_null().map_err(|_| Error::Column(column))
    }

    /// # Errors
    /// When the column is not a blob.
    pub fn blob(&self, column: usize) -> Result<&[u8], Error> {
        self.value(column)?.as_blob().map_err(|_| Error::Column(column))
    }

    /// # Errors
    /// When the column is neither NULL nor a blob.
    pub fn blob_opt(&self, column: usize) -> Result<Option<&[u8]>, Error> {
        self.value(column)?.as_blob_or_null().map_err(|_| Error::Column(column))
    }
}
