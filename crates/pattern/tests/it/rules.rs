//! Many patterns at once answer what each answers alone.

use std::sync::Arc;

use pattern::{Pattern, Rules};
use proptest::prelude::*;
use serde_json::{Value, json};

fn rules(patterns: &[String]) -> Rules<usize> {
    Rules::new(patterns.iter().enumerate().map(|(n, text)| (n, Arc::new(Pattern::parse(text).expect("a pattern")))))
}

fn check(patterns: &[&str], event: &str, expected: &[usize]) {
    let patterns: Vec<String> = patterns.iter().map(|text| (*text).to_owned()).collect();
    let got: Vec<usize> = rules(&patterns).matches(event.as_bytes()).expect("an event").into_iter().copied().collect();
    assert_eq!(got, expected, "{event}");
}

#[test]
fn every_kind_of_expression_is_found() {
    let patterns = [
        r#"{"a":["Text"]}"#,
        r#"{"a":[{"equals-ignore-case":"tEXT"}]}"#,
        r#"{"a":[{"prefix":"Te"}]}"#,
        r#"{"a":[{"suffix":"xt"}]}"#,
        r#"{"a":[{"prefix":{"equals-ignore-case":"tE"}}]}"#,
        r#"{"a":[{"suffix":{"equals-ignore-case":"XT"}}]}"#,
        r#"{"a":[{"wildcard":"T*t"}]}"#,
        r#"{"a":[{"wildcard":"*ex*"}]}"#,
        r#"{"a":[{"anything-but":"other"}]}"#,
        r#"{"a":[{"exists":true}]}"#,
        r#"{"b":[{"exists":false}]}"#,
        r#"{"n":[300]}"#,
        r#"{"n":[{"numeric":[">",299,"<=",300]}]}"#,
        r#"{"n":[{"numeric":["<",300]}]}"#,
        r#"{"i":[{"cidr":"10.0.0.0/8"}]}"#,
        r#"{"t":[true]}"#,
        r#"{"z":[null]}"#,
        r#"{"a":["Text"],"n":[7]}"#,
        r#"{"$or":[{"n":[7]},{"t":[true]}]}"#,
    ];
    let event = r#"{"a":"Text","n":3.0e2,"i":"10.1.2.3","t":true,"z":null}"#;
    check(&patterns, event, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 18]);
    check(&patterns, r#"{"b":1}"#, &[]);
    check(&[], "{}", &[]);
}

