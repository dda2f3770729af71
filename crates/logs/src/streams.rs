//! Log streams: create, describe, delete.

use state::{Write, params};

use crate::{Error, Logs};

const NAME_CHARS_MAX: usize = 512;

/// A log stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    pub name: String,
    pub created_ms: i64,
    pub first_ms: Option<i64>,
    pub last_ms: Option<i64>,
    pub ingested_ms: Option<i64>,
}

/// How streams are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    Name,
    LastEvent,
}

impl Logs {
    /// CreateLogStream.
    ///
    /// # Errors
    /// `Invalid`, `NotFound` without the group, `Exists`.
    pub async fn create_stream(&self, group: &str, name: &str) -> Result<(), Error> {
        check_stream_name(name)?;
        let (group, name, now_ms) = (group.to_owned(), name.to_owned(), self.clock.now_ms());
        self.state
            .write(move |tx| {
                crate::groups::horizon(tx, &group, now_ms)?;
                if ensure(tx, &group, &name, now_ms)? { Ok(()) } else { Err(Error::Exists("stream")) }
            })
            .await
    }

    /// DescribeLogStreams: all streams with a prefix, in order.
    ///
    /// # Errors
    /// `NotFound` without the group.
    pub async fn describe_streams(
        &self,
        group: &str,
        prefix: &str,
        order: Order,
        descending: bool,
    ) -> Result<Vec<Stream>, Error> {
        let (group, prefix, now_ms) = (group.to_owned(), prefix.to_owned(), self.clock.now_ms());
        self.state
            .read(move |tx| {
                crate::groups::horizon(tx, &group, now_ms)?;
                let sql = "SELECT name, created_ms, first_ms, last_ms, ingested_ms FROM log_stream
                           WHERE log_group = ?1 ORDER BY name";
                let mut found = tx.all(sql, params![&group], |row| {
                    Ok::<_, Error>(Stream {
                        name: row.text(0)?.to_owned(),
                        created_ms: row.int(1)?,
                        first_ms: row.int_opt(2)?,
                        last_ms: row.int_opt(3)?,
                        ingested_ms: row.int_opt(4)?,
                    })
                })?;
                found.retain(|stream| stream.name.starts_with(&prefix));
                if order == Order::LastEvent {
                    found.sort_by(|a, b| (a.last_ms, &a.name).cmp(&(b.last_ms, &b.name)));
                }
                if descending {
                    found.reverse();
                }
                Ok(found)
            })
            .await
    }

    /// DeleteLogStream, with its events.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_stream(&self, group: &str, name: &str) -> Result<(), Error> {
        let (group, name, now_ms) = (group.to_owned(), name.to_owned(), self.clock.now_ms());
        self.state
            .write(move |tx| {
                crate::groups::horizon(tx, &group, now_ms)?;
                let sql = "DELETE FROM log_stream WHERE log_group = ?1 AND name = ?2";
                if tx.execute(sql, params![&group, &name])? == 0 {
                    return Err(Error::NotFound("stream"));
                }
                tx.execute("DELETE FROM log_event WHERE log_group = ?1 AND stream = ?2", params![&group, &name])?;
                Ok(())
            })
            .await
    }
}

/// Creates a stream unless it is there; true when it was not.
pub(crate) fn ensure(tx: &Write<'_>, group: &str, name: &str, now_ms: i64) -> Result<bool, Error> {
    let added = tx.execute(
        "INSERT INTO log_stream (log_group, name, created_ms, next) VALUES (?1, ?2, ?3, 1)
         ON CONFLICT (log_group, name) DO NOTHING",
        params![group, name, now_ms],
    )?;
    Ok(added == 1)
}

pub(crate) fn check_stream_name(name: &str) -> Result<(), Error> {
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || name.contains([':', '*']) {
        return Err(Error::Invalid(format!(
            "1 validation error detected: Value '{name}' at 'logStreamName' failed to satisfy constraint: Member must satisfy \
             regular expression pattern: [^:*]*"
        )));
    }
    Ok(())
}
