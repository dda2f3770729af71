//! Patterns the service refuses, with its words.

use pattern::Pattern;

use crate::reason;

fn check(expression: &str, expected: &str) {
    assert_eq!(
        first_line(&reason(&format!(r#"{{"f":[{expression}]}}"#))),
        format!("Event pattern is not valid. Reason: {expected}"),
        "{expression}"
    );
}

fn first_line(reason: &str) -> &str {
    reason.lines().next().unwrap_or_default()
}

/// Checks the whole message for a pattern that is refused at a column, counted from 1.
fn check_place(pattern: &str, expected: &str, column: usize) {
    let place = format!("\n at [Source: (String)\"{pattern}\"; line: 1, column: {column}]");
    assert_eq!(reason(pattern), format!("Event pattern is not valid. Reason: {expected}{place}"));
}

#[test]
fn names_the_place_as_the_service_does() {
    // strings count from their opening quote until they are read, everything else to its end
    check_place(r#"{"field": "text"}"#, r#""field" must be an object or an array"#, 12);
    check_place(r#"{"field": 1.5}"#, r#""field" must be an object or an array"#, 14);
    check_place(r#"{"a": [{"Exists": false}]}"#, "Unrecognized match type Exists", 24);
    check_place(r#"{"a": [{"unknown": [1]}]}"#, "Unrecognized match type unknown", 21);
    check_place(r#"{"a": [{"suffix": ["x"]}]}"#, "suffix match pattern must be a string", 20);
    check_place(r#"{"a": [{"anything-but": {"prefix": ""}}]}"#, "Null prefix/suffix not allowed", 38);
    check_place(r#"{"a": []}"#, "Empty arrays are not allowed", 9);
    check_place(r#"{"é": {}}"#, "Empty objects are not allowed", 9);
    let twice = reason(r#"{"a": [{"anything-but": {"suffix": [7]}}]}"#);
    assert_eq!(twice.matches("line: 1, column: 38]").count(), 2, "{twice}");
    let lines = reason("{\n \"a\":\n 7}");
    assert!(lines.ends_with("line: 3, column: 3]"), "{lines}");
    for placeless in [r#"{"a":[{"cidr":"x"}]}"#, r#"{"a":[{"wildcard":"*.*.*.*.*."}]}"#] {
        assert!(!reason(placeless).contains("Source"), "{placeless}");
    }
    let long = reason(&format!(r#"{{"a":"{}"}}"#, "x".repeat(600)));
    assert!(long.contains(r#"x"[truncated 108 chars]; line: 1, column: 7]"#), "{long}");
}

#[test]
fn structure() {
    for (pattern, expected) in [
        ("[]", "Filter is not an object"),
        ("{}", "Empty objects are not allowed"),
        (r#"{"a":{}}"#, "Empty objects are not allowed"),
        (r#"{"a":[]}"#, "Empty arrays are not allowed"),
        (r#"{"a":"x"}"#, r#""a" must be an object or an array"#),
        (r#"{"a":{"b":7}}"#, r#""b" must be an object or an array"#),
        (r#"{"$or":[{"a":[1]},{}]}"#, "Empty objects are not allowed"),
        (r#"{"$or":[{"a":[1]}]}"#, "Unrecognized match type a"),
    ] {
        assert_eq!(
            first_line(&reason(pattern)),
            format!("Event pattern is not valid. Reason: {expected}"),
            "{pattern}"
        );
    }
    assert!(reason("{").starts_with("Event pattern is not valid. Reason: "));
}

#[test]
fn sizes() {
    let of_length = |length: usize| format!(r#"{{"a":["{}"]}}"#, "é".repeat(length - 10));
    assert!(Pattern::parse(&of_length(4096)).is_ok());
    reason(&of_length(4097));
    reason(&format!(r#"{{"{}":[1]}}"#, "a.".repeat(200)));
    reason(&format!("{}1{}", r#"{"a":"#.repeat(200), "}".repeat(200)));
    let either = |name: usize| {
        format!(r#"{{"f{name}":{{"$or":[{{"a":[1]}},{{"b":[1]}},{{"c":[1]}}]}}"#).replacen("{\"f", "\"f", 1)
    };
    let pattern = |fields: usize| format!("{{{}}}", (0..fields).map(either).collect::<Vec<_>>().join(","));
    assert!(Pattern::parse(&pattern(6)).is_ok());
    reason(&pattern(7));
}

#[test]
fn expressions() {
    check("[1]", "Match value must be String, number, true, false, or null");
    check(r#"{"Prefix":"a"}"#, "Unrecognized match type Prefix");
    check(r#"{"prefix":"a","suffix":"b"}"#, "Only one key allowed in match expression");
    check(r#"{"prefix":1}"#, "prefix match pattern must be a string");
    check(r#"{"suffix":["a"]}"#, "suffix match pattern must be a string");
    check(r#"{"wildcard":null}"#, "wildcard match pattern must be a string");
    check(r#"{"wildcard":"a**"}"#, "Consecutive wildcard characters at pos 2");
    check(r#"{"wildcard":"a\\b"}"#, "Invalid escape character at pos 2");
    check(r#"{"exists":"true"}"#, "exists match pattern must be either true or false.");
    check(r#"{"cidr":"10.0.0.1"}"#, "Malformed CIDR, one '/' required");
    check(r#"{"cidr":"10.0.0.1/x"}"#, "Malformed CIDR, mask bits must be an integer");
    check(r#"{"cidr":"10.0.0.1/33"}"#, "IPv4 mask bits must be < 32");
    check(r#"{"cidr":"ten/8"}"#, "Nonstandard IP address: ten");
}

#[test]
fn numeric() {
    check(r#"{"numeric":5}"#, "Value of numeric must be an array.");
    check(r#"{"numeric":[5]}"#, "Invalid member in numeric match: 5");
    check(r#"{"numeric":["!",5]}"#, "Unrecognized numeric range operator: !");
    check(r#"{"numeric":["=","5"]}"#, "Value of equals must be numeric");
    check(r#"{"numeric":["<"]}"#, "Value of < must be numeric");
    check(r#"{"numeric":["=",5,"<",6]}"#, "Too many elements in numeric expression");
    check(r#"{"numeric":[">",5,">",6]}"#, "Bad numeric range operator: >");
    check(r#"{"numeric":[">",5,"<",5]}"#, "Bottom must be less than top");
    check(r#"{"numeric":[">",5,"<",6,7]}"#, "Too many terms in numeric range expression");
    check(r#"{"numeric":["<",5.1e9]}"#, "Value must be between -5.0E9 and 5.0E9, inclusive");
}

#[test]
fn anything_but() {
    check(r#"{"anything-but":null}"#, "Value of anything-but must be an array or single string/number value.");
    check(r#"{"anything-but":["a",null]}"#, "Inside anything but list, start|null|boolean is not supported.");
    check(
        r#"{"anything-but":["a",1]}"#,
        "Inside anything but list, either all values are number or string, mixed type is not supported",
    );
    check(r#"{"anything-but":{"prefix":""}}"#, "Null prefix/suffix not allowed");
    check(r#"{"anything-but":{"suffix":[1]}}"#, "prefix/suffix match pattern must be a string");
    check(r#"{"anything-but":{"wildcard":1}}"#, "wildcard match pattern must be a string");
    check(
        r#"{"anything-but":{"equals-ignore-case":1}}"#,
        "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.",
    );
    check(r#"{"anything-but":{"numeric":["=",1]}}"#, "Unsupported anything-but pattern: numeric");
    check(
        r#"{"anything-but":[]}"#,
        "Inside anything but list, either all values are number or string, mixed type is not supported",
    );
    check(r#"{"anything-but":"a","x":1}"#, "Too many elements in numeric expression");
}
