//! What targets get.

use serde_json::json;

use super::*;

const EVENT: &str = r#"{"version":"0","id":"i","detail-type":"d","source":"s","account":"1","time":"2026-01-31T12:00:00Z","region":"r","resources":["a","b"],"detail":{"text":"say \"x\"","n":1.50,"list":["p","q"],"object":{"k":"v"},"none":null,"yes":false}}"#;
const RULE: &str = "arn:aws:events:r:1:rule/bus/name";

fn input(target: Value) -> Result<Input, Error> {
    let mut whole = json!({"Id": "t", "Arn": "arn:aws:sqs:r:1:q"});
    whole.as_object_mut().unwrap().extend(target.as_object().unwrap().clone());
    Input::of(&serde_json::from_value(whole).unwrap())
}

fn check(target: Value, expected: &str) {
    let payload = input(target.clone()).unwrap().render(EVENT, RULE, 1_800_000_000_500).unwrap();
    assert_eq!(String::from_utf8(payload).unwrap(), expected, "{target}");
}

fn check_template(template: &str, expected: &str) {
    let paths = json!({
        "text": "$.detail.text", "n": "$.detail.n", "list": "$.detail.list", "object": "$.detail.object",
        "none": "$.detail.none", "yes": "$.detail.yes", "missing": "$.detail.missing", "first": "$.resources[0]",
    });
    check(json!({"InputTransformer": {"InputPathsMap": paths, "InputTemplate": template}}), expected);
}

#[test]
fn the_event_a_constant_or_a_part() {
    check(json!({}), EVENT);
    check(json!({"InputPath": "$"}), EVENT);
    check(json!({"Input": "{\"a\": 1}"}), "{\"a\": 1}");
    check(json!({"InputPath": "$.detail.object"}), r#"{"k":"v"}"#);
    check(json!({"InputPath": "$.detail.text"}), r#""say \"x\"""#);
    check(json!({"InputPath": "$.resources[*]"}), r#"["a","b"]"#);
    check(json!({"InputPath": "$.nowhere"}), "null");
}

#[test]
fn templates_put_values_and_text() {
    check_template(
        r#"{"t": <text>, "n": <n>, "o": <object>, "y": <yes>}"#,
        r#"{"t": "say \"x\"", "n": 1.50, "o": {"k":"v"}, "y": false}"#,
    );
    check_template(r#"{"a": <missing>, "b": <none>, "c": "<missing>|<none>|"}"#, r#"{"a": "", "b": null, "c": "||"}"#);
    check_template(r#""<first>: <text> is <n>, <yes>""#, r#""a: say \"x\" is 1.50, false""#);
    check_template(r#""<list> <object>""#, r#""[p,q] {k:v}""#);
    check_template("\"one <n>\"\n\"two <first>\"", "\"one 1.50\"\n\"two a\"");
    check_template("<object>", r#"{"k":"v"}"#);
}

#[test]
fn variables_of_the_service() {
    check_template(
        r#"{"arn": <aws.events.rule-arn>, "name": "<aws.events.rule-name>", "at": <aws.events.event.ingestion-time>}"#,
        r#"{"arn": "arn:aws:events:r:1:rule/bus/name", "name": "name", "at": "2027-01-15T08:00:00Z"}"#,
    );
    check_template(r#"{"e": <aws.events.event.json>}"#, &format!(r#"{{"e": {EVENT}}}"#));
    check_template(
        "<aws.events.event>",
        r#"{"version":"0","id":"i","detailType":"d","source":"s","account":"1","time":"2026-01-31T12:00:00Z","region":"r","resources":["a","b"]}"#,
    );
}

#[test]
fn refuses_what_cannot_work() {
    let reason = |template: &str, paths: Value| {
        let target = json!({"InputTransformer": {"InputPathsMap": paths, "InputTemplate": template}});
        input(target).map(|_| ()).unwrap_err().to_string()
    };
    assert_eq!(reason("{\"a\": <b>}", json!({})), "InputTemplate for target t contains invalid placeholder b.");
    assert!(reason("Hello <b>", json!({"b": "$.x"})).starts_with("Invalid InputTemplate for target t : "));
    assert!(reason("\"<b>\"", json!({"b": "x"})).contains("invalid path"));
    assert!(reason("\"<aws.x>\"", json!({"aws.x": "$.x"})).contains("reserved"));
    assert!(reason("", json!({})).contains("1 to 8192"));
    let many: serde_json::Map<String, Value> = (0..101).map(|n| (format!("v{n}"), json!("$.x"))).collect();
    assert!(reason("\"\"", Value::Object(many)).contains("at most 100"));
    assert!(input(json!({"InputPath": "detail"})).is_err());
}
