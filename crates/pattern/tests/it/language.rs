//! Every kind of wanted value.

use crate::{check, matches};

#[test]
fn exact_values_have_a_type() {
    check(r#""1""#, &[r#""1""#, r#""\u0031""#], &["1", r#""11""#, "null", r#""""#]);
    check("300", &["300", "300.0", "3.0e2", "3E+2", "30000e-2"], &[r#""300""#, "301", "-300", "true"]);
    check("12345678901234567890.5", &["12345678901234567890.50"], &["12345678901234567890", "12345678901234567890.6"]);
    check("true", &["true"], &["false", r#""true""#, "1", "null"]);
    check("null", &["null"], &[r#""null""#, "0", "false", r#""""#]);
    check(r#""a","b",3"#, &[r#""a""#, r#""b""#, "3"], &[r#""c""#, "4"]);
    check(r#""a\"é""#, &[r#""a\"\u00e9""#], &[r#""a\\""#]);
}

#[test]
fn affixes_and_case() {
    check(r#"{"prefix":"ab"}"#, &[r#""ab""#, r#""abc""#], &[r#""Abc""#, r#""a""#, r#""cab""#, "12"]);
    check(r#"{"prefix":""}"#, &[r#""x""#, r#""""#], &["1", "null"]);
    check(r#"{"suffix":".png"}"#, &[r#""a.png""#, r#"".png""#], &[r#""a.PNG""#, r#""png""#]);
    check(r#"{"prefix":{"equals-ignore-case":"éA"}}"#, &[r#""Éab""#, r#""ÉA""#], &[r#""eab""#, r#""é""#]);
    check(r#"{"suffix":{"equals-ignore-case":".pNg"}}"#, &[r#""a.PNG""#, r#""a.png""#], &[r#""a.jpg""#, r#""ng""#]);
    check(r#"{"equals-ignore-case":"Alice"}"#, &[r#""ALICE""#, r#""alice""#], &[r#""alic""#, r#""alices""#, "1"]);
}

#[test]
fn wildcards() {
    check(r#"{"wildcard":"a*c"}"#, &[r#""ac""#, r#""abbc""#, r#""a*c""#], &[r#""abcd""#, r#""bac""#, r#""a""#, "1"]);
    check(r#"{"wildcard":"*"}"#, &[r#""""#, r#""x""#], &["1", "true"]);
    check(r#"{"wildcard":"a\\*b\\\\*"}"#, &[r#""a*b\\""#, r#""a*b\\c""#], &[r#""axb\\""#, r#""a*b""#]);
    check(r#"{"wildcard":"/u/*/d/d/x"}"#, &[r#""/u/q/d/d/d/x""#], &[r#""/u/q/d/x""#, r#""/u/d/d/x""#]);
    check(r#"{"wildcard":"aba*aba"}"#, &[r#""abaaba""#], &[r#""aba""#, r#""ababa""#]);
}

#[test]
fn anything_but_takes_other_types_but_not_absence() {
    check(r#"{"anything-but":"a"}"#, &[r#""b""#, "1", "null", "true"], &[r#""a""#]);
    check(r#"{"anything-but":5}"#, &["6", r#""5""#, "null"], &["5", "5.0", "0.5e1"]);
    check(r#"{"anything-but":["a","b"]}"#, &[r#""c""#, "1"], &[r#""a""#, r#""b""#]);
    check(r#"{"anything-but":[1,2]}"#, &["3", r#""1""#], &["1", "2.0"]);
    check(r#"{"anything-but":{"prefix":"ab"}}"#, &[r#""b""#, "1"], &[r#""ab""#, r#""abc""#]);
    check(r#"{"anything-but":{"prefix":["ab","cd"]}}"#, &[r#""b""#], &[r#""abc""#, r#""cde""#]);
    check(r#"{"anything-but":{"suffix":["ab","cd"]}}"#, &[r#""abx""#], &[r#""xab""#, r#""cd""#]);
    check(r#"{"anything-but":{"wildcard":["*a*","b*"]}}"#, &[r#""cb""#, "1"], &[r#""xax""#, r#""b""#]);
    check(r#"{"anything-but":{"equals-ignore-case":["Ab","C"]}}"#, &[r#""abc""#, "null"], &[r#""AB""#, r#""c""#]);
    assert!(!matches(r#"{"f":[{"anything-but":"a"}]}"#, r#"{"g":1}"#));
}

#[test]
fn numeric_ranges() {
    check(r#"{"numeric":["=",3.5]}"#, &["3.5", "35e-1"], &["3.4", r#""3.5""#]);
    check(r#"{"numeric":["<",10]}"#, &["9.999999999999999999", "-1e9"], &["10", "1e1"]);
    check(r#"{"numeric":["<=",10]}"#, &["10", "1.0e1"], &["10.000000000000000001"]);
    check(r#"{"numeric":[">",-1]}"#, &["0", "-0.5"], &["-1", "-2", "true"]);
    check(r#"{"numeric":[">=",0,"<",5]}"#, &["0", "4.9", "-0"], &["5", "-0.1", "null"]);
    check(r#"{"numeric":[">",0,"<=",5]}"#, &["5", "1e-300"], &["0", "5.1"]);
}

#[test]
fn addresses() {
    check(
        r#"{"cidr":"10.1.2.0/24"}"#,
        &[r#""10.1.2.0""#, r#""10.1.2.255""#],
        &[r#""10.1.3.0""#, r#""10.1.2""#, r#""::1""#, "10"],
    );
    check(r#"{"cidr":"10.1.2.77/24"}"#, &[r#""10.1.2.1""#], &[r#""10.1.1.77""#]);
    check(r#"{"cidr":"1.2.3.4/32"}"#, &[r#""1.2.3.4""#], &[r#""1.2.3.5""#]);
    check(r#"{"cidr":"0.0.0.0/0"}"#, &[r#""255.1.2.3""#], &[r#""x""#]);
    check(
        r#"{"cidr":"2001:db8::/32"}"#,
        &[r#""2001:db8:1::9""#, r#""2001:0DB8::""#],
        &[r#""2001:db9::""#, r#""1.2.3.4""#],
    );
}

#[test]
fn existence_is_about_leaves() {
    check(r#"{"exists":true}"#, &["1", "null", r#""""#, "[1]"], &["{}", r#"{"a":1}"#, "[]"]);
    check(r#"{"exists":false}"#, &["{}", r#"{"a":1}"#, "[]"], &["1", "null", "[null]"]);
    check(r#"{"exists":false},"a""#, &[r#""a""#, "{}"], &[r#""b""#]);
    assert!(matches(r#"{"a":{"b":[{"exists":false}]},"c":[1]}"#, r#"{"c":1}"#));
    assert!(matches(r#"{"a":{"b":[{"exists":false}]}}"#, "{}"));
    assert!(!matches(r#"{"a":{"b":[{"exists":false}]}}"#, r#"{"a":{"b":0}}"#));
}
