//! Nesting, arrays, `$or`, dotted names, and events that are hostile or broken.

use pattern::{Pattern, Patterns};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::matches;

fn check(pattern: &str, cases: &[(&str, bool)]) {
    for (event, expected) in cases {
        assert_eq!(matches(pattern, event), *expected, "{pattern} {event}");
    }
}

#[test]
fn all_fields_must_match() {
    check(
        r#"{"a":[1],"b":{"c":["x"],"d":[{"exists":true}]}}"#,
        &[
            (r#"{"b":{"d":null,"c":"x","e":[{}]},"z":[[]],"a":1}"#, true),
            (r#"{"b":{"c":"x"},"a":1}"#, false),
            (r#"{"a":1,"b":"x"}"#, false),
            (r#"{"a":1}"#, false),
            ("{}", false),
            ("[]", false),
            ("3", false),
        ],
    );
}

#[test]
fn fields_below_an_array_come_from_one_element() {
    check(
        r#"{"a":{"x":[1],"y":{"z":[2]}},"b":["k"]}"#,
        &[
            (r#"{"b":"k","a":[{"x":1,"y":{"z":2}}]}"#, true),
            (r#"{"b":["j","k"],"a":[{"x":1,"y":{"z":3}},{"x":[0,1],"y":[{"z":1},{"z":2}]}]}"#, true),
            (r#"{"b":"k","a":[{"x":1,"y":{"z":3}},{"x":3,"y":{"z":2}}]}"#, false),
            (r#"{"b":"k","a":[[{"x":1}],[{"y":{"z":2}}]]}"#, false),
            (r#"{"b":"k","a":[[],[{"x":5},{"x":1,"y":{"z":2}}]]}"#, true),
            (r#"{"a":[{"x":1,"y":{"z":2}}],"b":[]}"#, false),
        ],
    );
    check(
        r#"{"a":{"x":{"p":[1]},"y":{"q":[2]}}}"#,
        &[
            (r#"{"a":[{"x":[{"p":0},{"p":1}],"y":[{"q":2},{"q":0}]}]}"#, true),
            (r#"{"a":[{"x":[{"p":1}],"y":[]},{"x":[],"y":[{"q":2}]}]}"#, false),
        ],
    );
}

#[test]
fn absence_below_an_array_is_that_of_the_element() {
    let pattern = r#"{"a":{"x":[1],"y":[{"exists":false}]}}"#;
    check(
        pattern,
        &[
            (r#"{"a":[{"x":1},{"x":2,"y":1}]}"#, true),
            (r#"{"a":[{"x":1,"y":1},{"x":1}]}"#, true),
            (r#"{"a":[{"x":1,"y":1},{"x":2}]}"#, false),
        ],
    );
    check(r#"{"a":{"y":[{"exists":false}]}}"#, &[(r#"{"a":[{"x":1},{"y":1}]}"#, false), (r#"{"a":[{"x":1}]}"#, true)]);
    check(r#"{"a":{"y":[{"exists":true}]}}"#, &[(r#"{"a":[{"x":1},{"y":1}]}"#, true), (r#"{"a":[{"x":1}]}"#, false)]);
}

#[test]
fn alternatives() {
    let pattern = r#"{"s":["a"],"$or":[{"x":[1]},{"y":[2],"z":[3]},{"d":{"$or":[{"e":[4]},{"e":[5]}]}}]}"#;
    check(
        pattern,
        &[
            (r#"{"s":"a","x":1}"#, true),
            (r#"{"s":"a","y":2,"z":3}"#, true),
            (r#"{"s":"a","d":{"e":5}}"#, true),
            (r#"{"s":"a","y":2}"#, false),
            (r#"{"s":"b","x":1}"#, false),
            (r#"{"x":0,"s":"a","d":[{"e":0},{"e":4}]}"#, true),
        ],
    );
    check(r#"{"$or":["a"]}"#, &[(r#"{"$or":"a"}"#, true), (r#"{"$or":"b"}"#, false)]);
}

#[test]
fn dots_in_names_are_nesting() {
    for pattern in [r#"{"a":{"b":{"c":[1]}}}"#, r#"{"a.b":{"c":[1]}}"#, r#"{"a.b.c":[1]}"#, r#"{"a":{"b.c":[1]}}"#] {
        for event in [r#"{"a":{"b":{"c":1}}}"#, r#"{"a.b.c":1}"#, r#"{"a":{"b.c":1}}"#, r#"{"a\u002eb":[{"c":1}]}"#] {
            check(pattern, &[(event, true)]);
        }
        check(pattern, &[(r#"{"a.b":{"b":{"c":1}}}"#, false), (r#"{"a.b.c":{"c":1}}"#, false)]);
    }
    check(r#"{"a":{"x":[1],"y":[2]}}"#, &[(r#"{"a":{"x":1},"a.y":2}"#, true)]);
}

#[test]
fn filters_are_alternatives_and_none_takes_all() {
    let filters = Patterns::parse([r#"{"n":["INSERT"]}"#, r#"{"n":["MODIFY"]}"#]).unwrap();
    for (event, expected) in [(r#"{"n":"INSERT"}"#, true), (r#"{"n":"MODIFY"}"#, true), (r#"{"n":"REMOVE"}"#, false)] {
        assert_eq!(filters.matches(event.as_bytes()).unwrap(), expected);
    }
    let none = Patterns::default();
    assert!(none.is_empty() && none.matches(b"{}").unwrap());
    assert!(Patterns::parse(["{}"]).is_err());
}

#[test]
fn reads_only_as_far_as_needed() {
    let pattern = Pattern::parse(r#"{"eventName":["INSERT"]}"#).unwrap();
    assert!(pattern.matches(br#"{"eventName":"INSERT","rest":["#).unwrap());
    assert!(!pattern.matches(br#"{"eventName":"REMOVE","rest":["#).unwrap());
}

#[test]
fn broken_events_are_errors() {
    let pattern = Pattern::parse(r#"{"a":[1]}"#).unwrap();
    for event in [&b""[..], b"{", b"{\"b\":1", b"{\"b\":}", b"{} x", b"{\"a\":[2}", b"{\"\xff\":1}", b"nul"] {
        assert!(pattern.matches(event).is_err(), "{}", String::from_utf8_lossy(event));
    }
}

#[test]
fn depth_needs_no_stack() {
    let depth = 100_000;
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]"), ("{\"b\":[", "]}")] {
        let event = format!("{{\"a\":{}1{}}}", open.repeat(depth), close.repeat(depth));
        for pattern in
            [r#"{"a":[2]}"#, r#"{"a":{"a":{"a":[2]}},"b":[{"exists":false}]}"#, r#"{"$or":[{"a":[2]},{"b":[2]}]}"#]
        {
            assert!(!matches(pattern, &event), "{open} {pattern}");
        }
    }
}

#[test]
fn many_elements_and_fields_do_not_multiply() {
    let names: Vec<String> = (0..20).map(|n| format!("f{n}")).collect();
    let pattern: serde_json::Map<String, Value> =
        names.iter().map(|name| (name.clone(), json!({"v": ["yes"], "w": [name]}))).collect();
    let values: Vec<Value> = (0..500).map(|_| json!({"v": "yes", "w": "no"})).collect();
    let mut event: serde_json::Map<String, Value> = names.iter().map(|name| (name.clone(), json!(values))).collect();
    assert!(!matches(&Value::Object(pattern.clone()).to_string(), &Value::Object(event.clone()).to_string()));
    for name in &names {
        event[name].as_array_mut().unwrap().push(json!({"v": "yes", "w": name}));
    }
    assert!(matches(&Value::Object(pattern).to_string(), &Value::Object(event).to_string()));
}

/// What a pattern of exact values means, said by trying everything.
fn holds(pattern: &Value, event: &Value) -> bool {
    match (pattern, event) {
        (_, Value::Array(elements)) => elements.iter().any(|element| holds(pattern, element)),
        (Value::Object(fields), Value::Object(entries)) => {
            fields.iter().all(|(name, wanted)| entries.get(name).is_some_and(|value| holds(wanted, value)))
        }
        (Value::Array(wanted), value) => wanted.contains(value),
        _ => false,
    }
}

fn fields(leaf: BoxedStrategy<Value>, arrays: bool) -> impl Strategy<Value = Value> {
    let object = |inner: BoxedStrategy<Value>, least: usize| {
        prop::collection::btree_map("[ab]", inner, least..3).prop_map(|map| json!(map)).boxed()
    };
    let inside = leaf.clone().prop_recursive(3, 24, 3, move |inner| {
        let nested = object(inner.clone(), usize::from(!arrays));
        if arrays {
            prop_oneof![nested, prop::collection::vec(inner, 0..3).prop_map(Value::Array)].boxed()
        } else {
            nested
        }
    });
    object(inside.boxed(), usize::from(!arrays))
}

fn scalar() -> BoxedStrategy<Value> {
    prop_oneof![Just(json!(1)), Just(json!("x")), Just(Value::Null)].boxed()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn agrees_with_trying_everything(
        pattern in fields(prop::collection::vec(scalar(), 1..3).prop_map(Value::Array).boxed(), false),
        event in fields(scalar(), true),
    ) {
        prop_assert_eq!(matches(&pattern.to_string(), &event.to_string()), holds(&pattern, &event));
        let either = json!({"$or": [pattern, {"never": [1]}]});
        prop_assert_eq!(matches(&either.to_string(), &event.to_string()), holds(&pattern, &event));
    }

    #[test]
    fn never_panics(pattern in "[\\[\\]{}:,\"a.$or0\\\\*]{0,40}", event in "[\\[\\]{}:,\"a.0\\\\]{0,40}") {
        if let Ok(pattern) = Pattern::parse(&pattern) {
            let _ = pattern.matches(event.as_bytes());
        }
        let _ = Pattern::parse(r#"{"a":[1],"b":{"c":[{"exists":false}]}}"#).unwrap().matches(event.as_bytes());
    }
}
