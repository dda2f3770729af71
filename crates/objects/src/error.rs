//! What the object store could not do.

/// What can go wrong in [`crate::Objects`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `--lake` names something this build cannot open.
    #[error("lake URL not supported. url=`{0}`; use a directory or s3://BUCKET/PREFIX")]
    Url(String),
    #[error(
        "option of the lake URL not known or empty. option=`{0}`; known are endpoint, region, allow_http and virtual_hosted_style_request"
    )]
    Option(String),
    #[error("bucket name not valid. bucket=`{0}`")]
    BucketName(String),
    #[error("key not valid: {reason}. key=`{key}`")]
    Key { key: String, reason: &'static str },
    #[error("bucket not found. bucket=`{0}`")]
    NoBucket(String),
    #[error("bucket not empty. bucket=`{0}`")]
    NotEmpty(String),
    #[error("object not found. bucket=`{bucket}` key=`{key}`")]
    NoObject { bucket: String, key: String },
    #[error("file failed. path=`{path}`")]
    File {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("object store failed")]
    Store(#[from] object_store::Error),
    #[error("a task of the object store was stopped")]
    Stopped,
}

impl Error {
    /// True when the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Error::File { .. } | Error::Store(_) | Error::Stopped)
    }
}
