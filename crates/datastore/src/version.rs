//! One version of a resource.

use bytes::Bytes;
use fhir::definitions::{Definitions, TypeNumber};
use fhir::search::date::write_instant;

/// What made a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Create,
    Update,
    Delete,
    /// It was removed for good; only its place in the log is left.
    Erase,
}

impl Operation {
    pub(crate) fn stored(self) -> i64 {
        match self {
            Operation::Create => 1,
            Operation::Update => 2,
            Operation::Delete => 3,
            Operation::Erase => 4,
        }
    }

    pub(crate) fn from_stored(stored: i64) -> Operation {
        match stored {
            1 => Operation::Create,
            2 => Operation::Update,
            3 => Operation::Delete,
            _ => Operation::Erase,
        }
    }

    /// The name in change records.
    pub fn name(self) -> &'static str {
        match self {
            Operation::Create => "create",
            Operation::Update => "update",
            Operation::Delete => "delete",
            Operation::Erase => "erase",
        }
    }
}

/// One version of a resource, and at once its record in the change log.
#[derive(Clone)]
pub struct Version {
    pub kind: TypeNumber,
    pub id: String,
    /// From 1.
    pub version: i64,
    /// `lastUpdated`, milliseconds since 1970.
    pub at_ms: i64,
    pub operation: Operation,
    /// Its place among all changes of the datastore, from 1.
    pub sequence: i64,
    /// The sequence of the first change of its transaction.
    pub transaction: i64,
    /// The whole resource; nothing of a deletion.
    pub body: Option<Bytes>,
}

impl Version {
    /// `Patient/1`.
    pub fn reference(&self) -> String {
        format!("{}/{}", Definitions::r4().name(self.kind), self.id)
    }

    /// `lastUpdated` as FHIR writes it.
    pub fn last_updated(&self) -> String {
        write_instant(self.at_ms)
    }

    /// Puts what the store knows into what it kept.
    pub(crate) fn stamped(mut self, stripped: Option<&str>) -> Version {
        let kind = Definitions::r4().name(self.kind);
        let told = |stripped| fhir::render::stamp(stripped, kind, &self.id, self.version, &self.last_updated());
        self.body = stripped.map(|stripped| Bytes::from(told(stripped)));
        self
    }
}

impl std::fmt::Debug for Version {
    // The body is health data: only its size is shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = self.body.as_ref().map(Bytes::len);
        write!(f, "Version {{ {}/{}, sequence: {}, bytes: {bytes:?} }}", self.reference(), self.version, self.sequence)
    }
}
