//! Searches: what fits, what does not, what is refused. Cases as data.

use fhir::definitions::Definitions;
use fhir::json::Document;
use fhir::search::check::{Now, fits};
use fhir::search::query::{Query, Unknown};

const NOW: Now = Now { ms: 1_750_000_000_000 };

fn query(kind: &str, text: &str) -> Result<Query, String> {
    let resource = Definitions::r4().resource(kind).expect("a resource type");
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').expect("a pair");
        (name.to_owned(), value.to_owned())
    };
    let pairs: Vec<_> = text.split('&').map(pair).collect();
    Query::parse(resource, &pairs, Unknown::Refused).map_err(|error| error.to_string())
}

fn check(source: &str, matching: &[&str], others: &[&str]) {
    let document = Document::parse(source.to_owned()).expect("a document");
    let kind = document.root().get("resourceType").and_then(|kind| kind.as_str()).expect("a type").into_owned();
    let resource = Definitions::r4().resource(&kind).expect("a resource type");
    for (texts, expected) in [(matching, true), (others, false)] {
        for text in texts {
            let query = query(&kind, text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let all = query.conditions.iter().all(|condition| fits(&document, resource, condition, NOW) == Some(true));
            assert_eq!(all, expected, "{text}");
        }
    }
}

#[test]
fn a_patient_is_found_by_what_it_has() {
    let patient = r##"{"resourceType":"Patient","active":true,"gender":"female","birthDate":"1980-05-17",
        "identifier":[{"system":"urn:s","value":"a|b","type":{"coding":[{"system":"t","code":"MR"}],"text":"Record number"}}],
        "name":[{"family":"Müller","given":["Anna Lena"]}],"generalPractitioner":[{"reference":"Practitioner/p1"}],
        "managingOrganization":{"identifier":{"system":"o","value":"7"}}}"##;
    check(
        patient,
        &[
            "family=mull",
            "family:exact=Müller",
            "family:contains=ÜLL",
            "given=anna l",
            "name=anna,bert",
            "gender=female",
            "gender=http://hl7.org/fhir/administrative-gender|female",
            "gender:not=male",
            "active=true",
            "identifier=urn:s|a\\|b",
            "identifier=urn:s|",
            "identifier=a\\|b",
            "identifier:of-type=t|MR|a\\|b",
            "identifier:text=record",
            "birthdate=1980",
            "birthdate=1980-05-17",
            "birthdate=ge1980-05-17",
            "birthdate=gt1980-04&birthdate=lt1980-06",
            "birthdate=ne1980-06",
            "birthdate=eb1980-06",
            "birthdate=sa1980-04",
            "general-practitioner=Practitioner/p1",
            "general-practitioner=p1",
            "general-practitioner:Practitioner=p1",
            "organization:identifier=o|7",
            "email:missing=true",
            "deceased=false",
            "_filter=family eq \"muller\" and (gender eq male or birthdate lt 1990)",
            "_filter=not (gender eq male)",
            "_content=lena",
        ],
        &[
            "family=uller",
            "family:exact=müller",
            "gender=male",
            "gender=x|female",
            "gender=|female",
            "gender:not=female",
            "identifier=a",
            "birthdate=1981",
            "birthdate=lt1980-05-17",
            "birthdate=gt1980-05-17",
            "birthdate=eb1980-05-17",
            "general-practitioner=Practitioner/p2",
            "general-practitioner:Organization=p1",
            "organization:identifier=7a",
            "family:missing=true",
            "_filter=family eq \"mull\"",
            "_text=lena",
        ],
    );
}

