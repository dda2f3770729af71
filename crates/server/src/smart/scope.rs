//! SMART scopes as grants: v1 `patient/Observation.read`, v2 `user/Observation.rs?category=…` (hl7.org/fhir/smart-app-launch,
//! "Scopes and launch context").
//!
//! A scope that cannot be read grants nothing; what it asks for may be more than what was understood.

use datastore::{Grant, Permission, Permissions};
use fhir::definitions::{Definitions, TypeNumber};
use fhir::search::query::{Condition, Query, Unknown};

use crate::protocol::form;

/// Grants of one token.
const GRANTS_MAX: usize = 2000;

/// Which scopes a datastore knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Versions {
    /// `SMART_ON_FHIR_V1`.
    Only1,
    /// `SMART_ON_FHIR`.
    Both,
}

/// What scopes grant. Those with the context `patient` need the patient of the launch.
pub(super) fn grants<'a>(
    scopes: impl IntoIterator<Item = &'a str>,
    patient: Option<&str>,
    versions: Versions,
) -> Vec<Grant> {
    let patient = patient.filter(|id| fhir::reference::is_id(id));
    let mut grants = Vec::new();
    for scope in scopes {
        grants.extend(granted(scope, patient, versions).unwrap_or_default());
        if grants.len() > GRANTS_MAX {
            // What was read so far is granted all the same.
            grants.truncate(GRANTS_MAX);
            break;
        }
    }
    grants
}

fn granted(scope: &str, patient: Option<&str>, versions: Versions) -> Option<Vec<Grant>> {
    let (context, rest) = scope.split_once('/')?;
    let patient = match context {
        "patient" => Some(patient?.to_owned()),
        "user" | "system" => None,
        _ => return None,
    };
    let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
    let (name, letters) = rest.split_once('.')?;
    let kind = if name == "*" { None } else { Some(Definitions::r4().resource(name)?) };
    let permissions = match letters {
        "read" => of_letters("rs")?,
        "write" => of_letters("cud")?,
        "*" => Permissions::ALL,
        letters if versions == Versions::Both => of_letters(letters)?,
        _ => return None,
    };
    let Some(query) = query else {
        return Some(vec![Grant { kind, permissions, patient, conditions: Vec::new() }]);
    };
    if versions == Versions::Only1 {
        return None;
    }
    let pairs = form::pairs(query, true).ok()?;
    let kinds: Vec<TypeNumber> = kind.map_or_else(|| Definitions::r4().resources().collect(), |kind| vec![kind]);
    // Of every type, those which have the parameter.
    let grant = |kind: TypeNumber| {
        let query = Query::parse(kind, &pairs, Unknown::Refused).ok()?;
        let is_told = !query.conditions.is_empty() && query.conditions.iter().all(|part| is_told(part, true));
        is_told.then(|| Grant { kind: Some(kind), permissions, patient: patient.clone(), conditions: query.conditions })
    };
    Some(kinds.into_iter().filter_map(grant).collect())
}

/// Some of `cruds`, in this order.
fn of_letters(letters: &str) -> Option<Permissions> {
    const ALL: [(char, Permission); 5] = [
        ('c', Permission::Create),
        ('r', Permission::Read),
        ('u', Permission::Update),
        ('d', Permission::Delete),
        ('s', Permission::Search),
    ];
    let mut left = ALL.iter();
    let mut permissions = Permissions::default();
    for letter in letters.chars() {
        let (_, permission) = left.find(|(known, _)| *known == letter)?;
        permissions = permissions.with(*permission);
    }
    (!letters.is_empty()).then_some(permissions)
}

/// Whether a resource alone tells that it fits: links and times of writing would cover one at one time, not at another.
fn is_told(condition: &Condition, may_be_id: bool) -> bool {
    match condition {
        Condition::Parameter { .. } | Condition::Missing { .. } => true,
        Condition::Id(_) => may_be_id,
        Condition::All(parts) | Condition::Any(parts) => parts.iter().all(|part| is_told(part, may_be_id)),
        Condition::Not(part) => is_told(part, false),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(scope: &str, patient: Option<&str>, versions: Versions) -> String {
        let one = |grant: &Grant| {
            let letter = |(letter, permission)| if grant.permissions.has(permission) { letter } else { '-' };
            let letters: String = [
                ('c', Permission::Create),
                ('r', Permission::Read),
                ('u', Permission::Update),
                ('d', Permission::Delete),
                ('s', Permission::Search),
            ]
            .map(letter)
            .into_iter()
            .collect();
            let kind = grant.kind.map_or("*", |kind| Definitions::r4().name(kind));
            let patient = grant.patient.as_deref().unwrap_or("all");
            format!("{kind} {letters} {patient} {}", grant.conditions.len())
        };
        grants(scope.split(' '), patient, versions).iter().map(one).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn scopes_of_both_versions_are_read() {
        for (scope, expected) in [
            ("patient/Observation.read", "Observation -r--s p 0"),
            ("patient/*.write", "* c-ud- p 0"),
            ("user/Patient.*", "Patient cruds all 0"),
            ("system/*.*", "* cruds all 0"),
            ("system/*.cruds", "* cruds all 0"),
            ("user/Observation.rs", "Observation -r--s all 0"),
            ("patient/Observation.rs?category=laboratory", "Observation -r--s p 1"),
            ("user/Observation.r?category=http%3A%2F%2Fx%7Cy&status=final", "Observation -r--- all 2"),
            ("openid fhirUser launch/patient patient/Patient.r offline_access", "Patient -r--- p 0"),
        ] {
            assert_eq!(told(scope, Some("p"), Versions::Both), expected, "{scope}");
        }
        assert!(told("user/*.rs?_tag=x", None, Versions::Both).split("; ").count() > 100);
    }

    #[test]
    fn what_cannot_be_read_grants_nothing() {
        for scope in [
            "",
            "patient",
            "patient/",
            "patient/Observation",
            "patient/Observation.",
            "patient/Observation.sr",
            "patient/Observation.rr",
            "patient/Observation.READ",
            "patient/Nope.read",
            "admin/Observation.read",
            "user/Observation.rs?nope=1",
            "user/Observation.rs?",
            "user/Observation.rs?subject:Patient.name=x",
            "user/Patient.rs?_has:Observation:subject:code=x",
            "user/Observation.rs?_lastUpdated=gt2020",
            "user/Observation.rs?_list=1",
        ] {
            assert_eq!(told(scope, Some("p"), Versions::Both), "", "{scope}");
        }
        assert_eq!(told("patient/Observation.read", None, Versions::Both), "", "no patient was launched with");
        assert_eq!(told("patient/Observation.read", Some("a/b"), Versions::Both), "", "no id");
        assert_eq!(told("user/Observation.rs user/Observation.read?a=b", None, Versions::Only1), "");
    }
}