#[test]
fn a_thousand_rules_on_one_field_are_told_apart() {
    let patterns: Vec<String> = (0..1000)
        .map(|n| format!(r#"{{"source":["s"],"detail":{{"id":["{n}"],"size":[{{"numeric":[">=",{n}]}}]}}}}"#))
        .collect();
    let rules = rules(&patterns);
    assert_eq!(rules.len(), 1000);
    let event = r#"{"source":"s","detail":{"size":500,"id":"499"}}"#;
    assert_eq!(rules.matches(event.as_bytes()).unwrap(), [&499]);
    let event = r#"{"source":"s","detail":{"size":500,"id":["501","7"]}}"#;
    assert_eq!(rules.matches(event.as_bytes()).unwrap(), [&7]);
    assert!(rules.matches(b"{\"source\":").is_err());
}

#[test]
fn an_empty_wildcard_takes_empty_text() {
    check(&[r#"{"a":[{"wildcard":""}]}"#], r#"{"a":""}"#, &[0]);
    check(&[r#"{"a":[{"wildcard":""}]}"#], r#"{"a":["b",""]}"#, &[0]);
    check(&[r#"{"a":[{"wildcard":""}]}"#], r#"{"a":"b"}"#, &[]);
}

#[test]
fn numbers_are_told_apart_beyond_what_64_bits_hold() {
    let patterns = [
        r#"{"n":[9007199254740993]}"#,
        r#"{"n":[{"numeric":["=",0.10000000000000000001]}]}"#,
        r#"{"n":[{"numeric":[">",0.10000000000000000001]}]}"#,
        r#"{"n":[{"numeric":["<",0.10000000000000000001]}]}"#,
    ];
    check(&patterns, r#"{"n":9007199254740993.0}"#, &[0, 2]);
    check(&patterns, r#"{"n":9007199254740992}"#, &[2]);
    check(&patterns, r#"{"n":0.10000000000000000001e0}"#, &[1]);
    check(&patterns, r#"{"n":0.10000000000000000002}"#, &[2]);
    check(&patterns, r#"{"n":0.1}"#, &[3]);
    check(&patterns, r#"{"n":-0.0}"#, &[3]);
}

fn value() -> BoxedStrategy<Value> {
    let texts = ["", "a", "ab", "Ab", "b", "10.0.0.1"].map(Value::from);
    let numbers = [json!(-1), json!(0), json!(1.0), json!(10), json!(2.5)];
    prop::sample::select([texts.as_slice(), &numbers, &[json!(null), json!(true)]].concat()).boxed()
}

fn expression() -> BoxedStrategy<Value> {
    let text = prop::sample::select(vec!["a", "A", "b", "ab"]);
    let operator = prop::sample::select(vec!["prefix", "suffix", "equals-ignore-case", "anything-but"]);
    prop_oneof![
        3 => value(),
        2 => (operator, text).prop_map(|(operator, text)| json!({operator: text})),
        2 => "[ab]{0,2}(\\*[ab]{1,2}){0,2}\\*?".prop_map(|text| json!({"wildcard": text})),
        1 => any::<bool>().prop_map(|flag| json!({"exists": flag})),
        2 => (prop::sample::select(vec![">", ">="]), -2..12, prop::sample::select(vec!["<", "<="]), 12..14)
            .prop_map(|(low, from, high, to)| json!({"numeric": [low, from, high, to]})),
        1 => (prop::sample::select(vec!["=", "<", "<="]), -1..3).prop_map(|(sign, to)| json!({"numeric": [sign, to]})),
        1 => Just(json!({"cidr": "10.0.0.0/8"})),
    ]
    .boxed()
}

fn pattern() -> impl Strategy<Value = String> {
    let field = prop::collection::vec(expression(), 1..3).prop_map(Value::Array).boxed();
    let inner = prop::collection::btree_map("[xy]", field.clone(), 1..3).prop_map(|fields| json!(fields));
    let one =
        prop::collection::btree_map("[xyz]", prop_oneof![field, inner], 1..3).prop_map(|fields| json!(fields)).boxed();
    prop_oneof![
        3 => one.clone(),
        1 => (one.clone(), one).prop_map(|(left, right)| json!({"$or": [left, right]})),
    ]
    .prop_map(|pattern| pattern.to_string())
}

fn event() -> impl Strategy<Value = String> {
    let object =
        |inner: BoxedStrategy<Value>| prop::collection::btree_map("[xyz]", inner, 0..4).prop_map(|map| json!(map));
    let inside = value().prop_recursive(3, 16, 3, move |inner| {
        prop_oneof![object(inner.clone()), prop::collection::vec(inner, 0..3).prop_map(Value::Array)]
    });
    object(inside.boxed()).prop_map(|event| event.to_string())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn together_they_match_what_each_matches_alone(
        patterns in prop::collection::vec(pattern(), 1..6),
        event in event(),
    ) {
        let alone = |(n, text): (usize, &String)| Pattern::parse(text).unwrap().matches(event.as_bytes()).unwrap().then_some(n);
        let expected: Vec<usize> = patterns.iter().enumerate().filter_map(alone).collect();
        let rules = rules(&patterns);
        let together: Vec<usize> = rules.matches(event.as_bytes()).unwrap().into_iter().copied().collect();
        prop_assert_eq!(together, expected);
    }
}
