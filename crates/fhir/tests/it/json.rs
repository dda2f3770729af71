//! Documents: agree with another reader on what is JSON, keep every byte, refuse what FHIR refuses.

use fhir::json::{DEPTH_MAX, Document, Element, Kind, Reason};
use proptest::prelude::*;
use serde_json::{Number, Value};

fn value(element: Element<'_>) -> Value {
    match element.kind() {
        Kind::Null => Value::Null,
        Kind::Bool => Value::Bool(element.as_bool().expect("a boolean")),
        Kind::Number => Value::Number(element.raw().parse::<Number>().expect("a number")),
        Kind::String => Value::String(element.as_str().expect("a string").into_owned()),
        Kind::Array => Value::Array(element.items().map(value).collect()),
        Kind::Object => {
            Value::Object(element.members().map(|(name, member)| (name.into_owned(), value(member))).collect())
        }
    }
}

fn reason(source: &[u8]) -> Reason {
    Document::parse(source.to_vec()).expect_err("it is refused").reason
}

#[test]
fn a_document_is_what_it_was_read_from() {
    let source = r#" {"a": [1.10, -0, 2e+3, "x\u00e9\ud83d\ude00\n", {}, [], null, true], "é": {"b": false}} "#;
    let document = Document::parse(source.as_bytes().to_vec()).unwrap();
    assert_eq!(value(document.root()), serde_json::from_str::<Value>(source).unwrap());
    let numbers: Vec<&str> = document.root().get("a").unwrap().items().take(3).map(Element::raw).collect();
    assert_eq!(numbers, ["1.10", "-0", "2e+3"]);
}

#[test]
fn what_fhir_refuses_is_refused() {
    for source in [
        "",
        "{",
        "[1,]",
        "{\"a\":1,}",
        "01",
        "1.",
        "+1",
        "\"\t\"",
        "\"\\x\"",
        "\"\\ud800\"",
        "nul",
        "1 2",
        "{a:1}",
        "[}",
    ] {
        assert_eq!(reason(source.as_bytes()), Reason::Syntax, "{source}");
    }
    assert_eq!(reason(b"\"\xff\""), Reason::Utf8);
    assert_eq!(reason(br#"{"a":1,"b":2,"\u0061":3}"#), Reason::Duplicate);
    let many: String = (0..40).map(|n| format!("\"m{n}\":1,")).collect();
    assert_eq!(reason(format!("{{{many}\"m7\":2}}").as_bytes()), Reason::Duplicate);
    assert_eq!(reason("[".repeat(DEPTH_MAX + 1).as_bytes()), Reason::Depth);
    let deepest = "[".repeat(DEPTH_MAX) + &"]".repeat(DEPTH_MAX);
    Document::parse(deepest.into_bytes()).unwrap();
}

#[test]
fn an_error_tells_the_place() {
    let error = Document::parse("{\n  \"a\": x}".as_bytes().to_vec()).unwrap_err();
    assert_eq!((error.line, error.column, error.offset), (2, 8, 9));
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..30)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn every_value_is_read_back(original in any_value()) {
        let document = Document::parse(original.to_string()).unwrap();
        prop_assert_eq!(value(document.root()), original);
    }

    #[test]
    fn any_bytes_are_read_as_another_reader_does(source in prop::collection::vec(prop::sample::select(br#"{}[]",:\u0 19.e-truefalsn"#.to_vec()), 0..24)) {
        let ours = Document::parse(source.clone());
        let theirs = serde_json::from_slice::<Value>(&source);
        let twice = ours.as_ref().is_err_and(|error| error.reason == Reason::Duplicate);
        prop_assert!(twice || ours.is_ok() == theirs.is_ok(), "{:?}", String::from_utf8_lossy(&source));
    }
}
