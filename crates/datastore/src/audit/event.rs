//! One access as a FHIR AuditEvent (hl7.org/fhir/R4/auditevent.html, "RESTful interactions").
//!
//! It holds ids and, of searches, the query, which may be health data: base64 as FHIR has it, in the log only.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fhir::json::write_string;
use fhir::search::date::write_instant;

use crate::Operation;

/// Who asks for what: what is known before it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The datastore's id.
    pub datastore: Arc<str>,
    /// As [`crate::Caller::name`].
    pub who: Arc<str>,
    /// A code of `http://hl7.org/fhir/restful-interaction`, such as `search-type`.
    pub interaction: &'static str,
    /// What a search asks, as it stood in the URL or form.
    pub query: Option<String>,
}

/// A resource, or a version of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// `Patient/1` or `Patient/1/_history/2`.
    pub reference: String,
    /// What became of it, when it was written.
    pub operation: Option<Operation>,
}

/// An access and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub asked: Asked,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// The HTTP status.
    pub status: u16,
    pub entities: Vec<Entity>,
}

impl Event {
    /// As a line of JSON, without the end of the line.
    pub fn write(&self, out: &mut String) {
        let Event { asked, status, .. } = self;
        let system = "http://terminology.hl7.org/CodeSystem";
        out.push_str(&format!(
            r#"{{"resourceType":"AuditEvent","type":{{"system":"{system}/audit-event-type","code":"rest"}},"subtype":[{{"system":"http://hl7.org/fhir/restful-interaction","code":"{}"}}],"action":"{}","recorded":"{}","outcome":"{}""#,
            asked.interaction,
            action(asked.interaction),
            write_instant(self.at_ms),
            outcome(*status),
        ));
        if *status >= 400 {
            out.push_str(&format!(r#","outcomeDesc":"HTTP {status}""#));
        }
        out.push_str(r#","agent":[{"who":{"identifier":{"value":"#);
        write_string(out, &asked.who);
        out.push_str(r#"}},"requestor":true}],"source":{"observer":{"identifier":{"value":"#);
        write_string(out, &asked.datastore);
        out.push_str("}}}");
        let mut comma = r#","entity":["#;
        for entity in &self.entities {
            out.push_str(comma);
            out.push_str(r#"{"what":{"reference":"#);
            write_string(out, &entity.reference);
            out.push('}');
            if let Some(operation) = entity.operation {
                let code = lifecycle(operation);
                out.push_str(&format!(r#","lifecycle":{{"system":"{system}/dicom-audit-lifecycle","code":"{code}"}}"#));
            }
            out.push('}');
            comma = ",";
        }
        if let Some(query) = &asked.query {
            out.push_str(comma);
            out.push_str(&format!(r#"{{"query":"{}"}}"#, STANDARD.encode(query)));
            comma = ",";
        }
        out.push_str(if comma == "," { "]}" } else { "}" });
    }
}

/// Create, read, update, delete, execute.
fn action(interaction: &str) -> &'static str {
    match interaction {
        "create" => "C",
        "update" | "patch" => "U",
        "delete" => "D",
        "read" | "vread" | "capabilities" | "history-instance" | "history-type" | "history-system" => "R",
        _ => "E",
    }
}

/// Success, minor failure (the caller's), serious failure (ours).
fn outcome(status: u16) -> &'static str {
    match status {
        0..=399 => "0",
        400..=499 => "4",
        _ => "8",
    }
}

fn lifecycle(operation: Operation) -> &'static str {
    match operation {
        Operation::Create => "1",
        Operation::Update => "3",
        Operation::Delete => "14",
        Operation::Erase => "15",
    }
}
