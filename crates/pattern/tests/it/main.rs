//! What events patterns take, what patterns are refused, and that hostile input does no harm.

mod language;
mod refused;
mod rules;
mod structure;

use pattern::{Error, Pattern};

/// Whether the event matches; both must be well-formed.
fn matches(pattern: &str, event: &str) -> bool {
    Pattern::parse(pattern).expect("a pattern").matches(event.as_bytes()).expect("an event")
}

/// Checks a list of values against one field: `yes` must match, `no` must not.
fn check(expression: &str, yes: &[&str], no: &[&str]) {
    let pattern = format!(r#"{{"detail":{{"f":[{expression}]}}}}"#);
    for (values, expected) in [(yes, true), (no, false)] {
        for value in values {
            let event = format!(r#"{{"detail":{{"f":{value},"g":1}}}}"#);
            assert_eq!(matches(&pattern, &event), expected, "{expression} {value}");
            // the same must hold where the answer cannot be given early
            let either = format!(r#"{{"$or":[{pattern},{{"never":["x"]}}]}}"#);
            assert_eq!(matches(&either, &event), expected, "{either} {value}");
            let in_array = format!(r#"{{"detail":[7,{{"f":[{value}]}}]}}"#);
            assert_eq!(matches(&pattern, &in_array), expected, "{expression} in arrays {value}");
        }
    }
}

fn reason(pattern: &str) -> String {
    match Pattern::parse(pattern) {
        Err(error @ Error::Pattern { .. }) => error.to_string(),
        other => panic!("{pattern} gave {other:?}"),
    }
}
