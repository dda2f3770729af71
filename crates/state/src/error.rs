//! What the database could not do.

/// What can go wrong in [`crate::State`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `--state` names something this build cannot open.
    #[error("state URL not supported. url=`{0}`; use a file path or sqlite:PATH")]
    Url(String),
    #[error("database failed")]
    Sqlite(#[from] rusqlite::Error),
    /// The stored schema is newer than this program.
    #[error("state was written by a newer version. area=`{area}` stored={stored} known={known}")]
    Newer { area: String, stored: i64, known: i64 },
    /// A column did not hold what was written.
    #[error("stored value has the wrong type. column={0}")]
    Column(usize),
    /// The writer has stopped, so nothing more can be written.
    #[error("state is closed")]
    Closed,
    /// A closure refused its own transaction; nothing of it was written.
    #[error("{0}")]
    Refused(String),
}
