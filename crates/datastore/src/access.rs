//! Who asks, and what they may see and do.
//!
//! One rule decides everywhere: [`Access::restriction`] tells which resources of a type a permission covers, as a search condition.
//! Searches add it, reads check it against the version they would show.

use std::sync::Arc;

use fhir::definitions::{Definitions, ParameterNumber, TypeNumber};
use fhir::json::Document;
use fhir::reference::Target;
use fhir::search::check::{Now, fits};
use fhir::search::query::{Condition, Modifier, Operand};
use fhir::search::{Value, extract};
use fhir::validate::Level;

use crate::{Error, Kind};

/// What is done to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    Create,
    Read,
    Update,
    Delete,
    Search,
}

/// A set of permissions (SMART v2 `cruds`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permissions(u8);

impl Permissions {
    pub const ALL: Permissions = Permissions(0b1_1111);

    /// With one more.
    #[must_use]
    pub fn with(self, permission: Permission) -> Permissions {
        Permissions(self.0 | 1 << permission as u8)
    }

    pub fn has(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u8) != 0
    }
}

/// Some permissions on some resources (a SMART scope).
#[derive(Clone, Debug)]
pub struct Grant {
    /// `None` is every type.
    pub kind: Option<TypeNumber>,
    pub permissions: Permissions,
    /// Only what is in the compartment of the patient with this id.
    pub patient: Option<String>,
    /// Only what also fits these (`?category=…`).
    pub conditions: Vec<Condition>,
}

/// What a caller may do.
#[derive(Clone, Debug, Default)]
pub enum Access {
    /// Everything: signed requests.
    #[default]
    All,
    /// What one of the grants covers.
    Granted(Arc<[Grant]>),
}

/// Who asks.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// As the audit log names them: an access key id, or a token's client and subject.
    pub name: Arc<str>,
    pub access: Access,
    /// How much of what they write is looked at.
    pub validation: Level,
}

/// Which resources of a type are covered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Restriction {
    Everything,
    Nothing,
    Where(Condition),
}

impl Access {
    /// Which resources of a type a permission covers.
    pub(crate) fn restriction(&self, kind: TypeNumber, permission: Permission) -> Restriction {
        let Access::Granted(grants) = self else { return Restriction::Everything };
        let mut covered = Vec::new();
        for grant in grants.iter() {
            match grant.restriction(kind, permission) {
                Restriction::Everything => return Restriction::Everything,
                Restriction::Where(condition) => covered.push(condition),
                Restriction::Nothing => {}
            }
        }
        if covered.is_empty() { Restriction::Nothing } else { Restriction::Where(Condition::Any(covered)) }
    }

    /// Some resource of a type must be covered by a permission.
    ///
    /// # Errors
    /// `Denied`: this tells nothing of any resource.
    pub(crate) fn demand(&self, kind: TypeNumber, permission: Permission) -> Result<(), Error> {
        if self.restriction(kind, permission) == Restriction::Nothing { Err(denied()) } else { Ok(()) }
    }

    /// Whether nothing of a type is hidden.
    pub(crate) fn is_whole(&self, kind: TypeNumber, permission: Permission) -> bool {
        self.restriction(kind, permission) == Restriction::Everything
    }

    /// Whether a permission covers this resource.
    pub(crate) fn covers(
        &self,
        kind: TypeNumber,
        permission: Permission,
        id: &str,
        document: &Document,
        now: Now,
    ) -> bool {
        let Access::Granted(grants) = self else { return true };
        let writes = !matches!(permission, Permission::Read | Permission::Search);
        grants.iter().any(|grant| {
            let covers = match grant.restriction(kind, permission) {
                Restriction::Everything => true,
                Restriction::Nothing => false,
                Restriction::Where(condition) => told(&condition, kind, id, document, now),
            };
            // What others see of it, too, is not for one patient to change.
            let patient = grant.patient.as_ref().filter(|_| writes);
            covers && patient.is_none_or(|patient| is_of_no_other(patient, kind, id, document))
        })
    }
}

impl Grant {
    fn restriction(&self, kind: TypeNumber, permission: Permission) -> Restriction {
        if self.kind.is_some_and(|granted| granted != kind) || !self.permissions.has(permission) {
            return Restriction::Nothing;
        }
        let mut conditions = self.conditions.clone();
        if let Some(patient) = &self.patient {
            match compartment(kind, patient) {
                Some(condition) => conditions.push(condition),
                None => return Restriction::Nothing,
            }
        }
        if conditions.is_empty() { Restriction::Everything } else { Restriction::Where(Condition::All(conditions)) }
    }
}

/// Whether a resource is in the compartment of no other patient.
fn is_of_no_other(patient: &str, kind: TypeNumber, id: &str, document: &Document) -> bool {
    let definitions = Definitions::r4();
    let Some(owner) = definitions.resource("Patient") else { return false };
    if kind == owner {
        return id == patient;
    }
    let codes = definitions.compartment(owner, kind).unwrap_or_default();
    let parameters: Vec<ParameterNumber> =
        codes.iter().filter_map(|code| Some(definitions.search_parameter(kind, code)?.number)).collect();
    extract(document, kind).iter().filter(|entry| parameters.contains(&entry.parameter)).all(|entry| {
        let Value::Reference(reference) = &entry.value else { return true };
        match fhir::reference::parse(reference) {
            Target::Resource { kind: "Patient", id, .. } => id == patient,
            _ => true,
        }
    })
}

pub(crate) fn denied() -> Error {
    Error::new(Kind::Denied, "the access granted does not cover this")
}

/// A restriction is made of what a document and its id tell.
fn told(condition: &Condition, kind: TypeNumber, id: &str, document: &Document, now: Now) -> bool {
    match condition {
        Condition::Id(ids) => ids.iter().any(|wanted| wanted == id),
        Condition::All(parts) => parts.iter().all(|part| told(part, kind, id, document, now)),
        Condition::Any(parts) => parts.iter().any(|part| told(part, kind, id, document, now)),
        other => fits(document, kind, other, now) == Some(true),
    }
}

/// What puts a resource of a type into a patient's compartment; `None` when nothing does.
pub(crate) fn compartment(kind: TypeNumber, patient: &str) -> Option<Condition> {
    in_compartment("Patient", kind, patient)
}

/// What puts a resource of a type into a compartment.
pub(crate) fn in_compartment(compartment: &str, kind: TypeNumber, id: &str) -> Option<Condition> {
    let definitions = Definitions::r4();
    let owner = definitions.resource(compartment)?;
    let mut ways = Vec::new();
    if kind == owner {
        ways.push(Condition::Id(vec![id.to_owned()]));
    }
    for code in definitions.compartment(owner, kind).unwrap_or_default() {
        if let Some(parameter) = definitions.search_parameter(kind, code) {
            let operands = vec![Operand::Reference(format!("{compartment}/{id}"))];
            ways.push(Condition::Parameter { parameter: parameter.number, modifier: Modifier::None, operands });
        }
    }
    (!ways.is_empty()).then_some(Condition::Any(ways))
}