#[test]
fn an_observation_is_found_by_its_values() {
    let observation = r##"{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"l","code":"bp","display":"Blood pressure"}]},
        "effectiveDateTime":"2020-03-01T10:00:00+01:00","valueQuantity":{"value":5.4,"unit":"mg","system":"http://unitsofmeasure.org","code":"mg"},
        "component":[{"code":{"coding":[{"system":"l","code":"s"}]},"valueQuantity":{"value":120,"code":"mm"}},
                     {"code":{"coding":[{"system":"l","code":"d"}]},"valueQuantity":{"value":80,"code":"mm"}}]}"##;
    check(
        observation,
        &[
            "value-quantity=5.4",
            "value-quantity=5.40|http://unitsofmeasure.org|mg",
            "value-quantity=5.4||mg",
            "value-quantity=0.0054|http://unitsofmeasure.org|g",
            "value-quantity=le5400|http://unitsofmeasure.org|ug",
            "value-quantity=gt5&value-quantity=lt6",
            "value-quantity=5",
            "value-quantity=ap5",
            "code-value-quantity=bp$5.4",
            "component-code-value-quantity=l|s$gt100",
            "date=2020-03-01T09:00:00Z",
            "combo-code=l|d",
            "code:text=blood",
            "date=2020-03",
        ],
        &[
            "value-quantity=5.5",
            "value-quantity=5.4|http://other|mg",
            "value-quantity=5.4||g",
            "value-quantity=5.4|http://unitsofmeasure.org|g",
            "value-quantity=5.4|http://unitsofmeasure.org|mm",
            "component-code-value-quantity=l|d$gt100",
            "code-value-quantity=s$5.4",
            "date=2020-03-01T10:00:00Z",
            "value-quantity=ne5.4",
        ],
    );
}

#[test]
fn what_cannot_be_taken_is_refused_by_name() {
    let cases = [
        ("Patient", "nope=1", "`nope`: no search parameter of Patient"),
        ("Patient", "birthdate=yesterday", "`birthdate`: a date is"),
        ("Patient", "family:below=x", "`family:below`: no modifier of its kind"),
        ("Patient", "identifier:in=x", "needs a terminology server"),
        ("Patient", "organization:Nope=x", "no such modifier"),
        ("Patient", "gender=", "a value is empty"),
        ("Patient", "active:missing=maybe", "true or false"),
        ("Patient", "organization.nope=1", "has the parameter `nope`"),
        ("Patient", "_has:Observation:patient:nope=1", "no search parameter of that type"),
        ("Patient", "_has:Observation:code:code=1", "no reference of that type"),
        ("Patient", "_sort=nope", "nothing to sort by: `nope`"),
        ("Patient", "_count=-1", "is a number"),
        ("Patient", "_include=Patient:nope", "no reference of that type"),
        ("Patient", "_filter=family eq", "a word is missing"),
        ("Patient", "_filter=(family eq x", "not closed"),
        ("Observation", "code-value-quantity=a", "joined by `$`"),
        ("Observation", "value-quantity=x|y|z", "a number is a decimal"),
    ];
    for (kind, text, expected) in cases {
        let error = query(kind, text).expect_err(text);
        assert!(error.contains(expected), "{text}: {error}");
    }
    let deep = format!("_filter={}family eq x{}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(query("Patient", &deep).expect_err("too deep").contains("within each other"));
    let ways = format!("{}_id=x", "focus.".repeat(6));
    assert!(query("Observation", &ways).expect_err("too many").contains("ways"));
    let chain = format!("{}name=x", "link:Patient.".repeat(1000));
    assert!(query("Patient", &chain).expect_err("too long").contains("links"));
}

#[test]
fn links_and_includes_are_read_with_their_types() {
    let query = query("Observation", "subject:Patient.organization.name=x&_include=Observation:subject&_revinclude:iterate=*&_sort=-date,_id&_count=5000").expect("a query");
    assert_eq!((query.conditions.len(), query.options.includes.len(), query.options.revincludes.len()), (1, 1, 1));
    assert_eq!((query.options.sort.len(), query.options.count), (2, Some(1000)));
    // What some of the types cannot answer, others can.
    for text in ["subject.subject.name=x", "performer.organization.name=x", "subject.organization.name=x"] {
        assert!(self::query("Basic", text).or(self::query("Observation", text)).is_ok(), "{text}");
    }
}
