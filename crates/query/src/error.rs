//! What can be wrong with a query.

use datafusion::error::DataFusionError;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is not SQL, names a column that is not there, or is not read-only. The message tells the position.
    #[error("{0}")]
    Invalid(String),
    #[error("table not found. table=`{name}`{hint}")]
    TableNotFound { name: String, hint: String },
    /// The query needs more memory or disk than it may have.
    #[error("query needs more memory than allowed: {0}")]
    Resources(String),
    #[error("cannot read the lake")]
    Store(#[from] object_store::Error),
    #[error("query failed: {0}")]
    Failed(String),
}

impl Error {
    /// What the caller should do.
    pub fn is_callers_fault(&self) -> bool {
        matches!(self, Error::Invalid(_) | Error::TableNotFound { .. } | Error::Resources(_))
    }
}

impl From<DataFusionError> for Error {
    fn from(error: DataFusionError) -> Self {
        let position = error
            .diagnostic()
            .and_then(|diagnostic| diagnostic.span)
            .map(|span| format!(" at line {}, column {}", span.start.line, span.start.column))
            .unwrap_or_default();
        match error.find_root() {
            DataFusionError::ResourcesExhausted(message) => Error::Resources(message.clone()),
            DataFusionError::ObjectStore(source) => Error::Failed(source.to_string()),
            DataFusionError::SQL(source, _) => Error::Invalid(format!("{source}{position}")),
            root @ (DataFusionError::Plan(_)
            | DataFusionError::SchemaError(..)
            | DataFusionError::NotImplemented(_)) => {
                Error::Invalid(format!("{}{position}", plain(&root.strip_backtrace())))
            }
            root => Error::Failed(root.strip_backtrace()),
        }
    }
}

/// A call with arguments of wrong types, without the candidates and the engine's doubts about itself.
fn plain(message: &str) -> &str {
    let found = message.find("No function matches").and_then(|at| message.get(at..)?.lines().next());
    found.unwrap_or(message)
}
