//! What a template makes of a record.

use proptest::prelude::*;

use super::*;

const RECORD: &str = r#"{"eventName":"INSERT","dynamodb":{"Keys":{"id":{"S":"p\"1"}},"N":1234567890123456789.10,
    "tags":["a","b"],"items":[{"v":1},{"w":2},{"v":3}]},"none":null,"yes":true,"odd key>":"k"}"#;

fn check(template: &str, expected: &str) {
    let variables = Variables {
        pipe_arn: "arn:p",
        pipe_name: "na\"me",
        source_arn: "arn:s",
        enrichment_arn: "arn:e",
        target_arn: "arn:t",
        ingestion_time: "2026-01-31T12:00:00Z",
    };
    let compiled = Template::parse(template).unwrap().unwrap();
    let mut out = b"before ".to_vec();
    compiled.render(RECORD.as_bytes(), &variables, &mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), format!("before {expected}"), "{template}");
    if compiled.is_json() {
        serde_json::from_str::<serde_json::Value>(expected).unwrap();
    }
}

#[test]
fn values_stand_as_they_are() {
    check("<$.eventName>", r#""INSERT""#);
    check(r#"{"n": <$.dynamodb.N>}"#, r#"{"n": 1234567890123456789.10}"#);
    check(r#"{"k":< $.dynamodb.Keys >}"#, r#"{"k":{"id":{"S":"p\"1"}}}"#);
    check(r#"[<$.none>,<$.yes>,<$.dynamodb.tags[1]>,<$.eventName>]"#, r#"[null,true,"b","INSERT"]"#);
    check("<$.dynamodb.items[*].v>", "[1,3]");
}

#[test]
fn strings_hold_escaped_text() {
    check(r#""<$.dynamodb.Keys.id.S>""#, r#""p\"1""#);
    check(r#"{"t":"<$.eventName>-<$.dynamodb.N>-<$.yes>"}"#, r#"{"t":"INSERT-1234567890123456789.10-true"}"#);
    check(r#""\"<$.dynamodb.Keys>\"""#, r#""\"{\"id\":{\"S\":\"p\\\"1\"}}\"""#);
    check(r#""<$.dynamodb.tags.*>""#, r#""[\"a\",\"b\"]""#);
    check(r#""<$['odd key>']>""#, r#""k""#);
}

#[test]
fn missing_paths_are_empty_or_null() {
    check(r#"{"a":"<$.no.where>","b":<$.no.where>,"c":<$.no[*]>}"#, r#"{"a":"","b":null,"c":[]}"#);
    check("hello <$.nobody>!", "hello !");
}

#[test]
fn text_templates_take_bare_strings() {
    check("<$.eventName> of <$.dynamodb.Keys.id.S> (<$.dynamodb.tags>)", r#"INSERT of p"1 (["a","b"])"#);
    check("it is \"<$.dynamodb.Keys.id.S>\"", "it is \"p\"1\"");
    check("1 < 2 <b> <aws.pipes.pipe-name>", "1 < 2 <b> na\"me");
}

#[test]
fn variables_are_replaced() {
    check(
        r#"{"p":<aws.pipes.pipe-arn>,"n":"<aws.pipes.pipe-name>","t":< aws.pipes.event.ingestion-time >}"#,
        r#"{"p":"arn:p","n":"na\"me","t":"2026-01-31T12:00:00Z"}"#,
    );
    check("<aws.pipes.source-arn>,<aws.pipes.enrichment-arn>,<aws.pipes.target-arn>", "arn:s,arn:e,arn:t");
    check(r#"{"e":<aws.pipes.event.json>}"#, &format!(r#"{{"e":{RECORD}}}"#));
    check("<aws.pipes.event>", RECORD);
}

#[test]
fn refuses_templates_that_cannot_work() {
    for text in ["<$.a", "<$.a b>", "<$..a>", "<aws.pipes.nothing>", "<aws.pipes.pipe-arn", &"é".repeat(MAX_CHARS + 1)]
    {
        assert!(Template::parse(text).is_err(), "{text}");
    }
    assert!(Template::parse(&"é".repeat(MAX_CHARS)).is_ok());
    assert!(Template::parse("").unwrap().is_none());
}

#[test]
fn a_broken_record_leaves_the_output_alone() {
    let template = Template::parse("text <aws.pipes.event> <$.a>").unwrap().unwrap();
    for record in ["", "{", r#"{"a":1,"b":}"#, "\u{1}", "{} {}"] {
        let mut out = b"kept".to_vec();
        assert!(template.render(record.as_bytes(), &Variables::default(), &mut out).is_err(), "{record}");
        assert_eq!(out, b"kept");
    }
    assert!(template.render(b"\"\xff\"", &Variables::default(), &mut Vec::new()).is_err());
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map("[a-c]", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn json_templates_give_json(record in value()) {
        let text = r#"{"v":<$.a>,"s":"<$.a> and <$.b[0]>","deep":<$.a.b>,"all":"<$.*>","each":<$[*].a>,"e":"<aws.pipes.event>"}"#;
        let template = Template::parse(text).unwrap().unwrap();
        let mut out = Vec::new();
        template.render(record.to_string().as_bytes(), &Variables::default(), &mut out).unwrap();
        let result: serde_json::Value = serde_json::from_slice(&out).unwrap();
        prop_assert_eq!(&result["v"], record.get("a").unwrap_or(&serde_json::Value::Null));
        prop_assert_eq!(&result["deep"], record.get("a").and_then(|a| a.get("b")).unwrap_or(&serde_json::Value::Null));
        let event = match &record {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        prop_assert_eq!(result["e"].as_str().unwrap(), event);
    }
}
