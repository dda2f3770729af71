//! Forms of the query protocol (Smithy `awsQuery`) as nested JSON, and pairs of a query string.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::AwsError;

/// Levels of `a.b.c` a parameter name may have.
const DEPTH_MAX: usize = 24;
/// Parameters a form may have.
const PARAMETERS_MAX: usize = 10_000;

/// Decoded names and values. In forms `+` is a space; in a URL's query it is itself.
///
/// # Errors
/// `SerializationException` for text that is not UTF-8, or too many parameters.
pub(crate) fn pairs(text: &str, plus_is_space: bool) -> Result<Vec<(String, String)>, AwsError> {
    let decode = |part: &str| -> Result<String, AwsError> {
        let part = if plus_is_space { part.replace('+', " ") } else { part.to_owned() };
        let decoded = percent_decode_str(&part).decode_utf8();
        decoded.map(|t| t.into_owned()).map_err(|_| AwsError::serialization("a parameter is not UTF-8"))
    };
    let mut pairs = Vec::new();
    for part in text.split('&').filter(|p| !p.is_empty()) {
        if pairs.len() == PARAMETERS_MAX {
            return Err(AwsError::serialization(format!("more than {PARAMETERS_MAX} parameters")));
        }
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        pairs.push((decode(name)?, decode(value)?));
    }
    Ok(pairs)
}

/// A form as an object: `A.B=1` is `{"A": {"B": "1"}}`, `A.member.1=x` is `{"A": ["x"]}`.
///
/// # Errors
/// `SerializationException` for a name that is a value and an object at once, or too deep.
pub(crate) fn decode(form: &[(String, String)]) -> Result<Value, AwsError> {
    let mut root = Map::new();
    for (name, value) in form.iter().filter(|(name, _)| name != "Action" && name != "Version") {
        let path: Vec<&str> = name.split('.').collect();
        if path.len() > DEPTH_MAX {
            return Err(AwsError::serialization("a parameter name is too deep"));
        }
        insert(&mut root, &path, value)?;
    }
    Ok(lists(Value::Object(root)))
}

fn insert(into: &mut Map<String, Value>, path: &[&str], value: &str) -> Result<(), AwsError> {
    let clash = || AwsError::serialization("a parameter is given twice or in two shapes");
    match path {
        [] => Err(clash()),
        [last] => match into.insert((*last).to_owned(), Value::String(value.to_owned())) {
            None => Ok(()),
            Some(_) => Err(clash()),
        },
        [first, rest @ ..] => {
            let inner = into.entry(*first).or_insert_with(|| Value::Object(Map::new()));
            insert(inner.as_object_mut().ok_or_else(clash)?, rest, value)
        }
    }
}

/// Turns `{"member": {"1": a, "2": b}}` into `[a, b]`, everywhere.
fn lists(value: Value) -> Value {
    let Value::Object(mut object) = value else { return value };
    if object.len() == 1
        && let Some(Value::Object(members)) = object.get("member")
        && members.keys().all(|k| k.parse::<u32>().is_ok())
        && let Some(Value::Object(members)) = object.remove("member")
    {
        let mut numbered: Vec<(u32, Value)> =
            members.into_iter().filter_map(|(k, v)| Some((k.parse().ok()?, lists(v)))).collect();
        numbered.sort_by_key(|(number, _)| *number);
        return Value::Array(numbered.into_iter().map(|(_, v)| v).collect());
    }
    Value::Object(object.into_iter().map(|(k, v)| (k, lists(v))).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(form: &str, expected: Option<Value>) {
        assert_eq!(pairs(form, true).and_then(|p| decode(&p)).ok(), expected, "{form}");
    }

    #[test]
    fn nests_and_lists() {
        check("Action=X&Version=1", Some(json!({})));
        check("A=1+2%2B&B.C=%C3%A4", Some(json!({"A": "1 2+", "B": {"C": "ä"}})));
        check(
            "P.member.2.K=b&P.member.10.K=c&P.member.1.K=a",
            Some(json!({"P": [{"K": "a"}, {"K": "b"}, {"K": "c"}]})),
        );
        check("A=1&A.B=2", None);
        check("A=1&A=2", None);
        check("A=%FF", None);
        check(&format!("{}=1", "a.".repeat(100_000)), None);
    }
}
