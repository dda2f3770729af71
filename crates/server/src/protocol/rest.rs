//! REST JSON: method and path choose the operation; labels and query parameters join the body's members.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::AwsError;
use crate::services::{Parameter, Route};

/// The operation and its input.
///
/// # Errors
/// `UnknownOperationException` (404) when no route fits; `ValidationException` for a parameter no route declares.
pub(crate) fn decode(
    routes: &'static [Route],
    method: &str,
    path: &str,
    query: &[(String, String)],
    body: Value,
) -> Result<(&'static str, Value), AwsError> {
    let found = routes.iter().filter(|r| r.method == method).find_map(|r| Some((r, labels(r.path, path)?)));
    let Some((route, labels)) = found else {
        return Err(AwsError { status: 404, ..AwsError::unknown_operation(&format!("{method} {path}")) });
    };
    let Value::Object(mut input) = body else { return Err(AwsError::serialization("the body must be an object")) };
    for (name, value) in query.iter().filter(|(name, _)| !name.to_ascii_lowercase().starts_with("x-amz-")) {
        add(&mut input, route, name, value)?;
    }
    input.extend(labels.into_iter().map(|(k, v)| (k, Value::String(v))));
    Ok((route.operation, Value::Object(input)))
}

fn add(input: &mut Map<String, Value>, route: &Route, name: &str, value: &str) -> Result<(), AwsError> {
    let Some((known, kind)) = route.query.iter().find(|(known, _)| *known == name) else {
        let shown: String = name.chars().take(128).collect();
        return Err(AwsError::validation(format!("unknown query parameter. name=`{shown}`")));
    };
    match kind {
        Parameter::Text => {
            input.insert((*known).into(), value.into());
        }
        Parameter::Integer => {
            let number: i64 =
                value.parse().map_err(|_| AwsError::validation(format!("not an integer. name=`{known}`")))?;
            input.insert((*known).into(), number.into());
        }
        Parameter::List => {
            let list = input.entry(*known).or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(values) = list {
                values.push(value.into());
            }
        }
    }
    Ok(())
}

/// The labels of a path that fits the template.
fn labels(template: &str, path: &str) -> Option<Vec<(String, String)>> {
    let decode = |part: &str| percent_decode_str(part).decode_utf8().ok().map(|t| t.into_owned());
    let mut labels = Vec::new();
    let mut rest = path.trim_start_matches('/');
    let mut parts = template.trim_start_matches('/').split('/').peekable();
    while let Some(part) = parts.next() {
        let label = part.strip_prefix('{').and_then(|p| p.strip_suffix('}'));
        if let Some(greedy) = label.and_then(|l| l.strip_suffix('+')) {
            labels.push((greedy.to_owned(), decode(rest).filter(|t| !t.is_empty())?));
            return Some(labels);
        }
        let (segment, after) = rest.split_once('/').map_or((rest, None), |(s, a)| (s, Some(a)));
        match label {
            Some(label) => labels.push((label.to_owned(), decode(segment).filter(|t| !t.is_empty())?)),
            None if part == segment => {}
            None => return None,
        }
        match (after, parts.peek()) {
            (Some(after), Some(_)) => rest = after,
            (None, None) | (Some(""), None) => return Some(labels),
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ROUTES: &[Route] = &[
        Route { method: "POST", path: "/v1/pipes/{Name}", operation: "Create", query: &[] },
        Route { method: "GET", path: "/v1/pipes", operation: "List", query: &[("Limit", Parameter::Integer)] },
        Route { method: "POST", path: "/v1/pipes/{Name}/start", operation: "Start", query: &[] },
        Route { method: "DELETE", path: "/tags/{arn+}", operation: "Untag", query: &[("keys", Parameter::List)] },
    ];

    fn check(method: &str, path: &str, query: &str, expected: Result<(&str, Value), &str>) {
        let query = crate::protocol::form::pairs(query, false).unwrap();
        let got = decode(ROUTES, method, path, &query, json!({"B": 1}));
        match (got, expected) {
            (Ok(got), Ok(expected)) => assert_eq!(got, expected),
            (Err(got), Err(expected)) => assert_eq!(got.code, expected),
            (got, expected) => panic!("{method} {path}: {got:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn chooses_the_operation() {
        check("POST", "/v1/pipes/a%20b", "", Ok(("Create", json!({"B": 1, "Name": "a b"}))));
        check("POST", "/v1/pipes/x/start", "", Ok(("Start", json!({"B": 1, "Name": "x"}))));
        check("GET", "/v1/pipes", "Limit=5", Ok(("List", json!({"B": 1, "Limit": 5}))));
        check("GET", "/v1/pipes", "Limit=x", Err("ValidationException"));
        check("GET", "/v1/pipes", "Nope=x", Err("ValidationException"));
        check(
            "DELETE",
            "/tags/arn:aws:pipes:r:1:pipe%2Fx",
            "keys=a&keys=b",
            Ok(("Untag", json!({"B": 1, "keys": ["a", "b"], "arn": "arn:aws:pipes:r:1:pipe/x"}))),
        );
        check("PUT", "/v1/pipes/x", "", Err("UnknownOperationException"));
        check("POST", "/v1/pipes/", "", Err("UnknownOperationException"));
        check("POST", "/v2/pipes/x", "", Err("UnknownOperationException"));
    }
}
