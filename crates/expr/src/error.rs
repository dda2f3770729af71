//! Why an expression was refused, or could not be evaluated. Never holds record content.

use crate::scan::Malformed;

/// What is wrong with an expression or with the record it was given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The path is not one that can be compiled. `at` counts bytes from its `$`.
    #[error("path is not valid. reason=`{reason}` at={at}")]
    Path { at: usize, reason: &'static str },
    /// The template cannot be compiled. `at` counts bytes from its start.
    #[error("template is not valid. reason=`{reason}` at={at}")]
    Template { at: usize, reason: &'static str },
    /// The jq query cannot be compiled.
    #[error("jq query is not valid. reason=`{reason}`")]
    Query { reason: String },
    /// The record is no JSON text.
    #[error("record is not JSON. at={at}")]
    Json { at: usize },
    /// The query did not give one object of text values for this record.
    #[error("jq query failed on the record. reason=`{reason}`")]
    Evaluation { reason: &'static str },
    /// The JSONata expression is not valid or failed; the code is JSONata's own, such as `T2001`.
    #[error("JSONata failed. code=`{code}`")]
    Jsonata { code: String },
    /// The value of one key cannot be used.
    #[error("jq query gave no usable value. key=`{key}` reason=`{reason}`")]
    Key { key: String, reason: &'static str },
}

impl Error {
    /// Whether the expression is at fault (and will be for every record), not the record.
    pub fn is_expression(&self) -> bool {
        matches!(self, Error::Path { .. } | Error::Template { .. } | Error::Query { .. })
    }
}

impl From<Malformed> for Error {
    fn from(malformed: Malformed) -> Self {
        Error::Json { at: malformed.at }
    }
}
