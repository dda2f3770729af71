//! REST JSON: method and path choose the operation; labels, query parameters and headers join the body's members.

use bytes::Bytes;
use http::HeaderMap;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::AwsError;
use crate::protocol::json;
use crate::services::{Parameter, Route};

/// What a request holds beside its method.
pub(crate) struct Request<'a> {
    pub path: &'a str,
    pub query: &'a [(String, String)],
    pub headers: &'a HeaderMap,
    pub body: &'a Bytes,
}

/// The operation, its input, and the body of a route that takes it as it is.
///
/// # Errors
/// `UnknownOperationException` (404) when no route fits; `ValidationException` for a parameter no route declares.
pub(crate) fn decode(
    routes: &'static [Route],
    method: &str,
    request: &Request<'_>,
) -> Result<(&'static str, Value, Bytes), AwsError> {
    let &Request { path, query, headers, body } = request;
    let found = routes.iter().filter(|r| r.method == method).find_map(|r| Some((r, labels(r.path, path)?)));
    let Some((route, labels)) = found else {
        return Err(AwsError { status: 404, ..AwsError::unknown_operation(&format!("{method} {path}")) });
    };
    let is_raw = route.query.iter().any(|(_, kind)| matches!(kind, Parameter::Payload));
    let (body, payload) = if is_raw { (&[][..], body.clone()) } else { (&body[..], Bytes::new()) };
    let Value::Object(mut input) = json::decode(body)? else {
        return Err(AwsError::serialization("the body must be an object"));
    };
    for (name, _) in route.query.iter().filter(|(_, kind)| matches!(kind, Parameter::Header)) {
        if let Some(value) = headers.get(*name).and_then(|value| value.to_str().ok()) {
            input.insert((*name).into(), value.into());
        }
    }
    for (name, value) in query.iter().filter(|(name, _)| !name.to_ascii_lowercase().starts_with("x-amz-")) {
        add(&mut input, route, name, value)?;
    }
    input.extend(labels.into_iter().map(|(k, v)| (k, Value::String(v))));
    Ok((route.operation, Value::Object(input), payload))
}

fn add(input: &mut Map<String, Value>, route: &Route, name: &str, value: &str) -> Result<(), AwsError> {
    let is_known = |kind: &Parameter| !matches!(kind, Parameter::Header | Parameter::Payload);
    let Some((known, kind)) = route.query.iter().find(|(known, kind)| *known == name && is_known(kind)) else {
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
        Parameter::Header | Parameter::Payload => {}
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
        Route {
            method: "POST",
            path: "/raw/{Name}",
            operation: "Raw",
            query: &[("Payload", Parameter::Payload), ("X-Kind", Parameter::Header)],
        },
    ];

    fn check(method: &str, path: &str, query: &str, expected: Result<(&str, Value), &str>) {
        let query = crate::protocol::form::pairs(query, false).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("x-kind", http::HeaderValue::from_static("k"));
        let body = Bytes::from_static(br#"{"B": 1}"#);
        let got = decode(ROUTES, method, &Request { path, query: &query, headers: &headers, body: &body });
        match (got.map(|(operation, input, _)| (operation, input)), expected) {
            (Ok(got), Ok(expected)) => assert_eq!(got, expected),
            (Err(got), Err(expected)) => assert_eq!(got.code, expected),
            (got, expected) => panic!("{method} {path}: {got:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn a_raw_body_is_not_read() {
        let (headers, body) = (HeaderMap::new(), Bytes::from_static(b"not JSON"));
        let request = Request { path: "/raw/x", query: &[], headers: &headers, body: &body };
        assert_eq!(decode(ROUTES, "POST", &request).unwrap(), ("Raw", json!({"Name": "x"}), body.clone()));
    }

    #[test]
    fn chooses_the_operation() {
        check("POST", "/raw/x", "", Ok(("Raw", json!({"X-Kind": "k", "Name": "x"}))));
        check("POST", "/raw/x", "X-Kind=q", Err("ValidationException"));
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
