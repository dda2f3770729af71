//! References between resources (hl7.org/fhir/R4/references.html).

mod walk;

pub use walk::{Place, rewrite, walk};

use crate::definitions::Definitions;

/// What a reference leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// `Patient/1`, also with a base before it and a version behind it.
    Resource { base: Option<&'a str>, kind: &'a str, id: &'a str, version: Option<&'a str> },
    /// `#id`: of the same resource.
    Contained(&'a str),
    /// `urn:uuid:…`, a canonical URL or any other.
    Other(&'a str),
}

/// Reads a reference as written.
pub fn parse(reference: &str) -> Target<'_> {
    if let Some(id) = reference.strip_prefix('#') {
        return Target::Contained(id);
    }
    resource(reference).unwrap_or(Target::Other(reference))
}

fn resource(reference: &str) -> Option<Target<'_>> {
    let (path, version) = match reference.rsplit_once("/_history/") {
        Some((path, version)) => (path, Some(version)),
        None => (reference, None),
    };
    let (front, id) = path.rsplit_once('/')?;
    let (base, kind) = match front.rsplit_once('/') {
        Some((base, kind)) => (Some(base), kind),
        None => (None, front),
    };
    let is_base = base.is_none_or(|base| base.starts_with("http://") || base.starts_with("https://"));
    let known = is_id(id) && Definitions::r4().resource(kind).is_some();
    (known && is_base).then_some(Target::Resource { base, kind, id, version })
}

/// The resource type a reference tells by its form.
pub fn type_of(reference: &str) -> Option<&str> {
    match parse(reference) {
        Target::Resource { kind, .. } => Some(kind),
        _ => None,
    }
}

/// Whether a text may be a resource's id: 1 to 64 letters, digits, `-` and `.`.
pub fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_told_apart() {
        let resource = |base, kind, id, version| Target::Resource { base, kind, id, version };
        let cases = [
            ("Patient/1", resource(None, "Patient", "1", None)),
            ("Patient/1/_history/2", resource(None, "Patient", "1", Some("2"))),
            ("http://a/fhir/Patient/1", resource(Some("http://a/fhir"), "Patient", "1", None)),
            ("#p1", Target::Contained("p1")),
            ("urn:uuid:x", Target::Other("urn:uuid:x")),
            ("Person/a b", Target::Other("Person/a b")),
            ("Unknown/1", Target::Other("Unknown/1")),
            ("http://hl7.org/fhir/ValueSet/x|4.0", Target::Other("http://hl7.org/fhir/ValueSet/x|4.0")),
            ("Patient?identifier=x", Target::Other("Patient?identifier=x")),
            ("", Target::Other("")),
        ];
        for (text, target) in cases {
            assert_eq!(parse(text), target, "{text}");
        }
    }
}
