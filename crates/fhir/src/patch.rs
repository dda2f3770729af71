//! JSON Patch (RFC 6902) and FHIRPath Patch (hl7.org/fhir/R4/fhirpatch.html).

mod operation;
mod path;

use serde_json::Value;

use crate::json::Document;
use crate::outcome::Issue;
use operation::Operation;

/// Operations of one patch.
pub const OPERATIONS_MAX: usize = 10_000;

/// A change to a resource.
#[derive(Clone)]
pub struct Patch(Kind);

#[derive(Clone)]
enum Kind {
    Json(json_patch::Patch),
    FhirPath(Vec<Operation>),
}

impl std::fmt::Debug for Patch {
    // What is put in may be health data: only the number of operations is shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let operations = match &self.0 {
            Kind::Json(patch) => patch.0.len(),
            Kind::FhirPath(operations) => operations.len(),
        };
        write!(f, "Patch {{ operations: {operations} }}")
    }
}

impl Patch {
    /// Reads a JSON Patch: an array of operations.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_json(source: &[u8]) -> Result<Patch, Issue> {
        // Read by our own rules first: depth, names given twice.
        let document =
            Document::parse(source.to_vec()).map_err(|error| Issue::error("structure", error.to_string()))?;
        let patch: json_patch::Patch = serde_json::from_slice(document.source())
            .map_err(|_| Issue::error("invalid", "a JSON Patch is an array of operations (RFC 6902)"))?;
        if patch.0.len() > OPERATIONS_MAX {
            return Err(Issue::error("too-costly", format!("at most {OPERATIONS_MAX} operations")));
        }
        Ok(Patch(Kind::Json(patch)))
    }

    /// Reads a patch that is a resource: a Parameters with operations, or a Binary with a JSON Patch.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_resource(document: &Document) -> Result<Patch, Issue> {
        let root = document.root();
        let kind = root.get("resourceType").and_then(|kind| kind.as_str());
        match kind.as_deref() {
            Some("Parameters") => {
                let value = value(document)?;
                operation::read(&value).map(|operations| Patch(Kind::FhirPath(operations)))
            }
            Some("Binary") => {
                use base64::Engine as _;
                let data = root.get("data").and_then(|data| data.as_str()).unwrap_or_default();
                let bytes = base64::engine::general_purpose::STANDARD.decode(data.as_bytes());
                Patch::from_json(&bytes.map_err(|_| Issue::at("value", "Binary.data", "is not base64"))?)
            }
            _ => Err(Issue::error("invalid", "a patch is a JSON Patch, a Parameters or a Binary")),
        }
    }

    /// The resource with the change.
    ///
    /// # Errors
    /// Which operation cannot be done and why. Nothing is changed then.
    pub fn apply(&self, document: &Document) -> Result<String, Issue> {
        let mut resource = value(document)?;
        match &self.0 {
            Kind::Json(patch) => json_patch::patch(&mut resource, patch).map_err(|error| {
                Issue::error("processing", format!("operation {} at `{}`: {}", error.operation, error.path, error.kind))
            })?,
            Kind::FhirPath(operations) => {
                for (number, operation) in operations.iter().enumerate() {
                    operation.apply(&mut resource).map_err(|reason| {
                        Issue::at(
                            "processing",
                            format!("Parameters.parameter[{number}]"),
                            format!("operation {number}: {reason}"),
                        )
                    })?;
                }
            }
        }
        Ok(resource.to_string())
    }
}

fn value(document: &Document) -> Result<Value, Issue> {
    // Numbers keep their digits and members their order: both readers agree on what is JSON.
    serde_json::from_slice(document.source()).map_err(|_| Issue::error("structure", "not JSON"))
}
