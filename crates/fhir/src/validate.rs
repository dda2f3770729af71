//! Whether a resource keeps to the rules of FHIR R4 (hl7.org/fhir/R4/validation.html).
//!
//! Three levels, as HealthLake has them. One walk along the document with the definitions beside it; nothing is copied unless there is
//! an issue. Issues name the element and the rule, never a value.

mod invariant;
mod primitive;
mod reference;
mod walk;

use crate::definitions::Definitions;
use crate::json::Document;
use crate::outcome::Issue;

/// Issues told of one resource; more are counted.
pub const ISSUES_MAX: usize = 100;

/// How much is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// It is a resource of a known type with a well-formed id.
    Minimal,
    /// Elements, cardinality, types and formats of primitives, codes of required bindings, form of references.
    #[default]
    StructureOnly,
    /// Invariants too.
    Strict,
}

impl Level {
    /// As the HealthLake API writes it.
    pub fn name(self) -> &'static str {
        match self {
            Level::Minimal => "minimal",
            Level::StructureOnly => "structure-only",
            Level::Strict => "strict",
        }
    }

    /// By the name the HealthLake API gives it.
    pub fn by_name(name: &str) -> Option<Level> {
        [Level::Minimal, Level::StructureOnly, Level::Strict].into_iter().find(|level| level.name() == name)
    }
}

/// What is wrong with a resource; nothing when it is right.
pub fn validate(document: &Document, level: Level) -> Vec<Issue> {
    let root = document.root();
    let name = root.get("resourceType").and_then(|kind| kind.as_str());
    let Some(name) = name else {
        return vec![Issue::at("structure", "resourceType", "a resource is an object with a resourceType")];
    };
    let Some(kind) = Definitions::r4().resource(&name) else {
        return vec![Issue::at("structure", "resourceType", "resourceType is no resource type of FHIR R4")];
    };
    if level == Level::Minimal {
        let id = root.get("id");
        let is_id = id.is_none_or(|id| id.as_str().is_some_and(|id| crate::reference::is_id(&id)));
        return if is_id {
            Vec::new()
        } else {
            vec![Issue::at("value", format!("{name}.id"), "an id is 1 to 64 letters, digits, `-` and `.`")]
        };
    }
    walk::resource(document, kind, level)
}
