//! What queries make of records, and that both ways of answering agree.

use proptest::prelude::*;

use super::*;

const RECORD: &str = r#"{"customer":"acme","n":7,"ok":true,"none":null,"empty":"","list":[1],"d":1.50,"esc":"a\"b",
    "time":1767225600,"iso":"2026-02-03T04:05:06Z","deep":{"a b":{"c":"x"}}}"#;

fn check(query: &str, expected: &[(&str, &str)]) {
    let keys = Jq::parse(query).unwrap().object(RECORD.as_bytes()).unwrap();
    let keys: Vec<(&str, &str)> = keys.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(keys, expected, "{query}");
}

fn fails(query: &str) -> Error {
    Jq::parse(query).unwrap().object(RECORD.as_bytes()).unwrap_err()
}

#[test]
fn plain_paths_need_no_jq() {
    for query in
        ["{a:.customer}", "{customer}", "{ \"k\" : .deep.\"a b\".c , n:.n }", "{a:.x}", "{a:.x[0:4],b:.x[5:],c:.x[:2]}"]
    {
        assert!(matches!(Jq::parse(query).unwrap().plan, Plan::Paths { .. }), "{query}");
    }
    for query in [
        "{a:.b|tostring}",
        ".",
        "{a:.a,a:.b}",
        "{a:.a[0]}",
        "{a:.a[-2:]}",
        "{a:.a[1:2].b}",
        "{(.a):.b}",
        "{a:.a?}",
        "{\"a\\(1)\":.b}",
    ] {
        assert!(matches!(Jq::parse(query).unwrap().plan, Plan::Filter(_)), "{query}");
    }
}

#[test]
fn gives_keys_as_text() {
    check("{a:.customer}", &[("a", "acme")]);
    check(
        "{customer,n:.n,ok:.ok,d:.d,esc:.esc}",
        &[("customer", "acme"), ("n", "7"), ("ok", "true"), ("d", "1.50"), ("esc", "a\"b")],
    );
    check(r#"{k:.deep."a b".c}"#, &[("k", "x")]);
    check(r#"{a:.customer,year:.time|strftime("%Y")}"#, &[("a", "acme"), ("year", "2026")]);
    check(r#"{d:.iso|fromdateiso8601|strftime("%Y/%m/%d")}"#, &[("d", "2026/02/03")]);
    check(
        r#"{a:(.missing // "none"),n:(.n+1),l:.list[0],ok:(.ok|not)}"#,
        &[("a", "none"), ("n", "8"), ("l", "1"), ("ok", "false")],
    );
    check(r#"{r:"\(.customer)-\(.n)"}"#, &[("r", "acme-7")]);
}

#[test]
fn a_value_that_is_no_text_names_its_key() {
    for (query, reason) in [
        ("{k:.none}", "missing or null"),
        ("{k:.absent}", "missing or null"),
        ("{k:.empty}", "empty"),
        ("{k:.list}", "not a string, number or boolean"),
    ] {
        let expected = Error::Key { key: "k".into(), reason };
        assert_eq!(fails(query), expected, "{query}");
        assert_eq!(fails(&query.replace('}', "|.}")), expected, "{query} through jq");
    }
    assert!(matches!(fails(r#"{k:(.customer*300)}"#), Error::Key { .. }));
    for query in [".customer", "{a:.list[]},{b:.n}", "empty", "{a:(.customer|tonumber)}", "{(.n):.n}"] {
        assert!(matches!(fails(query), Error::Evaluation { .. }), "{query}");
    }
}

#[test]
fn refuses_what_cannot_be_bounded() {
    for query in [
        "{a",
        "{a:nosuch}",
        "def f: f; f",
        "{a:[range(9)]}",
        "{a:env}",
        "{a:$ENV.HOME}",
        r#"{a:"\(repeat(1))"}"#,
        "{a:input}",
        "{a:now|strftime(\"%Y\")}",
    ] {
        assert!(Jq::parse(query).unwrap_err().is_expression(), "{query}");
    }
    for query in ["{range:.range}", r#"{a:.x["while"]|tostring}"#, "{input:.customer|.}"] {
        assert!(Jq::parse(query).is_ok(), "{query}");
    }
}

#[test]
fn broken_and_deep_records_are_errors() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for query in ["{a:.a}", "{a:.a|tostring}"] {
        let jq = Jq::parse(query).unwrap();
        for record in ["", "{", "{\"b\":1", "nul", &deep] {
            assert!(jq.object(record.as_bytes()).is_err(), "{query}");
        }
    }
}

#[test]
fn can_be_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&Jq::parse("{a:.b|tostring}").unwrap());
}

proptest! {
    #[test]
    fn the_fast_way_gives_what_jq_gives(a in ".{0,8}", n in any::<i32>(), pick in 0..4) {
        let inner = [serde_json::json!(a), serde_json::json!(n), serde_json::json!({"y": a}), serde_json::Value::Null];
        let record = serde_json::json!({ "x": inner[pick as usize] }).to_string();
        let fast = Jq::parse("{k:.x}").unwrap().object(record.as_bytes());
        let slow = Jq::parse("{k:.x|.}").unwrap().object(record.as_bytes());
        prop_assert_eq!(fast, slow);
    }

    #[test]
    fn a_slice_is_what_jq_makes_of_it(a in ".{0,8}|[a-z\"é]{0,8}", n in any::<i32>(), pick in 0..6, from in 0usize..6, to in 0usize..9) {
        let inner = [serde_json::json!(a), serde_json::json!(n), serde_json::json!({"y": a}), serde_json::Value::Null, serde_json::json!([a]), serde_json::json!(true)];
        let record = serde_json::json!({ "x": inner[pick as usize] }).to_string();
        for slice in [format!("[{from}:{to}]"), format!("[{from}:]"), format!("[:{to}]")] {
            let fast = Jq::parse(&format!("{{k:.x{slice}}}")).unwrap();
            let slow = Jq::parse(&format!("{{k:.x{slice}|.}}")).unwrap().object(record.as_bytes());
            prop_assert_eq!(fast.object(record.as_bytes()), slow);
        }
    }

    #[test]
    fn records_of_one_identity_have_the_same_keys(values in proptest::collection::vec("\"[ab]{0,3}\"|[1-3]|null|true|\\[\\]|\"\\\\n\"", 4)) {
        let jq = Jq::parse("{k:.x,l:.y[0:2]}").unwrap();
        let known = |x: &str, y: &str| {
            let (record, mut identity) = (format!("{{\"x\":{x},\"y\":{y}}}"), Vec::new());
            let told = jq.identity(record.as_bytes(), &mut identity).unwrap();
            (told, identity, jq.object(record.as_bytes()))
        };
        let (left, right) = (known(&values[0], &values[1]), known(&values[2], &values[3]));
        if left.0 && right.0 && left.1 == right.1 {
            prop_assert!(left.2.is_ok());
            prop_assert_eq!(left.2, right.2);
        }
    }
}
