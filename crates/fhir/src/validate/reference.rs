//! The form of references (hl7.org/fhir/R4/references.html).

use super::walk::Walk;
use crate::definitions::TypeNumber;
use crate::json::Element;
use crate::reference::{Target, parse};

/// Whether a reference can lead somewhere its element allows.
pub(super) fn check(walk: &mut Walk<'_>, value: Element<'_>, targets: &[TypeNumber]) {
    let Some(reference) = value.get("reference").and_then(Element::as_str) else { return };
    match parse(&reference) {
        Target::Contained("") if walk.is_in_contained() => {}
        Target::Contained(id) => {
            if !id.is_empty() && !walk.contains(id) {
                walk.issue("invariant", Some("reference"), "ref-1: what a local reference leads to is contained");
            }
        }
        Target::Resource { kind, .. } => {
            let found = walk.definitions.resource(kind);
            if !targets.is_empty() && !found.is_some_and(|found| targets.contains(&found)) {
                let names: Vec<&str> = targets.iter().map(|target| walk.definitions.name(*target)).collect();
                walk.issue("structure", Some("reference"), format!("leads to {}", names.join(" or ")));
            }
        }
        Target::Other(other) => {
            let is_absolute = other.contains(':') || other.contains('?');
            if !is_absolute {
                walk.issue("value", Some("reference"), "is TYPE/ID, a URL, urn:uuid:…, urn:oid:… or #ID");
            }
        }
    }
}
