//! What is told of a stored resource.

use fhir::definitions::Definitions;
use fhir::json::Document;
use fhir::render::{Wanted, stamp, strip, subset};
use fhir::search::query::Summary;

fn parse(text: &str) -> Document {
    Document::parse(text.to_owned()).expect("a document")
}

#[test]
fn what_the_store_knows_is_put_in_where_it_was_taken_out() {
    let cases = [
        (
            r#"{"id":"a","resourceType":"Patient"}"#,
            r#"{"resourceType":"Patient","id":"1","meta":{"versionId":"2","lastUpdated":"T"}}"#,
        ),
        (
            r#"{"resourceType":"Patient","meta":{"versionId":"9","tag":[],"lastUpdated":"x"},"x":1.0}"#,
            r#"{"resourceType":"Patient","id":"1","meta":{"versionId":"2","lastUpdated":"T","tag":[]},"x":1.0}"#,
        ),
        (
            "{\"resourceType\": \"Patient\",\n \"active\" : true, \"meta\":{\"versionId\":\"1\"}}",
            r#"{"resourceType":"Patient","id":"1","meta":{"versionId":"2","lastUpdated":"T"},"active":true}"#,
        ),
    ];
    for (source, told) in cases {
        let stripped = strip(&parse(source)).expect("a resource");
        assert_eq!(stamp(&stripped, "Patient", "1", 2, "T"), told);
    }
    assert!(strip(&parse("[]")).is_none());
}

#[test]
fn parts_are_told_as_asked_and_marked() {
    let observation = parse(
        r#"{"resourceType":"Observation","id":"1","text":{"status":"generated"},"status":"final","code":{"text":"c"},"note":[{"text":"n"}],"valueString":"v"}"#,
    );
    let kind = Definitions::r4().resource("Observation").expect("a type");
    let told = |summary, elements: &[&str]| {
        let elements: Vec<String> = elements.iter().map(|element| (*element).to_owned()).collect();
        let text = subset(&observation, kind, Wanted { summary, elements: &elements });
        assert!(text.contains("SUBSETTED"));
        let document = parse(&text);
        document.root().members().map(|(name, _)| name.into_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(told(Summary::True, &[]), "resourceType id status code valueString meta");
    assert_eq!(told(Summary::Text, &[]), "resourceType id text status code meta");
    assert_eq!(told(Summary::Data, &[]), "resourceType id status code note valueString meta");
    assert_eq!(told(Summary::False, &["note", "value"]), "resourceType id status code note valueString meta");
}
