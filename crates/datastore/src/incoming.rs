//! A resource on its way in, made ready outside of any transaction: read, checked, packed, its index rows known.

use bytes::Bytes;
use fhir::definitions::{Definitions, TypeNumber};
use fhir::json::Document;
use fhir::outcome::{Issue, Severity};
use fhir::validate::{Level, validate};

use crate::row::{Row, rows};
use crate::{Caller, Error, Kind, Store, body};

/// A resource that only waits for its version.
#[derive(Clone)]
pub(crate) struct Incoming {
    pub kind: TypeNumber,
    /// As the body says.
    pub id: Option<String>,
    pub packed: Vec<u8>,
    pub rows: Vec<Row>,
    /// What is kept, unpacked: what a caller is told without reading it again.
    pub stripped: String,
}

/// The type of a resource in a body.
pub(crate) fn kind_of(document: &Document) -> Result<TypeNumber, Error> {
    let told = document.root().get("resourceType").and_then(|kind| kind.as_str());
    let Some(told) = told else {
        let issue = Issue::at("structure", "resourceType", "the body is no resource: it has no resourceType");
        return Err(Error::with_issues(Kind::Invalid, vec![issue]));
    };
    Definitions::r4().resource(&told).ok_or_else(|| {
        let issue = Issue::at("structure", "resourceType", "resourceType is no resource type of FHIR R4");
        Error::with_issues(Kind::Invalid, vec![issue])
    })
}

/// The id a body has.
pub(crate) fn id_of(document: &Document) -> Result<Option<String>, Error> {
    let Some(id) = document.root().get("id") else { return Ok(None) };
    let id = id.as_str().filter(|id| fhir::reference::is_id(id)).map(|id| id.into_owned());
    let refused = || {
        let issue = Issue::at("value", "id", "an id is 1 to 64 letters, digits, `-` and `.`");
        Error::with_issues(Kind::Invalid, vec![issue])
    };
    id.map(Some).ok_or_else(refused)
}

impl Store {
    /// Reads a body and makes it ready.
    pub(crate) async fn ready(
        &self,
        caller: &Caller,
        body: Bytes,
        expected: Option<TypeNumber>,
    ) -> Result<Incoming, Error> {
        let document = Document::parse(body)?;
        let kind = kind_of(&document)?;
        if let Some(expected) = expected.filter(|expected| *expected != kind) {
            let name = Definitions::r4().name(expected);
            let issue = Issue::at("invalid", "resourceType", format!("the body is no {name}"));
            return Err(Error::with_issues(Kind::Invalid, vec![issue]));
        }
        self.ready_document(&document, kind, caller.validation).await
    }

    /// As [`Store::ready`], of a document that was read.
    pub(crate) async fn ready_document(
        &self,
        document: &Document,
        kind: TypeNumber,
        level: Level,
    ) -> Result<Incoming, Error> {
        self.know_texts(crate::row::texts(document, kind)).await?;
        self.incoming(document, kind, level)
    }

    /// As [`Store::ready_document`], once the texts are known.
    pub(crate) fn incoming(&self, document: &Document, kind: TypeNumber, level: Level) -> Result<Incoming, Error> {
        self.numbered(document, kind, level, |text| self.known_text(text))
    }

    /// As [`Store::incoming`], with numbers of texts from elsewhere.
    pub(crate) fn numbered(
        &self,
        document: &Document,
        kind: TypeNumber,
        level: Level,
        number: impl FnMut(&str) -> Result<i64, Error>,
    ) -> Result<Incoming, Error> {
        let id = id_of(document)?;
        let mut issues = validate(document, level);
        issues.retain(|issue| matches!(issue.severity, Severity::Error | Severity::Fatal));
        if !issues.is_empty() {
            return Err(Error::with_issues(Kind::Invalid, issues));
        }
        let stripped =
            fhir::render::strip(document).ok_or_else(|| Error::new(Kind::Invalid, "the body is no resource"))?;
        let packed = body::pack(&stripped)?;
        let rows = rows(document, kind, &self.base(), number)?;
        Ok(Incoming { kind, id, packed, rows, stripped })
    }
}
