//! The definitions: what HL7's specification says, spot by spot, and what must hold all over.

use fhir::definitions::{Definitions, ParameterKind, TypeKind};

fn r4() -> &'static Definitions {
    Definitions::r4()
}

#[test]
fn every_resource_of_r4_is_there() {
    assert_eq!(r4().resources().count(), 146);
    assert!(r4().resource("DomainResource").is_none() && r4().resource("HumanName").is_none());
    assert_eq!(r4().of(r4().type_number("positiveInt").unwrap()).kind, TypeKind::Primitive);
}

#[test]
fn elements_have_their_cardinality_and_types() {
    let observation = r4().of(r4().resource("Observation").unwrap());
    let shape = r4().shape(observation.shape);
    let (status, _) = shape.child("status").unwrap();
    assert_eq!((status.min, status.max), (1, Some(1)));
    assert!(r4().set(status.set.unwrap()).unwrap().has("final"));
    let (value, which) = shape.child("valueCodeableConcept").unwrap();
    assert_eq!((&*value.name, value.is_choice), ("value", true));
    assert_eq!(r4().name(value.types[which].number), "CodeableConcept");
    assert!(shape.child("value").is_none() && shape.child("valueCanonical").is_none());
    // An element that has the elements of another.
    let (component, _) = shape.child("component").unwrap();
    let (range, _) = r4().shape(component.shape.unwrap()).child("referenceRange").unwrap();
    assert!(r4().shape(range.shape.unwrap()).child("low").is_some());
    let (subject, _) = shape.child("subject").unwrap();
    let targets: Vec<&str> = subject.types[0].targets.iter().map(|target| r4().name(*target)).collect();
    assert_eq!(targets, ["Patient", "Group", "Device", "Location"]);
}

#[test]
fn search_parameters_are_found_by_type_and_code() {
    let patient = r4().resource("Patient").unwrap();
    let birthdate = r4().search_parameter(patient, "birthdate").unwrap();
    assert_eq!(birthdate.kind, ParameterKind::Date);
    assert!(birthdate.expression.contains("Patient.birthDate"));
    assert!(r4().search_parameter(patient, "_lastUpdated").is_some());
    assert!(r4().search_parameter(patient, "value-quantity").is_none());
    let observation = r4().resource("Observation").unwrap();
    let composite = r4().search_parameter(observation, "code-value-quantity").unwrap();
    assert_eq!(composite.components.len(), 2);
}

#[test]
fn no_type_has_two_parameters_of_one_code() {
    for resource in r4().resources() {
        let codes: Vec<&str> = r4().search_parameters_of(resource).map(|parameter| &*parameter.code).collect();
        assert!(codes.windows(2).all(|pair| pair[0] < pair[1]), "{} {codes:?}", r4().name(resource));
    }
}

#[test]
fn a_patients_compartment_holds_what_refers_to_the_patient() {
    let (patient, observation) = (r4().resource("Patient").unwrap(), r4().resource("Observation").unwrap());
    let codes: Vec<&str> = r4().compartment(patient, observation).unwrap().iter().map(|code| &**code).collect();
    assert_eq!(codes, ["subject", "performer"]);
    assert!(r4().compartment(patient, r4().resource("Organization").unwrap()).is_none());
}
